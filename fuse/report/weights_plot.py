"""The geometry of the modality weights: for each case what share of its prediction each modality carries.

Enters: weights.csv (test parts only, averaged over repeats). Leaves: bars placed for drawing and a summary
a modality. A modality that a case does not have has neither contribution nor share: it is marked as absent,
which is not a share of zero. Where every contribution is 0, modalities are present and none has a share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from fuse.report.documents import WeightRow
from fuse.report.forest import shorten
from fuse.report.numerals import signed
from fuse.verdict.words import sort_modalities

#: More bars than this cannot be read on a page; then cases evenly spaced in their order are shown.
MOST_BARS = 60

WIDTH, ID_END = 940.0, 148.0
NET_LEFT, NET_RIGHT, BAR_LEFT, BAR_RIGHT = 160.0, 300.0, 322.0, 760.0
ABSENT_LEFT, ABSENT_STEP = 788.0, 51.0
TOP, ROW, BAR = 46.0, 13.0, 10.0

#: A longer name of a feature set is cut over its column; a letter is about as wide as this.
LONGEST_LABEL, LETTER = 16, 6.0


@dataclass(frozen=True, kw_only=True)
class CaseWeights:
    """One case: its net contribution to the risk, and that of each modality (`None`: there is none)."""

    case_id: str
    net: float
    shares: dict[str, float | None]
    contributions: dict[str, float | None]

    @property
    def absent(self) -> tuple[str, ...]:
        """The modalities that this case does not have."""
        return tuple(name for name, value in self.contributions.items() if value is None)


@dataclass(frozen=True, kw_only=True)
class ModalitySummary:
    """One modality over all cases; its shares are over the cases where it has one."""

    modality: str
    colour: int
    present: int
    absent: int
    mean_share: float | None
    median_share: float | None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One piece of a bar."""

    modality: str
    colour: int
    x: float
    width: float
    text: str


@dataclass(frozen=True, kw_only=True)
class WeightBar:
    """One case placed: `net_*` is the bar of its net contribution, `absent` the marks of what it lacks."""

    case: CaseWeights
    label: str
    y: float
    net_x: float
    net_width: float
    segments: tuple[Segment, ...]
    absent: tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True)
class WeightsPlot:
    """The picture placed, the summary, and all cases for the table behind it."""

    width: float
    height: float
    bars: tuple[WeightBar, ...]
    mean_bar: tuple[Segment, ...]
    summaries: tuple[ModalitySummary, ...]
    cases: tuple[CaseWeights, ...]
    columns: tuple[tuple[float, str], ...]
    net_zero: float
    net_limit: str


def place_weights(rows: Sequence[WeightRow]) -> WeightsPlot | None:
    """Return the picture of the modality weights, or `None` where the run has none."""
    cases = gather_cases(rows)
    if not cases:
        return None
    modalities = sort_modalities({row.modality for row in rows})
    shown = pick_evenly(cases, MOST_BARS)
    limit = max(max(abs(case.net) for case in cases), 1e-12)
    longest = min(max(map(len, modalities)), LONGEST_LABEL)
    step = max(ABSENT_STEP, longest * LETTER + 8.0)
    columns = tuple((ABSENT_LEFT + place * step, modality) for place, modality in enumerate(modalities))
    summaries = tuple(_summarise(modality, place, cases) for place, modality in enumerate(modalities))
    return WeightsPlot(
        width=max(WIDTH, ABSENT_LEFT + len(modalities) * step),
        height=TOP + len(shown) * ROW + 34,
        bars=tuple(_place_bar(case, place, columns, limit) for place, case in enumerate(shown)),
        mean_bar=_stack({summary.modality: summary.mean_share for summary in summaries}, 0.0, 100.0),
        summaries=summaries,
        cases=cases,
        columns=columns,
        net_zero=(NET_LEFT + NET_RIGHT) / 2,
        net_limit=signed(limit, 2).removeprefix("+"),
    )


def gather_cases(rows: Sequence[WeightRow]) -> tuple[CaseWeights, ...]:
    """Return the cases of weights.csv, highest net contribution to the risk first, then by id."""
    by_case: dict[str, list[WeightRow]] = {}
    for row in rows:
        by_case.setdefault(row.case_id, []).append(row)
    modalities = sort_modalities({row.modality for row in rows})
    cases = []
    for case_id, own in by_case.items():
        shares = dict.fromkeys(modalities, None) | {row.modality: row.share for row in own}
        contributions = dict.fromkeys(modalities, None) | {row.modality: row.contribution for row in own}
        present = [row.contribution for row in own if row.contribution is not None]
        cases.append(
            CaseWeights(case_id=case_id, net=sum(present), shares=shares, contributions=contributions)
        )
    return tuple(sorted(cases, key=lambda case: (-case.net, case.case_id)))


def pick_evenly(cases: Sequence[CaseWeights], most: int) -> tuple[CaseWeights, ...]:
    """Return all cases, or `most` of them evenly spaced from the first to the last."""
    if len(cases) <= most:
        return tuple(cases)
    return tuple(cases[round(place * (len(cases) - 1) / (most - 1))] for place in range(most))


def _place_bar(
    case: CaseWeights, place: int, columns: Sequence[tuple[float, str]], limit: float
) -> WeightBar:
    middle = (NET_LEFT + NET_RIGHT) / 2
    length = abs(case.net) / limit * (NET_RIGHT - NET_LEFT) / 2
    return WeightBar(
        case=case,
        label=shorten(case.case_id, 22),
        y=TOP + place * ROW,
        net_x=middle if case.net >= 0 else middle - length,
        net_width=length,
        segments=_stack(case.shares, BAR_LEFT, BAR_RIGHT),
        absent=tuple((x, modality) for x, modality in columns if modality in case.absent),
    )


def _stack(shares: dict[str, float | None], left: float, right: float) -> tuple[Segment, ...]:
    """Return the present shares side by side, scaled so that they fill the bar; nothing if all are 0."""
    total = sum(share for share in shares.values() if share is not None)
    if total <= 0:
        return ()
    segments, x = [], left
    for colour, (modality, share) in enumerate(shares.items()):
        if share is None:
            continue
        width = share / total * (right - left)
        segments.append(
            Segment(
                modality=modality, colour=colour, x=x, width=width, text=f"{modality} {100 * share:.0f} %"
            )
        )
        x += width
    return tuple(segments)


def _summarise(modality: str, colour: int, cases: Sequence[CaseWeights]) -> ModalitySummary:
    shares = [share for case in cases if (share := case.shares[modality]) is not None]
    return ModalitySummary(
        modality=modality,
        colour=colour,
        present=sum(modality not in case.absent for case in cases),
        absent=sum(modality in case.absent for case in cases),
        mean_share=fmean(shares) if shares else None,
        median_share=median(shares) if shares else None,
    )
