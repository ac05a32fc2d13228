"""cohort.yaml, typed: what a cohort is, when its predictions are made, what its columns and endpoints mean.

Enters: the YAML of one cohort. Leaves: a frozen `CohortCard`. A field that `scan` could not know is
written as the text ``GAP`` (with a hint behind it); such a card loads, and `check` names every gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from feature_cache.errors import ManifestError, Problem
from feature_cache.strict_yaml import read_yaml

GAP = "GAP"
#: What a drafted card holds in a typed field that only a person can fill.
GapText = Annotated[str, Field(pattern=f"^{GAP}")]
VariableKind = Literal["numeric", "ordinal", "binary", "categorical", "multilabel"]
CodeMeaning = Literal["missing", "unknown", "not_applicable"]
EndpointKind = Literal["survival", "competing", "binary", "multiclass", "time"]
TimeUnit = Literal["days", "months", "years"]
UndatedKind = Literal["slides", "series", "notes"]
#: A moment names a folder of results: letters, digits and underscores.
MomentName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=60)]
#: What the declared prediction day is called among the moments of a card.
PREDICTION_DAY = "prediction_day"
Modality = Literal["slides", "volumes", "notes", "clinical", "omics", "burden"]

#: Day = 1, month = 30.4375, year = 365.25 (DESIGN section 2).
DAYS_PER_UNIT: dict[TimeUnit, float] = {"days": 1.0, "months": 30.4375, "years": 365.25}


class CardPart(BaseModel):
    """A part of the card: frozen, unknown keys and numbers that are none refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Variable(CardPart):
    """One clinical variable, the column of clinical.csv of the same name.

    `levels` order an ordinal and list what a categorical or multilabel may hold; `codes` give the texts
    that mean a state instead of a value; `limits` are the least and greatest value that can be true of a
    numeric; `day` counts from the index event; `scale` is fixed, not fitted.
    """

    kind: VariableKind | GapText
    unit: str | None = None
    scale: Literal["linear", "log"] = "linear"
    levels: tuple[str, ...] = ()
    limits: tuple[float, float] | None = None
    separator: str | None = None
    codes: dict[str, CodeMeaning] = Field(default_factory=dict)
    day: int | Literal["at_index"] = "at_index"
    note: str | None = None

    @model_validator(mode="after")
    def _levels_match_kind(self) -> Variable:
        if self.kind.startswith(GAP):
            return self
        if (self.kind in ("ordinal", "categorical", "multilabel")) != bool(self.levels):
            raise ValueError(f"kind {self.kind} and levels {list(self.levels)} do not go together")
        if self.scale == "log" and self.kind != "numeric":
            raise ValueError("scale log is for numeric variables")
        if self.limits is not None and self.kind != "numeric":
            raise ValueError("limits are for numeric variables")
        if self.separator is not None and self.kind != "multilabel":
            raise ValueError("a separator is for multilabel variables")
        return self

    @property
    def day_number(self) -> int:
        """Days after the index event at which the value is known; at_index = 0."""
        return 0 if self.day == "at_index" else self.day


class Endpoint(CardPart):
    """One outcome: its kind, time unit, definition in words, and the horizon fixed beforehand (days).

    `horizons_days` are further days at which the metrics are given (30, 90 and 365 after a discharge);
    `thresholds` are the risks at which somebody would act, fixed before a decision curve is drawn. `cause`
    is the cause of interest of a competing endpoint, as outcomes.csv writes it (without one: the first in
    the order of their texts); `first_of` makes the causes from other endpoints with times, cause -> endpoint:
    whichever comes first to a case. `classes` are what the values of a multiclass endpoint may be. `ceiling`
    is the best C (AUROC of classes) that others report for it: a result above is asked what it was made from.
    """

    kind: EndpointKind | GapText
    definition: str
    time_unit: TimeUnit | None = None
    horizon_days: float | None = None
    horizons_days: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    cause: str | None = None
    first_of: dict[str, str] = Field(default_factory=dict)
    classes: tuple[str, ...] = ()
    ceiling: float | None = Field(default=None, gt=0.5, le=1)

    @model_validator(mode="after")
    def _fields_match_kind(self) -> Endpoint:
        if self.kind.startswith(GAP):
            return self
        if self.cause is not None and self.kind != "competing":
            raise ValueError("a cause of interest is for competing endpoints")
        if self.first_of and (self.kind != "competing" or len(self.first_of) < 2):
            raise ValueError("first_of is for competing endpoints, and names two causes or more")
        if self.first_of and self.cause is not None and self.cause not in self.first_of:
            raise ValueError("the cause of interest is one of first_of")
        if self.classes and self.kind != "multiclass":
            raise ValueError("classes are for multiclass endpoints")
        if self.classes and (len(self.classes) < 3 or len(set(self.classes)) < len(self.classes)):
            raise ValueError("a multiclass endpoint has three classes or more, each named once")
        if self.horizons_days and self.kind not in ("survival", "competing", "time"):
            raise ValueError("horizons_days are for endpoints with a time")
        return self

    @model_validator(mode="after")
    def _numbers_rise(self) -> Endpoint:
        if any(day <= 0 for day in self.horizons_days) or not _rising(self.horizons_days):
            raise ValueError("horizons_days are numbers over 0, each greater than the one before")
        if any(not 0 < risk < 1 for risk in self.thresholds) or not _rising(self.thresholds):
            raise ValueError("thresholds are risks between 0 and 1, each greater than the one before")
        return self

    def open_fields(self, where: str) -> Iterator[Problem]:
        """Yield a gap for a time unit, a horizon or classes that an endpoint of this kind does not give."""
        if self.kind == "multiclass" and not self.classes:
            yield _gap(f"{where}.classes", "List what the column value of outcomes.csv may hold.")
        if self.kind not in ("survival", "competing", "time"):
            return
        if self.time_unit is None and not self.first_of:
            yield _gap(f"{where}.time_unit", "Say days, months or years.")
        if self.horizon_days is None:
            yield _gap(
                f"{where}.horizon_days", "Fix the horizon before anything is evaluated (5 years = 1826.25)."
            )


