from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_cache import source_index
from feature_cache.entry import EntryDraft, Source
from feature_cache.names import entry_path
from feature_cache.run_traces import remove_traces
from feature_cache.store import FeatureCache

MakeDraft = Callable[..., EntryDraft]


def _everything(root: Path) -> str:
    """Return all names and all contents below a folder as one text."""
    parts = []
    for path in sorted(root.rglob("*")):
        parts.append(path.relative_to(root).as_posix())
        if path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
    return "\n".join(parts)


def test_a_case_leaves_the_whole_cache(
    cache: FeatureCache, make_draft: MakeDraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_index, "SETTLED_NS", -(10**18))
    case, other = "CASE-GONE", "CASE-STAYS"
    slide = tmp_path / "slide.svs"
    slide.write_text("pixels")
    sha256 = cache.hash_file(slide)
    old = make_draft(case, "a", source="older")
    for draft in (
        old,
        make_draft(case, "a", source="pixels"),
        make_draft(case, "b"),
        make_draft(case, "b", mpp=1.0),
        make_draft(case, "clinical", kind="vector"),
        make_draft(case, "x", cohort="mprtm"),
        make_draft(other, "a"),
        make_draft(f"{case}-2", "a"),
    ):
        cache.commit(draft)
    # One more in quarantine, one that a killed writer left, one whose record is lost.
    (cache.root / entry_path(make_draft(case, "b").key) / "entry.json").write_text("{}")
    list(cache.verify(quarantine=True))
    (cache.root / "_tmp" / "killed" / entry_path(old.key)).mkdir(parents=True)
    (cache.root / entry_path(make_draft(case, "x", cohort="mprtm").key) / "entry.json").write_text("{}")
    run = cache.runs_folder / "1"
    run.mkdir()
    (run / "failures.csv").write_text(f"case_id,item\n{case},c\n{other},c\n")
    assert make_draft(case, "b").sources == (Source(role="slide", sha256=sha256, bytes=6),)

    # live: a, b at mpp 1, clinical, x; trash: the older a; quarantine: b; tmp: a
    assert cache.forget(case) == 7
    kept = sorted(record.case_id for record in cache.records())
    assert kept == [f"{case}-2", other]
    left = _everything(cache.root).replace(f"{case}-2", "")
    assert case not in left and not list(cache.root.glob("_index/*/*.json"))
    assert cache.status().boxes == {"_tmp": 0, "_trash": 0, "_quarantine": 0}
    assert all(check.ok for check in cache.verify())
    assert cache.forget(case) == 0


@pytest.mark.parametrize("case", ["../0071", "*", "..", "0071/slide-1", "_runs"])
def test_a_hostile_id_removes_its_own_case_alone(
    cache: FeatureCache, make_draft: MakeDraft, case: str
) -> None:
    for draft in (make_draft(), make_draft(case)):
        cache.commit(draft)
    assert cache.forget(case) == 1
    assert [record.case_id for record in cache.records()] == ["0071"]


def test_upper_and_lower_case_are_two_cases(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_text("modality,case_id,where\nnotes,A,case A\nnotes,a,case a\n")
    assert remove_traces(tmp_path, "a") == 1
    assert (tmp_path / "failures.csv").read_text() == "modality,case_id,where\nnotes,A,case A\n"


def test_an_id_that_a_spreadsheet_would_run_is_found_under_its_mark(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_text("case_id,got\n'=1+1,x\n'=1+12,x\n")
    assert remove_traces(tmp_path, "=1+1") == 1
    assert (tmp_path / "failures.csv").read_text() == "case_id,got\n'=1+12,x\n"


def test_traces_of_runs(tmp_path: Path) -> None:
    run = tmp_path / "_runs" / "1"
    run.mkdir(parents=True)
    rows = [
        ["case_id", "item_id", "where", "got"],
        ["71", "slides", "71.svs", "no mpp"],
        ["710", "slides", "chimera/slides/weightfree-0/71/s1: entry.json", "x"],
        ["712", "slides", "cases.csv: case 71", "x"],
        ["711", "slides", "71 tiles", "case 711"],
        ["713", "se, 71", "a\nb", '"quoted"'],
        ["8", "71", "chimera/slides/weightfree-0/8/71: entry.json", "x"],
        ["9", "slides", "notes.csv: case 71.5, note 71", "case 71A"],
    ]
    with (run / "failures.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    events = [
        {"case_id": "71"},
        {"case_id": "710", "n": 71},
        {"on": ["a", {"at": "/71/"}]},
        {"case": "case 710"},
    ]
    (run / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + '{"cut": "ca')
    report = {
        "items": 71,
        "failed": [{"case": "71", "why": "x"}, {"case": "710"}],
        "of_case": {"case_id": "71", "s": 1},
        "bytes": "71",
    }
    (run / "report.json").write_text(json.dumps(report))
    (run / "untouched.json").write_text('{"a":1}')

    assert remove_traces(tmp_path / "_runs", "71") == 7
    with (run / "failures.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [rows[0], *rows[4:]]
    lines = (run / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines[:-1]] == [events[1], events[3]] and lines[-1] == '{"cut": "ca'
    assert json.loads((run / "report.json").read_text()) == {
        "items": 71,
        "failed": [{"case": "710"}],
        "of_case": {"s": 1},
        "bytes": "71",
    }
    assert (run / "untouched.json").read_text() == '{"a":1}'
    assert sorted(path.name for path in run.iterdir()) == [
        "failures.csv", "log.jsonl", "report.json", "untouched.json",
    ]  # fmt: skip
    assert remove_traces(tmp_path / "_runs", "71") == 0
    assert remove_traces(tmp_path / "absent", "71") == 0
