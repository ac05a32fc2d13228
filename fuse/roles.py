"""Who is compared with whom: fixed from the protocol, before any outcome of a test part is opened.

Enters: the protocol and the arms that run. Leaves: the `Roles` that comparisons and verdict are made from,
and the name of the pseudo-arm of the single modality that each train part would have chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from fuse.arm_plans import ArmPlan, is_fusion
from fuse.metrics.comparison import Roles
from fuse.protocol import Protocol
from fuse.risk_scores import RISK_SCORES

#: The models whose arm on one modality stands for that modality (and, on clinical values, for the clinic):
#: of times the first, of classes the second, of competing causes in a protocol without the first the others.
SINGLE_MODELS = ("ridge_cox", "ridge_logistic", "cause_specific_cox", "fine_gray")
SELECTED_SINGLE = "selected_single"


def assign_roles(protocol: Protocol, plans: Sequence[ArmPlan], selected: str) -> Roles:
    """Return the roles; fusion is the last fusion of the protocol that runs.

    Parameters
    ----------
    selected
        Name of the pseudo-arm, "" where there is none.
    """
    names = {plan.name for plan in plans}
    fusions = [plan.name for plan in plans if is_fusion(plan.model)]
    clinical = next((name for model in SINGLE_MODELS if (name := f"{model}__clinical") in names), "")
    scores = [plan.name for plan in plans if plan.model in RISK_SCORES]
    wanted = protocol.comparators
    return Roles(
        fusion=fusions[-1] if fusions else "",
        clinical=clinical if "clinical" in wanted else "",
        selected_single=selected if "selected_single" in wanted else "",
        published_score=scores[0] if scores and "published_score" in wanted else "",
        null="null__none" if "null__none" in names else "",
        singles={
            plan.modalities[0]: plan.name
            for model in reversed(SINGLE_MODELS)  # where several are there, the first has the last word
            for plan in plans
            if plan.model == model
        },
        other_fusions=tuple(fusions[:-1]),
    )


def drop_silent(roles: Roles, silent: Collection[str], selected: Collection[str]) -> Roles:
    """Return the roles without arms on modalities that nobody in the tested cohort has.

    They say the same of everybody: who is better than such an arm has not beaten its modality.

    Parameters
    ----------
    silent
        Modalities that nobody has.
    selected
        The arms that the selected single modality stands for, one or more.
    """
    unheard = {arm for modality, arm in roles.singles.items() if modality in silent}
    of_silent = any(arm.split("__", 1)[-1] in silent for arm in selected)
    return replace(
        roles,
        clinical="" if roles.clinical in unheard else roles.clinical,
        selected_single="" if of_silent else roles.selected_single,
        published_score="" if "clinical" in silent else roles.published_score,
        singles={modality: arm for modality, arm in roles.singles.items() if arm not in unheard},
    )


def selected_single_name(plans: Sequence[ArmPlan]) -> str:
    """Return the name of the pseudo-arm: the modalities that it chooses from, "" for one arm or none."""
    several = len([plan for plan in plans if is_single(plan)]) > 1
    return f"{SELECTED_SINGLE}__{'+'.join(selectable(plans))}" if several else ""


def selectable(plans: Sequence[ArmPlan]) -> tuple[str, ...]:
    """Return the modalities that the pseudo-arm chooses from."""
    return tuple(dict.fromkeys(plan.modalities[0] for plan in plans if is_single(plan)))


def is_single(plan: ArmPlan) -> bool:
    """Return whether an arm is a candidate for the selected single modality (a published score is not)."""
    return len(plan.modalities) == 1 and plan.model not in RISK_SCORES
