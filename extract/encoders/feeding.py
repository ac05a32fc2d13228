"""One network on one device, fed by many slides: tiles of all of them in batches of one size.

Enters: uint8 tiles from the threads that read slides. Leaves: tickets that become rows. A thread of its own
packs what waits, whichever slides it is of, so that small slides do not starve the device; a batch that is
not full is filled up with black tiles and goes out only when somebody waits and nothing else is there. So
the network sees one shape of input, and the row of a tile is the same in whatever company it was computed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8

from extract.steps import count, step

log = logging.getLogger(__name__)

Tiles = UInt8[np.ndarray[Any, Any], "tile height width 3"]
RowsOfTiles = Float[np.ndarray[Any, Any], "tile dim"]


class Device(Protocol):
    """What computes: batches of exactly `size` tiles, started in order and finished in that order."""

    size: int

    def start(self, parts: list[Tiles]) -> Any:
        """Begin with a batch of at most `size` tiles in parts, and return at once where the device allows."""

    def finish(self, started: Any) -> RowsOfTiles:
        """Wait for a batch and return its `size` rows, those of the filling included."""


class Ticket:
    """The rows that some tiles will have, filled in as batches come back."""

    def __init__(self, feeder: Feeder, tiles: Tiles) -> None:
        self._feeder = feeder
        self._tiles = tiles
        self._parts: list[RowsOfTiles] = []
        self._wanted, self.packed, self.done = len(tiles), 0, 0
        self.error: Exception | None = None
        self.seconds = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.error is not None or self.done == self._wanted

    def rows(self) -> RowsOfTiles:
        """Wait for the rows, (tile, dim); what the network or the feeder's check raises is raised here."""
        with step("wait"):
            self._feeder.wait_for(self)
        count("device", self.seconds)
        if self.error is not None:
            raise self.error
        rows = np.concatenate(self._parts)
        self._feeder.check(rows)
        return rows

    def pack(self, room: int) -> Tiles:
        """Give out the next tiles, at most `room`."""
        tiles = self._tiles[self.packed : self.packed + room]
        self.packed += len(tiles)
        return tiles

    @property
    def is_packed(self) -> bool:
        """Whether all its tiles are given out."""
        return self.packed == self._wanted

    def fill(self, rows: RowsOfTiles, seconds: float) -> None:
        """Take the next rows, and how long the device worked for them."""
        self._parts.append(rows)
        self.done += len(rows)
        self.seconds += seconds


@runtime_checkable
class FedEncoder(Protocol):
    """An encoder that may have a feeder; with it, it answers later and serves several slides."""

    feeder: Feeder | None


#: Tickets with the tiles of theirs that are in one batch.
_Shares = list[tuple[Ticket, int]]


class Feeder:
    """See the module. Its thread starts with the first tiles, and ends with the process.

    At most `most_batches` batches of tiles wait here: who brings more waits until there is room. `check`
    looks at the rows of one ticket, so that what is wrong with one slide's is not laid to another.
    """

    def __init__(self, device: Device, check: Callable[[RowsOfTiles], None], most_batches: int = 4) -> None:
        self._device = device
        self.check = check
        self._most_tiles = most_batches * device.size
        self._state = threading.Condition()
        self._queue: deque[Ticket] = deque()
        self._waiting_tiles = 0
        self._waiters = 0
        self._thread: threading.Thread | None = None

    def submit(self, tiles: Tiles) -> Ticket:
        """Put tiles in line; waits while the line is full.

        Raises
        ------
        ValueError
            There are no tiles.
        """
        if not len(tiles):
            raise ValueError("no tiles to encode")
        ticket = Ticket(self, tiles)
        with self._state:
            if self._thread is None:
                self._thread = threading.Thread(target=self._feed, daemon=True)
                self._thread.start()
            with step("wait"):
                self._state.wait_for(lambda: self._waiting_tiles < self._most_tiles)
            self._queue.append(ticket)
            self._waiting_tiles += len(tiles)
            self._state.notify_all()
        return ticket

    def wait_for(self, ticket: Ticket) -> None:
        """Return when a ticket is complete. While somebody waits, batches go out that are not full."""
        with self._state:
            self._waiters += 1
            self._state.notify_all()
            self._state.wait_for(lambda: ticket.is_complete)
            self._waiters -= 1

    def _feed(self) -> None:
        """Keep the device one batch ahead of what is taken back: the whole life of the thread."""
        begun: deque[tuple[Any, _Shares, float]] = deque()
        free_since = 0.0
        while True:
            parts, shares = self._next_batch(idle=not begun)
            if parts:
                began = time.perf_counter()
                try:
                    begun.append((self._device.start(parts), shares, began))
                except Exception as error:  # it is raised again in every thread that waits for these tiles
                    log.debug("a batch failed", exc_info=error)
                    self._fail(shares, error)
            if begun and (len(begun) > 1 or not parts):
                started, shares, began = begun.popleft()
                began = max(began, free_since)  # it works on one batch after the other
                try:
                    rows = self._device.finish(started)
                except Exception as error:  # the same
                    log.debug("a batch failed", exc_info=error)
                    self._fail(shares, error)
                    free_since = time.perf_counter()
                else:
                    free_since = time.perf_counter()
                    self._deliver(shares, rows, free_since - began)

    def _next_batch(self, idle: bool) -> tuple[list[Tiles], _Shares]:
        """Take tiles for one batch: a full one, or what is there where somebody waits for an idle device."""
        with self._state:
            if idle:
                self._state.wait_for(lambda: self._is_full() or bool(self._waiters and self._queue))
            elif not self._is_full():
                return [], []
            parts: list[Tiles] = []
            shares: _Shares = []
            room = self._device.size
            while room and self._queue:
                ticket = self._queue[0]
                part = ticket.pack(room)
                room -= len(part)
                parts.append(part)
                shares.append((ticket, len(part)))
                if ticket.is_packed:
                    self._queue.popleft()
            self._waiting_tiles -= self._device.size - room
            self._state.notify_all()
            return parts, shares

    def _is_full(self) -> bool:
        return self._waiting_tiles >= self._device.size

    def _deliver(self, shares: _Shares, rows: RowsOfTiles, seconds: float) -> None:
        tiles = sum(length for _, length in shares)
        with self._state:
            start = 0
            for ticket, length in shares:
                ticket.fill(rows[start : start + length], seconds * length / tiles)
                start += length
            self._state.notify_all()

    def _fail(self, shares: _Shares, error: Exception) -> None:
        with self._state:
            for ticket, _ in shares:
                ticket.error = error
            self._state.notify_all()
