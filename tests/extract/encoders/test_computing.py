"""Tokens come back in their order, part by part; one that cannot be stored is counted among all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from extract.encoders.computing import Computing
from extract.encoders.registry import find_encoder
from feature_cache.errors import SourceError
from tests.extract.encoders.small_models import torch

CARD = find_encoder("medicalnet_r10", "volumes")


def test_tensors_are_those_asked_for_on_the_device_that_an_entry_names() -> None:
    computing = Computing.of(CARD)
    held = computing.bring({"weight": torch.ones(2), "head": torch.zeros(1)}, ["weight"])
    assert {name: str(tensor.device.type) for name, tensor in held.items()} == {"weight": computing.device}
    assert computing.used["device"] == computing.device and computing.used["libraries"]


def test_parts_are_rows_in_their_order_computed_one_by_one_and_without_gradients() -> None:
    computing, taken = Computing.of(CARD), []

    def parts() -> Iterator[torch.Tensor]:
        for start in (0, 12):
            taken.append((start, torch.is_inference_mode_enabled()))
            yield torch.arange(start, start + 12.0).reshape(1, 2, 2, 3)

    with computing.same_bits():
        rows = computing.rows(parts())
    assert taken == [(0, True), (12, True)]
    np.testing.assert_array_equal(rows, np.arange(24, dtype=np.float32).reshape(8, 3))


def test_rows_that_cannot_be_stored_are_counted_over_all_parts() -> None:
    parts = [torch.ones(2, 3), torch.tensor([[1.0, float("nan"), 1.0]]), torch.full((1, 3), 7e4)]
    with pytest.raises(SourceError, match=r"encoder medicalnet_r10: .*others in 2 of 4 rows"):
        Computing.of(CARD).rows(parts)
