"""What an epoch of attention-MIL costs, against the loop over bags that its published programs run.

The network is CLAM's and MCAT's small one (1,024-512-256, gated) with a Cox head and steps of 16 bags, on one
thread; seconds are of processor time. The loop reads one file a bag and keeps a graph a bag until the step is
taken, as they do. C is that of the same trainings on smaller bags of the same kind, on bags none of them saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fuse.cases import Bags, Cases, Modality
from fuse.features.cases_file import load_cases, save_cases
from fuse.metrics.concordance import concordant_pairs
from fuse.models import attention_mil
from fuse.models.bag_scorer import BagScorer
from fuse.models.heads.cox import CoxHead
from fuse.models.tile_scale import TileScale, bags_of, fit_tile_scale
from fuse.outcomes.outcomes import Survival
from fuse.training import one_thread, reproducible
from tests.measurement import Measured

BAGS, TILES, DIM, HIDDEN, DROPOUT = 100, 6_000, 1_024, 512, 0.25
#: What C is compared on: training bags and others, smaller.
TILES_FOR_C, FRESH, EPOCHS_FOR_C = 800, 300, 5
STEP, SAMPLE, LEARNING_RATE = 16, 512, 1e-3
AT_LEAST, AT_LEAST_SAMPLED, C_WITHIN = 2.0, 8.0, 0.01
#: Share of the tiles that the hazard moves, and how far along one direction.
INFORMED, SHIFT = 0.3, 2.0


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Bags as a run's workers map them, one file a bag beside them, and outcomes."""

    cases: Cases
    outcome: Survival
    folder: Path
    scale: TileScale

    @property
    def bags(self) -> Bags:
        """The packed bags."""
        bags = self.cases.modalities["slides"].bags
        assert bags is not None
        return bags


Risk = Callable[[Cases], np.ndarray]
Way = Callable[[Drawn, int], Risk]


