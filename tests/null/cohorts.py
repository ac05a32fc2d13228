"""Cohorts of which is known what there is to find: nothing, nothing beyond clinical values, a gain of .02.

Enters: a kind of cohort, a seed, how many cases. Leaves: cases of clinical values, imaging and notes, and
outcomes: 95 cases have about 27 events. Fresh cases of the same kind come from the same mechanism.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases, Modality
from fuse.outcomes.outcomes import Survival

Kind = Literal["nothing", "noise beside", "follows clinical", "gain"]

CLINICAL, IMAGING, NOTES = "clinical", "slides", "notes"
CASES, EVENTS, COLUMNS = 95, 27 / 95, 8
HORIZON_DAYS = 1000.0

#: Days under observation of the first and the last case to enter.
SHORTEST, LONGEST = 300.0, 2000.0

#: What follows the clinical values holds this much of their standard deviation, the rest is noise.
FOLLOWS = 0.8

#: Where fusion gains .02: log hazard per standard deviation of what lies behind all modalities, and how much
#: of it each of them shows. They are alike, so that which one looks best is mostly chance.
HAZARD = 0.8
GAIN = {CLINICAL: 0.95, IMAGING: 0.93, NOTES: 0.93}
#: Of the columns of a modality, how many show what is behind it, and how well.
SHOWING, LOADING = 3, 0.77


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A cohort, and the times of its events whether they were seen or not."""

    cases: Cases
    outcome: Survival
    time_days: Float[np.ndarray, " case"]


def draw(kind: Kind, seed: int, count: int = CASES, part: str = "cohort") -> Drawn:
    """Draw cases; the same arguments give bitwise the same ones."""
    rng = np.random.default_rng([zlib.crc32(f"{kind} {part}".encode()), seed])
    tables, log_hazard = _tables(kind, count, rng)
    time = _scale(kind) * rng.exponential(size=count) * np.exp(-log_hazard)
    time = np.maximum(1.0, np.ceil(time))
    end = np.floor(rng.uniform(SHORTEST, LONGEST, size=count))
    cases = Cases(
        case_ids=tuple(f"{part[0]}{row:05d}" for row in range(count)),
        modalities={name: _modality(name, values) for name, values in tables.items()},
    )
    return Drawn(
        cases=cases,
        outcome=Survival(event=time <= end, time_days=np.minimum(time, end)),
        time_days=time,
    )


def _tables(
    kind: Kind, count: int, rng: np.random.Generator
) -> tuple[dict[str, Float[np.ndarray, "case column"]], Float[np.ndarray, " case"]]:
    """Return the values of each modality, and the log hazard."""
    if kind == "gain":
        behind, *own = rng.standard_normal((1 + len(GAIN), count))
        shown = {
            name: share * behind + np.sqrt(1 - share**2) * noise
            for (name, share), noise in zip(GAIN.items(), own, strict=True)
        }
        return {name: _show(latent, rng) for name, latent in shown.items()}, HAZARD * behind
    clinical, imaging, notes = rng.standard_normal((3, count, COLUMNS))
    if kind == "nothing":
        return {CLINICAL: clinical, IMAGING: imaging, NOTES: notes}, np.zeros(count)
    clinical = clinical[:, : COLUMNS // 2]
    risk = clinical[:, :3].sum(axis=1) / np.sqrt(3)
    bend = (np.square(clinical[:, 3]) - 1) / np.sqrt(2)
    if kind == "follows clinical":
        # six columns are readings of what clinical values say by a line, two of what they say by a parabola
        follows = np.stack([*[risk] * 6, *[bend] * 2], axis=1)
        imaging = FOLLOWS * follows + np.sqrt(1 - FOLLOWS**2) * imaging
    return {CLINICAL: clinical, IMAGING: imaging}, 0.8 * risk + 0.4 * bend


def _show(latent: Float[np.ndarray, " case"], rng: np.random.Generator) -> Float[np.ndarray, "case column"]:
    values = rng.standard_normal((len(latent), COLUMNS))
    values[:, :SHOWING] = LOADING * latent[:, None] + np.sqrt(1 - LOADING**2) * values[:, :SHOWING]
    return values


def _modality(name: str, values: Float[np.ndarray, "case column"]) -> Modality:
    return Modality(
        name=name,
        feature_set="drawn",
        present=np.ones(len(values), dtype=np.bool_),
        columns=tuple(f"{name}{column}" for column in range(values.shape[1])),
        values=values,
    )


@cache
def _scale(kind: Kind) -> float:
    """Return the scale (days) that makes the share of events `EVENTS`, on 50,000 cases of its own."""
    rng = np.random.default_rng([7, zlib.crc32(kind.encode())])
    _, log_hazard = _tables(kind, 50_000, rng)
    time = rng.exponential(size=len(log_hazard)) * np.exp(-log_hazard)
    end = rng.uniform(SHORTEST, LONGEST, size=len(log_hazard))
    low, high = 0.0, 20.0
    for _ in range(50):
        middle = (low + high) / 2
        too_few = float(np.mean(np.exp(middle) * time <= end)) < EVENTS
        low, high = (low, middle) if too_few else (middle, high)
    return float(np.exp(low))
