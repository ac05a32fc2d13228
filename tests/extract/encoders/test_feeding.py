"""One device, many slides: batches of one size, each row its own tile's, errors their owner's."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.feeding import FedEncoder, Feeder, RowsOfTiles, Tiles
from extract.encoders.null import CARD
from extract.slides.bag import Bag
from extract.steps import accounted
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

SIZE = 4


class CountingDevice:
    """A device on the CPU that answers with the first pixel, and remembers what it was given."""

    size = SIZE

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.broken_at: int | None = None

    def start(self, parts: list[Tiles]) -> Tiles:
        tiles = np.concatenate(parts)
        assert len(tiles) <= self.size
        self.batches.append([len(part) for part in parts])
        if self.broken_at is not None and (tiles[:, 0, 0, 0] == self.broken_at).any():
            raise RuntimeError("the device")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        return np.concatenate([tiles, np.zeros((self.size - len(tiles), 2, 2, 3), dtype=np.uint8)])

    def finish(self, started: Tiles) -> RowsOfTiles:
        self.at_once -= 1
        return started[:, 0, 0, :2].astype(np.float32)


def tiles_of(*values: int) -> Tiles:
    return np.stack([np.full((2, 2, 3), value, dtype=np.uint8) for value in values])


def refuse_99(rows: RowsOfTiles) -> None:
    if (rows == 99).any():
        raise SourceError("encoder", expected="no 99", got="99", remedy="none")


@pytest.fixture
def device() -> CountingDevice:
    return CountingDevice()


@pytest.fixture
def feeder(device: CountingDevice) -> Feeder:
    return Feeder(device, refuse_99)


def test_a_batch_that_is_not_full_goes_out_when_somebody_waits(
    feeder: Feeder, device: CountingDevice
) -> None:
    ticket = feeder.submit(tiles_of(1, 2, 3))
    assert ticket.rows()[:, 0].tolist() == [1, 2, 3]
    assert device.batches == [[3]]


def test_nothing_is_hurried_once_nobody_waits_any_more(feeder: Feeder, device: CountingDevice) -> None:
    feeder.submit(tiles_of(1)).rows()
    assert feeder._waiters == 0
    for value in range(SIZE):
        ticket = feeder.submit(tiles_of(value))
    ticket.rows()
    assert device.batches == [[1], [1] * SIZE]


def test_batches_cross_the_borders_of_slides(feeder: Feeder, device: CountingDevice) -> None:
    tickets = [feeder.submit(tiles_of(*range(start, start + 3))) for start in (10, 20, 30, 40)]
    rows = [ticket.rows()[:, 0].tolist() for ticket in tickets]
    assert rows == [[start, start + 1, start + 2] for start in (10, 20, 30, 40)]
    assert device.batches == [[3, 1], [2, 2], [1, 3]]


def test_many_tiles_of_one_slide_are_several_batches(feeder: Feeder, device: CountingDevice) -> None:
    rows = feeder.submit(tiles_of(*range(11))).rows()
    assert rows[:, 0].tolist() == list(range(11))
    assert device.batches == [[4], [4], [3]]
    assert device.most_at_once == 2  # one is computed while the next is brought


def test_slides_in_many_threads_get_their_own_rows(feeder: Feeder, device: CountingDevice) -> None:
    def encode(start: int) -> list[float]:
        ours: list[float] = []
        for batch in range(5):
            ours += feeder.submit(tiles_of(*(start + batch * 3 + n for n in range(3)))).rows()[:, 0].tolist()
        return ours

    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(encode, range(0, 96, 12)))
    assert rows == [list(range(start, start + 15)) for start in range(0, 96, 12)]
    assert sum(map(sum, device.batches)) == 8 * 15


def test_who_brings_too_much_waits_for_room(device: CountingDevice) -> None:
    held, began = threading.Event(), threading.Event()
    first = device.finish

    def finish(started: Tiles) -> RowsOfTiles:
        began.set()
        held.wait()
        return first(started)

    device.finish = finish  # type: ignore[method-assign]
    feeder = Feeder(device, refuse_99, most_batches=1)
    with ThreadPoolExecutor(1) as thread:
        tickets = [feeder.submit(tiles_of(*range(SIZE)))]
        brought = thread.submit(lambda: [feeder.submit(tiles_of(*range(SIZE))) for _ in range(5)])
        began.wait()
        assert not brought.done()
        held.set()
        tickets += brought.result()
        assert all(ticket.rows()[:, 0].tolist() == list(range(SIZE)) for ticket in tickets)


def test_an_error_of_the_device_reaches_those_whose_tiles_it_had(
    feeder: Feeder, device: CountingDevice
) -> None:
    device.broken_at = 7
    good, bad = feeder.submit(tiles_of(1, 2, 3, 4)), feeder.submit(tiles_of(5, 6, 7))
    assert good.rows()[:, 0].tolist() == [1, 2, 3, 4]
    with pytest.raises(RuntimeError, match="the device"):
        bad.rows()
    assert feeder.submit(tiles_of(8)).rows()[:, 0].tolist() == [8]


def test_rows_that_cannot_be_stored_are_laid_to_their_slide_alone(feeder: Feeder) -> None:
    bad, good = feeder.submit(tiles_of(99, 1)), feeder.submit(tiles_of(2, 3))
    assert good.rows()[:, 0].tolist() == [2, 3]
    with pytest.raises(SourceError, match="expected no 99"):
        bad.rows()


def test_no_tiles_are_a_mistake(feeder: Feeder) -> None:
    with pytest.raises(ValueError, match="no tiles"):
        feeder.submit(np.zeros((0, 2, 2, 3), dtype=np.uint8))


def test_what_was_waited_for_and_computed_is_counted_where_it_was_waited_for(feeder: Feeder) -> None:
    with accounted() as seconds:
        feeder.submit(tiles_of(1, 2)).rows()
    assert seconds["wait"] > 0
    assert seconds["device"] > 0
    assert seconds["encode"] == 0


def test_waiting_for_room_is_waiting(feeder: Feeder) -> None:
    with accounted() as seconds:
        feeder.submit(tiles_of(1))
    assert seconds["wait"] > 0


def test_a_device_that_is_given_the_next_batch_while_it_works_is_busy_once(
    feeder: Feeder, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()  # the clock of the feeder's thread is a second later at every look
    clock = SimpleNamespace(perf_counter=lambda: float(next(looks)))
    monkeypatch.setattr("extract.encoders.feeding.time", clock)
    ticket = feeder.submit(tiles_of(*range(3 * SIZE)))
    ticket.rows()
    assert ticket.seconds == 5  # from the first look, before a batch is begun, to the sixth, after the last


class FedTwo:
    """An encoder of two columns with a feeder behind it."""

    feature_names: tuple[str, ...] = ("first", "second")

    def __init__(self, feeder: Feeder) -> None:
        self.feeder: Feeder | None = feeder
        self.used: dict[str, Json] = {}

    def encode(self, tiles: Tiles, mpp: float) -> RowsOfTiles:
        assert self.feeder is not None
        return self.feeder.submit(tiles).rows()


def test_a_bag_with_a_feeder_keeps_so_much_in_hand_and_ends_complete(
    feeder: Feeder, device: CountingDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extract.slides.bag._MOST_PENDING", 10)
    encoder = FedTwo(feeder)
    assert isinstance(encoder, FedEncoder)
    bag = Bag(two_columns(), encoder, 0.5)
    bag.begin(20)
    order = np.random.default_rng(0).permutation(20)
    for start in range(0, 20, 5):
        bag.add(order[start : start + 5], tiles_of(*order[start : start + 5]))
        assert sum(len(rows) for rows, _ in bag._pending) == min(start + 5, 10)
    assert bag.finish()[:, 0].tolist() == list(range(20))
    assert [len(batch) > 1 for batch in device.batches].count(True) > 0


def test_a_bag_whose_feeder_refuses_ends_with_the_reason(feeder: Feeder) -> None:
    bag = Bag(two_columns(), FedTwo(feeder), 0.5)
    bag.begin(4)
    bag.add(np.arange(2), tiles_of(99, 1))
    bag.add(np.arange(2, 4), tiles_of(2, 3))
    with pytest.raises(SourceError, match="expected no 99"):
        bag.finish()


def two_columns() -> EncoderCard:
    return CARD.model_copy(update={"dim": 2})


def test_a_network_on_a_device_is_fed_and_answers_as_without_a_feeder() -> None:
    pytest.importorskip("torch")
    from extract.encoders.network_device import NetworkDevice

    card = CARD.model_copy(update={"dim": 3, "input_px": 2})
    statistics = ((0.1, 0.2, 0.3), (0.5, 0.5, 0.5))
    network = NetworkDevice(card, "cpu", lambda pixels: pixels.mean(dim=(2, 3)), statistics)
    tiles = np.random.default_rng(0).integers(0, 256, (9, 2, 2, 3), dtype=np.uint8)
    rows = Feeder(network, lambda rows: None).submit(tiles).rows()
    alone = [network.finish(network.start([tile[None]]))[0] for tile in tiles]
    np.testing.assert_array_equal(rows, np.stack(alone))
    by_hand = (tiles.astype(float).mean(axis=(1, 2)) / 255 - statistics[0]) / statistics[1]
    np.testing.assert_allclose(rows, by_hand, atol=1e-6)
