"""The measures of one study as a vector of values and states, PSA density among them where a recipe asks.

Enters: the volume entry that the `volumes` block of the same recipe made and, for PSA density, the clinical
entry of the case. Leaves: a vector entry of the modality burden, one a study. No image is opened; the sources
are entries, so a study that is measured anew is taken anew.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.burden.density import PSA_DENSITY, UNIT, Stated, psa_density
from extract.burden.settings import CLINICAL, MODALITY, clinical_recipe, resolve_burden, studies_recipe
from extract.encoders.weights import WeightsSource
from extract.entry_sources import find_entry, seal_of
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.volumes.manifest import studies_of
from extract.volumes.measures.measured import unit_of
from extract.volumes.measures.settings import Organ
from extract.volumes.measures.study import MEASURES
from extract.volumes.settings import read_settings
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import MISSING, STATES, EntryDraft, EntryKey, EntryRecord, Source
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

#: What is called 1 or 0 and is no quantity.
_YES_OR_NO = ("lesion_present", "scar_present")


class BurdenStage:
    """See `extract.item.Stage`; the root of its items is the cache."""

    block = modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe: the settings of what the vector is made of (see `settings.py`)."""
        return resolve_burden(name, block, cohort, weights)

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every study that the volumes block encodes; `root` is that of the cache."""
        _, block = read_settings(studies_recipe(resolved.recipe))
        measured = {row.case_id for row in cohort.measurements}
        return [
            WorkItem(
                block=self.block,
                key=EntryKey.of(cohort.name, resolved.recipe, rows.case_id, rows.study_id),
                recipe=resolved.recipe,
                root=root,
                facts={"has_clinical": rows.case_id in cohort.clinical or rows.case_id in measured},
            )
            for rows in studies_of(cohort, block.sequences)
        ]

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Return the seals of the entries that it is made of; `SourceError` where one is not there."""
        records = [_study(item), _clinical(item)]
        return tuple(seal_of(item, record, f"entry:{record.modality}") for record in records if record)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read the entries, every byte compared with their records, and put the vector together.

        Raises
        ------
        DamagedEntryError
            An entry is not what was committed.
        SourceError
            The study or the case's values have no entry.
        """
        cache = FeatureCache(root=item.root)
        study = cache.read(_study(item).key)
        attrs = study.record.attrs
        # those of a series over time are named after series and regions, which another case may not have
        names = MEASURES[_organ(item)]
        places = [attrs["measure_names"].index(name) for name in names]
        values, state = (study.arrays[name][places].tolist() for name in ("measures", "measure_state"))
        variables: list[Json] = [_describe(name, attrs["day"]) for name in names]
        clinical, day_of_psa = _clinical(item), None
        if item.recipe.settings["psa"] is not None:
            psa, declared = _psa_of(item, cache, clinical)
            gland = names.index("gland_volume_ml")
            density = psa_density(psa, Stated(value=values[gland], state=state[gland]))
            values.append(density.value)
            state.append(density.state)
            day_of_psa = declared["day"]
            variables.append({"name": PSA_DENSITY, "kind": "numeric", "unit": UNIT, **declared})
        made_of: list[Json] = [record.key.feature_set for record in (study.record, clinical) if record]
        return EntryDraft(
            key=item.key,
            kind="vector",
            sources=sources,
            settings=item.recipe.settings,
            arrays={"values": np.array(values, dtype="<f8"), "state": np.array(state, dtype=np.uint8)},
            attrs={
                "variables": variables,
                "states": list(STATES),
                "series": attrs["series"],
                "day": attrs["day"],
                "clinical_day": day_of_psa,
                "reasons": {n: why for n, why in attrs["measure_reasons"].items() if n in names},
                "made_of": made_of,
            },
            used={"reader": "entries", "measured": attrs["measured"]},
            quality={"observed": int(np.sum(np.array(state) == 0)), "variables": len(variables)},
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return how many vectors are made; what an entry holds is known once it is there."""
        return {"vectors": 1}


def _describe(name: str, day: Json) -> dict[str, Json]:
    kind = "binary" if name in _YES_OR_NO else "numeric"
    return {"name": name, "kind": kind, "unit": unit_of(name), "scale": "linear", "day": day}


def _organ(item: WorkItem) -> Organ:
    organ = item.recipe.settings["organ"]
    return next(one for one in MEASURES if one == organ)


def _psa_of(
    item: WorkItem, cache: FeatureCache, clinical: EntryRecord | None
) -> tuple[Stated, dict[str, Json]]:
    """Return the PSA of the case and how it is declared; missing where the case has no clinical row."""
    declared = item.recipe.settings["variables"]
    assert isinstance(declared, list) and isinstance(declared[0], dict)
    told = declared[0]["day"]
    variable: dict[str, Json] = {"scale": declared[0]["scale"], "day": 0 if told == "at_index" else told}
    if clinical is None:
        return Stated(value=float("nan"), state=MISSING), variable
    arrays = cache.read(clinical.key).arrays
    place = [one["name"] for one in clinical.attrs["variables"]].index(declared[0]["name"])
    return Stated(value=float(arrays["values"][place]), state=int(arrays["state"][place])), variable


def _study(item: WorkItem) -> EntryRecord:
    return _entry(item, studies_recipe(item.recipe), item.key.item_id)


def _clinical(item: WorkItem) -> EntryRecord | None:
    """Return the clinical entry of the case; None where it is not asked for or the case has no such row."""
    recipe = clinical_recipe(item.recipe)
    if recipe is None or not item.facts["has_clinical"]:
        return None
    return _entry(item, recipe, CLINICAL)


def _entry(item: WorkItem, recipe: ResolvedRecipe, item_id: str) -> EntryRecord:
    remedy = "It failed (see its own row), was left out, or is another shard's: then run again."
    return find_entry(item, recipe, item_id, named=recipe.modality, remedy=remedy)
