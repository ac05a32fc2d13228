"""Three real prostate studies from the command line, and what of them is refused and why."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from extract.__main__ import app
from feature_cache.store import Entry, FeatureCache

CARD = {
    "schema_version": 1, "name": "prostatex", "title": "ProstateX, three cases", "citation": "c",
    "licence": "l", "sites": [], "modalities": ["volumes"], "index_event": "MRI", "prediction_day": 0,
    "undated": {"series": 0},
}  # fmt: skip
FIRST, SECOND, THIRD = "ProstateX-0000", "ProstateX-0001", "ProstateX-0218"
LABELS = {FIRST: f"{FIRST}_11373_1001396", SECOND: f"{SECOND}_10795_1000811"}
SERIES = [(case, name) for case in (FIRST, SECOND, THIRD) for name in ("t2w", "adc", "hbv")]
MASKS = [
    (case, region, f"{LABELS[case]}_{name}", codebook)
    for case in LABELS
    for region, name, codebook in (
        ("prostate", "whole_gland_AI_Bosma22b", "1=prostate"),
        ("zones", "zonal_pz_tz_AI_HeviAI23", "1=PZ;2=TZ"),
        ("lesion", "cspca_human_expert_resampled", ""),
    )
]


def write_manifest(folder: Path, series: Sequence[tuple[str, str]], masks: bool = True) -> Path:
    """`series` are case and name of a file; its sequence is the name up to the first underscore."""
    folder.mkdir()
    (folder / "cohort.yaml").write_text(yaml.safe_dump(CARD), encoding="utf-8")

    def table(name: str, columns: str, rows: Sequence[Sequence[str]]) -> None:
        with (folder / name).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([columns.split(","), *rows])

    cases = sorted({case for case, _ in series})
    table("cases.csv", "case_id,site", [(case, "") for case in cases])
    table(
        "series.csv",
        "case_id,study_id,series_id,sequence,day,path,spacing_mm",
        [(c, "1", n, n.split("_")[0], "", f"{c}/{c}_{n}.nii.gz", "") for c, n in series],
    )
    listed = [row for row in MASKS if masks and row[0] in cases]
    table(
        "masks.csv",
        "case_id,study_id,region,path,codebook",
        [(c, "1", region, f"picai_labels/{c}/{n}.nii.gz", book) for c, region, n, book in listed],
    )
    return folder


def say(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def root(shared_data: Path) -> Path:
    return shared_data / "volumes/prostatex"


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, dict[str, Entry]]:
    folder = tmp_path_factory.mktemp("prostatex")
    manifest = write_manifest(folder / "manifest", SERIES)
    done = say("run", manifest, "--root", root, "--cache", folder / "cache")
    cache = FeatureCache.open(folder / "cache")
    return done, {
        record.case_id: cache.read(record.key) for record in cache.records() if record.kind == "volume"
    }


def row(entry: Entry, sequence: str, region: str) -> dict[str, float]:
    place = entry.record.attrs["region_rows"].index({"series": sequence, "region": region})
    return dict(
        zip(entry.record.attrs["feature_names"], entry.arrays["regions"][place].tolist(), strict=True)
    )


def test_all_three_become_entries(made: tuple[Result, dict[str, Entry]]) -> None:
    done, entries = made
    assert done.exit_code == 0, done.output
    assert sorted(entries) == [FIRST, SECOND, THIRD]
    for entry in entries.values():
        assert entry.record.attrs["series"] == ["t2w", "adc", "hbv"]
        assert entry.record.attrs["series_missing"] == []
        assert entry.record.attrs["reference"] == "t2w"


def test_volumes_are_those_of_the_label_files(made: tuple[Result, dict[str, Entry]]) -> None:
    """As counted by others (data/README.md): 44.3 and 32.2 ml of gland, a lesion of 414 voxels."""
    _, entries = made
    regions = {case: entries[case].record.quality["regions"] for case in LABELS}
    assert regions[FIRST]["prostate"]["voxels"] == 59_043
    assert regions[SECOND]["prostate"]["voxels"] == 42_994
    assert [regions[case]["prostate"]["volume_ml"] for case in LABELS] == pytest.approx(
        [44.28, 32.25], abs=0.01
    )
    assert regions[FIRST]["lesion"]["voxels"] == 414
    assert row(entries[FIRST], "t2w", "prostate")["morph_vol_approx"] == pytest.approx(44_282, abs=1)


def test_the_lesion_is_dark_in_adc_and_bright_at_high_b(made: tuple[Result, dict[str, Entry]]) -> None:
    """Both lie on another grid than the mask, tilted by 18.5 degrees: geometry errors would show."""
    entry = made[1][FIRST]
    lesion, zone = (row(entry, "adc", region) for region in ("lesion", "zones_PZ"))
    assert lesion["stat_median"] < 1150 < 1500 < zone["stat_median"]
    lesion, zone = (row(entry, "hbv", region) for region in ("lesion", "zones_PZ"))
    assert lesion["stat_mean"] > 1.5 * zone["stat_mean"]
    assert 600 < row(entry, "adc", "prostate")["stat_median"] < 2200


def test_an_empty_lesion_is_a_negative_and_no_mask_is_none(made: tuple[Result, dict[str, Entry]]) -> None:
    negative, unknown = made[1][SECOND], made[1][THIRD]
    assert negative.record.quality["regions"]["lesion"]["voxels"] == 0
    measured = row(negative, "t2w", "lesion")
    assert measured.pop("crop_share") == 0 and np.isnan(list(measured.values())).all()
    assert unknown.record.attrs["regions"] == ["crop"]
    assert "not cropped (whole: no mask)" in unknown.record.warnings


def test_what_the_headers_are_off_by_is_kept(made: tuple[Result, dict[str, Entry]]) -> None:
    record = made[1][FIRST].record
    place: Any = record.attrs["mask_places"]["prostate"]
    assert place["series"] == "t2w" and place["reordered"] is None
    assert place["cosine_difference"] == pytest.approx(2e-4, rel=0.01)
    assert any(
        text.startswith("mask prostate: its header differs from that of t2w") for text in record.warnings
    )


def test_previews_show_every_slice_small_enough(made: tuple[Result, dict[str, Entry]]) -> None:
    for case, regions in ((FIRST, 4), (SECOND, 4), (THIRD, 0)):
        images, masks = (made[1][case].arrays[name] for name in ("preview", "preview_masks"))
        assert images.shape[0] == 3 and masks.shape[0] == regions
        assert images.shape[1:] == masks.shape[1:]
        assert max(images.shape[2:]) <= 128 and images.shape[1] in (19, 20)


def refused_by_run(manifest: Path, root: Path, cache: Path) -> list[str]:
    done = say("run", manifest, "--root", root, "--cache", cache)
    assert done.exit_code == 1
    (ledger,) = (cache / "_runs").glob("*/failures.csv")
    with ledger.open(newline="", encoding="utf-8") as stream:
        return sorted(failure["got"] for failure in csv.DictReader(stream))


def test_what_cannot_be_used_is_refused_by_check_and_by_run(root: Path, tmp_path: Path) -> None:
    """Two T2W and two ADC on identical grids: geometry cannot choose."""
    names = {SECOND: "t2w_first_repeat", THIRD: "adc_4bval"}
    series = [(case, one) for case, name in names.items() for one in ("t2w", "adc", "hbv", name)]
    manifest = write_manifest(tmp_path / "manifest", series, masks=False)
    checked = say("check", manifest, "--root", root, "--json")
    assert checked.exit_code == 1
    problems = json.loads(checked.stdout)
    got = ["2 of adc", "2 of t2w"]
    assert sorted(problem["got"] for problem in problems if problem["level"] == "error") == got
    assert refused_by_run(manifest, root, tmp_path / "cache") == got


def test_check_says_which_recipes_refuse_contrast_over_time(root: Path, tmp_path: Path) -> None:
    """Check knows no recipe: the default one refuses 70 time points, one that names them reads them."""
    series = [(THIRD, one) for one in ("t2w", "adc", "hbv", "dce4d_crop80")]
    manifest = write_manifest(tmp_path / "manifest", series, masks=False)
    checked = say("check", manifest, "--root", root, "--json")
    assert checked.exit_code == 0, checked.output
    problems = json.loads(checked.stdout)
    (warning,) = [one for one in problems if "a series over time" in one["got"]]
    assert warning["level"] == "warning"
    assert "`time: {contrast: [dce4d]}, or heart`" in warning["remedy"]  # its name here is no default
    assert refused_by_run(manifest, root, tmp_path / "cache") == [
        "one of 80 x 80 x 20 x 70, the last of them time"
    ]


def test_the_sound_cohort_passes_the_check(root: Path, tmp_path: Path) -> None:
    done = say("check", write_manifest(tmp_path / "manifest", SERIES), "--root", root, "--json")
    assert done.exit_code == 0, done.output
    texts = {problem["got"] for problem in json.loads(done.stdout)}
    assert texts == {
        "sform and qform differ; the sform counts",
        "its header differs from that of t2w within tolerance; the series' grid counts",
    }
