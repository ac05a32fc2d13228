"""Burden: entries made of entries, with PSA density, and never a 0 for what is not there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.weights import WeightsSource
from extract.plan import Folders, Plan, Selection, make_plan
from extract.recipe import RecipeFile, read_recipe
from extract.run import Receipt, extract_items
from extract.stages import STAGES
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.entry import BOUNDED_ABOVE, MISSING, NOT_APPLICABLE, OBSERVED, UNKNOWN
from feature_cache.errors import RecipeError
from feature_cache.store import Entry, FeatureCache
from fuse.features.feature_sets import choose_feature_sets
from fuse.features.known_by_then import split_by_day
from fuse.features.mixed_sources import mixed_sources
from fuse.features.table import read_cases
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.studies import T2W, gland, write_study

VOLUMES: dict[str, Any] = {"encoder": "first_order_shape", "measures": {"organ": "prostate"}}
RECIPE = RecipeFile(name="own", volumes=VOLUMES, clinical={}, burden={"psa": "psa"})
CARD = """{schema_version: 1, name: mine, title: t, citation: c, licence: l, sites: [],
 modalities: [volumes, clinical], index_event: surgery, prediction_day: 0, undated: {series: -9},
 variables: {psa: {kind: numeric, unit: %s, scale: log, day: -3}, age: {kind: numeric, unit: years}}}
