"""Fitting one network to the slices of a train part: AdamW, a falling rate, the epoch with the best Dice.

Enters: prepared studies to learn from and to stop by, settings. Leaves: weights and how they came about. The
same studies, settings, threads and device give the same bits.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from extract.segment.losses import IGNORED, segmentation_loss
from extract.segment.networks.build import build_network
from extract.segment.record import NetworkRecord
from extract.segment.settings import FitSettings
from extract.segment.slices import Batches, PreparedStudy
from extract.segment.windows import probabilities_of
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError

if TYPE_CHECKING:
    from torch import Tensor

_WEIGHT_DECAY, _POWER, _LARGEST_GRADIENT = 1e-4, 0.9, 1.0

Device = Literal["cpu", "cuda"]
Log = Callable[[dict[str, Json]], None]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What one network is fitted to. `stop_by` is empty where all epochs are run."""

    network: NetworkRecord
    settings: FitSettings
    side_px: int
    train: Sequence[PreparedStudy]
    stop_by: Sequence[PreparedStudy]
    #: Of repeat and fold: networks of different folds begin with different weights.
    seed: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Taught:
    """Weights on the CPU, and the epoch (from 1) that they are of; `best_dice` None where none was taken."""

    state: dict[str, Tensor]
    epochs_run: int
    best_epoch: int
    best_dice: float | None


def find_device() -> Device:
    """Return `cuda` where there is a GPU that torch can use."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def fit_network(lesson: Lesson, device: Device, log: Log) -> Taught:
    """Fit a network and return the weights of its best epoch, or of the last.

    Raises
    ------
    RecipeError
        The loss is no number any more.
    """
    import torch

    settings = lesson.settings
    seed = int(np.random.SeedSequence(lesson.seed).generate_state(1)[0])
    rng = np.random.default_rng([*lesson.seed, 2])
    batches = Batches(side=lesson.side_px, batch=settings.batch, augment=settings.augment)
    kept: Taught | None = None
    with _repeatable(settings.threads, seed):
        made = lesson.network
        network = build_network(made.name, made.channels, made.classes, made.settings, seed).to(device)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=_WEIGHT_DECAY
        )
        for epoch in range(1, settings.epochs + 1):
            began = time.process_time()
            rate = settings.learning_rate * (1 - (epoch - 1) / settings.epochs) ** _POWER
            for group in optimiser.param_groups:
                group["lr"] = rate
            network.train()
            loss = _run_epoch(network, optimiser, batches.epoch(lesson.train, rng), device)
            dice = _dice(network, lesson, device) if lesson.stop_by else None
            line: dict[str, Json] = {"epoch": epoch, "loss": loss, "dice": dice, "rate": rate}
            log({**line, "cpu_s": round(time.process_time() - began, 3)})
            if not math.isfinite(loss):
                raise RecipeError(
                    f"network {lesson.network.name}, epoch {epoch}",
                    expected="a finite loss",
                    got=str(loss),
                    remedy="Set a smaller learning_rate.",
                )
            if dice is None or kept is None or kept.best_dice is None or dice > kept.best_dice:
                kept = Taught(state=_on_cpu(network), epochs_run=epoch, best_epoch=epoch, best_dice=dice)
            elif settings.patience is not None and epoch - kept.best_epoch >= settings.patience:
                break
    assert kept is not None
    return Taught(state=kept.state, epochs_run=epoch, best_epoch=kept.best_epoch, best_dice=kept.best_dice)


def _run_epoch(
    network: Any, optimiser: Any, batches: Iterator[tuple[Tensor, Tensor]], device: Device
) -> float:
    """Take one step a batch; return the mean loss of a window."""
    from torch.nn.utils import clip_grad_norm_

    total, count = 0.0, 0
    for images, labels in batches:
        optimiser.zero_grad(set_to_none=True)
        loss = segmentation_loss(network(images.to(device)), labels.to(device))
        loss.backward()  # type: ignore[no-untyped-call]  # of torch
        clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        total, count = total + float(loss.detach()) * len(images), count + len(images)
    return total / count


def _dice(network: Any, lesson: Lesson, device: Device) -> float:
    """Return the mean Dice over cases and structures that are there, on slices as the network sees them."""
    import torch

    network.eval()
    by_case: dict[str, list[float]] = {}
    with torch.inference_mode():
        for study in lesson.stop_by:
            found = probabilities_of(network, study.images, lesson.side_px, device).argmax(axis=0)
            counted = study.labels != IGNORED
            for label in range(1, lesson.network.classes):
                predicted, drawn = (found == label) & counted, study.labels == label
                sizes = int(predicted.sum() + drawn.sum())
                if sizes:
                    dice = 2 * int((predicted & drawn).sum()) / sizes
                    by_case.setdefault(study.case_id, []).append(dice)
    return float(np.mean([np.mean(values) for values in by_case.values()]))


def _on_cpu(network: Any) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


@contextmanager
def _repeatable(threads: int, seed: int) -> Iterator[None]:
    """Let torch compute the same bits every time, and leave it as it was found."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA has no fixed order of sums
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    try:
        with (
            torch.random.fork_rng(),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            torch.manual_seed(seed)  # of dropout
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
