"""What the page says differently from one kind of endpoint to another.

Enters: run.json's kind (blank in runs of before there were several: survival). Leaves: the metric that
questions are answered by, and words for what a risk is.
"""

from __future__ import annotations

from dataclasses import dataclass

from fuse.report.run_document import EndpointPart
from fuse.verdict.words import AUROC_MEASURE, C_MEASURE, MEAN_AUROC_MEASURE, Measure


@dataclass(frozen=True, kw_only=True)
class EndpointKind:
    """One kind; `name` is what the card calls it, `risk` what late fusion adds up."""

    name: str
    measure: Measure
    risk: str
    has_times: bool
    has_events: bool = True

    @property
    def heading(self) -> str:
        """The primary metric at the start of a sentence, and where it is counted."""
        return f"{self.measure.short[:1].upper()}{self.measure.short[1:]} within folds"


_HAZARD = "log relative hazard"
_KINDS = {
    kind.name: kind
    for kind in (
        EndpointKind(name="survival", measure=C_MEASURE, risk=_HAZARD, has_times=True),
        EndpointKind(name="competing", measure=C_MEASURE, risk=_HAZARD, has_times=True),
        EndpointKind(name="time", measure=C_MEASURE, risk=_HAZARD, has_times=True),
        EndpointKind(name="binary", measure=AUROC_MEASURE, risk="log odds of the event", has_times=False),
        EndpointKind(
            name="multiclass",
            measure=MEAN_AUROC_MEASURE,
            risk="scores of the classes",
            has_times=False,
            has_events=False,
        ),
    )
}


def kind_of(endpoint: EndpointPart) -> EndpointKind:
    """Return the kind of an endpoint."""
    return _KINDS.get(endpoint.kind, _KINDS["survival"])
