"""Fitting one network: the same bits from the same seed, the best epoch kept, a fit that learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from extract.segment.networks.settings import NetworkSettings
from extract.segment.record import NetworkRecord
from extract.segment.settings import FitSettings
from extract.segment.slices import PreparedStudy
from extract.segment.training import Lesson, fit_network
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError

torch = pytest.importorskip("torch")
TINY = NetworkRecord(
    name="daeformer", settings=NetworkSettings(widths=(8, 8, 8), blocks=1), classes=2, parameters=0
)


def square(seed: int, case: str = "a") -> PreparedStudy:
    rng = np.random.default_rng(seed)
    labels = np.zeros((1, 32, 32), dtype=np.uint8)
    row, column = rng.integers(4, 14, 2)
    labels[:, row : row + 12, column : column + 12] = 1
    images = (3.0 * labels + rng.normal(0, 0.3, labels.shape)).astype(np.float32)
    return PreparedStudy(case_id=case, images=images, labels=labels)


def lesson(**settings: Any) -> Lesson:
    stop_by = [square(9, "z")] if settings.get("patience", 1) else []
    return Lesson(
        network=TINY,
        settings=FitSettings.model_validate({"batch": 2, "augment": False} | settings),
        side_px=32,
        train=[square(n) for n in range(4)],
        stop_by=stop_by,
        seed=(0, 1, 1),
    )


def test_the_same_lesson_gives_the_same_bits_and_leaves_torch_as_it_was() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.initial_seed()
    first, again = (fit_network(lesson(epochs=2, augment=True), "cpu", lambda _: None) for _ in range(2))
    assert (
        torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.initial_seed()
    ) == before  # fmt: skip
    assert all(torch.equal(first.state[name], again.state[name]) for name in first.state)
    assert first.best_dice == again.best_dice


def test_it_learns_and_keeps_the_weights_of_the_best_epoch() -> None:
    lines: list[dict[str, Json]] = []
    taught = fit_network(lesson(epochs=20, learning_rate=5e-3, patience=20), "cpu", lines.append)
    dice = [line["dice"] for line in lines]
    assert taught.epochs_run == 20
    assert taught.best_dice == max(float(str(one)) for one in dice) > 0.8
    assert dice.index(taught.best_dice) + 1 == taught.best_epoch
    losses = [float(str(line["loss"])) for line in lines]
    assert losses[-1] < losses[0] / 2


def test_it_stops_where_nothing_gets_better() -> None:
    # a rate this small changes no label: the first epoch stays the best
    taught = fit_network(lesson(epochs=30, learning_rate=1e-12, patience=2), "cpu", lambda _: None)
    assert (taught.epochs_run, taught.best_epoch) == (3, 1)


def test_without_early_stopping_all_epochs_are_run_and_no_dice_is_claimed() -> None:
    taught = fit_network(lesson(epochs=3, patience=None), "cpu", lambda _: None)
    assert (taught.epochs_run, taught.best_epoch, taught.best_dice) == (3, 3, None)


def test_a_loss_that_is_no_number_ends_the_fit() -> None:
    broken = square(0)
    broken.images[0, 0, 0] = np.inf
    given = lesson(epochs=2, patience=None)
    spoilt = Lesson(
        network=given.network, settings=given.settings, side_px=32, train=[broken], stop_by=[], seed=(0, 1, 1)
    )
    with pytest.raises(RecipeError, match="epoch 1: expected a finite loss; got nan"):
        fit_network(spoilt, "cpu", lambda _: None)
