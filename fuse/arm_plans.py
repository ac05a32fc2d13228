"""The arms that a protocol stands for on the feature sets that there are, in the order of the tables.

Enters: a protocol, the labels of the feature sets that a run has, and a cohort's card. Leaves: plans of arms,
bases before the fusions that stack them; and apart from them the arms on what the cache does not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from feature_cache.card import CohortCard, Modality
from feature_cache.errors import OutcomeError
from fuse.labels import modality_of
from fuse.protocol import FITTED_FROM_ARMS, ArmSpec, FusionSpec, Option, Protocol
from fuse.risk_scores import RISK_SCORES, score_needs_later, score_options

#: The modality whose entries are bags of tiles.
TILED = "slides"
#: Why an arm is not run; what to do about each says `run/arm_remedy.py`.
ENTERS_LATE = "cases enter late, and it would count them as at risk from the start"
NOT_INSTALLED = " is not installed"
STACKS_ONE_NOT_RUN = "an arm that it stacks was not run"


@dataclass(frozen=True, kw_only=True)
class ArmPlan:
    """One arm of a run: `bases` are the arms that a fusion is fitted from, empty for all others."""

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
    """An arm on a modality that the cache does not have; `declared`: though the cohort has it by its card.

    `why` says so where the reason is another one: it is not known yet when the prediction is made.
    """

    plan: ArmPlan
    modality: str
    declared: bool
    why: str = ""

    @property
    def reason(self) -> str:
        """Why there is no such arm."""
        if self.why:
            return self.why
        where = "the cache has no feature set of" if self.declared else "the cohort's card does not list"
        return f"{where} {self.modality}"


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
    for fusion in protocol.fusion:
        fused = _fused(fusion, there)
        if len(fused) > 1 and all(name in there for name in fused) and not _lacks_tiles(fusion.model, fused):
            _add(plans, _fusion_plan(fusion, fused, plans))
    return tuple(plans.values())


def absent_arms(
    protocol: Protocol,
    modalities: Collection[str],
    card: CohortCard,
    later: Mapping[str, int] | None = None,
) -> tuple[AbsentArm, ...]:
    """Return the arms on a modality that the cache does not have, and those that need tiles without any.

    `later` are modalities of which nothing is known yet on the prediction day, which it names.
    """
    not_yet = {name: f"nothing of {name} is known by day {day}" for name, day in (later or {}).items()}
    there = _in_order(modalities, card)
    plans = [plan for spec in protocol.arms for plan in _plans_of(spec, there, card)]
    plans += [ArmPlan(model=spec.model, modalities=_fused(spec, there)) for spec in protocol.fusion]
    absent = []
    for plan in plans:
        lacking = [modality_of(name) for name in plan.modalities if name not in there]
        if len(plan.modalities) > 1 and _lacks_tiles(plan.model, plan.modalities):
            lacking.append(TILED)
        if lacking:
            # one that not even the card lists says more than one that was not extracted
            name = min(lacking, key=lambda name: name in card.modalities)
            why = not_yet.get(name, "")
            declared = name in card.modalities and not why
            absent.append(AbsentArm(plan=plan, modality=name, declared=declared, why=why))
    scores = (spec.model for spec in protocol.arms if spec.model in RISK_SCORES)
    absent += [
        AbsentArm(
            plan=ArmPlan(model=score, modalities=("clinical",)), modality="clinical", declared=False, why=why
        )
        for score in scores
        if (why := score_needs_later(score, card))
    ]
    return tuple(absent)


def _in_order(labels: Collection[str], card: CohortCard) -> tuple[str, ...]:
    """Sort by the card's modalities; of one modality the first set comes first, the others as they came."""
    order = [str(name) for name in card.modalities]

    def place(label: str) -> tuple[int, str, bool]:
        modality = modality_of(label)
        return order.index(modality) if modality in order else len(order), modality, label != modality

    return tuple(sorted(labels, key=place))


def _first_sets(there: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label for label in there if label == modality_of(label))


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
    if is_fusion(spec.model):
        raise OutcomeError(
            "protocol: arms", expected="models", got=spec.model, remedy="Fusion goes under `fusion`."
        )
    options = tuple(sorted(spec.options.items()))
    if spec.model in RISK_SCORES:
        options = score_options(spec.model, card)
        if not options or score_needs_later(spec.model, card):
            return
    if spec.modalities == "none":
        yield ArmPlan(model=spec.model, modalities=(), options=options)
    elif spec.modalities == "all":
        yield ArmPlan(model=spec.model, modalities=_first_sets(there), options=options)
    elif spec.modalities == "each":
        yield from (ArmPlan(model=spec.model, modalities=(name,), options=options) for name in there)
    else:
        _refuse_unknown(f"arms: {spec.model}", spec.modalities, there)
        yield ArmPlan(model=spec.model, modalities=spec.modalities, options=options)


