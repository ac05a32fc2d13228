"""Pairs of the inner folds, and of what would have been selected without looking at them."""

from __future__ import annotations

import numpy as np

from fuse.inner_order import count_inner_pairs, inner_share, selected_inner_pairs
from fuse.outcomes.outcomes import Survival


def test_pairs_are_counted_within_inner_folds_only() -> None:
    outcome = Survival(event=np.array([True, False, True, False]), time_days=np.array([1.0, 2.0, 1.0, 2.0]))
    pairs = count_inner_pairs(np.array([1.0, 0.0, 5.0, 9.0]), outcome, np.array([0, 0, 1, 1]))
    assert pairs.tolist() == [[[1.0, 1.0]], [[0.0, 1.0]]]
    assert inner_share(pairs) == 0.5


def test_each_inner_fold_has_what_was_best_in_the_others() -> None:
    # "a" is best over all; without its good first fold "b" is
    shares = {"a": [1.0, 0.0, 0.6], "b": [0.0, 0.5, 0.7]}
    candidates = {
        name: np.array([[[10 * share, 10.0]] for share in values]) for name, values in shares.items()
    }
    found = selected_inner_pairs(candidates)
    assert found[:, 0, 0].tolist() == [0.0, 0.0, 6.0]  # b without 0; a without 1 (.8 to .35); a without 2
    assert inner_share(found) < max(inner_share(pairs) for pairs in candidates.values())


def test_ties_go_to_the_first() -> None:
    same = np.full((2, 1, 2), 1.0)
    other = same * [[[0.5, 1.0]]]
    assert selected_inner_pairs({"a": other, "b": other.copy()}).tolist() == other.tolist()
