"""A document is what is written: no key twice, nothing that grows when it is walked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from feature_cache.card import read_card
from feature_cache.errors import ManifestError
from feature_cache.strict_yaml import MOST_BYTES, MOST_LEVELS, MOST_VALUES, read_yaml


def laughs(levels: int, each: int) -> str:
    """Aliases of aliases: each**levels values."""
    lines = [f"a0: &a0 [{', '.join(['ha'] * each)}]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * each)}]")
    return "\n".join(lines)


def read(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


def test_plain_documents_with_merged_defaults_are_read(tmp_path: Path) -> None:
    text = (
        "base: &base {unit: mm, day: 0}\nage: {<<: *base, unit: years}\nlist: [1, 2.5, a, null, 2024-02-29]"
    )
    document = read(tmp_path, text)
    assert document["age"] == {"unit": "years", "day": 0}
    assert document["list"][:4] == [1, 2.5, "a", None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "the key a is there twice"),
        (laughs(9, 9), f"more than {MOST_VALUES:,} values"),
        (
            "a: &a {x: 1}\n" + "\n".join(f"k{n}: {{<<: [{', '.join(['*a'] * 999)}]}}" for n in range(99)),
            "values",
        ),
        ("a: &a [1, *a]", "the alias a inside what it stands for"),
        ("a: &a {b: {c: *a}}", "the alias a inside what it stands for"),
        ("[" * (MOST_LEVELS + 1) + "]" * (MOST_LEVELS + 1), f"more than {MOST_LEVELS} levels"),
        ("[" * 100_000, f"more than {MOST_LEVELS} levels"),
        ("a: " + "1" * 5_000, "a date or number that is none"),
        ("a: 2024-13-45", "a date or number that is none"),
        ("a: " + "x" * MOST_BYTES, "bytes where at most 1,048,576 can be meant"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: !!python/name:os.system", "could not determine a constructor"),
        ("a: 1\n---\nb: 2", "expected a single document"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(yaml.YAMLError, match=message):
        read(tmp_path, text)


def test_a_document_of_many_values_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, laughs(3, 40))["a2"]) == 40


def test_a_card_that_laughs_is_one_line_for_the_user(tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text(laughs(9, 9), encoding="utf-8")
    with pytest.raises(ManifestError, match=r"cohort\.yaml: expected YAML in UTF-8.*100,000 values"):
        read_card(tmp_path / "cohort.yaml")
