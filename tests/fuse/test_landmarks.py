"""Dynamic prediction through the command line: one run a moment, one table, each run made again bitwise."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from feature_cache.cohort import inspect_cohort
from feature_cache.store import FeatureCache
from fuse.__main__ import app
from fuse.features.feature_sets import choose_feature_sets, later_modalities
from fuse.landmarks import COLUMNS, Landmark, describe_landmarks
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_moments import MOMENTS, write_moments


@pytest.fixture(scope="module")
def tiny_moments(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    with pytest.MonkeyPatch.context() as patch:  # whether it survives a power cut does not matter here
        patch.setattr(os, "fsync", lambda _: None)
        tiny = write_moments(tmp_path_factory.mktemp("moments"))
    protocol = yaml.safe_load(tiny.protocol.read_text(encoding="utf-8"))
    protocol["arms"] = protocol["arms"][1:]
    protocol["fusion"] = protocol["fusion"][:1]
    tiny.protocol.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    return tiny


def fuse(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)
    return result.exit_code, result.output + str(result.exception or "")


@pytest.fixture(scope="module")
def landmarks(tiny_moments: Tiny, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("runs") / "landmarks"
    code, said = fuse(
        "landmarks", tiny_moments.cohort, "--cache", tiny_moments.cache, "--out", out,
        "--protocol", tiny_moments.protocol, "--jobs", "1",
    )  # fmt: skip
    assert code == 0, said
    return out, said


def test_the_table_says_who_is_at_risk_at_each_moment(landmarks: tuple[Path, str]) -> None:
    out, said = landmarks
    with (out / "landmarks.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "c_index"]
    of_moment = {row["moment"]: row for row in rows}
    assert list(of_moment) == list(MOMENTS)
    assert [int(row["n_at_risk"]) + int(row["n_before"]) for row in of_moment.values()] == [60, 60, 60]
    assert int(of_moment["later"]["n_before"]) > 3
    assert {row["moment"] for row in rows if "slides" in row["arm"]} == {"after", "later"}
    metrics = (out / "later" / "metrics.csv").read_text(encoding="utf-8")
    assert of_moment["later"]["estimate"] in metrics
    assert "Compare arms within a moment." in said


def test_the_page_has_every_moment_and_says_what_is_not_compared(landmarks: tuple[Path, str]) -> None:
    page = (landmarks[0] / "landmarks.html").read_text(encoding="utf-8")
    assert [f'href="{name}/report.html"' in page for name in MOMENTS] == [True, True, True]
    assert "a difference between them is no gain of a model" in page
    assert "time is counted from day 100" in page
    assert "ridge_cox__clinical" in page and "None" not in page


def test_a_run_says_at_which_moment_it_predicts(landmarks: tuple[Path, str]) -> None:
    run = landmarks[0] / "later"
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["cohort"]["prediction_day"] == 100
    assert record["moment"]["name"] == "later" and record["moment"]["clock_starts_day"] == 100.0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "the moment <strong>later</strong>" in page
    assert "not compared with those of a run at another one" in page


def test_a_run_at_a_moment_is_made_again(landmarks: tuple[Path, str]) -> None:
    code, said = fuse("rerun", landmarks[0] / "later", "--jobs", "1")
    assert code == 0 and "bitwise the same" in said, said


def test_a_run_is_validated_at_the_same_moment_only(
    tiny_moments: Tiny, landmarks: tuple[Path, str], tmp_path: Path
) -> None:
    other = tmp_path / "tiny"
    shutil.copytree(tiny_moments.cohort, other)
    card = yaml.safe_load((other / "cohort.yaml").read_text(encoding="utf-8"))
    card["moments"] |= {"later": 90, "latest": 100}
    (other / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    code, said = fuse(
        "validate", landmarks[0] / "later", other, "--cache", tiny_moments.cache, "--out", tmp_path / "v"
    )
    assert code != 0 and "Two moments are not compared" in said, said


def test_check_says_what_is_known_at_a_moment(tiny_moments: Tiny) -> None:
    words = (tiny_moments.cohort, "--cache", tiny_moments.cache, "--protocol", tiny_moments.protocol)
    code, said = fuse("check", *words, "--moment", "before")
    assert code == 0, said
    assert "moment before: day -1, time is counted from day 0" in said
    assert "slides: nothing of it is known by day -1" in said
    code, said = fuse("check", *words, "--moment", "later")
    assert "moment later: day 100, time is counted from day 100" in said
    assert "outcome by day 100, left out" in said


def test_a_yes_or_no_has_no_day_and_is_warned_of_at_a_later_moment(
    tiny_moments: Tiny, tmp_path: Path
) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_moments.cohort, folder)
    card = yaml.safe_load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    card["endpoints"]["relapse"] = {"kind": "binary", "definition": "relapse, whenever"}
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    with (folder / "outcomes.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    columns = [*rows[0], *(["value"] if "value" not in rows[0] else [])]
    rows += [{"case_id": f"{i:04d}", "endpoint": "relapse", "value": str(i % 2)} for i in range(60)]
    with (folder / "outcomes.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, columns)
        table.writeheader()
        table.writerows(rows)
    for moment, warned in (("later", True), ("after", False)):
        words = ("check", folder, "--cache", tiny_moments.cache, "--endpoint", "relapse", "--moment", moment)
        _, said = fuse(*words)
        assert ("binary: an outcome without a day" in " ".join(said.split())) == warned, said


def test_what_no_table_lists_is_missing_and_not_later(tiny_moments: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_moments.cohort, folder)
    (folder / "slides.csv").write_text("case_id,slide_id,path\n", encoding="utf-8")
    cohort = inspect_cohort(folder)[0]
    cache = FeatureCache.open(tiny_moments.cache)
    for moment in ("before", "later"):
        at = cohort.at(moment)
        chosen, _ = choose_feature_sets(cache, at, "auto")
        assert "slides" not in chosen and later_modalities(cache, at, chosen) == {}
    at = inspect_cohort(tiny_moments.cohort)[0].at("before")
    chosen, _ = choose_feature_sets(cache, at, "auto")
    assert later_modalities(cache, at, chosen) == {"slides": -1}


def test_an_estimate_without_limits_is_said_to_have_no_interval(tmp_path: Path) -> None:
    told = {"n_at_risk": "60", "n_events": "21", "metric": "c_index", "estimate": "0.5"}
    arms: tuple[dict[str, str], ...] = ({"arm": "null__none"}, {"arm": "other", "low": "0.4", "high": "0.6"})
    rows = tuple(tuple({**told, **arm}.get(name, "") for name in COLUMNS) for arm in arms)
    lines = list(describe_landmarks([Landmark(moment="after", day=0, rows=rows)], tmp_path))
    assert lines[1:3] == ["  null__none  0.500  (no interval)", "  other  0.500  (0.400 to 0.600)"]


def test_a_cohort_without_moments_has_no_landmarks(tiny_moments: Tiny, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_moments.cohort, folder)
    card = yaml.safe_load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    del card["moments"]
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    words = ("--cache", tiny_moments.cache, "--protocol", tiny_moments.protocol)
    code, said = fuse("landmarks", folder, "--out", tmp_path / "x", *words)
    assert code != 0 and "Declare them" in said
    assert not (tmp_path / "x").exists()
