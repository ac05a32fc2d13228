"""A simulated cohort with tiles and values, of which the true log hazard is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fuse.cases import Bags, Cases, Modality
from fuse.outcomes.outcomes import Survival

N_CASES, COLUMNS, TILES, DIM = 90, 6, 8, 5


@dataclass(frozen=True)
class Simulated:
    """Cases that have `table` (some values missing, some cases without it) and `slides` (bags)."""

    cases: Cases
    outcome: Survival
    inner: np.ndarray


def make_cohort(seed: int = 0, n: int = N_CASES) -> Simulated:
    """Simulate: the hazard follows one latent, seen in column 0 and in a third of the tiles."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=n)
    values = rng.normal(size=(n, COLUMNS))
    values[:, 0] += 1.5 * latent
    values[rng.random((n, COLUMNS)) < 0.1] = np.nan
    table = rng.random(n) > 0.15
    values[~table] = np.nan
    slides = rng.random(n) > 0.2
    sizes = np.where(slides, rng.integers(1, TILES, size=n), 0)
    stop = np.cumsum(sizes)
    tiles = rng.normal(size=(stop[-1], DIM)).astype(np.float32)
    owner = np.repeat(np.arange(n), sizes)
    tiles[::3, 0] += (2.0 * latent[owner][::3]).astype(np.float32)
    means = np.array(
        [
            tiles[b - s : b].mean(axis=0) if s else np.full(DIM, np.nan)
            for s, b in zip(sizes, stop, strict=True)
        ]
    )
    event_time = rng.exponential(size=n) * 900 * np.exp(-1.2 * latent)
    censored = rng.uniform(100, 1800, size=n)
    cases = Cases(
        case_ids=tuple(f"case{row:03d}" for row in range(n)),
        modalities={
            "table": Modality(
                name="table",
                feature_set="made",
                present=table,
                columns=tuple(f"v{column}" for column in range(COLUMNS)),
                values=values,
            ),
            "slides": Modality(
                name="slides",
                feature_set="made",
                present=slides,
                columns=tuple(f"d{column}" for column in range(DIM)),
                values=means.astype(np.float64),
                bags=Bags(tiles=tiles, start=stop - sizes, stop=stop),
            ),
        },
    )
    outcome = Survival(
        event=event_time <= censored, time_days=np.ceil(np.minimum(event_time, censored) / 10) * 10
    )
    return Simulated(cases=cases, outcome=outcome, inner=rng.permutation(n) % 3)
