"""What a benchmark does, from one YAML: folds, models, fusion, comparators. Frozen once it is read.

Enters: a name under fuse/protocols/ or a YAML file, unknown keys refused. Leaves: a `Protocol`; which arms it
stands for says `arm_plans.py`. What it leaves open (endpoint, seed, feature sets) is filled in before the
copy in the RUN folder is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from feature_cache.card import Modality
from feature_cache.errors import OutcomeError
from feature_cache.strict_yaml import read_yaml

PROTOCOLS = Path(__file__).parent / "protocols"

#: Comparators that a protocol may name before the evaluation.
Comparator = Literal["clinical", "selected_single", "published_score"]
Option = bool | int | float | str

#: Fusion that is fitted from other arms of the protocol.
FITTED_FROM_ARMS = ("late", "stack", "residual")

#: The feature sets of one modality: one, or several of which the first stands for the modality.
SetNames = str | Annotated[tuple[str, ...], Field(min_length=1)]


class ProtocolPart(BaseModel):
    """A part of a protocol: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ArmSpec(ProtocolPart):
    """One model on given modalities, on `each` alone, on `all` together, or on none (`null`).

    `each` are all feature sets that the run has, `all` the first of each modality; a further one is named
    `<modality>:<recipe>`. A modality that is named and that the cache does not have makes an `AbsentArm`.
    """

    model: str
    modalities: tuple[str, ...] | Literal["each", "all", "none"] = "each"
    options: dict[str, Option] = Field(default_factory=dict)


class FusionSpec(ProtocolPart):
    """One way to use several modalities at once: any model of the table that takes several.

    `over` is for fusion that is fitted from other arms: `late` stacks the arms of one model (ridge_cox if not
    given), one a modality;
    `stack` the arms of all the models that it names, on these modalities or on some of them; `residual` adds
    to the arm of one model on clinical values (on the first modality, without clinical ones). `all` and the
    names are those of `ArmSpec`. The last fusion that runs is the one that is compared with the comparators.
    """

    model: str
    over: tuple[str, ...] = ()
    modalities: Annotated[tuple[str, ...], Field(min_length=2)] | Literal["all"] = "all"
    options: dict[str, Option] = Field(default_factory=dict)

    @field_validator("over", mode="before")
    @classmethod
    def _one_or_several(cls, over: object) -> object:
        return (over,) if isinstance(over, str) else over

    @model_validator(mode="after")
    def _over_where_it_says_something(self) -> FusionSpec:
        if self.model in ("late", "residual") and len(self.over) > 1:
            raise ValueError(f"{self.model} is over one model, such as ridge_cox; stack is over several")
        if self.model == "stack" and not self.over:
            raise ValueError("over which models?")
        if self.model not in FITTED_FROM_ARMS and self.over:
            raise ValueError(f"over has no effect on {self.model}: it is fitted from cases")
        return self


class Replicates(ProtocolPart):
    """How often the whole pipeline is fitted again on an altered cohort, one repeat of the folds each.

    `refit_bootstrap`: cases drawn with replacement. `permutation`: outcomes dealt anew, which asks whether
    anything predicts at all. `conditional_permutation`: what the other modalities say beyond the clinical
    values dealt anew, which asks whether they add anything. A test needs 19 to say p = .05, 199 to say more.
    """

    refit_bootstrap: int = Field(default=0, ge=0, strict=True)
    permutation: int = Field(default=0, ge=0, strict=True)
    conditional_permutation: int = Field(default=0, ge=0, strict=True)


