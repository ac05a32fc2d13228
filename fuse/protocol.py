"""What a benchmark does, from one YAML: folds, models, fusion, comparators. Frozen once it is read.

Enters: a name under fuse/protocols/ or a YAML file, unknown keys refused. Leaves: a `Protocol`, and with the
modalities of a cohort the list of arms it stands for, in the order of the tables. What the protocol leaves
open (endpoint, seed, feature sets) is filled in before the copy in the RUN folder is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feature_cache.card import CohortCard, Modality
from feature_cache.errors import OutcomeError
from feature_cache.strict_yaml import read_yaml

PROTOCOLS = Path(__file__).parent / "protocols"

#: Comparators that a protocol may name before the evaluation.
Comparator = Literal["clinical", "selected_single", "published_score"]
Option = bool | int | float | str

#: Published scores: arms that a cohort has only where its card names their columns.
RISK_SCORES = ("capra_s",)


class ProtocolPart(BaseModel):
    """A part of a protocol: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ArmSpec(ProtocolPart):
    """One model on given modalities, on `each` alone, on `all` together, or on none (`null`).

    `each` and `all` are the modalities that the cache has; one that is named and that it does not have makes
    an `AbsentArm`.
    """

    model: str
    modalities: tuple[str, ...] | Literal["each", "all", "none"] = "each"
    options: dict[str, Option] = Field(default_factory=dict)


class FusionSpec(ProtocolPart):
    """One way to use several modalities at once.

    `early` fits one model on the joined columns of all modalities; `late` stacks the out-of-fold risks of
    the arms of one model (`over`), one a modality.
    """

    model: Literal["early", "late"]
    over: str = "ridge_cox"
    options: dict[str, Option] = Field(default_factory=dict)


class Protocol(ProtocolPart):
    """The whole of a protocol file."""

    schema_version: Literal[1]
    name: str
    endpoint: str | None = None
    seed: int = Field(default=0, ge=0)
    repeats: int = Field(ge=1)
    folds: int = Field(ge=2)
    inner: int = Field(ge=2)
    feature_sets: Literal["auto"] | dict[str, str] = "auto"
    arms: tuple[ArmSpec, ...]
    fusion: tuple[FusionSpec, ...] = ()
    comparators: tuple[Comparator, ...] = ("clinical", "selected_single", "published_score")

    def yaml_text(self) -> str:
        """Return the protocol as YAML, the same text for the same protocol."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


@dataclass(frozen=True, kw_only=True)
class ArmPlan:
    """One arm of a run: `bases` are the arms that a late fusion stacks, empty for all others."""

    model: str
    modalities: tuple[str, ...]
    options: tuple[tuple[str, Option], ...] = ()
    bases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`<model>__<modalities joined by +>`, the stem of the arm's prediction file."""
        return f"{self.model}__{'+'.join(self.modalities) or 'none'}"


@dataclass(frozen=True, kw_only=True)
class AbsentArm:
    """An arm on a modality that the cache does not have; `declared`: though the cohort has it by its card."""

    plan: ArmPlan
    modality: str
    declared: bool

    @property
    def reason(self) -> str:
        """Why there is no such arm."""
        where = "the cache has no feature set of" if self.declared else "the cohort's card does not list"
        return f"{where} {self.modality}"


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


def plan_arms(protocol: Protocol, modalities: Collection[str], card: CohortCard) -> tuple[ArmPlan, ...]:
    """Return the arms of a protocol for the modalities that there are, bases before fusion.

    Raises
    ------
    OutcomeError
        A modality or a place of a model that does not exist, two lines that give one arm, or late fusion
        over fewer than two arms.
    """
    there = _in_order(modalities, card)
    plans: dict[str, ArmPlan] = {}
    for spec in protocol.arms:
        for plan in _plans_of(spec, there, card):
            if all(name in there for name in plan.modalities):
                _add(plans, plan)
    if len(there) > 1:
        for fusion in protocol.fusion:
            _add(plans, _fusion_plan(fusion, there, plans))
    return tuple(plans.values())


def absent_arms(protocol: Protocol, modalities: Collection[str], card: CohortCard) -> tuple[AbsentArm, ...]:
    """Return the arms that name a modality which the cache does not have."""
    absent = []
    for spec in protocol.arms:
        for plan in _plans_of(spec, _in_order(modalities, card), card):
            lacking = [name for name in plan.modalities if name not in modalities]
            if lacking:
                # one that not even the card lists says more than one that was not extracted
                name = min(lacking, key=lambda name: name in card.modalities)
                absent.append(AbsentArm(plan=plan, modality=name, declared=name in card.modalities))
    return tuple(absent)


