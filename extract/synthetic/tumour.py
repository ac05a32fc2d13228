"""Tumour on the slides of one case: how much of the tissue it takes and how bad its nuclei look.

Enters: a random stream. Leaves: a burden and a grade for each slide, and what a perfect reader of all slides
would measure. The painter keeps both promises exactly, so the risk can be known before a pixel is painted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.synthetic.reading import Reading

SECOND_SLIDE = 0.3
LATENT_CORRELATION = 0.6
BURDEN_MEAN, BURDEN_SD, BURDEN_RANGE = 0.38, 0.15, (0.05, 0.80)
GRADE_MEAN, GRADE_SD, GRADE_RANGE = 0.50, 0.19, (0.02, 0.98)
SLIDE_SD = 0.03
#: mean and sd of the drawn index over the population; a test holds them.
INDEX_MEAN, INDEX_SD = 0.0, 1.79


@dataclass(frozen=True, kw_only=True)
class SlidePlan:
    """Tumour share of the tissue area (0 to 1) and grade (0 calm to 1 wild) of one slide."""

    burden: float
    grade: float


@dataclass(frozen=True, kw_only=True)
class Tumour:
    """The slides of one case and their common reading: mean burden, mean grade."""

    slides: tuple[SlidePlan, ...]
    reading: Reading


def draw_tumour(rng: np.random.Generator) -> Tumour:
    """Draw one or two slides whose burden and grade hang together."""
    aggression = rng.standard_normal()
    own = rng.standard_normal(2) * np.sqrt(1 - LATENT_CORRELATION)
    burden, grade = np.sqrt(LATENT_CORRELATION) * aggression + own
    number = 1 + int(rng.random() < SECOND_SLIDE)
    slides = tuple(
        SlidePlan(
            burden=_bounded(
                BURDEN_MEAN + BURDEN_SD * burden + SLIDE_SD * rng.standard_normal(), BURDEN_RANGE
            ),
            grade=_bounded(GRADE_MEAN + GRADE_SD * grade + SLIDE_SD * rng.standard_normal(), GRADE_RANGE),
        )
        for _ in range(number)
    )
    mean_burden = float(np.mean([slide.burden for slide in slides]))
    mean_grade = float(np.mean([slide.grade for slide in slides]))
    index = (mean_burden - BURDEN_MEAN) / BURDEN_SD + (mean_grade - GRADE_MEAN) / GRADE_SD
    reading = Reading(
        z=(index - INDEX_MEAN) / INDEX_SD,
        measurements=(mean_burden, mean_grade),
        latents={"aggression": float(aggression), "burden": float(burden), "grade": float(grade)},
    )
    return Tumour(slides=slides, reading=reading)


def _bounded(value: float, limits: tuple[float, float]) -> float:
    return round(float(np.clip(value, *limits)), 4)
