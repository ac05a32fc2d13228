"""Clinical values as a modality: one entry a case, one vector of values and states.

Enters: the declared cells and the dated measurements of a case. Leaves: `values` in the declared units
(unscaled), `state`, and `measurements`. Nothing later than the prediction day and no excluded column can
get in: declarations and prediction day are settings, so that changing them makes another feature set.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from extract.clinical.gleason import disagreement
from extract.clinical.measurements import measurement_arrays
from extract.clinical.values import Cell, CellReader, column_names
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.recipe import read_block
from feature_cache.canonical import Json, canonical_json, sha256_of_json
from feature_cache.card import GAP, CohortCard, Variable
from feature_cache.cohort import Cohort
from feature_cache.entry import OBSERVED, STATES, EntryDraft, EntryKey, Source
from feature_cache.errors import ManifestError, RecipeError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.tables import ABSENT


class ClinicalBlock(BaseModel):
    """The `clinical` block of a recipe file; `variables` picks some of the card's (all where left out)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "values"
    variables: tuple[str, ...] | None = None


class ClinicalStage:
    """See `extract.item.Stage`."""

    block = modality = "clinical"

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe: the declarations of the chosen variables and the prediction day.

        Raises
        ------
        RecipeError
            Unknown keys, an encoder without a card, a variable that the cohort does not declare.
        ManifestError
            A chosen variable is excluded, later than the prediction day, or of a kind still a gap.
        """
        chosen = read_block(ClinicalBlock, name, self.modality, block)
        encoder = find_encoder(chosen.encoder, self.modality)
        card = cohort.card
        names = tuple(card.variables) if chosen.variables is None else chosen.variables
        for variable in names:
            _refuse_unusable(name, variable, card)
        settings: dict[str, Json] = {
            "encoder": encoder.name,
            "algorithm": encoder.algorithm,
            "prediction_day": card.last_day,
            # A list, so that the order of the values is part of the identity too.
            "variables": [
                {"name": v, **card.variables[v].model_dump(mode="json", exclude={"note"})} for v in names
            ],
        }
        return ResolvedBlock(recipe=ResolvedRecipe(name=name, modality=self.modality, settings=settings))

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every case with a row in clinical.csv or in measurements.csv."""
        recipe = resolved.recipe
        chosen = _variables(recipe)
        measured: dict[str, list[Json]] = {}
        for row in (row for row in cohort.measurements if row.variable in chosen):
            measured.setdefault(row.case_id, []).append(row.model_dump(mode="json", exclude={"case_id"}))
        items = []
        for case_id in cohort.case_ids:
            if case_id not in cohort.clinical and case_id not in measured:
                continue
            row_cells = cohort.clinical.get(case_id, {})
            cells: dict[str, Json] = {name: row_cells.get(name, ABSENT) for name in chosen}
            key = EntryKey.of(cohort.name, recipe, case_id, "clinical")
            facts: dict[str, Json] = {"cells": cells, "measurements": measured.get(case_id, [])}
            # Of the chosen cells alone: what is no source may change no byte of the entry.
            warning = disagreement(
                cohort.card, {name: row_cells[name] for name in chosen.keys() & row_cells.keys()}
            )
            if warning is not None:
                facts["warning"] = warning
            items.append(WorkItem(block=self.block, key=key, recipe=recipe, facts=facts))
        return items

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Return the hash of the case's declared cells and measurements; other columns do not touch it."""
        facts = {"cells": item.facts["cells"], "measurements": item.facts["measurements"]}
        size = len(canonical_json(facts))
        return (Source(role="clinical_row", sha256=sha256_of_json(facts), bytes=size),)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Parse the cells and return the entry.

        Raises
        ------
        SourceError
            A cell is not of its declared kind, or a measurement is undeclared, in another unit, or later
            than the prediction day. Named by case and column.
        """
        variables = _variables(item.recipe)
        cells, rows = item.facts["cells"], item.facts["measurements"]
        last_day = item.recipe.settings["prediction_day"]
        assert isinstance(cells, dict) and isinstance(rows, list) and isinstance(last_day, int)
        encoder = find_encoder(str(item.recipe.settings["encoder"]), self.modality)
        read: CellReader = load_encoder(encoder)
        described: list[Json] = []
        parsed: list[Cell] = []
        for name, variable in variables.items():
            parsed.extend(read(item.key.case_id, name, str(cells[name]), variable))
            described.extend(_describe(name, variable))
        states = np.array([cell.state for cell in parsed], dtype=np.uint8)
        measured_names, measured = measurement_arrays(item.key.case_id, rows, variables, last_day)
        warning = item.facts.get("warning")
        attrs: dict[str, Json] = {
            "variables": described,
            "states": list(STATES),
            "missing_as": {
                str(column["name"]): cell.missing_as
                for column, cell in zip(described, parsed, strict=True)
                if isinstance(column, dict) and cell.missing_as is not None
            },
            "measurement_variables": list(measured_names),
        }
        return EntryDraft(
            key=item.key,
            kind="vector",
            sources=sources,
            arrays={
                "values": np.array([cell.value for cell in parsed], dtype="<f8"),
                "state": states,
                **measured,
            },
            settings=item.recipe.settings,
            attrs=attrs,
            used={"reader": "clinical_table", "encoder": encoder.name, "algorithm": encoder.algorithm},
            quality={"observed": int((states == OBSERVED).sum()), "variables": len(parsed)},
            warnings=() if warning is None else (str(warning),),
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return the bytes of the case's cells."""
        return {"bytes": len(canonical_json(item.facts))}


def _variables(recipe: ResolvedRecipe) -> dict[str, Variable]:
    declared = recipe.settings["variables"]
    assert isinstance(declared, list)
    rows = [dict(one) for one in declared if isinstance(one, dict)]
    return {str(row.pop("name")): Variable.model_validate(row) for row in rows}


def _describe(name: str, variable: Variable) -> list[Json]:
    described: list[Json] = []
    for index, column in enumerate(column_names(name, variable)):
        one: dict[str, Json] = {"name": column, "kind": variable.kind, "unit": variable.unit}
        one |= {"scale": variable.scale, "day": variable.day_number}
        if column != name:
            one["level"] = variable.levels[index]
        if variable.kind == "ordinal":
            one["levels"] = list(variable.levels)
        described.append(one)
    return described


def _refuse_unusable(recipe: str, name: str, card: CohortCard) -> None:
    where = f"recipe {recipe}: clinical variable {name}"
    if name in card.excluded:
        raise ManifestError(
            where,
            expected="no outcome or treatment in disguise",
            got=f"an excluded column ({card.excluded[name]})",
            remedy="Take it out of variables.",
        )
    if name not in card.variables:
        raise RecipeError(
            where, expected="a variable of cohort.yaml", got="none of this name", remedy="Mend the name."
        )
    variable = card.variables[name]
    if variable.kind.startswith(GAP):
        raise ManifestError(where, expected="a kind", got="a gap", remedy="Fill in its kind in cohort.yaml.")
    if variable.day_number > card.last_day:
        raise ManifestError(
            where,
            expected=f"a day up to the prediction day {card.last_day}",
            got=f"day {variable.day_number}",
            remedy="Take it out of variables: it is not known when the prediction is made.",
        )