class CohortCard(CardPart):
    """The whole of cohort.yaml.

    `moments` are further days at which a prediction may be made, name -> day: what is known by the latest of
    them is extracted, and a run at one of them uses what was known by then (see `at`).
    """

    schema_version: Literal[1]
    name: str
    title: str
    citation: str
    licence: str
    sites: tuple[str, ...]
    modalities: tuple[Modality, ...]
    index_event: str
    prediction_day: int | GapText
    moments: dict[MomentName, int] = Field(default_factory=dict)
    entry_day: int | None = None
    undated: dict[UndatedKind, int | GapText] = Field(default_factory=dict)
    note_key: str | None = None
    variables: dict[str, Variable] = Field(default_factory=dict)
    excluded: dict[str, str] = Field(default_factory=dict)
    ignored: dict[str, str] = Field(default_factory=dict)
    risk_scores: dict[str, dict[str, str]] = Field(default_factory=dict)
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _moments_have_names_of_their_own(self) -> CohortCard:
        if PREDICTION_DAY in self.moments:
            raise ValueError(
                f"moments: {PREDICTION_DAY} is what the card's own day is called; name it otherwise"
            )
        return self

    @model_validator(mode="after")
    def _first_of_known_endpoints(self) -> CohortCard:
        for name, endpoint in self.endpoints.items():
            for source in endpoint.first_of.values():
                if source not in self.endpoints or self.endpoints[source].first_of:
                    raise ValueError(f"endpoints.{name}.first_of: no endpoint {source} with its own rows")
        return self

    def gaps(self) -> Iterator[Problem]:
        """Yield one row for every field that says GAP and every endpoint without unit or horizon."""
        yield from _gaps(self.model_dump(), "cohort.yaml")
        for name, endpoint in self.endpoints.items():
            yield from endpoint.open_fields(f"cohort.yaml: endpoints.{name}")

    @property
    def prediction_day_number(self) -> int:
        """The prediction day as days after the index event; a gap is a `ManifestError`."""
        if isinstance(self.prediction_day, int):
            return self.prediction_day
        raise ManifestError(
            "cohort.yaml: prediction_day",
            expected="a whole number of days after the index event",
            got=repr(self.prediction_day),
            remedy="Fill it in: nothing known later than this day may be used.",
        )

    @property
    def last_day(self) -> int:
        """The day up to which values are extracted: the prediction day, or the latest moment after it."""
        return max([self.prediction_day_number, *self.moments.values()])

    def at(self, moment: str) -> CohortCard:
        """Return the card of a prediction at one of its moments; the declared prediction day becomes one too.

        Raises
        ------
        ManifestError
            The card has no such moment.
        """
        if moment not in self.moments:
            raise ManifestError(
                "cohort.yaml: moments",
                expected=f"one of {', '.join(self.moments)}" if self.moments else "the moment asked for",
                got=moment if self.moments else f"no moments, and {moment} was asked for",
                remedy="Declare it, name -> day after the index event, and extract again.",
            )
        kept = {PREDICTION_DAY: self.prediction_day_number, **self.moments}
        return self.model_copy(update={"prediction_day": self.moments[moment], "moments": kept})

    def undated_day(self, kind: UndatedKind) -> int | None:
        """Return the day at which undated items of a kind count as known; None where not said."""
        day = self.undated.get(kind)
        return day if isinstance(day, int) else None


def read_card(path: Path) -> CohortCard:
    """Read and validate one cohort.yaml.

    Raises
    ------
    ManifestError
        The file is absent, is no YAML mapping, or has unknown keys or wrong values.
    """
    if not path.is_file():
        raise ManifestError(
            str(path.name),
            expected=f"a cohort.yaml in the folder {path.parent.name}",
            got="no such file",
            remedy="Draft one with `python -m extract scan`.",
        )
    try:
        return CohortCard.model_validate(read_yaml(path))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(
            path.name, expected="YAML in UTF-8", got=type(error).__name__, remedy=f"Mend the file: {error}"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ManifestError(
            f"{path.name}: {field}",
            expected="a value of the kind that feature_cache/card.py describes",
            got=first["msg"],
            remedy=f"Mend it ({error.error_count()} problem(s) in this file).",
        ) from error


def _rising(numbers: tuple[float, ...]) -> bool:
    return all(earlier < later for earlier, later in pairwise(numbers))


def _gaps(value: object, where: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _gaps(inner, f"{where}: {key}" if where == "cohort.yaml" else f"{where}.{key}")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _gaps(inner, where)
    elif isinstance(value, str) and value.startswith(GAP):
        yield _gap(where, value.removeprefix(GAP).lstrip(": ") or "Fill it in.")


def _gap(where: str, remedy: str) -> Problem:
    return Problem(
        level="gap",
        where=where,
        expected="a value that only a person can give",
        got="a gap left by scan",
        remedy=remedy,
    )
