"""What the files of a RUN folder beside run.json hold, typed.

Enters: parsed JSON and CSV rows of one run. Leaves: frozen values. Keys that the page does not show are
left alone, since other readers of the folder may need them; keys that it shows must be there and be right.
A number that could not be estimated is blank, null or NaN in the files and `None` here, never 0.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _blank_is_none(value: object) -> object:
    if isinstance(value, str):
        value = value.strip()
        return None if value.lower().lstrip("+-") in ("", "nan", "inf", "infinity") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_blank_is_none)]
Count = Annotated[int | None, BeforeValidator(_blank_is_none)]
Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Part(BaseModel):
    """A part of a run: frozen once read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MetricRow(Part):
    """One row of metrics.csv."""

    arm: str
    metric: str
    estimate: Number
    low: Number
    high: Number
    method: Words
    n_cases: Count
    n_events: Count


class ComparisonRow(Part):
    """One row of comparisons.csv: first minus second, paired."""

    first: str
    second: str
    metric: str
    difference: Number
    low: Number
    high: Number
    method: Words
    named_before: bool


class LintRow(Part):
    """One row of lint.csv: something that may tell the outcome, by the name of its leak."""

    leak: str
    level: str
    where: Words
    expected: Words
    got: Words
    remedy: Words


class WeightRow(Part):
    """One row of weights.csv; a blank share is a modality that the case does not have."""

    case_id: str
    modality: str
    contribution: Number
    share: Number


class SubsetRow(Part):
    """One row of subsets.csv: what some of the modalities reach; `modalities` are joined by a plus."""

    modalities: str
    estimate: Number
    low: Number
    high: Number
    interval: str


class ShapleyRow(Part):
    """One row of shapley.csv: what one modality is due of all that is reached above one half."""

    modality: str
    estimate: Number
    low: Number
    high: Number
    interval: str


class AddedValueRow(Part):
    """One row of added_value.csv; `against` is the rung that a difference is to, blank without one."""

    rung: str
    words: str
    modalities: Words
    against: Words
    metric: str
    threshold: Number
    estimate: Number
    low: Number
    high: Number
    method: Words


class DecisionRow(Part):
    """One row of decision_curves.csv."""

    curve: str
    words: str
    threshold: float
    net_benefit: Number


class AttentionWeightRow(Part):
    """One row of attention_weights.csv; blank where the case does not have the modality."""

    repeat: int
    fold: int
    arm: str
    case_id: str
    modality: str
    weight: Number


class ChosenRow(Part):
    """One row of chosen.csv: what an arm chose inside one train part."""

    repeat: int
    fold: int
    arm: str
    chosen: Words


class AtRisk(Part):
    """How many cases were still at risk on a day."""

    day: float
    n: int


class AtDay(Part):
    """A number that belongs to a day, with its interval; without a number `method` says why."""

    day: float
    estimate: Number
    low: Number
    high: Number
    method: Words = ""


class TimeSummary(Part):
    """What some cases may expect: the event by each day, and mean days without it up to the last."""

    name: str
    n: int
    events: int
    event_probability: tuple[AtDay, ...]
    restricted_mean_days: AtDay


class CalibrationPoint(Part):
    """Predicted and observed in one group of cases."""

    n: int
    events: int
    predicted: float
    observed: Number
    low: Number
    high: Number


class CalibrationPart(Part):
    """Observed against predicted; without points, `reason` says why."""

    arm: Words = ""
    day: Number = None
    points: tuple[CalibrationPoint, ...] = ()
    events: int = 0
    method: Words = ""
    reason: Words = ""


class CurveGroup(Part):
    """The Kaplan-Meier curve of one group; the lists run in parallel, `time_days` rising."""

    name: str
    n: int
    events: int
    time_days: tuple[float, ...]
    survival: tuple[Number, ...]
    low: tuple[Number, ...]
    high: tuple[Number, ...]
    at_risk: tuple[AtRisk, ...] = ()
    summary: TimeSummary | None = None


class Curves(Part):
    """curves.json; without groups, `reason` says why. Runs of earlier versions have no summaries."""

    arm: Words = ""
    groups: tuple[CurveGroup, ...] = ()
    rule: Words = ""
    estimator: Words = "Kaplan–Meier"
    reason: Words = ""
    whole: TimeSummary | None = None
    calibration: CalibrationPart | None = None

    @property
    def outlook(self) -> tuple[TimeSummary, ...]:
        """What the groups and all cases may expect, line by line."""
        lines = (*(group.summary for group in self.groups), self.whole)
        return tuple(line for line in lines if line is not None)


class TileWeight(Part):
    """The attention of one tile; its square in thumbnail pixels."""

    x: float
    y: float
    w: float
    h: float
    weight: Number


class Attention(Part):
    """attention.json; without a thumbnail, `reason` says why."""

    case_id: Words = ""
    item_id: Words = ""
    arm: Words = ""
    thumbnail_png: Words = ""
    width: int = 0
    height: int = 0
    tiles: tuple[TileWeight, ...] = ()
    repeat: Count = None
    fold: Count = None
    reason: Words = ""


class Question(Part):
    """One question of the verdict and what the numbers allow one to say."""

    id: str
    question: str
    answer: Literal["yes", "no", "cannot tell"]
    estimate: Number = None
    low: Number = None
    high: Number = None
    method: Words = ""
    rule: Words = ""
    words: Words = ""
    needed: Words = ""


class HorizonPart(Part):
    """The last day that was evaluated; `reason` says why it is not the declared one (empty if it is)."""

    days: float
    reason: Words = ""


class Verdict(Part):
    """verdict.json; a run made before it had a horizon was not told where follow-up ended."""

    top: str
    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    horizon: HorizonPart | None = None