def mil_rows(work: Path) -> list[Measured]:
    """Time an epoch in four ways."""
    timed = draw(work / "timed", BAGS, TILES)
    judged, fresh = draw(work / "judged", BAGS, TILES_FOR_C), draw(work / "fresh", FRESH, TILES_FOR_C // 2)
    ways: dict[str, Way] = {
        "loop": bag_by_bag,
        "packed_float32": packed(tiles_per_case=0),
        "packed_bfloat16": packed(tiles_per_case=0, precision="bfloat16"),
        f"sampled_{SAMPLE}": packed(tiles_per_case=SAMPLE),
    }
    c = {}
    for name, train in ways.items():
        good, pairs = concordant_pairs(train(judged, EPOCHS_FOR_C)(fresh.cases), fresh.outcome)
        c[name] = good / pairs
    # twice round, the least of each: a busy spell then falls on all of them
    rounds = [
        {name: processor_seconds(lambda train=train: train(timed, 1)) for name, train in ways.items()}  # type: ignore[misc]
        for _ in range(2)
    ]
    seconds = {name: min(one[name] for one in rounds) for name in ways}
    return _epochs(seconds, c)


def draw(folder: Path, count: int, tiles: int) -> Drawn:
    """Draw bags in half precision of which the hazard moves some tiles, and write them as a run does."""
    folder.mkdir()
    rng = np.random.default_rng(count * tiles)
    direction = np.random.default_rng(1).standard_normal(DIM, dtype=np.float32)
    direction /= np.linalg.norm(direction)
    latent = rng.standard_normal(count)
    stop = np.arange(1, count + 1) * tiles
    packed_file = np.lib.format.open_memmap(
        folder / "slides.npy", mode="w+", dtype=np.float16, shape=(count * tiles, DIM)
    )
    for row in range(count):
        bag = rng.standard_normal((tiles, DIM), dtype=np.float32)
        bag[: int(INFORMED * tiles)] += np.float32(SHIFT * latent[row]) * direction
        half = rng.permutation(bag.astype(np.float16))
        packed_file[row * tiles : (row + 1) * tiles] = half
        torch.save(torch.from_numpy(half), folder / f"{row}.pt")
    packed_file.flush()
    slides = Modality(
        name="slides",
        feature_set="drawn",
        present=np.ones(count, dtype=np.bool_),
        columns=("none",),
        values=np.zeros((count, 1)),
        bags=Bags(tiles=packed_file, start=stop - tiles, stop=stop),
    )
    save_cases(Cases(case_ids=tuple(map(str, range(count))), modalities={"slides": slides}), folder)
    event_time = rng.exponential(size=count) * 1000 * np.exp(-1.5 * latent)
    censored = rng.uniform(200, 3000, size=count)
    outcome = Survival(event=event_time <= censored, time_days=np.minimum(event_time, censored))
    cases = load_cases(folder)
    return Drawn(
        cases=cases,
        outcome=outcome,
        folder=folder,
        scale=fit_tile_scale(bags_of(cases, "slides", attention_mil.NAME)),
    )


def packed(**options: str | float) -> Way:
    """Return Braid's learner in the size of the published network."""
    learner = attention_mil.build(("slides",), options)
    shape = replace(learner.shape, hidden=HIDDEN, dropout=DROPOUT, learning_rate=LEARNING_RATE)
    learner = replace(learner, shape=replace(shape, cases_per_step=STEP))

    def train(drawn: Drawn, epochs: int) -> Risk:
        head = CoxHead(drawn.outcome)
        network = learner.train(drawn.bags, drawn.scale, head, (epochs,), 0)[epochs]
        return BagScorer(
            model=learner.name, modality="slides", network=network, scale=drawn.scale, head=head
        ).risk

    return train


class PublishedNetwork(nn.Module):
    """One bag in, one risk out, as CLAM and MCAT write it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(DIM, HIDDEN), nn.ReLU())
        self.content = nn.Sequential(nn.Linear(HIDDEN, HIDDEN // 2), nn.Tanh())
        self.gate = nn.Sequential(nn.Linear(HIDDEN, HIDDEN // 2), nn.Sigmoid())
        self.attend = nn.Linear(HIDDEN // 2, 1)
        self.hazard = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1, bias=False))

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        """Return the risk (1, 1) of a bag."""
        embedded = self.embed(tiles)
        attention = torch.softmax(self.attend(self.content(embedded) * self.gate(embedded)), dim=0)
        return self.hazard(attention.T @ embedded)  # type: ignore[no-any-return]


def bag_by_bag(drawn: Drawn, epochs: int) -> Risk:
    """Train on one bag after the other, the loss over those of a step."""
    head, rng = CoxHead(drawn.outcome), np.random.default_rng(0)
    with reproducible(0):
        network = PublishedNetwork()
        optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
        for _ in range(epochs):
            cases = rng.permutation(len(drawn.outcome))
            for rows in np.array_split(cases, -(-len(cases) // STEP)):
                said = [network(torch.load(drawn.folder / f"{row}.pt").float()) for row in rows]
                loss = head.loss(torch.cat(said), rows)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    network.eval()

    def risk(cases: Cases) -> np.ndarray:
        bags = cases.modalities["slides"].bags
        assert bags is not None
        with one_thread(), torch.no_grad():
            return np.array(
                [
                    network(torch.from_numpy(bags.of(row).astype(np.float32))).item()
                    for row in range(len(cases))
                ]
            )

    return risk


def processor_seconds(work: Callable[[], object]) -> float:
    """Return seconds of processor time of this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def _epochs(seconds: dict[str, float], c: dict[str, float]) -> list[Measured]:
    """Return how many times less each way takes than the loop, where C is the loop's."""
    source = (
        f"{BAGS} bags x {TILES:,} x {DIM:,} f16, {DIM}-{HIDDEN}-{HIDDEN // 2} gated, Cox over {STEP}, "
        f"an epoch on one thread; loop {seconds['loop']:.1f} s, C {c['loop']:.3f}"
    )
    full = max(("packed_float32", "packed_bfloat16"), key=lambda name: seconds["loop"] / seconds[name])
    rows = []
    for name in (name for name in seconds if name != "loop"):
        ratio, near = seconds["loop"] / seconds[name], abs(c[name] - c["loop"]) <= C_WITHIN
        bar = {full: AT_LEAST, f"sampled_{SAMPLE}": AT_LEAST_SAMPLED}.get(name)
        rows.append(
            Measured(
                name=f"fuse/mil_epoch_{name}_against_bag_by_bag",
                value=ratio,
                unit="times less processor time",
                bar=None if bar is None else f">= {bar:g} times, C within {C_WITHIN}",
                met=None if bar is None else bool(ratio >= bar and near),
                input=f"{source}; here {seconds[name]:.1f} s, C {c[name]:.3f}",
            )
        )
    return rows
