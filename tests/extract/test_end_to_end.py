"""Stage 1 from the command line: a synthetic cohort as real files, then real mistakes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from extract.__main__ import app
from feature_cache.store import FeatureCache

CASES = 3


def say(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def fingerprint(cache: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(cache.rglob("*")):
        relative = path.relative_to(cache)
        if path.is_file() and not relative.parts[0].startswith("_"):
            digest.update(str(relative).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cohort") / "raw"
    done = say("synthetic", root, "--layout", "chimera", "--cases", CASES, "--seed", 11)
    assert done.exit_code == 0, done.output
    return root


@pytest.fixture(scope="module")
def manifest(download: Path) -> Path:
    manifests = download.parent / "manifests"
    done = say("scan", "chimera", download, "--cohort", "trial", "--manifests", manifests)
    assert done.exit_code == 0, done.output
    return manifests / "trial"


@pytest.fixture(scope="module")
def cache(download: Path, manifest: Path) -> Path:
    cache = download.parent / "cache"
    done = say("run", manifest, "--root", download, "--cache", cache)
    assert done.exit_code == 0, done.output
    return cache


@pytest.fixture
def own(download: Path, manifest: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of manifest and files that a test may spoil."""
    shutil.copytree(download, tmp_path / "raw")
    shutil.copytree(manifest, tmp_path / "manifest")
    return tmp_path / "manifest", tmp_path / "raw"


def test_the_files_pass_the_check(download: Path, manifest: Path) -> None:
    done = say("check", manifest, "--root", download, "--json")
    assert done.exit_code == 0
    assert [row for row in json.loads(done.stdout) if row["level"] != "warning"] == []


def test_every_item_becomes_an_entry_that_verifies(manifest: Path, cache: Path) -> None:
    items = sum(
        len((manifest / f"{table}.csv").read_text(encoding="utf-8").splitlines()) - 1
        for table in ("slides", "notes", "cases")
    )
    series = (manifest / "series.csv").read_text(encoding="utf-8").splitlines()[1:]
    items += len({tuple(row.split(",")[:2]) for row in series})  # one entry a study
    assert len(list(FeatureCache.open(cache).records("trial"))) == items
    done = say("verify", cache)
    assert (done.exit_code, done.stdout) == (0, f"{items} entries read, 0 damaged\n")


def test_a_second_run_makes_nothing(download: Path, manifest: Path, cache: Path) -> None:
    before = fingerprint(cache)
    assert "0 to do" in say("plan", manifest, "--root", download, "--cache", cache).output
    done = say("run", manifest, "--root", download, "--cache", cache)
    assert done.exit_code == 0
    assert done.stdout.startswith("0 made")
    assert fingerprint(cache) == before


def test_two_workers_and_no_outcomes_give_the_same_bytes(own: tuple[Path, Path], cache: Path) -> None:
    manifest, root = own
    (manifest / "outcomes.csv").unlink()
    again = root.parent / "cache"
    done = say("run", manifest, "--root", root, "--cache", again, "--workers", 2)
    assert done.exit_code == 0, done.output
    assert fingerprint(again) == fingerprint(cache)


