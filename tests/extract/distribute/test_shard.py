"""Cutting work into shards: every unit in one, about equally heavy, whoever cuts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from extract.__main__ import app
from extract.distribute.shard import Shard, Unit, assign

WEIGHTS = st.dictionaries(st.tuples(st.text(max_size=3), st.text(max_size=3)), st.integers(1, 10**6))


@given(WEIGHTS, st.integers(1, 9), st.randoms(use_true_random=False))
def test_every_unit_is_in_one_shard_whoever_cuts(
    weights: dict[Unit, int], count: int, random: object
) -> None:
    assigned = assign(weights, count)
    assert assigned.keys() == weights.keys()
    assert set(assigned.values()) <= set(range(1, count + 1))
    shuffled = list(weights.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assign(dict(shuffled), count) == assigned


@given(WEIGHTS.filter(len), st.integers(1, 9))
def test_no_shard_is_much_heavier_than_its_share(weights: dict[Unit, int], count: int) -> None:
    held: Counter[int] = Counter()
    for unit, number in assign(weights, count).items():
        held[number] += weights[unit]
    assert max(held.values()) <= sum(weights.values()) / count + max(weights.values()) * (1 - 1 / count)


def test_equal_work_is_cut_evenly() -> None:
    counts = Counter(assign({(str(case), "s"): 7 for case in range(100)}, 8).values())
    assert sorted(counts.values()) == [12] * 4 + [13] * 4


def test_a_shard_is_written_as_i_of_n() -> None:
    assert Shard.parse("3/16") == Shard(3, 16)
    assert str(Shard.parse("1/1")) == "1/1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0/4", "'0/4' is not i/n, counted from 1, such as 1/8"),
        ("5/4", "the last of 4 shards is 4/4"),
        ("4", "is not i/n"),
        ("1/-2", "is not i/n"),
    ],
)
def test_what_is_no_shard_is_a_command_line_that_was_not_understood(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Shard.parse(text)
    done = CliRunner().invoke(app, ["plan", "c", "--root", "r", "--cache", "x", "--shard", text])
    assert done.exit_code == 2
