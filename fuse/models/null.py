"""The null model: every case has the mean risk.

Enters: nothing but the train part's outcomes, for the baseline hazard. Leaves: risk 0 for all. It stands in
every table as the line that everything must beat; its event-free probability is the train part's own curve.
"""

from __future__ import annotations

from fuse.cases import Cases
from fuse.models.card import CLASSES, TIMES, ModelCard
from fuse.models.learner import Learner, Scorer, Setting, null_scorer
from fuse.outcomes.outcomes import Outcome


class NullModel(Learner):
    """Fits nothing."""

    name = "null"

    def __init__(self, modalities: tuple[str, ...] = ()) -> None:
        self.modalities = modalities

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Return the scorer that knows nothing, once for each setting."""
        return tuple(null_scorer(outcome) for _ in settings)


CARD = ModelCard(
    name="null",
    title="Null model (everybody has the mean risk)",
    reads="nothing",
    modalities="none",
    needs=(),
    source="Nelson 1972, Breslow 1974: the cumulative hazard of the train part",
    endpoints=(*TIMES, *CLASSES),
    build=lambda modalities, options: NullModel(modalities),
    late_entry=True,
)
