"""The `burden` block of a recipe: the measures of the studies as one vector each, PSA density among them.

Enters: the block as written, with the blocks `volumes` and `clinical` of the same recipe. Leaves: settings to
be hashed. PSA density divides a clinical value by an imaging one: it stands here and not in the entry of the
study, or "imaging alone" would hold a laboratory value.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from extract.clinical.stage import ClinicalStage
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.recipe import read_block
from extract.volumes.settings import MODALITY as VOLUMES
from extract.volumes.settings import resolve_volumes
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.errors import RecipeError
from feature_cache.recipe import ResolvedRecipe

MODALITY = "burden"
CLINICAL = "clinical"
BURDEN_ALGORITHM = 1
#: Units of PSA that are the same number.
_NG_PER_ML = ("ng/mL", "ng/ml", "ug/L", "µg/L")


class BurdenBlock(BaseModel):
    """The `burden` block of a recipe file; `volumes` and `clinical` are the recipe's blocks of those names.

    `psa` names the clinical variable to divide by the gland's volume; without it no clinical value gets in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    psa: str | None = None
    volumes: dict[str, JsonValue]
    clinical: dict[str, JsonValue] | None = None


def resolve_burden(
    name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
) -> ResolvedBlock:
    """Return the resolved recipe: the settings of the studies and, with `psa`, of the clinical values.

    The feature set is called after the recipe, `_burden`, or `_burden_psa` where a clinical value is in it.

    Raises
    ------
    RecipeError
        A `volumes` block without `measures`; a PSA of another organ, that the clinical block does not have,
        or in another unit than ng/mL.
    """
    chosen = read_block(BurdenBlock, name, MODALITY, block)
    volumes = resolve_volumes(name, chosen.volumes, cohort, weights)
    measures = volumes.recipe.settings.get("measures")
    if not isinstance(measures, dict):
        raise _refusal(name, "a volumes block with `measures`", "none", "Say `measures: {organ: prostate}`.")
    settings: dict[str, Json] = {
        "algorithm": BURDEN_ALGORITHM,
        "organ": measures["organ"],
        "psa": chosen.psa,
        "volumes": volumes.recipe.settings,
        "prediction_day": cohort.card.last_day,
    }
    if chosen.psa is not None:
        settings |= _with_psa(name, chosen, str(measures["organ"]), cohort)
    suffix = MODALITY if chosen.psa is None else f"{MODALITY}_psa"
    recipe = ResolvedRecipe(name=f"{name}_{suffix}", modality=MODALITY, settings=settings)
    return ResolvedBlock(recipe=recipe)


def studies_recipe(recipe: ResolvedRecipe) -> ResolvedRecipe:
    """Return the recipe of the studies whose measures are taken."""
    return ResolvedRecipe(name=_plain_name(recipe), modality=VOLUMES, settings=_part(recipe, VOLUMES))


def clinical_recipe(recipe: ResolvedRecipe) -> ResolvedRecipe | None:
    """Return the recipe of the clinical values behind PSA density; None without it."""
    if recipe.settings["psa"] is None:
        return None
    return ResolvedRecipe(name=_plain_name(recipe), modality=CLINICAL, settings=_part(recipe, CLINICAL))


def _plain_name(recipe: ResolvedRecipe) -> str:
    return recipe.name.removesuffix("_psa").removesuffix(f"_{MODALITY}")


def _part(recipe: ResolvedRecipe, block: str) -> dict[str, Any]:
    settings = recipe.settings[block]
    assert isinstance(settings, dict)
    return settings


def _with_psa(name: str, chosen: BurdenBlock, organ: str, cohort: Cohort) -> dict[str, Json]:
    """Return the settings that PSA adds: those of the clinical values, and how PSA is declared."""
    if organ != "prostate":
        raise _refusal(name, "PSA density of a prostate", f"measures of the {organ}", "Take `psa` out.")
    clinical = ClinicalStage().resolve(name, chosen.clinical or {}, cohort, WeightsSource()).recipe.settings
    declared = clinical["variables"]
    assert isinstance(declared, list)
    own = [one for one in declared if isinstance(one, dict) and one["name"] == chosen.psa]
    if not own:
        got = f"{chosen.psa}, which is none of them"
        raise _refusal(name, "a variable of the clinical block", got, "Mend the name under `psa`.")
    unit, kind = own[0]["unit"], own[0]["kind"]
    if kind != "numeric" or unit not in _NG_PER_ML:
        raise _refusal(
            name,
            f"a numeric variable in ng/mL as PSA ({', '.join(_NG_PER_ML[2:])} is the same)",
            f"{chosen.psa}: {kind} in {unit or 'no unit'}",
            "Declare kind and unit in cohort.yaml.",
        )
    # `variables` is where a feature set of declared values keeps their declarations, for fuse to compare
    return {CLINICAL: clinical, "variables": [own[0]]}


def _refusal(name: str, expected: str, got: str, remedy: str) -> RecipeError:
    return RecipeError(f"recipe {name}: {MODALITY}", expected=expected, got=got, remedy=remedy)
