"""What a GPU's two batches in hand share must never be mixed up; tested without a GPU."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from extract.encoders.feeding import Feeder, RowsOfTiles, Tiles
from extract.encoders.null import CARD
from tests.extract.encoders.test_feeding import tiles_of

torch = pytest.importorskip("torch")

from extract.encoders import network_device  # noqa: E402  # behind torch
from extract.encoders.network_device import NetworkDevice  # noqa: E402
from extract.encoders.same_bits import _PROCESS, same_bits  # noqa: E402

STATISTICS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
BAD = 255


class Slot:
    """Memory for one batch, as `_PinnedSlot`: who takes a slot in flight overwrites its rows."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows = np.zeros((size, 1), dtype=np.float32)

    def bring(self, parts: list[Tiles]) -> Any:
        return network_device._filled_up(parts, self._size)

    def send_back(self, rows: Any) -> None:
        self._rows[:] = rows.numpy()

    def rows(self) -> RowsOfTiles:
        return self._rows.copy()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> NetworkDevice:
    """A device on the CPU with the slots of a GPU; it fails on tiles of 255."""

    def forward(pixels: Any) -> Any:
        if (pixels == 1).any():
            raise RuntimeError("out of memory")
        return pixels[:, :1, 0, 0] * 255

    monkeypatch.setattr(network_device, "_PinnedSlot", Slot)
    made = NetworkDevice(CARD.model_copy(update={"dim": 1, "input_px": 2}), "cpu", forward, STATISTICS)
    made.size = 4
    made._slots = [Slot(4), Slot(4)]  # type: ignore[list-item]
    return made


def test_a_batch_that_fails_does_not_cost_the_one_before_its_rows(device: NetworkDevice) -> None:
    before = device.start([tiles_of(1, 2, 3, 4)])
    with pytest.raises(RuntimeError, match="out of memory"):
        device.start([tiles_of(BAD)])
    after = device.start([tiles_of(5, 6, 7, 8)])
    assert device.finish(before).ravel().round().tolist() == [1, 2, 3, 4]
    assert device.finish(after).ravel().round().tolist() == [5, 6, 7, 8]


def test_slides_beside_one_that_fails_have_their_own_rows(device: NetworkDevice) -> None:
    feeder = Feeder(device, lambda rows: None, most_batches=100)
    given = [(1, 2, 3, 4), (BAD,) * 4, (5, 6, 7, 8), (9, 10, 11, 12), (BAD,) * 4, (13, 14, 15, 16)]
    with feeder._state:  # so that all of them are there before the first batch goes out
        tickets = [feeder.submit(tiles_of(*values)) for values in given]
    for values, ticket in zip(given, tickets, strict=True):
        if BAD in values:
            with pytest.raises(RuntimeError, match="out of memory"):
                ticket.rows()
        else:
            assert ticket.rows().ravel().round().tolist() == list(values)


@pytest.mark.parametrize("device_name", ["cpu", "cuda"])
def test_what_is_set_for_the_whole_process_is_one_threads_at_a_time(device_name: str) -> None:
    """Encoders of one pass compute in threads; one that is done must not reset the flags of another."""
    with ThreadPoolExecutor(1) as other, same_bits(device_name, "f32"):
        assert torch.backends.cudnn.deterministic == (device_name == "cuda")
        assert not other.submit(_PROCESS.acquire, blocking=False).result()
    assert not torch.backends.cudnn.deterministic
