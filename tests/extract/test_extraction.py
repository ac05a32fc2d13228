"""What a run counts, and which words of its command line make no sense beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extract import extraction
from extract.extraction import Means
from extract.item import Task
from extract.request import Request
from extract.run import Receipt, extract_items
from feature_cache.errors import RecipeError
from feature_cache.store import FeatureCache


@pytest.fixture
def request_of_notes(tmp_path: Path) -> Request:
    """Three notes; the file of the last is not there."""
    for name, text in {
        "cohort.yaml": "{schema_version: 1, name: n, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [notes], index_event: surgery, prediction_day: 0}\n",
        "cases.csv": "case_id,site\n1,s\n2,s\n3,s\n",
        "notes.csv": "case_id,note_id,path,column,day\n1,n,1.txt,,0\n2,n,2.txt,,0\n3,n,3.txt,,0\n",
        "1.txt": "one word",
        "2.txt": "two words",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Request(
        cohort=str(tmp_path),
        root=tmp_path,
        cache=tmp_path / "cache",
        recipe="weightfree",
        weights=None,
        cases=None,
        limit=None,
        array_format="zarr",
    )


def test_what_another_run_made_meanwhile_is_not_counted_as_made(
    request_of_notes: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beside_another(tasks: tuple[Task, ...], cache: FeatureCache, *_: Any) -> Iterator[Receipt]:
        extract_items(tasks[0], cache)  # the other run
        for task in tasks:
            yield from extract_items(task, cache)

    monkeypatch.setattr(extraction, "run_items", beside_another)
    first = extraction.extract(request_of_notes, Means())
    assert (first.made, first.done, len(first.problems), first.left) == (1, 1, 1, 0)
    again = extraction.extract(request_of_notes, Means())
    assert (again.made, again.done, len(again.problems), again.left) == (0, 2, 1, 0)
    assert again.describe().startswith("0 made, 2 were there, 1 failed in ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"slurm_job": Path("job.yaml")}, "--slurm-job job.yaml: expected --scheduler slurm; got none"),
        ({"slurm_job": Path("j"), "scheduler": "local"}, "--scheduler slurm; got --scheduler local"),
        ({"readers": 2, "scheduler": "local"}, "--readers 2: expected a run without --scheduler"),
    ],
)
def test_a_word_without_effect_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Means(**words)
    Means(scheduler="slurm", slurm_job=Path("job.yaml"))
    Means(readers=2)
