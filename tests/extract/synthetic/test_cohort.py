from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from extract.synthetic.cohort import write_synthetic
from feature_cache.errors import ManifestError


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def write(root: Path, layout: Literal["chimera", "mprtm"], cases: int, seed: int) -> dict[str, str]:
    write_synthetic(root, layout=layout, cases=cases, seed=seed, progress=lambda _: None)
    return contents(root)


@pytest.mark.parametrize("layout", ["chimera", "mprtm"])
def test_same_seed_same_bytes_and_another_seed_other_bytes(tmp_path: Path, layout: Any) -> None:
    first = write(tmp_path / "a", layout, 1, 8)
    assert write(tmp_path / "b", layout, 1, 8) == first
    other = write(tmp_path / "c", layout, 1, 9)
    assert {name for name in first if other.get(name) == first[name]} == {"SYNTHETIC.txt"}


def test_a_case_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    few, more = write(tmp_path / "a", "chimera", 1, 4), write(tmp_path / "b", "chimera", 2, 4)
    shared = {name for name in few if name.split("/")[0] in ("pathology", "radiology", "notes")}
    assert shared
    assert all(more[name] == few[name] for name in shared)


def test_the_chimera_layout_is_that_of_the_download(chimera: Any) -> None:
    found = {path.relative_to(chimera.root).as_posix() for path in chimera.root.rglob("*") if path.is_file()}
    expected = {"truth.json"}
    for case_id, case in chimera.truth["cases"].items():
        expected.add(f"clinical_data/{case_id}.json")
        if "volumes" not in case["missing"]:
            folder = f"radiology/images/{case_id}/{case_id}_0001"
            expected |= {f"{folder}_{suffix}.mha" for suffix in ("t2w", "adc", "hbv", "mask")}
    for slide_id in chimera.truth["hazardous_tiles"]:
        folder = f"pathology/images/{slide_id[:4]}/{slide_id}"
        expected |= {f"{folder}.tif", f"{folder}_tissue.tif"}
    notes = {name for name in found if name.startswith("notes/")}
    assert found - notes == expected | {"SYNTHETIC.txt"}
    assert {name.split("/")[1] for name in notes} == set(chimera.of_case("notes"))
    assert all(name.split("/")[2].startswith(name.split("/")[1] + "_") for name in notes)


def test_ids_have_four_digits_and_some_begin_with_zero(chimera: Any) -> None:
    ids = list(chimera.truth["cases"])
    assert len(set(ids)) == 6
    assert all(len(case_id) == 4 and case_id.isdigit() for case_id in ids)
    assert "0071" in ids


def test_progress_counts_the_cases(chimera: Any, mprtm: Any) -> None:
    assert chimera.progress == list(range(1, 7))
    assert mprtm.progress == list(range(1, 31))


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ManifestError, match="expected a folder that is empty or absent"):
        write(tmp_path, "chimera", 1, 1)


def test_more_cases_than_ids_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="expected 1 to 10000 cases; got 10001"):
        write(tmp_path / "a", "mprtm", 10_001, 1)


@pytest.mark.parametrize("layout", ["chimera", "mprtm"])
def test_truth_is_complete(request: pytest.FixtureRequest, layout: str) -> None:
    written = request.getfixturevalue(layout)
    truth = written.truth
    assert truth["layout"] == layout
    assert truth["seed"] == 5
    assert 0 < truth["event_rate"] < 1
    assert 0.5 < truth["true_risk_c"] <= 1.0
    weights = truth["modality_weights"]
    for case in truth["cases"].values():
        assert case["risk"] == pytest.approx(sum(case["contributions"].values()), abs=1e-5)
        assert set(case["contributions"]) == set(weights)
        for modality, numbers in case["measurements"].items():
            assert len(numbers) == len(truth["measurement_names"][modality])
            if modality in case["missing"]:
                assert set(numbers) == {None}
    assert set(truth["lesions"]) == set(written.of_case("volumes"))


def test_clinical_cells_carry_the_quirks_of_the_download(chimera: Any) -> None:
    for case_id, case in chimera.truth["cases"].items():
        record = json.loads((chimera.root / "clinical_data" / f"{case_id}.json").read_text())
        assert record["BCR"] == ("1.0" if case["event"] else "0.0")
        assert record["time_to_follow-up/BCR"] == case["time"] > 0
        assert isinstance(record.get("BCR_PSA"), float) == case["event"]
        assert record["positive_surgical_margins"] in (0, 1, 2)
        for name in ("positive_lymph_nodes", "capsular_penetration", "invasion_seminal_vesicles"):
            assert record[name] in ("0", "1", "0.0", "1.0", "x")
        assert record["pT_stage"] in ("2", "2a", "2b", "2c", "3", "3a", "3b", "4", "x")
