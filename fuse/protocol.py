"""What a benchmark does, from one YAML: folds, models, fusion, comparators. Frozen once it is read.

Enters: a name under fuse/protocols/ or a YAML file, unknown keys refused. Leaves: a `Protocol`, and with the
modalities of a cohort the list of arms it stands for, in the order of the tables. What the protocol leaves
open (endpoint, seed, feature sets) is filled in before the copy in the RUN folder is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feature_cache.card import CohortCard
from feature_cache.errors import OutcomeError

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

    Modalities that a cohort does not have are passed over.
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
        remedy="Mend it.",
    )


def plan_arms(protocol: Protocol, modalities: Collection[str], card: CohortCard) -> tuple[ArmPlan, ...]:
    """Return the arms of a protocol for the modalities that there are, each once, bases before fusion."""
    order = [str(name) for name in card.modalities]
    there = tuple(sorted(modalities, key=lambda name: (name not in order, [*order, name].index(name), name)))
    plans = {plan.name: plan for spec in protocol.arms for plan in _plans_of(spec, there, card)}
    if len(there) > 1:
        for fusion in protocol.fusion:
            plan = _fusion_plan(fusion, there, plans)
            plans[plan.name] = plan
    return tuple(plans.values())


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
    elif all(name in there for name in spec.modalities):
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
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Protocol.model_validate(document)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OutcomeError(
            path.name, expected="YAML in UTF-8", got=type(error).__name__, remedy="Mend the file."
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        raise OutcomeError(
            f"{path.name}: {field}",
            expected="a value as fuse/protocol.py says",
            got=first["msg"],
            remedy=f"Mend it ({error.error_count()} problem(s) in this file).",
        ) from error
