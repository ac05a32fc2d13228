"""Situations with a known answer: what drives the hazard, which modality shows it, and who lacks what.

Enters: the name of a situation, a number of cases, a seed. Leaves: cases of three modalities, censored
outcomes and the true log hazard. The mechanism is part of the situation; a seed draws cases from it, so that
fresh cases come from where the cohort came from.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from fuse.cases import Cases
from fuse.outcomes.outcomes import Survival
from tests.planted.modalities import CLINICAL, OMICS, SLIDES, Readings, Tiles, read_latents

SIZES = (95, 300)
FRESH = 20_000

#: Weibull shape of the baseline hazard; its scale is set so that this share of the cases has an event.
SHAPE, EVENTS = 1.3, 0.3
#: Cases enter over six years and the study ends two years after the last entry: days under observation.
SHORTEST, LONGEST = 730.0, 2922.0


ALL_INFORM = Tiles()


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is planted.

    `clinical`, `omics`, `slides`: change of the log hazard per standard deviation of the latent that this
    modality alone shows. `shared`: the same of a latent that all three show instead. `product`: that of the
    product of the omics latent and a second clinical one. `tiles`: what a bag looks like. `lacking`: how the
    cases without omics come about. `informative`: the modalities that a reference pipeline is given.
    """

    name: str
    clinical: float = 0.0
    omics: float = 0.0
    slides: float = 0.0
    shared: float = 0.0
    product: float = 0.0
    tiles: Tiles = ALL_INFORM
    lacking: Literal["", "at_random", "by_hazard"] = ""
    informative: tuple[str, ...] = (CLINICAL, OMICS, SLIDES)


COMPLEMENTARY = Situation(name="complementary", clinical=0.7, omics=0.7, slides=0.7)
RARE = Tiles(fewest=100, most=140, informative=0.02, stain=0.3)
SITUATIONS = {
    situation.name: situation
    for situation in (
        COMPLEMENTARY,
        Situation(name="redundant", shared=1.1),
        Situation(name="noise", clinical=0.75, slides=0.75, informative=(CLINICAL, SLIDES)),
        Situation(name="interaction", clinical=0.4, product=2.0, informative=(CLINICAL, OMICS)),
        Situation(name="rare_tiles", clinical=0.5, omics=0.5, slides=1.1, tiles=RARE),
        replace(COMPLEMENTARY, name="lacking_at_random", lacking="at_random"),
        replace(COMPLEMENTARY, name="lacking_by_hazard", lacking="by_hazard"),
    )
}

#: Share of the cases without omics where some lack it, and how much likelier one standard deviation of log
#: hazard makes it (log odds) where that is what decides.
LACKING, BY_HAZARD = 0.4, 1.0


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A drawn cohort: what a study sees (`cases`, `outcome`), and what only its author knows.

    `log_hazard` (case,): true, without the baseline. `time_days` (case,): of the event, whether it was seen
    or censored. `readings`: what each modality shows before anything is taken away, with the tiles that
    inform.
    """

    situation: Situation
    cases: Cases
    outcome: Survival
    log_hazard: Float[np.ndarray, " case"]
    time_days: Float[np.ndarray, " case"]
    readings: Readings


def draw(situation: Situation, count: int, seed: int, part: Literal["cohort", "fresh"] = "cohort") -> Planted:
    """Draw cases of a situation; the same arguments give bitwise the same cases, and parts never overlap."""
    # not from the name: a situation with and without lacking cases draws the same patients
    rng = np.random.default_rng([zlib.crc32(part.encode()), seed])
    latents = draw_latents(situation, count, rng)
    log_hazard = true_log_hazard(situation, latents)
    readings = read_latents(latents, situation.tiles, rng)
    time = _baseline_scale(situation) * (rng.exponential(size=count) / np.exp(log_hazard)) ** (1.0 / SHAPE)
    # whole days, as charts have them; a time of 0 is no time
    time = np.maximum(1.0, np.ceil(time))
    end = np.floor(rng.uniform(SHORTEST, LONGEST, size=count))
    there = has_omics(situation, log_hazard, rng)
    cases = readings.cases([f"{part[0]}{number:05d}" for number in range(count)], {OMICS: there})
    return Planted(
        situation=situation,
        cases=cases,
        outcome=Survival(event=time <= end, time_days=np.minimum(time, end)),
        log_hazard=log_hazard,
        time_days=time,
        readings=readings,
    )


def draw_latents(
    situation: Situation, count: int, rng: np.random.Generator
) -> dict[str, Float[np.ndarray, " case"]]:
    """Draw what each modality shows, standard normal, and the second clinical latent (`context`)."""
    names = (CLINICAL, OMICS, SLIDES, "context")
    latents = dict(zip(names, rng.standard_normal((len(names), count)), strict=True))
    if situation.shared:
        latents |= dict.fromkeys((OMICS, SLIDES), latents[CLINICAL])
    return latents


def true_log_hazard(
    situation: Situation, latents: dict[str, Float[np.ndarray, " case"]]
) -> Float[np.ndarray, " case"]:
    """Return the log hazard of each case, without the baseline."""
    alone = (
        situation.clinical * latents[CLINICAL]
        + situation.omics * latents[OMICS]
        + situation.slides * latents[SLIDES]
    )
    together = situation.product * latents["context"] * latents[OMICS]
    return np.asarray(alone + situation.shared * latents[CLINICAL] + together)


def has_omics(
    situation: Situation, log_hazard: Float[np.ndarray, " case"], rng: np.random.Generator
) -> Bool[np.ndarray, " case"]:
    """Return who has omics: everybody, a random share, or rather those at low risk."""
    drawn = rng.random(len(log_hazard))
    if not situation.lacking:
        return np.ones(len(log_hazard), dtype=np.bool_)
    if situation.lacking == "at_random":
        return drawn >= LACKING
    odds = log_hazard / _spread(situation) * BY_HAZARD + _lacking_intercept()
    return drawn >= 1.0 / (1.0 + np.exp(-odds))


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is 0."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2


@cache
def _spread(situation: Situation) -> float:
    """Return the standard deviation of the log hazard."""
    parts = (situation.clinical, situation.omics, situation.slides, situation.shared, situation.product)
    return float(np.sqrt(np.sum(np.square(parts))))


@cache
def _lacking_intercept() -> float:
    """Return the log odds of lacking omics at the mean hazard that make the share `LACKING`."""
    standard = np.random.default_rng(1).standard_normal(200_000)
    return _bisect(lambda a: float(np.mean(1.0 / (1.0 + np.exp(-a - BY_HAZARD * standard)))) - LACKING, -3, 3)


@cache
def _baseline_scale(situation: Situation) -> float:
    """Return the scale (days) that makes the share of events `EVENTS`, on 100,000 latents of its own."""
    rng = np.random.default_rng([2, zlib.crc32(situation.name.encode())])
    hazard = np.exp(true_log_hazard(situation, draw_latents(situation, 100_000, rng)))
    time = (rng.exponential(size=len(hazard)) / hazard) ** (1.0 / SHAPE)
    end = rng.uniform(SHORTEST, LONGEST, size=len(hazard))
    scale = _bisect(lambda log_scale: EVENTS - float(np.mean(np.exp(log_scale) * time <= end)), 0.0, 20.0)
    return float(np.exp(scale))