def _refuse_unknown(where: str, labels: tuple[str, ...], there: tuple[str, ...]) -> None:
    """Refuse what is no modality, and a further feature set of one that `feature_sets` does not choose."""
    for label in labels:
        modality = modality_of(label)
        sets = tuple(name for name in there if modality_of(name) == modality)
        if modality not in get_args(Modality) or (sets and label not in sets):
            raise OutcomeError(
                f"protocol: {where}",
                expected=f"modalities among: {', '.join(get_args(Modality))}"
                if modality not in get_args(Modality)
                else f"one of {', '.join(sets)}, as `feature_sets` chooses them",
                got=label,
                remedy="Correct the name in the protocol.",
            )


def _fused(spec: FusionSpec, there: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a fusion uses, in the order in which it is named."""
    if spec.modalities == "all":
        return _first_sets(there)
    _refuse_unknown(f"fusion: {spec.model}", spec.modalities, there)
    return spec.modalities


def _fusion_plan(spec: FusionSpec, fused: tuple[str, ...], plans: dict[str, ArmPlan]) -> ArmPlan:
    if not is_fusion(spec.model):
        raise OutcomeError(
            "protocol: fusion",
            expected="models of several modalities",
            got=spec.model,
            remedy="A model of one modality goes under `arms`.",
        )
    bases: tuple[ArmPlan, ...] = ()
    over = spec.over or ("ridge_cox",)
    if spec.model == "stack":
        bases = tuple(plan for model in over for plan in _arms_of(model, fused, plans))
        _refuse_mixed(bases)
    elif spec.model == "late":
        bases = tuple(plan for plan in _arms_of(over[0], fused, plans) if len(plan.modalities) == 1)
        fused = tuple(plan.modalities[0] for plan in bases)
    elif spec.model == "residual":
        first = next((name for name in fused if modality_of(name) == "clinical"), fused[0])
        bases = tuple(plan for plan in _arms_of(over[0], fused, plans) if plan.modalities == (first,))
        fused = (first, *(name for name in fused if name != first))
    if spec.model in FITTED_FROM_ARMS and len(bases) < (1 if spec.model == "residual" else 2):
        raise OutcomeError(
            "protocol: fusion",
            expected=f"the arms of {' and '.join(over)} that {spec.model} is fitted from",
            got=f"{len(bases)} such arms",
            remedy=f"Add {{model: {over[0]}, modalities: each}} to `arms`.",
        )
    return ArmPlan(
        model=spec.model,
        modalities=fused,
        options=tuple(sorted(spec.options.items())),
        bases=tuple(base.name for base in bases),
    )


def _arms_of(model: str, fused: tuple[str, ...], plans: dict[str, ArmPlan]) -> tuple[ArmPlan, ...]:
    """Return the arms of a model that read some of these modalities and no other."""
    found = tuple(
        plan
        for plan in plans.values()
        if plan.model == model and plan.modalities and set(plan.modalities) <= set(fused) and not plan.bases
    )
    if not found:
        raise OutcomeError(
            "protocol: fusion",
            expected=f"arms of {model}, which a fusion is to be fitted from, in lines above it",
            got="none",
            remedy=f"Add {{model: {model}}} to `{'fusion' if is_fusion(model) else 'arms'}`.",
        )
    return found


def _lacks_tiles(model: str, fused: tuple[str, ...]) -> bool:
    """Return whether a fusion looks at tiles, and none of its modalities has any."""
    from fuse.models.registry import MODEL_CARDS

    looks = is_fusion(model) and MODEL_CARDS[model].reads == "tiles"
    return looks and TILED not in map(modality_of, fused)


def _refuse_mixed(bases: tuple[ArmPlan, ...]) -> None:
    """Refuse arms of which a stack could not say what each modality adds to the risk of a case."""
    from fuse.models.registry import card_of

    mixed = [plan.name for plan in bases if len(plan.modalities) > 1 and not card_of(plan.model).adds_up]
    if mixed:
        raise OutcomeError(
            "protocol: fusion",
            expected="a stack over models that say what each modality adds to a risk",
            got=", ".join(mixed),
            remedy="Take the networks out of `over`; they have lines of their own.",
        )


def is_fusion(model: str) -> bool:
    """Return whether a model of the table takes several modalities."""
    from fuse.models.registry import MODEL_CARDS

    return model in MODEL_CARDS and MODEL_CARDS[model].modalities == "several"


def split_runnable(
    plans: Sequence[ArmPlan], kind: str = "survival", *, enters_late: bool = False
) -> tuple[tuple[ArmPlan, ...], dict[str, str]]:
    """Return the arms that can run here on this kind of endpoint and, for the others, the reason why not."""
    from fuse.models.registry import MODEL_CARDS

    reasons: dict[str, str] = {}
    for plan in plans:
        card = MODEL_CARDS[plan.model]
        absent = card.absent_needs()
        if kind not in card.endpoints:
            reasons[plan.name] = f"it learns {', '.join(card.endpoints)} endpoints, not {kind}"
        elif enters_late and not card.late_entry:
            reasons[plan.name] = ENTERS_LATE
        elif absent:
            reasons[plan.name] = f"{', '.join(absent)}{NOT_INSTALLED}"
        elif any(base in reasons for base in plan.bases):
            reasons[plan.name] = STACKS_ONE_NOT_RUN
    return tuple(plan for plan in plans if plan.name not in reasons), reasons