def test_hdf5_of_some_cases_and_the_first_items(download: Path, manifest: Path, tmp_path: Path) -> None:
    case_id = (manifest / "cases.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    listed = tmp_path / "cases.txt"
    listed.write_text(f"case_id\n{case_id}\n", encoding="utf-8")
    cache = tmp_path / "cache"
    words = ("run", manifest, "--root", download, "--cache", cache, "--format", "hdf5", "--cases", listed)
    assert say(*words, "--limit", 1).stdout.startswith("1 made, 0 were there")
    assert say(*words).exit_code == 0
    records = list(FeatureCache.open(cache).records())
    assert {record.case_id for record in records} == {case_id}
    assert {record.array_format for record in records} == {"hdf5", "inline"}
    assert say("verify", cache).exit_code == 0


def test_a_plan_makes_nothing(download: Path, manifest: Path, tmp_path: Path) -> None:
    done = say("plan", manifest, "--root", download, "--cache", tmp_path / "cache")
    assert done.exit_code == 0
    assert "tiles_at_most" in done.stdout
    assert not (tmp_path / "cache").exists()


def test_no_text_no_path_and_no_outcome_reaches_the_cache(download: Path, cache: Path) -> None:
    phrases = set()
    for note in (download / "notes").rglob("*.txt"):
        words = note.read_text(encoding="utf-8").split()
        phrases |= {" ".join(words[start : start + 2]).encode() for start in range(len(words) - 1)}
    held = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    assert phrases
    assert [phrase for phrase in phrases if phrase in held] == []
    assert str(download).encode() not in held
    assert b"BCR" not in held


def test_an_unreadable_slide_fails_alone_and_is_tried_again(own: tuple[Path, Path]) -> None:
    manifest, root = own
    slide = next(path for path in sorted((root / "pathology").rglob("*.tif")) if "tissue" not in path.name)
    whole = slide.read_bytes()
    slide.write_bytes(b"II*\0 this is no slide")
    cache = root.parent / "cache"
    done = say("run", manifest, "--root", root, "--cache", cache)
    assert done.exit_code == 1
    assert f"{slide.name}: expected" in done.output
    assert "1 failed" in done.output
    slide.write_bytes(whole)
    done = say("run", manifest, "--root", root, "--cache", cache)
    assert done.exit_code == 0
    assert done.stdout.startswith("1 made")


def test_the_mask_of_another_slide_is_refused_by_check_and_run(own: tuple[Path, Path]) -> None:
    import numpy as np
    import tifffile

    manifest, root = own
    mask = next((root / "pathology").rglob("*_tissue.tif"))
    mask.chmod(0o644)
    tifffile.imwrite(
        mask, np.ones((90, 40), dtype=np.uint8), resolution=(2500, 2500), resolutionunit="CENTIMETER"
    )
    for words in (("check",), ("run", "--cache", root.parent / "cache")):
        done = say(words[0], manifest, "--root", root, *words[1:])
        assert done.exit_code == 1
        assert f"{mask.name}: expected a mask of the slide's field, 768 x 768 um" in done.output
        assert "got one of 160 x 360 um" in done.output


def test_a_withdrawn_case_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    case_id = next(FeatureCache.open(copy).records()).case_id
    assert [path for path in copy.rglob("*") if path.name == case_id]
    assert say("forget", copy, case_id).exit_code == 0
    assert case_id not in {record.case_id for record in FeatureCache.open(copy).records()}
    assert [path for path in copy.rglob("*") if path.name == case_id] == []
    assert say("forget", copy, case_id).exit_code == 1


def test_what_is_damaged_is_named(cache: Path, tmp_path: Path) -> None:
    copy = tmp_path / "cache"
    shutil.copytree(cache, copy)
    record = next(record for record in FeatureCache.open(copy).records() if record.modality == "slides")
    held = (path for path in copy.rglob("*") if path.is_file() and record.item_id in path.parts)
    victim = max(held, key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    done = say("verify", copy)
    assert done.exit_code == 1
    assert f"DAMAGED trial/slides/{record.key.feature_set}/{record.case_id}/{record.item_id}" in done.output


def test_a_mistyped_cohort_is_one_line_and_exit_1(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "extract", "check", str(tmp_path / "nowhere"), "--root", str(tmp_path)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    expected = "nowhere: expected a folder with a cohort.yaml, or a name under data_manifests/; got neither."
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("verb", ["encoders", "doctor"])
def test_what_is_there_is_listed(verb: str) -> None:
    done = say(verb)
    assert done.exit_code == 0
    expected = "stain_texture_nuclei" if verb == "encoders" else "PASS  zarr"
    assert expected in done.output
