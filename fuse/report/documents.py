"""What the files of a RUN folder hold, typed.

Enters: parsed JSON and CSV rows of one run. Leaves: frozen values. Keys that the page does not show are
left alone, since other readers of the folder may need them; keys that it shows must be there and be right.
A number that could not be estimated is blank, null or NaN in the files and `None` here, never 0.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fuse.verdict_words import sort_modalities


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


class CohortPart(Part):
    """Whose cases they are and at which moment the prediction is made."""

    name: str
    title: Words = ""
    index_event: Words = ""
    prediction_day: int | str | None = None
    licence: Words = ""
    citation: Words = ""


class EndpointPart(Part):
    """What is predicted; `horizon_days` was fixed before any fit."""

    name: str
    kind: Words = ""
    definition: Words = ""
    horizon_days: Number = None

    @property
    def short(self) -> str:
        """The definition up to its first comma, semicolon, bracket or colon; the name where there is none."""
        return re.split(r"[,;:(]", self.definition)[0].strip() or self.name


class FeatureSetPart(Part):
    """One feature set that the run read."""

    name: str
    encoder: Words = ""
    entries: Count = None
    entries_sha256: Words = ""


class FoldsPart(Part):
    """How the cases were divided; `source` says whether the folds were made or read from a file."""

    repeats: int
    folds: int
    inner: Count = None
    sha256: str
    source: Words = ""


class FlowStep(Part):
    """How many cases and events were left after one step."""

    step: str
    cases: int
    events: Count = None


class ArmPart(Part):
    """One arm of the benchmark, done or not run, with the reason."""

    name: str
    title: Words = ""
    model: str
    modalities: tuple[str, ...] = ()
    status: Literal["done", "not_run"]
    reason: Words = ""


class FailurePart(Part):
    """One thing that failed."""

    what: str
    expected: Words = ""
    got: Words = ""
    remedy: Words = ""


class BraidPart(Part):
    """Which Braid made the run."""

    version: Words = ""
    commit: Words = ""


class RunDocument(Part):
    """run.json."""

    schema_version: int
    cohort: CohortPart
    folder: Words = ""
    cohort_folder: Words = ""
    cache: Words = ""
    protocol: str
    endpoint: EndpointPart
    seed: int
    jobs: Count = None
    braid: BraidPart
    versions: dict[str, str] = Field(default_factory=dict)
    feature_sets: dict[str, FeatureSetPart] = Field(default_factory=dict)
    folds: FoldsPart
    flow: tuple[FlowStep, ...]
    arms: tuple[ArmPart, ...]
    comparators: dict[str, str | None] = Field(default_factory=dict)
    failures: tuple[FailurePart, ...] = ()
    outputs: dict[str, str] = Field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """The title of each arm by its name, its modalities in order; a title that arms share gets them."""
        titles = Counter(arm.title for arm in self.arms)
        labels = {}
        for arm in self.arms:
            listed = " + ".join(sort_modalities(arm.modalities))
            own = arm.title.removesuffix(f": {' + '.join(arm.modalities)}")
            alone = titles[arm.title] == 1 and own == arm.title != ""
            labels[arm.name] = own if alone else f"{own or arm.model}: {listed or 'no modality'}"
        return labels

    @property
    def sorted_arms(self) -> tuple[ArmPart, ...]:
        """The arms, models as in the run and the modalities of each in the order of the page."""
        models = list(dict.fromkeys(arm.model for arm in self.arms))
        order = sort_modalities({name for arm in self.arms for name in arm.modalities})
        return tuple(
            sorted(
                self.arms,
                key=lambda arm: (models.index(arm.model), [order.index(name) for name in arm.modalities]),
            )
        )

    @property
    def sorted_feature_sets(self) -> tuple[tuple[str, FeatureSetPart], ...]:
        """The feature sets in the order of modalities."""
        return tuple((name, self.feature_sets[name]) for name in sort_modalities(self.feature_sets))


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


class WeightRow(Part):
    """One row of weights.csv; a blank share is a modality that the case does not have."""

    case_id: str
    modality: str
    contribution: Number
    share: Number


class AtRisk(Part):
    """How many cases were still at risk on a day."""

    day: float
    n: int


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


class Curves(Part):
    """curves.json; without groups, `reason` says why."""

    arm: Words = ""
    groups: tuple[CurveGroup, ...] = ()
    rule: Words = ""
    reason: Words = ""


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
