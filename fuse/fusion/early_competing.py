"""Early fusion where several causes compete: both competing regressions on the columns of all modalities.

Enters: the values of several modalities. Leaves: one regression a cause (`early_cause_specific`), or one of
the subdistribution hazard (`early_fine_gray`), on one table in which every modality weighs the same before.
"""

from __future__ import annotations

from fuse.cases import Cases
from fuse.fusion.early import EarlyFusion, fit_blocks, score_blocks
from fuse.models.card import ModelCard
from fuse.models.fine_gray import FineGray, causes_of, fine_gray_path
from fuse.models.learner import NullScorer, Scorer, Setting, TrainOutcome, is_learnable


class EarlyCauseSpecific(EarlyFusion):
    """The early ridge Cox of one cause; `per_cause` has an arm of it fitted for each."""

    name = "early_cause_specific"
    per_cause = True


class EarlyFineGray(FineGray):
    """The same regression, the same penalties to choose from, on the columns of several modalities."""

    name = "early_fine_gray"

    def fit_path(
        self, cases: Cases, outcome: TrainOutcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit on all cases, whatever they lack."""
        seen = causes_of(outcome)
        if not is_learnable(seen):
            return tuple(NullScorer() for _ in settings)
        blocks, matrix = fit_blocks(cases, self.modalities, self.missing_indicators)
        path = fine_gray_path(matrix, seen, tuple(setting["alpha"] for setting in settings))
        return tuple(score_blocks(blocks, found) for found in path)


CAUSE_SPECIFIC_CARD = ModelCard(
    name="early_cause_specific",
    title="Early fusion, cause-specific (one table, ridge Cox a cause)",
    reads="values",
    modalities="several",
    needs=(),
    source="Prentice et al. 1978; Benichou and Gail 1990, on concatenated blocks of equal total variance",
    options=("missing_indicators",),
    endpoints=("competing",),
    adds_up=False,
    late_entry=True,
    build=lambda modalities, options: EarlyCauseSpecific(
        modalities, bool(options.get("missing_indicators", False))
    ),
)

FINE_GRAY_CARD = ModelCard(
    name="early_fine_gray",
    title="Early fusion, Fine–Gray (one table, ridge penalty)",
    reads="values",
    modalities="several",
    needs=(),
    source="Fine and Gray 1999 on concatenated blocks of equal total variance",
    options=("missing_indicators", "penalised"),
    endpoints=("competing",),
    build=EarlyFineGray,
)