class Protocol(ProtocolPart):
    """The whole of a protocol file.

    `split` says how cases are divided: `auto` by the cohort's folds.csv where it has one and else evenly into
    `folds`, `repeats` times; `sites` leaves one site out at a time; `file` as `folds_file` says, which is
    relative to the protocol file (once that is read, to the working directory). `choose` names modalities
    that get one more label, `<modality>:best`: the feature set that the inner folds choose.
    `moment` is one of cohort.yaml's, at which the prediction is made instead of on its prediction day.
    `also` names further endpoints of the cohort that models of several endpoints learn beside `endpoint`;
    only the latter is evaluated.
    """

    schema_version: Literal[1]
    name: str
    endpoint: str | None = None
    moment: str | None = None
    also: tuple[str, ...] = ()
    seed: int = Field(default=0, ge=0)
    split: Literal["auto", "sites", "file"] = "auto"
    repeats: int | None = Field(default=None, ge=1)
    folds: int | None = Field(default=None, ge=2)
    folds_file: str | None = Field(default=None, min_length=1)
    inner: int = Field(ge=2)
    feature_sets: Literal["auto"] | dict[str, SetNames] = "auto"
    choose: tuple[str, ...] = ()
    arms: tuple[ArmSpec, ...]
    fusion: tuple[FusionSpec, ...] = ()
    comparators: tuple[Comparator, ...] = ("clinical", "selected_single", "published_score")
    replicates: Replicates = Replicates()

    @field_validator("choose")
    @classmethod
    def _each_choice_once(cls, choose: tuple[str, ...]) -> tuple[str, ...]:
        for modality in choose:
            if modality not in get_args(Modality) or choose.count(modality) > 1:
                raise ValueError(f"{modality} is not a modality, or named twice")
        return choose

    @field_validator("feature_sets")
    @classmethod
    def _each_set_once(cls, sets: Literal["auto"] | dict[str, SetNames]) -> object:
        for modality, names in sets.items() if isinstance(sets, dict) else ():
            if isinstance(names, tuple) and len(set(names)) < len(names):
                raise ValueError(f"a feature set of {modality} is named twice")
        return sets

    @model_validator(mode="after")
    def _one_way_to_divide(self) -> Protocol:
        counted = {"repeats": self.repeats, "folds": self.folds}
        if self.split == "auto" and None in counted.values():
            raise ValueError("how many repeats and folds? Only split: sites and split: file say it")
        if self.split != "auto" and set(counted.values()) != {None}:
            raise ValueError(f"repeats and folds have no effect beside split: {self.split}")
        if (self.split == "file") != (self.folds_file is not None):
            raise ValueError("folds_file and split: file belong together")
        return self

    def yaml_text(self) -> str:
        """Return the protocol as YAML, the same text for the same protocol."""
        unsaid = {"moment"} if self.moment is None else set[str]()
        told = self.model_dump(mode="json", exclude=unsaid)
        return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


#: Keys of a protocol whose values are mappings with keys of their own, or lists of such.
_PARTS: dict[object, type[ProtocolPart]] = {"arms": ArmSpec, "fusion": FusionSpec, "replicates": Replicates}


def read_protocol(name_or_file: str) -> Protocol:
    """Read a protocol by name or path.

    Raises
    ------
    OutcomeError
        There is none of this name, or the file is not a protocol.
    """
    for path in (PROTOCOLS / f"{name_or_file}.yaml", Path(name_or_file)):
        if path.is_file():
            return _parse(path)
    names = ", ".join(sorted(path.stem for path in PROTOCOLS.glob("*.yaml")))
    raise OutcomeError(
        f"protocol {name_or_file}",
        expected=f"one of {names}, or a YAML file",
        got="neither",
        remedy="Give one of these names, or the path of a protocol file.",
    )


def _parse(path: Path) -> Protocol:
    try:
        document: Any = read_yaml(path)
        protocol = Protocol.model_validate({} if document is None else document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OutcomeError(
            path.name, expected="YAML in UTF-8", got=type(error).__name__, remedy=f"Mend it: {error}"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        count = error.error_count()
        part = _PARTS.get(first["loc"][0] if len(first["loc"]) > 1 else "", Protocol)
        raise OutcomeError(
            f"{path.name}: {field}",
            expected=f"a mapping of {', '.join(part.model_fields)}, as in the README",
            got=first["msg"],
            remedy="Correct this field." if count == 1 else f"Correct it, one of {count} fields to correct.",
        ) from error
    if protocol.folds_file is None:
        return protocol
    return protocol.model_copy(update={"folds_file": str(path.parent / protocol.folds_file)})
