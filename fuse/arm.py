"""One arm fitted on one train part: candidate chosen on inner folds, out-of-fold risks, refit, baseline.

Enters: a learner, the cases and outcomes of a train part, and their inner folds. Leaves: a `FittedArm` that
scores any case. Nothing of the test part is passed in, so nothing of it can be used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from feature_cache.errors import OutcomeError
from fuse.cases import Cases
from fuse.losses import partial_log_likelihood
from fuse.models.baseline_hazard import BaselineHazard, fit_baseline, non_negative_slope
from fuse.models.learner import Learner, Scorer, Setting
from fuse.outcomes import Survival


@dataclass(frozen=True, kw_only=True)
class FittedArm:
    """A model fitted on a train part.

    `oof_risk` (train case,): what the chosen candidate said about each train case when fitted on the
    other inner folds.
    """

    name: str
    modalities: tuple[str, ...]
    chosen: Setting
    scorer: Scorer
    oof_risk: Float[np.ndarray, " case"]
    baseline: BaselineHazard

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard of each case; 0.0 without the arm's modality."""
        return self.scorer.risk(cases)

    def event_free(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return the probability of no event up to each time, in [0, 1]."""
        return self.baseline.event_free(self.risk(cases), times_days)


def fit_arm(
    learner: Learner, cases: Cases, outcome: Survival, inner: Int[np.ndarray, " case"], seed: int
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
        The train part holds no event, or fewer than two inner folds.
    """
    _check(outcome, inner)
    settings = learner.candidates()
    oof = out_of_fold(learner, cases, outcome, inner, seed)
    best = int(np.argmax([held_out_gain(risk, outcome) for risk in oof]))
    return FittedArm(
        name=learner.name,
        modalities=learner.modalities,
        chosen=settings[best],
        scorer=learner.fit(cases, outcome, settings[best], seed),
        oof_risk=oof[best],
        baseline=fit_baseline(oof[best], outcome),
    )


def out_of_fold(
    learner: Learner, cases: Cases, outcome: Survival, inner: Int[np.ndarray, " case"], seed: int
) -> Float[np.ndarray, "candidate case"]:
    """Return, for each candidate, the risk of each case from a fit on the other inner folds."""
    settings = learner.candidates()
    risks = np.zeros((len(settings), len(cases)))
    for fold in np.unique(inner):
        others, held = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
        fold_seed = int(np.random.SeedSequence([seed, int(fold) + 1]).generate_state(1)[0])
        scorers = learner.fit_path(cases.take(others), outcome.take(others), settings, fold_seed)
        for row, scorer in enumerate(scorers):
            risks[row, held] = scorer.risk(cases.take(held))
    return risks


def held_out_gain(risk: Float[np.ndarray, " case"], outcome: Survival) -> float:
    """Return the log partial likelihood of out-of-fold risks, at their best slope >= 0, above the null's.

    At slope 1 a strong penalty would be charged for its short risks, although the baseline's slope (and
    late fusion) stretch them: the candidate would be chosen for its scale, not for its ranking.
    """
    null = partial_log_likelihood(np.zeros_like(risk), outcome)
    return partial_log_likelihood(non_negative_slope(risk, outcome) * risk, outcome) - null


def _check(outcome: Survival, inner: Int[np.ndarray, " case"]) -> None:
    if not outcome.event.any():
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
