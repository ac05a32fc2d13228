"""Plan, run and ledger: what failed is named, nothing else is lost, a second run does what is left."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from extract.caps import Caps
from extract.cost import add_up_costs
from extract.ledger import Ledger
from extract.plan import Folders, Plan, Selection, make_plan, read_selection
from extract.recipe import RecipeFile
from extract.run import Receipt, run_items
from feature_cache.cohort import read_cohort
from feature_cache.entry import EntryKey
from feature_cache.errors import CacheError, ManifestError, Problem, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache

RECIPE = RecipeFile(name="numbers", notes={"algorithm": 1})


def plan(cohort: tuple[Path, Path], cache: FeatureCache, **selection: object) -> Plan:
    manifest, root = cohort
    return make_plan(read_cohort(manifest), Folders(root=root), cache, RECIPE, Selection(**selection))  # type: ignore[arg-type]


def run(cohort: tuple[Path, Path], cache: FeatureCache) -> list[Receipt]:
    return list(run_items(plan(cohort, cache).passes[0], cache, 1, Caps(memory_gb=1, seconds=60)))


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


def test_a_bad_item_is_named_and_the_others_are_committed(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    receipts = run(number_cohort, cache)
    assert [receipt.outcome for receipt in receipts] == ["committed", "committed", "failed", "failed"]
    assert receipts[2].problem is not None
    assert (receipts[2].problem.where, receipts[2].problem.got) == ("case 003", "something else")
    assert {record.case_id for record in cache.records()} == {"001", "002"}


def test_an_unforeseen_error_names_its_place_and_not_the_text(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    problem = run(number_cohort, cache)[3].problem
    assert problem is not None
    assert problem.got.startswith("ValueError from NumberStage.build line ")
    assert "patient" not in json.dumps(problem.as_dict())


def test_a_second_run_does_only_what_is_left(number_cohort: tuple[Path, Path], cache: FeatureCache) -> None:
    run(number_cohort, cache)
    (number_cohort[1] / "c.txt").write_text("3", encoding="utf-8")
    again = run(number_cohort, cache)
    assert [(receipt.key.case_id, receipt.outcome) for receipt in again] == [
        ("003", "committed"),
        ("004", "failed"),
    ]


def test_a_changed_source_replaces_its_entry_and_no_other(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    run(number_cohort, cache)
    (number_cohort[1] / "b.txt").write_text("22", encoding="utf-8")
    outcomes = {receipt.key.case_id: receipt.outcome for receipt in run(number_cohort, cache)}
    assert outcomes == {"002": "replaced", "003": "failed", "004": "failed"}
    record = next(record for record in cache.records() if record.case_id == "002")
    assert float(cache.read(record.key).arrays["embeddings"][0, 0]) == 22.0


def test_an_absent_file_fails_its_item_alone(number_cohort: tuple[Path, Path], cache: FeatureCache) -> None:
    (number_cohort[1] / "a.txt").unlink()
    receipts = run(number_cohort, cache)
    assert [receipt.outcome for receipt in receipts] == ["failed", "committed", "failed", "failed"]
    assert receipts[0].problem is not None
    assert receipts[0].problem.where == "case 001, note n1, a.txt"


def test_what_is_known_too_late_by_its_card_is_not_even_planned(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    card = number_cohort[0] / "cohort.yaml"
    late = "variables: {age: {kind: numeric, day: 9}}, "
    card.write_text(
        card.read_text(encoding="utf-8").replace("{schema", "{" + late + "schema"), encoding="utf-8"
    )
    (number_cohort[0] / "clinical.csv").write_text("case_id,age\n001,60\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"age.*prediction day 0; got day 9"):
        plan(number_cohort, cache)


def test_a_plan_can_be_about_some_cases_or_the_first_few(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    some = plan(number_cohort, cache, case_ids=frozenset({"002", "004"}))
    assert [item.key.case_id for item in some.todo] == ["002", "004"]
    assert [item.key.case_id for item in plan(number_cohort, cache, limit=1).todo] == ["001"]


def test_an_unreadable_file_is_counted_in_the_plan(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    (number_cohort[1] / "a.txt").unlink()
    planned = plan(number_cohort, cache).todo
    left = sum(path.stat().st_size for path in number_cohort[1].iterdir())
    assert add_up_costs(planned, 1) == {"notes": {"bytes": left, "unreadable": 1}}


def test_a_list_of_cases_must_be_of_this_cohort(number_cohort: tuple[Path, Path], tmp_path: Path) -> None:
    cohort = read_cohort(number_cohort[0])
    listed = tmp_path / "cases.csv"
    listed.write_text("case_id\n001\n1\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"case 1: expected cases of cases\.csv; got 1 unknown id"):
        read_selection(listed, None, cohort)
    listed.write_text("\ufeff001\n002\n", encoding="utf-8")
    assert read_selection(listed, 5, cohort) == Selection(case_ids=frozenset({"001", "002"}), limit=5)


def test_a_list_of_cases_must_hold_some(number_cohort: tuple[Path, Path], tmp_path: Path) -> None:
    cohort = read_cohort(number_cohort[0])
    listed = tmp_path / "cases.csv"
    with pytest.raises(ManifestError, match=r"--cases cases\.csv: expected a UTF-8 text file"):
        read_selection(listed, None, cohort)
    with listed.open("wb") as stream:
        stream.truncate(3 * 2**30)
    with pytest.raises(SourceError, match=r"--cases cases\.csv: expected at most 67,108,864 bytes"):
        read_selection(listed, None, cohort)
    listed.write_text("case_id\n", encoding="utf-8")
    with pytest.raises(ManifestError, match=r"--cases cases\.csv: expected case ids; got none"):
        read_selection(listed, None, cohort)


def test_the_ledger_keeps_failures_counts_and_the_longest_step(
    number_cohort: tuple[Path, Path], cache: FeatureCache
) -> None:
    ledger = Ledger(cache.runs_folder)
    for receipt in run(number_cohort, cache):
        ledger.add(receipt)
    report = ledger.close()
    with (ledger.folder / "failures.csv").open(newline="", encoding="utf-8") as stream:
        failures = list(csv.DictReader(stream))
    assert [row["case_id"] for row in failures] == ["003", "004"]
    assert report["items"] == {"committed": 2, "failed": 2}
    assert report["bottleneck"] in {"hash", "write", "other"}
    assert {step for step, value in ledger.seconds["notes"].items() if value} == {"hash", "write", "other"}
    lines = (ledger.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["outcome"] for line in lines] == ["committed"] * 2 + ["failed"] * 2


def test_a_disk_that_takes_no_record_of_a_run_is_named(cache: FeatureCache) -> None:
    ledger = Ledger(cache.runs_folder)
    (ledger.folder / "report.json").mkdir()
    with pytest.raises(CacheError, match=r"_runs: the record of this run: expected a disk that takes it"):
        ledger.close()


def test_no_cell_of_the_failures_runs_in_a_spreadsheet(cache: FeatureCache) -> None:
    problem = Problem(level="error", where="@file", expected="-1", got="=1+1", remedy="\rmend")
    ledger = Ledger(cache.runs_folder)
    key = EntryKey.of("c", ResolvedRecipe(name="words", modality="notes", settings={}), "=A1", "+x")
    ledger.add(Receipt(key=key, outcome="failed", problem=problem))
    ledger.close()
    with (ledger.folder / "failures.csv").open(newline="", encoding="utf-8") as stream:
        _, row = csv.reader(stream)
    assert row == ["notes", key.feature_set, "'=A1", "'+x", "'@file", "'-1", "'=1+1", "'\rmend"]
