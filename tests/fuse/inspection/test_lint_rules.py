"""The rules of the lint one by one, and what a benchmark does with what they find."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from feature_cache.card import Variable
from feature_cache.entry import EntryRecord, Source
from feature_cache.errors import OutcomeError
from feature_cache.store import FeatureCache
from fuse.benchmark import run_benchmark
from fuse.features.feature_sets import ChosenSet
from fuse.files import write_csv
from fuse.inspection.checked import check_inputs
from fuse.inspection.declared_leaks import is_psa_after
from fuse.inspection.duplicates import same_sources
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.inspection.label_vectors import copied_rows
from fuse.inspection.leaks import MEANINGS, leak, leak_of, named
from fuse.inspection.run_lint import _against_the_null
from fuse.inspection.segmenter_cases import segmenter_cases
from fuse.inspection.shared_cases import refuse_shared_cases
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import CLINICAL, VARIABLES, Tiny, draft


def inputs_of(tiny: Tiny) -> RunInputs:
    return RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(tiny.protocol)))


def chosen_of(tiny: Tiny) -> dict[str, ChosenSet]:
    return inspect_inputs(inputs_of(tiny)).chosen


def with_records(chosen: ChosenSet, change: dict[str, dict[str, object]]) -> dict[str, ChosenSet]:
    """Return the set with the records of some cases altered."""
    records: list[EntryRecord] = [
        record.model_copy(update=change.get(record.case_id, {})) for record in chosen.records
    ]
    return {chosen.label: replace(chosen, records=tuple(records))}


def test_every_name_stands_in_its_text_and_is_read_back() -> None:
    for name in MEANINGS:
        problem = leak(name, "here", ("this", "that", "do so"))
        assert problem.got == f"{name}: that"
        assert list(named([problem, replace(problem, got="that")])) == [(name, problem)]
    assert leak_of(replace(problem, got="other: that")) is None


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("post_operative_PSA", True),
        ("PSA_6_months", True),
        ("psa_12m", True),
        ("PSA nadir", True),
        ("follow-up PSA", True),
        ("month_3_psa", True),
        ("pre_operative_PSA", False),
        ("PSA", False),
        ("psa_density", False),
        ("PSA_after_biopsy", False),
        ("PSA_6_months_before", False),
        ("initial PSA", False),
        ("postmenopausal", False),
        ("psammoma_post", False),
    ],
)
def test_which_psa_is_one_after_the_operation(name: str, after: bool) -> None:
    assert is_psa_after(name, Variable(kind="numeric")) is after


def test_a_table_that_was_pasted_twice() -> None:
    rng = np.random.default_rng(0)
    event, time = rng.random(40) < 0.4, rng.exponential(700, size=40).round()
    assert not copied_rows(event, time).any()
    twice = copied_rows(np.concatenate([event, event[5:20]]), np.concatenate([time, time[5:20]]))
    assert twice.tolist() == [False] * 40 + [True] * 15
    # cases in order of their time, many of them followed to the last day of the study, are no copies
    ended = np.sort(np.minimum(rng.integers(1, 90, size=300), 60)).astype(float)
    assert not copied_rows(ended < 60, ended).any()


def test_endpoints_of_one_vector_warn_and_are_refused_where_both_are_learned(own_tiny: Tiny) -> None:
    card = yaml.safe_load((own_tiny.cohort / "cohort.yaml").read_text())
    card["endpoints"]["copied"] = card["endpoints"]["bcr"]
    (own_tiny.cohort / "cohort.yaml").write_text(yaml.safe_dump(card))
    outcomes = own_tiny.cohort / "outcomes.csv"
    rows = outcomes.read_text()
    outcomes.write_text(rows + "".join(rows.splitlines(keepends=True)[1:]).replace(",bcr,", ",copied,"))
    found = dict(named(inspect_inputs(inputs_of(own_tiny)).problems))
    assert found["identical-label-vectors"].level == "warning"
    protocol = yaml.safe_load(own_tiny.protocol.read_text())
    own_tiny.protocol.write_text(yaml.safe_dump({**protocol, "also": ["copied"]}))
    found = dict(named(inspect_inputs(inputs_of(own_tiny)).problems))
    assert found["identical-label-vectors"].level == "error"
    assert "59 cases" in found["identical-label-vectors"].got


def test_an_endpoint_that_the_card_makes_of_others_is_no_copy_of_them(own_tiny: Tiny) -> None:
    """Nobody died before a recurrence: the first events are the recurrences, and nothing was pasted."""
    path = own_tiny.cohort / "cohort.yaml"
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    death = {**card["endpoints"]["bcr"], "definition": "death"}
    first = {"kind": "competing", "definition": "first of both", "first_of": {"bcr": "bcr", "death": "death"}}
    first["horizon_days"] = card["endpoints"]["bcr"]["horizon_days"]
    card["endpoints"] = {**card["endpoints"], "death": death, "first": first}
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    table = own_tiny.cohort / "outcomes.csv"
    head, *rows = table.read_text(encoding="utf-8").splitlines()
    deaths = [row.split(",") for row in rows if ",bcr," in row]
    died = [",".join([row[0], "death", "0", "900", *row[4:]]) for row in deaths]
    table.write_text("\n".join([head, *rows, *died]) + "\n", encoding="utf-8")
    inputs = inputs_of(own_tiny)
    told = inspect_inputs(
        replace(inputs, protocol=inputs.protocol.model_copy(update={"endpoint": "first"})), only_check=True
    )
    assert told.door.counts().endswith("0 of other causes")
    assert [name for name, _ in named(told.problems)] == []


def test_a_segmenter_is_an_error_where_it_is_tested_on_its_own_cases_alone(tiny: Tiny) -> None:
    slides = chosen_of(tiny)["slides"]
    cases = sorted({record.case_id for record in slides.records})
    used = {"used": {"segmenter": {"training_case_ids": cases[:2]}}}
    by_others = with_records(slides, dict.fromkeys(cases[2:], used))
    assert list(segmenter_cases(by_others, cases)) == []
    by_itself = with_records(slides, dict.fromkeys(cases, used))
    (problem,) = segmenter_cases(by_itself, cases)
    assert problem.level == "error"
    assert f"2 cases of a test part were in its training, the first is case {cases[0]}" in problem.got
    (problem,) = segmenter_cases(by_itself, cases[2:])
    assert (problem.level, "train part" in problem.got) == ("warning", True)


def test_one_file_of_two_cases_and_what_all_share(tiny: Tiny) -> None:
    slides = chosen_of(tiny)["slides"]
    cases = sorted({record.case_id for record in slides.records})
    file = {"sources": (Source(role="slide", sha256="1" * 64, bytes=5000),)}
    (problem,) = same_sources(with_records(slides, dict.fromkeys(cases[3:5], file)), cases)
    assert problem.level == "error"
    assert f"cases {cases[3]} and {cases[4]} are made from one file" in problem.got
    assert list(same_sources(with_records(slides, dict.fromkeys(cases, file)), cases)) == []
    short = {"sources": (Source(role="slide", sha256="1" * 64, bytes=100),)}
    assert list(same_sources(with_records(slides, dict.fromkeys(cases[3:5], short)), cases)) == []


@pytest.mark.parametrize("role", ["mask:scar", "segmenter:scar", "tissue_mask"])
def test_what_was_drawn_of_two_cases_may_be_the_same(tiny: Tiny, role: str) -> None:
    """Two hearts without scar have one mask, and all cases of a fold one file that says who drew theirs."""
    slides = chosen_of(tiny)["slides"]
    cases = sorted({record.case_id for record in slides.records})
    drawn = {"sources": (Source(role=role, sha256="1" * 64, bytes=5000),)}
    changed = with_records(slides, dict.fromkeys(cases[3:5], drawn))
    assert list(same_sources(changed, cases)) == []
    refuse_shared_cases((cases[3:4], changed), (cases[4:5], changed))
    file = {"sources": (Source(role="series:lge:lge", sha256="1" * 64, bytes=5000),)}
    changed = with_records(slides, dict.fromkeys(cases[3:5], file))
    with pytest.raises(OutcomeError, match=f"case {cases[4]}: .* got what case {cases[3]} of the run"):
        refuse_shared_cases((cases[3:4], changed), (cases[4:5], changed))


def leaking(tiny: Tiny, *, noise: float) -> None:
    """Replace the age of all cases by their follow-up, with some noise on its logarithm."""
    with (tiny.cohort / "outcomes.csv").open(newline="") as stream:
        time = {row["case_id"]: float(row["time"]) for row in csv.DictReader(stream)}
    cache, rng = FeatureCache.open(tiny.cache), np.random.default_rng(0)
    for record in list(cache.records("tiny", "clinical")):
        arrays = {name: array.copy() for name, array in cache.arrays(record).items()}
        arrays["values"][1] = time.get(record.case_id, 30.0) * np.exp(noise * rng.normal())
        arrays["state"][1] = 0
        source = Source(role="made_up", sha256="1" * 64, bytes=1)
        entry = draft(
            CLINICAL,
            record.case_id,
            "clinical",
            "vector",
            arrays=arrays,
            attrs={"variables": VARIABLES},
        )
        cache.commit(replace(entry, sources=(source,)))


def test_a_benchmark_refuses_what_the_check_refuses(own_tiny: Tiny, tmp_path: Path) -> None:
    leaking(own_tiny, noise=0.01)
    checked = check_inputs(inputs_of(own_tiny))
    assert [name for name, problem in named(checked.problems) if problem.fails] == ["follow-up-as-feature"]
    with pytest.raises(OutcomeError, match=r"column age: .* follow-up-as-feature"):
        run_benchmark(inputs_of(own_tiny), tmp_path / "run", jobs=1)
    assert not (tmp_path / "run").exists()


def test_a_result_above_the_ceiling_is_asked_what_it_was_made_from(own_tiny: Tiny, tmp_path: Path) -> None:
    """Noise keeps the column from being an error: it warns, and its arms are above the ceiling."""
    leaking(own_tiny, noise=0.35)
    path = own_tiny.cohort / "cohort.yaml"
    card = yaml.safe_load(path.read_text())
    protocol = yaml.safe_load(own_tiny.protocol.read_text())
    for ceiling, names in ((0.6, {"ridge_cox__clinical"}), (0.999, set())):
        card["endpoints"]["bcr"]["ceiling"] = ceiling
        path.write_text(yaml.safe_dump(card))
        own_tiny.protocol.write_text(
            yaml.safe_dump({**protocol, "replicates": {"permutation": 3} if names else {}})
        )
        run_benchmark(inputs_of(own_tiny), tmp_path / f"run{ceiling}", jobs=1)
        with (tmp_path / f"run{ceiling}" / "lint.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert rows[0]["leak"] == "follow-up-as-feature"
        assert rows[0]["level"] == "warning"
        told = {row["where"].removeprefix("metrics.csv: "): row for row in rows if row["leak"] == "too-good"}
        assert names <= told.keys()
        assert not any("slides" in name and "clinical" not in name for name in told)
        assert bool(names) == bool(told)
        if names:  # the column holds these outcomes, and none that are dealt anew
            got = told["ridge_cox__clinical"]["got"]
            assert "at most on 3 cohorts with outcomes dealt anew (p 0.25)" in got
            assert told["ridge_cox__clinical"]["remedy"].startswith("Find out when and how")
    assert "follow-up-as-feature" in (tmp_path / "run0.6" / "report.html").read_text()


def test_what_is_as_high_on_outcomes_dealt_anew_is_laid_to_the_evaluation(tmp_path: Path) -> None:
    assert _against_the_null(tmp_path, "a")[0] == ""
    for highest, words in ((0.95, "look for cases in two parts"), (0.55, "Find out when and how")):
        rows = [("as_it_is", 0, "a", 0.9), ("permutation", 1, "a", highest), ("permutation", 2, "b", 0.99)]
        write_csv(tmp_path / "replicates.csv", ("kind", "replicate", "arm", "c"), rows)
        told, remedy = _against_the_null(tmp_path, "a")
        assert f"{highest:.3f} at most on 1 cohort with" in told
        assert words in remedy