def _in_order(modalities: Collection[str], card: CohortCard) -> tuple[str, ...]:
    order = [str(name) for name in card.modalities]
    return tuple(sorted(modalities, key=lambda name: (name not in order, [*order, name].index(name), name)))


def _add(plans: dict[str, ArmPlan], plan: ArmPlan) -> None:
    if plan.name in plans:
        raise OutcomeError(
            "protocol",
            expected="one line for each arm",
            got=f"two that give {plan.name}",
            remedy="Keep one of them: files and tables know an arm by its model and modalities.",
        )
    plans[plan.name] = plan


def _plans_of(spec: ArmSpec, there: tuple[str, ...], card: CohortCard) -> Iterator[ArmPlan]:
    if spec.model in ("early", "late"):
        raise OutcomeError(
            "protocol: arms", expected="models", got=spec.model, remedy="Fusion goes under `fusion`."
        )
    options = tuple(sorted(spec.options.items()))
    if spec.model in RISK_SCORES:
        options = _score_options(spec.model, card)
        if not options:
            return
    if spec.modalities == "none":
        yield ArmPlan(model=spec.model, modalities=(), options=options)
    elif spec.modalities == "all":
        yield ArmPlan(model=spec.model, modalities=there, options=options)
    elif spec.modalities == "each":
        yield from (ArmPlan(model=spec.model, modalities=(name,), options=options) for name in there)
    else:
        for name in spec.modalities:
            if name not in get_args(Modality):
                raise OutcomeError(
                    f"protocol: arms: {spec.model}",
                    expected=f"modalities among: {', '.join(get_args(Modality))}",
                    got=name,
                    remedy="Correct the name of the modality in the protocol.",
                )
        yield ArmPlan(model=spec.model, modalities=spec.modalities, options=options)


def _score_options(model: str, card: CohortCard) -> tuple[tuple[str, Option], ...]:
    """Return the columns that the card names for a published score, and the scale that PSA is on."""
    options: dict[str, Option] = dict(card.risk_scores.get(model, {}))
    psa = card.variables.get(str(options.get("psa")))
    if psa is not None:
        options["psa_scale"] = psa.scale
    return tuple(sorted(options.items()))


def _fusion_plan(spec: FusionSpec, there: tuple[str, ...], plans: dict[str, ArmPlan]) -> ArmPlan:
    options = tuple(sorted(spec.options.items()))
    if spec.model == "early":
        return ArmPlan(model="early", modalities=there, options=options)
    bases = tuple(plans[f"{spec.over}__{name}"] for name in there if f"{spec.over}__{name}" in plans)
    if len(bases) < 2:
        raise OutcomeError(
            "protocol: fusion",
            expected=f"the arms of {spec.over} on two modalities at least, since late fusion stacks them",
            got=f"{len(bases)} such arms",
            remedy=f"Add {{model: {spec.over}, modalities: each}} to `arms`.",
        )
    return ArmPlan(
        model="late",
        modalities=tuple(base.modalities[0] for base in bases),
        options=options,
        bases=tuple(base.name for base in bases),
    )


def split_runnable(plans: Sequence[ArmPlan]) -> tuple[tuple[ArmPlan, ...], dict[str, str]]:
    """Return the arms that can run here and, for the others, the reason why not."""
    from fuse.models.registry import MODEL_CARDS

    reasons: dict[str, str] = {}
    for plan in plans:
        absent = MODEL_CARDS[plan.model].absent_needs()
        if absent:
            reasons[plan.name] = f"{', '.join(absent)} is not installed"
        elif any(base in reasons for base in plan.bases):
            reasons[plan.name] = "an arm that it stacks was not run"
    return tuple(plan for plan in plans if plan.name not in reasons), reasons


def _parse(path: Path) -> Protocol:
    try:
        document: Any = read_yaml(path)
        return Protocol.model_validate({} if document is None else document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OutcomeError(
            path.name, expected="YAML in UTF-8", got=type(error).__name__, remedy=f"Mend it: {error}"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        count = error.error_count()
        raise OutcomeError(
            f"{path.name}: {field}",
            expected=f"a mapping of {', '.join(Protocol.model_fields)}, as in fuse/protocols/quick.yaml",
            got=first["msg"],
            remedy="Correct this field." if count == 1 else f"Correct it, one of {count} fields to correct.",
        ) from error
