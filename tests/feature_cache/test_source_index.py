from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from feature_cache import source_index
from feature_cache.errors import SourceError
from feature_cache.source_index import SourceIndex


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is read; files count as settled at once."""
    seen: list[Path] = []

    def hash_and_note(path: Path) -> str:
        seen.append(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(source_index, "sha256_of_file", hash_and_note)
    monkeypatch.setattr(source_index, "SETTLED_NS", -(10**18))
    return seen


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "Jane Doe.svs"
    path.write_bytes(b"pixels")
    return path


@pytest.fixture
def index(tmp_path: Path) -> SourceIndex:
    return SourceIndex(tmp_path / "_index")


def test_a_file_is_read_once(index: SourceIndex, slide: Path, reads: list[Path]) -> None:
    expected = hashlib.sha256(b"pixels").hexdigest()
    assert [index.hash_file(slide) for _ in range(3)] == [expected] * 3
    assert reads == [slide]
    assert index.hash_file(slide, rehash=True) == expected and len(reads) == 2


def test_another_spelling_of_the_path_is_the_same_path(
    index: SourceIndex, slide: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    index.hash_file(slide)
    monkeypatch.chdir(slide.parent)
    index.hash_file(Path("x") / ".." / slide.name) if Path("x").exists() else index.hash_file(
        Path(slide.name)
    )
    assert len(reads) == 1


@pytest.mark.parametrize("how", ["rewritten", "longer", "touched", "replaced", "put back"])
def test_a_file_that_changed_is_read_again(
    index: SourceIndex, slide: Path, reads: list[Path], how: str
) -> None:
    index.hash_file(slide)
    before = slide.stat()
    if how == "touched":
        os.utime(slide, (1, 1))
    elif how == "replaced":
        (slide.parent / "new").write_bytes(b"PIXELS")
        os.utime(slide.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
        (slide.parent / "new").replace(slide)
    else:
        slide.write_bytes(b"PIXELS!" if how == "longer" else b"PIXELS")
    if how == "put back":
        os.utime(slide, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert index.hash_file(slide) == hashlib.sha256(slide.read_bytes()).hexdigest()
    assert len(reads) == 2


def test_a_file_that_changed_just_now_is_not_remembered(
    index: SourceIndex, slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.hash_file(slide)
    assert not list(index.folder.glob("*/*.json"))
    monkeypatch.setattr(source_index.time, "time_ns", lambda: slide.stat().st_ctime_ns + 3_000_000_000)
    index.hash_file(slide)
    assert len(list(index.folder.glob("*/*.json"))) == 1


def test_no_path_and_no_name_is_kept(index: SourceIndex, slide: Path, reads: list[Path]) -> None:
    index.hash_file(slide)
    (memory,) = index.folder.glob("*/*")
    for word in (b"Jane", b"svs", bytes(slide.parent)):
        assert word not in memory.read_bytes() + bytes(memory.relative_to(index.folder))


def test_damaged_memories_are_ignored_and_made_again(
    index: SourceIndex, slide: Path, reads: list[Path]
) -> None:
    expected = index.hash_file(slide)
    (memory,) = index.folder.glob("*/*.json")
    whole = memory.read_bytes()
    rng = np.random.default_rng(5)
    flips = [int(bit) for bit in rng.integers(0, len(whole) * 8, size=40)]
    for bit in flips:
        altered = bytearray(whole)
        altered[bit // 8] ^= 1 << (bit % 8)
        memory.write_bytes(altered)
        assert index.hash_file(slide) == expected
    for text in (b"", b"[]", b"null", b"{}", whole[:-5], b"\xff"):
        memory.write_bytes(text)
        assert index.hash_file(slide) == expected
        assert memory.read_bytes() == whole
    assert len(reads) == 1 + len(flips) + 6


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, slide: Path, reads: list[Path]
) -> None:
    (tmp_path / "_index").write_text("in the way")
    index = SourceIndex(tmp_path / "_index")
    assert index.hash_file(slide) == index.hash_file(slide)
    assert len(reads) == 2


def test_hashes_can_be_forgotten(index: SourceIndex, slide: Path, reads: list[Path]) -> None:
    other = slide.with_name("other.svs")
    other.write_bytes(b"others")
    gone = index.hash_file(slide)
    index.hash_file(other)
    assert index.forget([gone]) == 1
    index.hash_file(other)
    assert len(reads) == 2
    index.hash_file(slide)
    assert len(reads) == 3


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_what_cannot_be_read_is_refused(index: SourceIndex, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "slide.svs"
    if kind == "folder":
        path.mkdir()
    with pytest.raises(
        SourceError, match=r"slide.svs: expected a readable file; got (No such file|Is a dir)"
    ):
        index.hash_file(path)


def test_a_file_that_changes_while_it_is_read_is_refused(
    index: SourceIndex, slide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def still_copying(path: Path) -> str:
        with path.open("ab") as stream:
            stream.write(b"more")
        return "0" * 64

    monkeypatch.setattr(source_index, "sha256_of_file", still_copying)
    with pytest.raises(SourceError, match="keeps still"):
        index.hash_file(slide)
