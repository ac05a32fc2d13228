"""A modality of small text files, to test plan and run without any image; a small download and its scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest

from extract import stages
from extract.caps import Caps
from extract.child import _attempt
from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.scan import scan
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import SourceError
from feature_cache.recipe import ResolvedRecipe
from tests.extract.chimera_tree import write_chimera

USERS_OF_THE_POOL = ("extract.run", "extract.check.raw_files", "extract.cost")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A download in the CHIMERA layout."""
    return write_chimera(tmp_path / "task1")


@pytest.fixture
def cohort(root: Path, tmp_path: Path) -> Path:
    """Its manifest, as scan drafts it."""
    return scan("chimera", root, "mine", tmp_path / "m").folder


class NumberStage:
    """A case is a file with a number in it; the word `broken` cannot be used, `crash` is unforeseen."""

    block = modality = "notes"

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        return ResolvedBlock(recipe=ResolvedRecipe(name=name, modality=self.modality, settings=block))

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        return [
            WorkItem(
                block=self.block,
                key=EntryKey.of(cohort.name, resolved.recipe, row.case_id, row.note_id),
                recipe=resolved.recipe,
                root=root,
                files={"note": row.path},
            )
            for row in cohort.notes
        ]

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        path = item.path_of("note")
        return (Source(role="note", sha256=hash_file(path), bytes=path.stat().st_size),)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        text = item.path_of("note").read_text(encoding="utf-8")
        if text == "broken":
            raise SourceError(
                f"case {item.key.case_id}", expected="a number", got="something else", remedy="Mend the file."
            )
        number = np.full((100, 4), float(text), dtype="<f4")
        return EntryDraft(
            key=item.key,
            kind="note",
            sources=sources,
            settings=item.recipe.settings,
            arrays={"embeddings": number, "char_span": np.zeros((100, 2), dtype="<i4")},
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        self.sources(item, lambda path: "")
        return {"bytes": item.path_of("note").stat().st_size}


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do here what goes to child processes, errors included; test_pool.py is about the children."""

    def here(
        function: Callable[[object], object],
        tasks: Iterable[object],
        caps: Caps,
        workers: int,
        threads: int = 1,
    ) -> Iterator[tuple[object, object]]:
        for number, task in enumerate(tasks):
            yield task, ForkingPickler.loads(_attempt(function, number, task))[1]

    for module in USERS_OF_THE_POOL:
        monkeypatch.setattr(f"{module}.run_capped", here)


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the number stage stand for notes."""
    monkeypatch.setitem(stages.STAGES, "notes", NumberStage())


@pytest.fixture
def number_cohort(tmp_path: Path, numbers: None, in_this_process: None) -> tuple[Path, Path]:
    """A manifest of four cases and the root of their files: two numbers, one broken, one that crashes."""
    root, manifest = tmp_path / "raw", tmp_path / "manifest"
    root.mkdir()
    manifest.mkdir()
    for name, text in (("a", "1"), ("b", "2"), ("c", "broken"), ("d", "the patient's name")):
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    (manifest / "cohort.yaml").write_text(
        "{schema_version: 1, name: numbers, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [notes], index_event: surgery, prediction_day: 0}\n",
        encoding="utf-8",
    )
    (manifest / "cases.csv").write_text("case_id,site\n001,s\n002,s\n003,s\n004,s\n", encoding="utf-8")
    rows = [f"00{number},n1,{name}.txt,,0" for number, name in enumerate("abcd", start=1)]
    (manifest / "notes.csv").write_text(
        "case_id,note_id,path,column,day\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )
    return manifest, root
