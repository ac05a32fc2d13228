"""Published risk scores that a cohort's card names the columns of: which there are, and what they are given.

Enters: a card. Leaves: the options of the score's arm (columns, scales, units), and whether the score can be
known on the day of the prediction. No parameter of theirs is fitted.
"""

from __future__ import annotations

from collections.abc import Collection

from feature_cache.card import CohortCard
from fuse.protocol import Option

#: Arms that a cohort has only where its card names their columns.
RISK_SCORES = ("capra_s", "maggic")

#: The items of MAGGIC, the units of which its file says.
MAGGIC_INPUTS = (
    "age",
    "ejection_fraction",
    "systolic_bp",
    "bmi",
    "creatinine",
    "nyha",
    "male",
    "current_smoker",
    "diabetes",
    "copd",
    "diagnosed_18_months_ago",
    "beta_blocker",
    "acei_or_arb",
)

#: Those that are of no use without all of their inputs; of the others a missing one makes a range.
_NEED_ALL = ("capra_s",)


def score_options(model: str, card: CohortCard) -> tuple[tuple[str, Option], ...]:
    """Return the columns that the card names for a published score, with the scale or unit they are in."""
    options: dict[str, Option] = dict(_known_inputs(model, card))
    for name, title in tuple(options.items()):
        variable = card.variables.get(str(title))
        if variable is None:
            continue
        if model == "capra_s" and name == "psa":
            options["psa_scale"] = variable.scale
        if model == "maggic" and name == "creatinine":
            options |= {"creatinine_scale": variable.scale, "creatinine_unit": variable.unit or ""}
        if model == "maggic" and name == "ejection_fraction":
            options["ejection_fraction_unit"] = variable.unit or ""
        if model == "maggic" and name == "nyha":
            options["nyha_levels"] = " ".join(variable.levels)
    return tuple(sorted(options.items()))


def score_needs_later(model: str, card: CohortCard) -> str:
    """Return why a score cannot be known on the prediction day, "" where it can or the card has none."""
    later = _later_inputs(model, card)
    if not later or (model not in _NEED_ALL and _known_inputs(model, card)):
        return ""
    name, day = next(iter(later.items()))
    return f"{name} is known from day {day} on, after the prediction day {card.prediction_day}"


def lacking_items(model: str, options: Collection[str]) -> tuple[str, ...]:
    """Return the items that a score is computed without: their points make a range, they are not 0."""
    return tuple(name for name in MAGGIC_INPUTS if name not in options) if model == "maggic" else ()


def _known_inputs(model: str, card: CohortCard) -> dict[str, str]:
    inputs, later = card.risk_scores.get(model, {}), _later_inputs(model, card)
    return (
        inputs if model in _NEED_ALL else {name: title for name, title in inputs.items() if name not in later}
    )


def _later_inputs(model: str, card: CohortCard) -> dict[str, int]:
    """Return the inputs that are declared for a day after the prediction."""
    day = card.prediction_day
    if not card.moments or not isinstance(day, int):
        return {}
    named = {name: card.variables.get(title) for name, title in card.risk_scores.get(model, {}).items()}
    return {
        name: variable.day_number
        for name, variable in named.items()
        if variable is not None and variable.day_number > day
    }
