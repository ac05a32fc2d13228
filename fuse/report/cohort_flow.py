"""The cases of a run: how many were left after each step, and which modalities they have.

Enters: run.json's flow and the rows of weights.csv. Leaves: bars for the flow, and patterns of modalities. A
step whose text ends with "left out" counts the cases that left there; the others count those that were there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fuse.report.run_document import FlowStep
from fuse.report.weights_plot import CaseWeights
from fuse.verdict.words import counted, sort_modalities

HAVING = "evaluated, with "


@dataclass(frozen=True, kw_only=True)
class FlowBar:
    """One step; the shares are of the largest step and give the lengths. `out`: these cases left here."""

    step: FlowStep
    case_share: float
    event_share: float
    out: bool
    events: str


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """Cases that have exactly these modalities."""

    present: tuple[str, ...]
    absent: tuple[str, ...]
    cases: int
    share: float


def draw_flow(flow: Sequence[FlowStep]) -> tuple[FlowBar, ...]:
    """Return a bar for each step of the flow of cases; modalities come in their order, at the end."""
    largest = max((step.cases for step in flow), default=0) or 1
    having = {step.step.removeprefix(HAVING): step for step in flow if step.step.startswith(HAVING)}
    steps = [step for step in flow if not step.step.startswith(HAVING)]
    return tuple(
        FlowBar(
            step=step,
            case_share=step.cases / largest,
            event_share=(step.events or 0) / largest,
            out=step.step.endswith("left out"),
            events="" if step.events is None else counted(step.events, "event"),
        )
        for step in (*steps, *(having[name] for name in sort_modalities(having)))
    )


def count_patterns(cases: Sequence[CaseWeights]) -> tuple[Pattern, ...]:
    """Return how many cases have which modalities, the commonest pattern first."""
    counts = Counter(
        tuple((modality, modality not in case.absent) for modality in case.shares) for case in cases
    )
    return tuple(
        Pattern(
            present=tuple(modality for modality, there in pattern if there),
            absent=tuple(modality for modality, there in pattern if not there),
            cases=count,
            share=count / len(cases),
        )
        for pattern, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
