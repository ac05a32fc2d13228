"""What a verdict may look at: the rows of a run, and who was named for which role before evaluation.

Enters: metric rows, comparison rows, roles and counts. Leaves: one number with its interval per look-up. A
comparison that was not named before evaluation cannot be looked up, so no answer can rest on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with its interval."""

    estimate: float
    low: float
    high: float
    method: str


NOT_MEASURED = Measured(estimate=math.nan, low=math.nan, high=math.nan, method="none")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the verdict looks at. `titles` gives readable names of arms."""

    roles: Roles
    metrics: Mapping[str, Sequence[MetricRow]]
    comparisons: Sequence[ComparisonRow]
    n_cases: int
    n_events: int
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def judged(self) -> str:
        """The arm the first question is about: fusion, else the selected single modality, else clinical."""
        named = (self.roles.fusion, self.roles.selected_single, self.roles.clinical)
        return next((arm for arm in named if arm in self.metrics), "")

    @property
    def size(self) -> str:
        """How much there was to learn from."""
        return f"{self.n_cases} cases with {self.n_events} events"

    def title(self, arm: str) -> str:
        """Return the readable name of an arm."""
        return self.titles.get(arm, arm)

    def measure(self, arm: str, metric: str) -> Measured:
        """Return one metric of an arm, NOT_MEASURED where it is absent."""
        for row in self.metrics.get(arm, ()):
            if row.metric == metric:
                return Measured(estimate=row.estimate, low=row.low, high=row.high, method=row.method)
        return NOT_MEASURED

    def compare(self, first: str, second: str) -> Measured:
        """Return the difference in C of two arms; only a comparison named before evaluation counts."""
        for row in self.comparisons:
            if (row.first, row.second, row.metric, row.named_before) == (first, second, "c_index", True):
                return Measured(estimate=row.difference, low=row.low, high=row.high, method=row.method)
        return NOT_MEASURED
