"""Split files of neighbours: one column of case ids for each part, one file a fold."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_cache.errors import OutcomeError
from fuse.folds.split_files import is_split_file, read_splits


def write(path: Path, **parts: str) -> Path:
    """Write a file with an index and a column for each part, as pandas does; columns end at their own row."""
    columns = {name: cases.split() for name, cases in parts.items()}
    rows = [
        [str(row), *(cases[row] if row < len(cases) else "" for cases in columns.values())]
        for row in range(max(map(len, columns.values())))
    ]
    path.write_text("\n".join(map(",".join, [["", *columns], *rows])) + "\n")
    return path


def test_one_file_is_one_fold_and_a_val_column_is_the_test_part(tmp_path: Path) -> None:
    path = write(tmp_path / "any.csv", train="a b c", val="d")
    assert is_split_file(path)
    assert read_splits(path) == {(1, 1): {"a": "train", "b": "train", "c": "train", "d": "test"}}


def test_beside_a_test_column_val_is_there_to_choose_on(tmp_path: Path) -> None:
    path = write(tmp_path / "any.csv", train="a b", val="c", test="d e")
    assert read_splits(path)[1, 1] == {"a": "train", "b": "train", "c": "train", "d": "test", "e": "test"}


def test_files_that_share_no_test_case_are_folds_of_one_repeat(tmp_path: Path) -> None:
    for number, test in enumerate(("c", "b", "a")):
        write(tmp_path / f"splits_{number}.csv", train="a b c".replace(test, "").strip(), val=test)
    write(tmp_path / "splits_0_bool.csv", train="True")
    assert list(read_splits(tmp_path)) == [(1, 0), (1, 1), (1, 2)]


def test_files_that_test_a_case_again_are_repeats(tmp_path: Path) -> None:
    for number in (0, 1, 10):
        write(tmp_path / f"splits_{number}.csv", train="a b", val="c", test="d")
    assert list(read_splits(tmp_path)) == [(0, 1), (1, 1), (10, 1)]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"train": "a b", "val": "b"}, "case b: .* got case-in-two-parts: it in train and in test"),
        ({"train": "a a", "val": "b"}, "case a: .* got it twice"),
        ({"train": "a b", "held": "c"}, "got columns train, held"),
    ],
)
def test_what_is_no_split_is_refused(tmp_path: Path, parts: dict[str, str], said: str) -> None:
    with pytest.raises(OutcomeError, match=said):
        read_splits(write(tmp_path / "any.csv", **parts))


def test_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutcomeError, match="got a folder without any"):
        read_splits(tmp_path)