"""


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """1: gland, a lesion mask that is empty, PSA 6. 2: no mask. 3: PSA below .5. 4: no clinical row."""
    write_study(tmp_path / "raw")
    write_nifti(tmp_path / "raw/none.nii.gz", np.zeros_like(gland(T2W), dtype=np.uint8), T2W.affine)
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(CARD % "ng/mL", encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\n1,\n2,\n3,\n4,\n", encoding="utf-8")
    (folder / "clinical.csv").write_text("case_id,psa,age\n1,6,60\n2,6,60\n3,<0.5,60\n", encoding="utf-8")
    series = [f"{case},s,{name},{name},,{name}.nii.gz,\n" for case in "1234" for name in ("t2w", "adc")]
    (folder / "series.csv").write_text(
        "case_id,study_id,series_id,sequence,day,path,spacing_mm\n" + "".join(series), encoding="utf-8"
    )
    masks = [f"{case},s,prostate,gland.nii.gz,\n" for case in "134"]
    (folder / "masks.csv").write_text(
        "case_id,study_id,region,path,codebook\n" + "".join(masks) + "1,s,lesion,none.nii.gz,\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


def plan(manifest: Path, cache: FeatureCache, recipe: RecipeFile = RECIPE) -> Plan:
    folders = Folders(root=manifest.parent / "raw")
    return make_plan(read_cohort(manifest), folders, cache, recipe, Selection())


def run(manifest: Path, cache: FeatureCache, recipe: RecipeFile = RECIPE) -> list[Receipt]:
    passes = plan(manifest, cache, recipe).passes
    return [receipt for tasks in passes for task in tasks for receipt in extract_items(task, cache)]


def burdens(cache: FeatureCache) -> dict[str, Entry]:
    return {one.case_id: cache.read(one.key) for one in cache.records() if one.modality == "burden"}


def values(entry: Entry) -> dict[str, tuple[float, int]]:
    names = [one["name"] for one in entry.record.attrs["variables"]]
    numbers, states = entry.arrays["values"].tolist(), entry.arrays["state"].tolist()
    return dict(zip(names, zip(numbers, states, strict=True), strict=True))


def test_density_and_states(manifest: Path, cache: FeatureCache) -> None:
    assert {receipt.outcome for receipt in run(manifest, cache)} == {"committed"}
    found = {case: values(entry) for case, entry in burdens(cache).items()}
    ml = float(gland(T2W).sum()) * 0.75 / 1000
    assert found["1"]["psa_density"] == (pytest.approx(6 / ml), OBSERVED)
    assert found["3"]["psa_density"] == (pytest.approx(0.5 / ml), BOUNDED_ABOVE)
    assert found["2"]["psa_density"][1] == UNKNOWN and found["4"]["psa_density"][1] == MISSING
    assert found["1"]["lesion_volume_ml"] == (0.0, OBSERVED)
    assert found["1"]["lesion_adc_p10"][1] == NOT_APPLICABLE
    assert found["3"]["lesion_volume_ml"][1] == UNKNOWN
    entry = burdens(cache)["1"].record
    assert [source.role for source in entry.sources] == ["entry:volumes", "entry:clinical"]
    assert entry.key.feature_set.startswith("own_burden_psa-")
    assert (entry.attrs["day"], entry.attrs["clinical_day"]) == (-9, -3)
    assert [source.role for source in burdens(cache)["4"].record.sources] == ["entry:volumes"]
    for record in cache.records():  # no clinical value in the entry of a study
        assert record.modality != "volumes" or "psa" not in record.model_dump_json()


def test_fuse_takes_it_as_a_modality_of_its_own(manifest: Path, cache: FeatureCache, tmp_path: Path) -> None:
    run(manifest, cache)
    cohort: Cohort = read_cohort(manifest)
    chosen, problems = choose_feature_sets(cache, cohort, "auto")
    assert problems == [] and sorted(chosen) == ["burden", "clinical", "volumes"]
    (warning,) = [one for label in sorted(chosen) for one in mixed_sources(chosen[label])]
    assert warning.level == "warning" and warning.got.endswith("with clinical values (psa)")
    burden = read_cases(cache, chosen, cohort.case_ids, tmp_path).modalities["burden"]
    density = burden.values[:, burden.columns.index("psa_density")]
    ml = float(gland(T2W).sum()) * 0.75 / 1000
    # the scale that PSA has; nothing stands for what is not there
    np.testing.assert_allclose(density, [np.log(6 / ml), np.nan, np.log(0.5 / ml), np.nan])
    np.testing.assert_array_equal(
        burden.values[:, burden.columns.index("lesion_volume_ml")], [0.0, np.nan, np.nan, np.nan]
    )
    assert "transition_volume_ml" not in burden.columns  # no case has one
    renamed = manifest / "cohort.yaml"
    renamed.write_text(CARD % "ug/L", encoding="utf-8")
    _, problems = choose_feature_sets(cache, read_cohort(manifest), {"burden": chosen["burden"].name})
    assert [problem.got for problem in problems] == ["entries made with another unit"]


def test_it_is_known_once_both_are_known(manifest: Path, cache: FeatureCache) -> None:
    run(manifest, cache)
    cohort, later = read_cohort(manifest), {}
    for modality in ("volumes", "burden"):
        records = [one for one in cache.records() if one.modality == modality]
        later[modality] = [len(split_by_day(records, cohort, day).later) for day in (-10, -9, -4, -3)]
    assert later == {"volumes": [4, 0, 0, 0], "burden": [4, 4, 4, 0]}


def test_it_is_made_after_what_it_is_made_of_and_anew_with_it(manifest: Path, cache: FeatureCache) -> None:
    assert {item.block for (item,) in plan(manifest, cache).passes[1]} == {"burden"}
    run(manifest, cache)
    assert plan(manifest, cache).todo == ()
    rows = (manifest / "clinical.csv").read_text(encoding="utf-8")
    (manifest / "clinical.csv").write_text(rows.replace("1,6,", "1,12,") + "4,9,70\n", encoding="utf-8")
    again = [(item.block, item.key.case_id) for item in plan(manifest, cache).todo]
    assert again == [("clinical", "1"), ("clinical", "4"), ("burden", "1"), ("burden", "4")]
    before = values(burdens(cache)["1"])["psa_density"][0]
    run(manifest, cache)
    assert values(burdens(cache)["1"])["psa_density"][0] == pytest.approx(2 * before)
    assert values(burdens(cache)["4"])["psa_density"][1] == OBSERVED


def test_without_psa_no_clinical_value_is_touched(manifest: Path, cache: FeatureCache) -> None:
    recipe = RecipeFile(name="own", volumes=VOLUMES, burden={})
    run(manifest, cache, recipe)
    entry = burdens(cache)["1"]
    assert "psa_density" not in values(entry) and entry.record.key.feature_set.startswith("own_burden-")
    assert [source.role for source in entry.record.sources] == ["entry:volumes"]


def test_measures_that_only_some_studies_have_are_not_taken(manifest: Path, cache: FeatureCache) -> None:
    """Measures over time are named after series and regions: the vectors of a set have one order."""
    stage = STAGES["volumes"]
    for (item,) in plan(manifest, cache).passes[0]:
        if item.block == "volumes":
            draft = stage.build(item, stage.sources(item, cache.hash_file))
            more: Any = draft.attrs["measure_names"]
            state = np.append(np.uint8(OBSERVED), draft.arrays["measure_state"])
            extra = {"measures": np.append(7.0, draft.arrays["measures"]), "measure_state": state}
            cache.commit(
                replace(
                    draft,
                    arrays=draft.arrays | extra,
                    attrs=draft.attrs | {"measure_names": ["dce/prostate/onset_s", *more]},
                )
            )
    run(manifest, cache)
    found = values(burdens(cache)["1"])
    assert "dce/prostate/onset_s" not in found
    assert found["gland_volume_ml"] == (pytest.approx(gland(T2W).sum() * 0.75 / 1000), OBSERVED)


def test_the_shipped_recipe_of_a_heart(manifest: Path) -> None:
    cohort = read_cohort(manifest)
    resolved = [
        STAGES[part.block].resolve(part.name, part.settings, cohort, WeightsSource()).recipe
        for part in read_recipe("heart").parts
    ]
    assert [recipe.name for recipe in resolved] == ["heart", "heart_burden"]
    assert resolved[1].settings["volumes"] == resolved[0].settings


def test_a_study_that_failed_is_named(manifest: Path, cache: FeatureCache) -> None:
    (manifest.parent / "raw/adc.nii.gz").write_bytes(b"none")
    failed = [receipt.problem for receipt in run(manifest, cache) if receipt.outcome == "failed"]
    own = [one for one in failed if one is not None and one.where == "case 1, burden of study s"]
    assert len(own) == 1 and own[0].expected.startswith("an entry of volumes in own-")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"burden": {}}, "the recipe has no block volumes"),
        ({"volumes": VOLUMES, "burden": {"psa": "psa"}}, "the recipe has no block clinical"),
        ({"volumes": VOLUMES, "burden": {"volumes": {}}}, "belong beside it"),
    ],
)
def test_blocks_that_are_not_beside_it(tmp_path: Path, recipe: dict[str, Any], message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps({"name": "own", **recipe}), encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"recipe own\.yaml: burden: .*{message}"):
        read_recipe(str(path))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"volumes": {}}, "a volumes block with `measures`; got none"),
        ({"burden": {"psa": "psi"}}, "psi, which is none of them"),
        ({"burden": {"psa": "age"}}, "age: numeric in years"),
        ({"volumes": {"measures": {"organ": "heart"}}}, "got measures of the heart"),
    ],
)
def test_what_cannot_be_divided(
    manifest: Path, cache: FeatureCache, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        plan(manifest, cache, RECIPE.model_copy(update=changed))
