"""The checklists: every published number once, statuses by the rule, sentences that are true of the run."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from fuse.benchmark import run_benchmark
from fuse.checklists.checklist_files import COLUMNS
from fuse.checklists.item import Item, fill
from fuse.checklists.probast_items import PROBAST_ITEMS
from fuse.checklists.tripod_items import TRIPOD_ITEMS
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_kinds import add_kinds

PARTS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc"}
PARTS |= {23: "ab", 27: "abc"}
TRIPOD = [f"{item}{part}" for item in range(1, 28) for part in PARTS.get(item, [""])]
DOMAINS = {1: 3, 2: 4, 3: 4}


class TestItems:
    def test_tripod_has_27_items_in_52_parts_in_their_order(self) -> None:
        assert [item.number for item in TRIPOD_ITEMS] == TRIPOD
        assert len(TRIPOD) == 52

    def test_probast_asks_16_questions_of_development_and_18_of_evaluation(self) -> None:
        def numbers(part: str, analysis: int) -> list[str]:
            domains = {**DOMAINS, 4: analysis}
            return [f"{part} {d}.{n}" for d, most in domains.items() for n in range(1, most + 1)]

        assert [item.number for item in PROBAST_ITEMS] == [*numbers("D", 5), *numbers("E", 7)]
        assert Counter(item.number[0] for item in PROBAST_ITEMS) == {"D": 16, "E": 18}

    def test_an_item_says_who_fills_it(self) -> None:
        item = Item(number="0", section="s", asks="what?", facts=("known", "unknown"), author="Add.")
        facts = {"known": "It is so.", "unknown": ""}
        assert fill(item, facts, "development").status == "run and author"
        assert fill(item, facts, "development").run_says == "It is so."
        alone = Item(number="0", section="s", asks="what?", facts=("known",))
        assert fill(alone, facts, "development").status == "filled by the run"
        open_item = Item(number="0", section="s", asks="what?", facts=("unknown",))
        left = fill(open_item, facts, "development")
        assert (left.status, left.author_must) == ("author must fill", "what?")

    def test_an_item_of_the_other_kind_of_study_is_not_asked(self) -> None:
        item = Item(number="0", section="s", asks="what?", facts=("known",), only="evaluation")
        assert fill(item, {"known": "It is so."}, "development").status == "does not apply"
        assert fill(item, {"known": "It is so."}, "evaluation").status == "filled by the run"

    def test_a_fact_that_there_is_not_is_an_error(self) -> None:
        with pytest.raises(KeyError):
            fill(Item(number="0", section="s", asks="what?", facts=("nothing",)), {}, "development")


@pytest.fixture(scope="module")
def kinds(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small run of times, of competing causes and of classes on the tiny cohort."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        return run_kinds(tiny, tmp_path_factory.mktemp("checklists"))


def run_kinds(tiny: Tiny, folder: Path) -> dict[str, Path]:
    cohort = folder / "tiny"
    shutil.copytree(tiny.cohort, cohort)
    add_kinds(Tiny(cohort=cohort, cache=tiny.cache, protocol=tiny.protocol))
    runs = {}
    for endpoint, protocol in (("bcr", "torchfree"), ("first", "competing"), ("grade", "classes")):
        small = {"endpoint": endpoint, "repeats": 1, "folds": 2, "inner": 2, "fusion": ()}
        chosen = read_protocol(protocol).model_copy(update=small)
        arms = tuple(arm for arm in chosen.arms if arm.model in ("null", "ridge_cox", "ridge_logistic"))
        inputs = RunInputs(
            cohort_folder=cohort, cache=tiny.cache, protocol=chosen.model_copy(update={"arms": arms})
        )
        run_benchmark(inputs, folder / endpoint, jobs=1)
        runs[endpoint] = folder / endpoint
    return runs


def said(run: Path, name: str = "tripod.csv") -> dict[str, dict[str, str]]:
    columns, rows = read_csv(run / name)
    assert tuple(columns) == COLUMNS
    return {row["item"]: row for row in rows}


class TestRun:
    def test_every_item_stands_in_the_files(self, kinds: dict[str, Path]) -> None:
        for run in kinds.values():
            assert list(said(run)) == TRIPOD
            assert len(said(run, "probast.csv")) == 34

    def test_numbers_are_those_of_the_run(self, kinds: dict[str, Path]) -> None:
        tripod = said(kinds["bcr"])
        assert (
            "60 cases in the manifest, 1 left out for want of an outcome; 59 evaluated"
            in (tripod["20a"]["run_says"])
        )
        (row,) = (
            row
            for row in read_csv(kinds["bcr"] / "metrics.csv")[1]
            if row["arm"].startswith("selected_single") and row["metric"] == "c_index"
        )
        c, low, high = (f"{float(row[name]):.3f}" for name in ("estimate", "low", "high"))
        assert f"c_index {c} ({low} to {high}, {row['method']})" in tripod["23a"]["run_says"]
        assert "notes absent in 11 of 59 cases" in tripod["11"]["run_says"]
        assert re.search(r"train parts hold 29 to 30 cases with \d+", tripod["21"]["run_says"])

    def test_what_only_people_know_is_left_to_them(self, kinds: dict[str, Path]) -> None:
        tripod = said(kinds["bcr"])
        for item in ("2", "3a", "8b", "17", "18a", "18b", "18d", "19"):
            assert tripod[item]["status"] == "author must fill" and tripod[item]["run_says"] == ""
        for item in ("12f", "16", "20c", "24"):
            assert tripod[item]["status"] == "does not apply"

    def test_a_run_never_answers_for_the_assessor(self, kinds: dict[str, Path]) -> None:
        rows = said(kinds["bcr"], "probast.csv").values()
        assert {row["status"] for row in rows} == {"run and author", "author must fill"}
        assert all(row["author_must"].startswith("Answer yes") for row in rows)

    def test_kinds_of_endpoint_are_told_as_they_are(self, kinds: dict[str, Path]) -> None:
        competing, classes = said(kinds["first"]), said(kinds["grade"])
        assert "first, competing: recurrence, death competes" in competing["8a"]["run_says"]
        assert "Median follow-up" in competing["20a"]["run_says"]
        assert "A probability of each class: low, middle, high." in classes["15"]["run_says"]
        assert "follow-up" not in classes["20a"]["run_says"]
        assert "other causes are counted" in said(kinds["first"], "probast.csv")["E 4.3"]["run_says"].lower()

    def test_they_are_on_the_page(self, kinds: dict[str, Path]) -> None:
        page = (kinds["bcr"] / "report.html").read_text(encoding="utf-8")
        assert 'href="#checklists"' in page
        assert page.count('<table class="checklist">') == 2
        for item in ("12g", "18f", "E 4.6"):
            assert f'<th scope="row">{item}</th>' in page
