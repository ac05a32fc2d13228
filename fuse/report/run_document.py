"""run.json, typed: what a run was made from and what became of its arms.

Enters: the parsed record of one run. Leaves: a frozen `RunDocument`. What a run of an earlier version did not
record is blank.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal

from pydantic import Field

from fuse.report.documents import Count, Number, Part, Words
from fuse.verdict.words import sort_modalities


class CohortPart(Part):
    """Whose cases they are and at which moment the prediction is made."""

    name: str
    title: Words = ""
    index_event: Words = ""
    prediction_day: int | str | None = None
    licence: Words = ""
    citation: Words = ""


class MomentPart(Part):
    """The moment of the cohort's card at which the prediction is made; time is counted from that day on."""

    name: str
    day: int
    clock_starts_day: float = 0.0
    not_known_yet: tuple[str, ...] = ()


class EndpointPart(Part):
    """What is predicted; `horizon_days` was fixed before any fit."""

    name: str
    kind: Words = ""
    definition: Words = ""
    counts: Words = ""
    horizon_days: Number = None

    @property
    def short(self) -> str:
        """The definition up to its first comma, semicolon, bracket or colon; the name where there is none."""
        return re.split(r"[,;:(]", self.definition)[0].strip() or self.name


class FeatureSetPart(Part):
    """One feature set that the run read; what a run of before did not record is blank.

    `cases` of `of_cases` evaluated ones have a value in it. The tuples hold everything that occurs.
    """

    modality: Words = ""
    name: str
    encoder: Words = ""
    variant: Words = ""
    revisions: tuple[str, ...] = ()
    weights_sha256: Words = ""
    readers: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    compute_dtypes: tuple[str, ...] = ()
    cases: Count = None
    of_cases: Count = None
    columns: Count = None
    entries: Count = None
    entries_with_warnings: Count = None
    entries_sha256: Words = ""


class FoldsPart(Part):
    """How the cases were divided; `source` says by what, `remarks` which part is what."""

    repeats: int
    folds: int
    inner: Count = None
    sha256: str
    source: Words = ""
    remarks: tuple[str, ...] = ()


class ValidationPart(Part):
    """Of a validation: the cohort that was learned from, and the feature sets that the other one lacks."""

    cohort: str
    title: Words = ""
    cases: int
    lacking: tuple[str, ...] = ()


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


class LeftOutPart(Part):
    """An arm of the protocol on something that the cohort does not have by its card."""

    arm: str
    reason: Words = ""


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
    moment: MomentPart | None = None
    entered_late: Count = None
    score_lacks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    seed: int
    jobs: Count = None
    braid: BraidPart
    versions: dict[str, str] = Field(default_factory=dict)
    feature_sets: dict[str, FeatureSetPart] = Field(default_factory=dict)
    folds: FoldsPart
    validation: ValidationPart | None = None
    flow: tuple[FlowStep, ...]
    arms: tuple[ArmPart, ...]
    comparators: dict[str, str | None] = Field(default_factory=dict)
    left_out: tuple[LeftOutPart, ...] = ()
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
