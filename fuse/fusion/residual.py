"""Residual fusion: what the other modalities say that the clinical model has not said already.

Enters: the fitted arm of the clinical values and the train part it was fitted on. Leaves: its risk, given the
slope that it has out of fold, plus a weighted sum of the columns of the other modalities, fitted beside that
risk as a known hazard (an offset). The clinical part is out of fold, so the others are not asked to mend
what an overfitted clinical arm claims to know. With strong penalties it is the clinical model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from fuse.arm import FittedArm
from fuse.cases import Cases
from fuse.fusion.early import EarlyScorer, fit_blocks, score_blocks
from fuse.models.card import TIMES, ModelCard
from fuse.models.learner import Setting
from fuse.models.newton_cox import ridge_cox_path
from fuse.models.ridge_cox import ALPHAS
from fuse.outcomes.calibrated import Calibration, fit_calibration
from fuse.outcomes.likelihood import log_likelihood, non_negative_slope
from fuse.outcomes.outcomes import Survival


@dataclass(frozen=True, kw_only=True)
class FittedResidual:
    """The base arm with its slope, and what is added to it; the same surface as `FittedArm`."""

    base: FittedArm
    slope: float
    added: EarlyScorer
    chosen: Setting
    oof_risk: Float[np.ndarray, " case"]
    calibration: Calibration

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds to the risk of each case; exactly 0.0 where it is absent."""
        return {
            self.base.modalities[0]: self.slope * self.base.risk(cases),
            **self.added.contributions(cases),
        }

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard of each case."""
        return np.asarray(self.slope * self.base.risk(cases) + self.added.risk(cases))

    def probability(
        self, cases: Cases, times_days: Float[np.ndarray, " time"]
    ) -> Float[np.ndarray, "case time"]:
        """Return the probability of no event up to each time, in [0, 1]."""
        return self.calibration.probability(self.risk(cases), times_days)


def fit_residual(
    base: FittedArm,
    others: tuple[str, ...],
    cases: Cases,
    outcome: Survival,
    inner: Int[np.ndarray, " case"],
) -> FittedResidual:
    """Fit what `others` add to an arm that was fitted on this train part and these inner folds.

    The penalty is chosen on the inner folds, "nothing is added" (an infinite one) being the first choice.
    """
    slope = non_negative_slope(base.oof_risk, outcome)
    known = slope * base.oof_risk
    added = _out_of_fold(known, others, cases, outcome, inner)
    tried = known + np.concatenate([np.zeros((1, len(cases))), added])
    penalties = (np.inf, *ALPHAS)
    best = int(np.argmax([log_likelihood(risk, outcome) for risk in tried]))
    (scorer,) = _fit(known, others, cases, outcome, (penalties[best],))
    return FittedResidual(
        base=base,
        slope=slope,
        added=scorer,
        chosen=Setting((("alpha", penalties[best]),)),
        oof_risk=tried[best],
        calibration=fit_calibration(tried[best], outcome),
    )


def _out_of_fold(
    known: Float[np.ndarray, " case"],
    others: tuple[str, ...],
    cases: Cases,
    outcome: Survival,
    inner: Int[np.ndarray, " case"],
) -> Float[np.ndarray, "alpha case"]:
    """Return what is added to each case by a fit on the other inner folds, for each penalty."""
    added = np.zeros((len(ALPHAS), len(cases)))
    for fold in np.unique(inner):
        rest, held = np.flatnonzero(inner != fold), np.flatnonzero(inner == fold)
        scorers = _fit(known[rest], others, cases.take(rest), outcome.take(rest), ALPHAS)
        for row, scorer in enumerate(scorers):
            added[row, held] = scorer.risk(cases.take(held))
    return added


def _fit(
    known: Float[np.ndarray, " case"],
    others: tuple[str, ...],
    cases: Cases,
    outcome: Survival,
    alphas: tuple[float, ...],
) -> Iterator[EarlyScorer]:
    blocks, matrix = fit_blocks(cases, others)
    finite = tuple(alpha for alpha in alphas if np.isfinite(alpha))
    path = ridge_cox_path(matrix, outcome, finite, known) if finite else [np.zeros(matrix.shape[1])]
    return (score_blocks(blocks, found) for found in path)


CARD = ModelCard(
    name="residual",
    title="Residual fusion (ridge Cox beside the clinical risk)",
    reads="risks of other arms",
    modalities="several",
    needs=("scipy",),
    source="Cox 1972 with an offset; the clinical risk out of fold (Wolpert 1992)",
    endpoints=TIMES,
    late_entry=True,
)
