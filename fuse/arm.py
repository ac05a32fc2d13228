"""One arm fitted on one train part: settings judged on inner folds, out-of-fold risks, refit, calibration.

Enters: a learner, the cases and outcomes of a train part, and their inner folds. Leaves: a `FittedArm` that
scores any case. Nothing of the test part is passed in, so nothing of it can be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, ToldRisk
from fuse.models.averaged import averaged
from fuse.models.learner import Learner, Scorer, Setting
from fuse.outcomes.calibrated import Calibration
from fuse.outcomes.outcomes import Classes, Outcome


@dataclass(frozen=True, kw_only=True)
class FittedArm:
    """A model fitted on a train part.

    `oof_risk` (train case,): what the chosen setting said about each train case when fitted on the other
    inner folds. `chosen` are the shares of the settings where they were averaged.
    """

    name: str
    modalities: tuple[str, ...]
    chosen: Setting
    scorer: Scorer
    oof_risk: Float[np.ndarray, " case *classes"]
    calibration: Calibration

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the log relative hazard of each case (or what `Scorer` says of classes); 0.0 without.

        The cases remember it: a stack, its subsets and the probabilities ask for the same again.
        """
        told = cases.risks.get(id(self.scorer))
        if told is None:
            told = ToldRisk(scorer=self.scorer, risk=self.scorer.risk(cases))
            told.risk.flags.writeable = False
            cases.risks[id(self.scorer)] = told
        return told.risk

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case column"]:
        """Return the probability of no event up to each time, or of each class, in [0, 1]."""
        return self.calibration.probability(self.risk(cases), times_days)


def fit_arm(
    learner: Learner, cases: Cases, outcome: Outcome, inner: Int[np.ndarray, " case"], seed: int
) -> FittedArm:
    """Fit a learner on a train part.

    Parameters
    ----------
    learner
        What to fit.
    cases, outcome
        The train part.
    inner
        (case,) inner fold of each train case; at least two folds.
    seed
        Everything random in the fit follows from it.

    Raises
    ------
    OutcomeError
        The train part holds no event (or one class), or fewer than two inner folds.
    """
    _check(outcome, inner)
    settings = learner.candidates()
    oof = out_of_fold(learner, cases, outcome, inner, seed)
    gains = [learner.gain(risk, outcome) for risk in oof]
    shares = learner.shares(gains)
    counted = np.flatnonzero(shares)
    scorers = learner.fit_path(cases, outcome, tuple(settings[row] for row in counted), seed)
    oof_risk = np.tensordot(shares[counted], oof[counted], axes=1)
    return FittedArm(
        name=learner.name,
        modalities=learner.modalities,
        chosen=_in_words([settings[row] for row in counted], shares[counted]),
        scorer=averaged(scorers, shares[counted].tolist()),
        oof_risk=oof_risk,
        calibration=learner.calibrate(oof_risk, outcome),
    )


def out_of_fold(
    learner: Learner, cases: Cases, outcome: Outcome, inner: Int[np.ndarray, " case"], seed: int
) -> Float[np.ndarray, "candidate case *classes"]:
    """Return, for each candidate, the risk of each case from a fit on the other inner folds."""
    settings = learner.candidates()
    several = (len(outcome.names),) if isinstance(outcome, Classes) and len(outcome.names) > 2 else ()
    risks = np.zeros((len(settings), len(cases), *several))
    for fold in np.unique(inner):
        train, tested = cases.held_out(inner == fold)
        others, held = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
        fold_seed = int(np.random.SeedSequence([seed, int(fold) + 1]).generate_state(1)[0])
        scorers = learner.fit_path(train, outcome.take(others), settings, fold_seed)
        for row, scorer in enumerate(scorers):
            risks[row, held] = scorer.risk(tested)
    return risks


def _in_words(settings: list[Setting], shares: Float[np.ndarray, " setting"]) -> Setting:
    """Return the setting that was chosen, or the shares of those that were averaged."""
    if len(settings) == 1:
        return settings[0]
    return Setting(tuple((str(one), float(share)) for one, share in zip(settings, shares, strict=True)))


def _check(outcome: Outcome, inner: Int[np.ndarray, " case"]) -> None:
    if isinstance(outcome, Classes):
        if len(np.unique(outcome.label)) < 2:
            raise OutcomeError(
                "train part",
                expected="cases of at least two classes",
                got=f"{len(outcome)} cases of one class",
                remedy="Use fewer folds or an endpoint with more of each class.",
            )
    elif not outcome.event.any():
        raise OutcomeError(
            "train part",
            expected="at least one event",
            got=f"0 events among {len(outcome)} cases",
            remedy="Use fewer folds or an endpoint with events.",
        )
    if len(np.unique(inner)) < 2:
        raise OutcomeError(
            "train part",
            expected="at least two inner folds",
            got=str(len(np.unique(inner))),
            remedy="Set `inner` of the protocol to 2 or more.",
        )
