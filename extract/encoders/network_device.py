"""A network on one device: uint8 tiles in, rows out, normalised where the network is.

Enters: parts of a batch from the host. Leaves: rows in f32 on the host. On a GPU a batch is put into pinned
memory and copied on a stream of its own while the batch before it is computed; its rows come back the same
way, so the device never waits for the host. The CPU sees one tile at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from extract.encoders.card import EncoderCard
from extract.encoders.feeding import RowsOfTiles, Tiles
from extract.encoders.same_bits import same_bits

if TYPE_CHECKING:
    from torch import Tensor

Triple = tuple[float, float, float]

#: Tiles that a device is given at once.
_BATCH = {"cpu": 1, "cuda": 64}


class NetworkDevice:
    """See `extract.encoders.feeding.Device`. On a GPU it is for one thread.

    `forward` takes (tile, 3, height, width) of values that are 0 to 1, less the mean, over the deviation.
    """

    def __init__(
        self,
        card: EncoderCard,
        device: str,
        forward: Callable[[Tensor], Tensor],
        mean_deviation: tuple[Triple, Triple],
    ) -> None:
        import torch

        self.size = _BATCH[device]
        self._device, self._precision, self._forward = device, card.precision, forward
        mean, deviation = mean_deviation
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(deviation, device=device).view(1, 3, 1, 1)
        assert card.input_px is not None and card.dim is not None
        shape = (self.size, card.input_px, card.input_px, 3)
        self._slots = [_PinnedSlot(shape, card.dim) for _ in range(2)] if device == "cuda" else []
        self._started = 0

    def start(self, parts: list[Tiles]) -> Any:
        """Begin with at most `size` tiles, filled up with black ones."""
        with same_bits(self._device, self._precision):
            if not self._slots:
                return self._compute(_filled_up(parts, self.size)).float()
            slot = self._slots[self._started % len(self._slots)]
            slot.send_back(self._compute(slot.bring(parts)))
            self._started += 1  # not before: a batch that fails must not turn the next to the slot in flight
            return slot

    def finish(self, started: Any) -> RowsOfTiles:
        """Wait for the rows of a batch, (size, dim) f32."""
        rows: RowsOfTiles = started.rows() if isinstance(started, _PinnedSlot) else started.numpy()
        return rows

    def _compute(self, tiles: Tensor) -> Tensor:
        pixels = tiles.to(self._device).permute(0, 3, 1, 2).float() / 255
        return self._forward((pixels - self._mean) / self._deviation)


class _PinnedSlot:
    """Host memory for one batch on its way to a GPU and for its rows on their way back. There are two."""

    def __init__(self, shape: tuple[int, ...], dim: int) -> None:
        import torch

        self._tiles = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        self._rows = torch.empty((shape[0], dim), dtype=torch.float32, pin_memory=True)
        self._stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # of torch
        self._back: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]  # the same

    def bring(self, parts: list[Tiles]) -> Tensor:
        """Copy tiles to the device on a stream of their own; what was brought before is computed by now."""
        import torch

        self._tiles.copy_(_filled_up(parts, len(self._tiles)))
        with torch.cuda.stream(self._stream):
            on_device = self._tiles.to("cuda", non_blocking=True)
        current = torch.cuda.current_stream()
        current.wait_stream(self._stream)
        on_device.record_stream(current)
        return on_device

    def send_back(self, rows: Tensor) -> None:
        """Copy rows to the host behind what computes them."""
        self._rows.copy_(rows, non_blocking=True)
        self._back.record()

    def rows(self) -> RowsOfTiles:
        """Wait for the rows."""
        self._back.synchronize()
        return np.array(self._rows.numpy())


def _filled_up(parts: list[Tiles], size: int) -> Tensor:
    import torch

    missing = size - sum(map(len, parts))
    black = np.zeros((missing, *parts[0].shape[1:]), dtype=np.uint8)
    return torch.from_numpy(np.concatenate([*parts, black]))
