"""Where the time went: what the steps of an item took is what the item took, whoever encoded it."""

from __future__ import annotations

from itertools import accumulate

import pytest

from extract import steps
from extract.steps import accounted, count, held_up, step


def test_what_two_encoders_of_one_pass_took_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that answers at once and one that is waited for: neither's time is the other's, or nobody's."""
    looks = accumulate([0, 1, 5, 1, 2, 4])  # begin, (encode 5), (wait 2), end; 1 and 1 and 4 between them
    monkeypatch.setattr(steps.time, "perf_counter", lambda: next(looks))
    with accounted() as seconds:
        with step("encode"):
            pass
        with step("wait"):
            count("device", 1.5)
    assert seconds == {
        "hash": 0,
        "read": 0,
        "wait": 2,
        "encode": 5,
        "write": 0,
        "other": 6,
        "device": 1.5,
    }
    assert sum(held_up(seconds).values()) == 13
    assert held_up(seconds)["encode"] == 7


def test_outside_an_account_nothing_is_counted() -> None:
    with step("read"):
        pass
    with accounted() as seconds:
        pass
    assert seconds["read"] == 0
