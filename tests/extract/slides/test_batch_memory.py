"""Memory of a batch is filled again when nobody holds it, and never before, whatever holds it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from extract.encoders.feeding import Feeder
from extract.slides.batch_memory import BatchMemory
from extract.slides.fields import FieldBatch
from tests.extract.encoders.test_feeding import CountingDevice

SHAPE = (4, 2, 2, 3)

HOLDERS: dict[str, Callable[[np.ndarray], object]] = {
    "the-batch": lambda batch: batch,
    "a-row": lambda batch: batch[1],
    "a-view-of-a-view": lambda batch: batch[1:][::-1].transpose(0, 3, 1, 2)[0],
    "a-memoryview": memoryview,
    "another-type": lambda batch: batch.view("u1").reshape(-1).view("<u2"),
    "a-frombuffer": lambda batch: np.frombuffer(batch, dtype=np.uint8),
    "dlpack": np.from_dlpack,
    "a-pointer": lambda batch: batch.ctypes,
    "a-field-batch": lambda batch: FieldBatch(rows=np.arange(4), pixels=batch),
}


def address(batch: np.ndarray) -> int:
    return int(batch.ctypes.data)


def test_memory_that_nobody_holds_is_filled_again() -> None:
    memory = BatchMemory(SHAPE)
    assert len({address(memory.take()) for _ in range(9)}) == 1


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_memory_that_somebody_holds_is_not(hold: Callable[[np.ndarray], object]) -> None:
    memory = BatchMemory(SHAPE)
    batch = memory.take()
    first = address(batch)
    holder = hold(batch)
    del batch
    assert first not in {address(memory.take()) for _ in range(3)}
    del holder
    assert address(memory.take()) == first


def test_tiles_that_wait_for_their_encoder_are_not_filled_again() -> None:
    memory = BatchMemory(SHAPE)
    feeder = Feeder(CountingDevice(), lambda rows: None)
    tickets = []
    for number in range(5):
        batch = memory.take()[:3]
        batch[:] = number
        tickets.append(feeder.submit(batch))
    del batch
    assert [ticket.rows()[:, 0].tolist() for ticket in tickets] == [[number] * 3 for number in range(5)]


def test_a_tensor_holds_it_too() -> None:
    torch = pytest.importorskip("torch")
    memory = BatchMemory(SHAPE)
    first = address(memory.take())
    tensor = torch.from_numpy(memory.take()).permute(0, 3, 1, 2)[1]
    assert address(memory.take()) != first
    del tensor
    assert address(memory.take()) == first


def test_batches_held_for_long_are_forgotten_not_overwritten() -> None:
    memory = BatchMemory(SHAPE)
    held = [memory.take() for _ in range(300)]
    assert len({address(batch) for batch in held}) == 300
    for number, batch in enumerate(held):
        batch[:] = number % 256
    memory.take()[:] = 7
    assert all((batch == number % 256).all() for number, batch in enumerate(held))
