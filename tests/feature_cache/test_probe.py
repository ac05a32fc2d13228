from __future__ import annotations

import json
import math

import numpy as np
import pytest

from feature_cache.errors import CacheError
from feature_cache.probe import probe_arrays, probe_distance, sketch_signs


def _bag(rows: int = 300, columns: int = 512) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(rows, columns)).astype(np.float32)


def test_rows_are_evenly_spaced_and_numbers_are_those_of_the_formula() -> None:
    bag = _bag()
    probe = probe_arrays({"embeddings": bag})
    assert len(probe["rows"]) == 64 and probe["rows"][0] == 0 and probe["rows"][-1] == 299
    assert set(np.diff(probe["rows"])) <= {4, 5}
    rows = bag[probe["rows"]].astype(np.float64)
    np.testing.assert_allclose(probe["norms"], np.linalg.norm(rows, axis=1), rtol=1e-5)
    np.testing.assert_allclose(probe["sums"], rows @ sketch_signs(512), rtol=1e-5, atol=1e-4)
    assert json.loads(json.dumps(probe)) == probe


def test_signs_never_change() -> None:
    # The reference code of splitmix64 gives, for seed 0, E220A8397B1DCDAF 6E789E6AA1B965F4 06C45D188009454F
    # F88BB8A8724C81EC 1B39896A51A8749B 53CB9F0C747EA2EA 2C829ABE1F4532E1 C584133AC916AB3C.
    assert sketch_signs(1)[0].tolist() == [1, -1, -1, 1, -1, -1, -1, 1]
    assert abs(sketch_signs(1000).mean()) < 0.05


@pytest.mark.parametrize("noise", [1e-4, 1e-2, 1e-1])
def test_distance_is_that_of_the_rows(noise: float) -> None:
    bag = _bag()
    other = bag + noise * np.random.default_rng(4).normal(size=bag.shape).astype(np.float32)
    found = probe_distance(probe_arrays({"embeddings": bag}), probe_arrays({"embeddings": other}))
    assert noise < found < 2.5 * noise  # the largest of 64 estimates, each with 8 terms


def test_half_precision_stays_within_the_stated_tolerance() -> None:
    bag = _bag()
    half = bag.astype(np.float16)
    assert 0 < probe_distance(probe_arrays({"embeddings": bag}), probe_arrays({"embeddings": half})) < 0.0141


def test_a_change_in_any_column_is_seen() -> None:
    bag = _bag(10, 40)
    for column in range(40):
        other = bag.copy()
        other[3, column] += 5
        assert probe_distance(probe_arrays({"embeddings": bag}), probe_arrays({"embeddings": other})) > 0.1


def test_same_arrays_have_no_distance_and_missing_values_must_agree() -> None:
    values = np.array([1.0, np.nan, 0.0])
    probe = probe_arrays({"values": values, "state": np.zeros(3, np.uint8)})
    assert probe["array"] == "values" and probe["norms"] == [1.0, None, 0.0]
    assert probe["sums"] == [[1.0], [None], [0.0]]  # one column: eight sums would say the same eight times
    assert probe_distance(probe, probe) == 0
    assert probe_distance(probe, probe_arrays({"values": np.array([1.0, 2.0, 0.0])})) == math.inf
    assert probe_distance(probe, probe_arrays({"values": np.array([1.0, np.nan, 1.0])})) == math.inf


@pytest.mark.parametrize("arrays", [{}, {"embeddings": np.zeros((0, 8))}, {"values": np.zeros(0)}])
def test_nothing_to_probe(arrays: dict[str, np.ndarray]) -> None:
    assert probe_arrays(arrays) == {}
    assert probe_distance({}, {}) == 0


def test_probes_of_different_rows_are_not_compared() -> None:
    with pytest.raises(CacheError, match="two probes of the same rows"):
        probe_distance(probe_arrays({"embeddings": _bag(10)}), probe_arrays({"embeddings": _bag(11)}))
