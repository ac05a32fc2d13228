"""How networks are trained and used: one thread, deterministic, their own random state.

Enters: what builds a network, what it says of some cases, a head, and a seed. Leaves: the network as it was
after each number of epochs. The same inputs give bitwise the same numbers, and torch is afterwards as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Int

from fuse.models.heads.head import Head

if TYPE_CHECKING:
    import torch
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast: one run passes through all of `epochs`, AdamW, some cases a step."""

    epochs: tuple[int, ...]
    learning_rate: float
    weight_decay: float
    cases_per_step: int = 256


def train_path(
    build: Callable[[], Network],
    forward: Callable[[Network, Int[np.ndarray, " k"], np.random.Generator], torch.Tensor],
    head: Head,
    cases: int,
    schedule: Schedule,
    seed: int,
) -> dict[int, Network]:
    """Train one network and return it as it was after each of `schedule.epochs`, set to evaluation.

    Parameters
    ----------
    build
        Makes the network; called once, with torch's random state set from `seed`.
    forward
        What the network says of some cases of the train part, (k, head.width); the generator is for what is
        sampled of them.
    head
        Made from the train part's outcomes.
    cases
        How many cases the train part has.
    """
    import torch

    generator = np.random.default_rng(seed)
    kept: dict[int, Network] = {}
    with reproducible(seed):
        network = build()
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay
        )
        for epoch in range(1, max(schedule.epochs) + 1):
            for rows in _steps(cases, schedule.cases_per_step, generator):
                loss = head.loss(forward(network, rows, generator), rows)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                optimiser.step()
            if epoch in schedule.epochs:
                kept[epoch] = copy.deepcopy(network).eval()
    return kept


def _steps(cases: int, at_once: int, generator: np.random.Generator) -> list[Int[np.ndarray, " k"]]:
    """Return the cases of each step of an epoch."""
    steps = -(-cases // at_once)
    return np.array_split(generator.permutation(cases), steps) if steps > 1 else [np.arange(cases)]


@contextmanager
def one_thread() -> Iterator[None]:
    """Score inside this: sums are taken in one order, whatever the machine's number of cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Train inside this: one thread, deterministic kernels, torch's random state from `seed`."""
    import torch

    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        with one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.use_deterministic_algorithms(deterministic)
