"""Times and events planted on known risks, and the concordance that the true risk reaches on them.

Enters: standardised readings of every case. Leaves: weights, log relative hazards, event and time. Weibull
times in proportional hazards, dropout and an end of follow-up that know nothing of the risk, a baseline that
gives 30 % events. The draw is repeated until the cohort shows what was planted (event rate .25 to .35, true
risk at most .80, each modality alone .60 to .70 and within .012 of what its weight gives in a large
population): at 60 events chance alone hides the order of the weights even from a perfect reader (rho .58).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float

from extract.synthetic.streams import stream

EVENT_RATE = 0.30
EVENT_RATE_RANGE = (0.25, 0.35)
TRUE_C_MAX = 0.80
MODALITY_C_RANGE = (0.60, 0.70)
#: A modality's own concordance may be this far from that of its weight in a large population.
MODALITY_C_TOLERANCE = 0.012
#: Leaving a promised range counts this much more than leaving that tolerance.
PROMISED = 10.0
DRAWS = 2000
#: Cohorts above this size show what was planted without being drawn again.
LARGEST_REDRAWN = 2000
POPULATION = 20_000
#: Pairs are counted in a matrix, so the population for concordances is smaller.
PAIRED_POPULATION = 4000
#: sd of the log hazard that a modality adds; the seed decides which modality gets which.
SHUFFLED_WEIGHTS = (0.78, 0.61, 0.46)
FIXED_WEIGHT = 0.46


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Follow-up ends evenly between `shortest` and `longest`; some leave before (mean time `dropout`).

    `shape` is that of the Weibull hazard, `decimals` those of the times as written.
    """

    shortest: float
    longest: float
    dropout: float
    shape: float
    decimals: int

    def draw(self, number: int, rng: np.random.Generator) -> Float[np.ndarray, " case"]:
        """Draw the times at which cases would be censored."""
        return np.minimum(
            rng.uniform(self.shortest, self.longest, number), rng.exponential(self.dropout, number)
        )


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """(event, time) of every case and the concordance of the true risk with them."""

    event: Bool[np.ndarray, " case"]
    time: Float[np.ndarray, " case"]
    true_risk_c: float


def draw_weights(shuffled: tuple[str, ...], fixed: tuple[str, ...], seed: int) -> dict[str, float]:
    """Return the planted sd of each modality: three levels dealt out by the seed."""
    levels = [*stream(seed, "weights").permutation(SHUFFLED_WEIGHTS), *[FIXED_WEIGHT] * len(fixed)]
    return {name: float(level) for name, level in zip((*shuffled, *fixed), levels, strict=True)}


def draw_outcomes(
    z: Mapping[str, Float[np.ndarray, " case"]], weights: Mapping[str, float], follow_up: FollowUp, seed: int
) -> Outcomes:
    """Draw until nothing is out of bounds, or return the draw that is least so."""
    parts = {name: weight * z[name] for name, weight in weights.items()}
    risk = np.asarray(np.sum(list(parts.values()), axis=0))
    total = float(np.sqrt(np.sum(np.square(list(weights.values())))))
    scale = baseline_scale(total, follow_up)
    if len(risk) > LARGEST_REDRAWN:
        return _draw_once(risk, scale, follow_up, stream(seed, "outcomes", 0))
    expected = [expected_concordance(weight, total, follow_up) for weight in weights.values()]
    alone = [_Ranking.of(part, near) for part, near in zip(parts.values(), expected, strict=True)]
    best: tuple[float, Outcomes] | None = None
    for attempt in range(DRAWS):
        outcomes = _draw_once(risk, scale, follow_up, stream(seed, "outcomes", attempt))
        excess = _out_of_bounds(outcomes, alone)
        if best is None or excess < best[0]:
            best = (excess, outcomes)
        if excess == 0.0:
            break
    assert best is not None, "DRAWS is positive"
    return best[1]


@cache
def expected_concordance(weight: float, total: float, follow_up: FollowUp) -> float:
    """Return the concordance of one modality of this weight where all together have sd `total`."""
    rng = stream(0, "expected")
    own, others = rng.standard_normal((2, PAIRED_POPULATION))
    risk = weight * own + np.sqrt(max(total**2 - weight**2, 0.0)) * others
    outcomes = _draw_once(risk, baseline_scale(total, follow_up), follow_up, rng)
    return concordance(outcomes.event, outcomes.time, own)


def baseline_scale(risk_sd: float, follow_up: FollowUp, rate: float = EVENT_RATE) -> float:
    """Return the Weibull scale at which a large population with normal risks has `rate` events."""
    rng = stream(0, "baseline")
    risk = risk_sd * rng.standard_normal(POPULATION)
    times = weibull_times(risk, 1.0, follow_up.shape, rng)
    # time = scale * times <= censoring  <=>  scale <= censoring / times
    return float(np.quantile(follow_up.draw(POPULATION, rng) / times, 1.0 - rate))


def weibull_times(
    risk: Float[np.ndarray, " case"], scale: float, shape: float, rng: np.random.Generator
) -> Float[np.ndarray, " case"]:
    """Draw proportional-hazards times: scale * (E / exp(risk))^(1/shape) (doi:10.1002/sim.2059)."""
    return np.asarray(scale * (rng.exponential(size=len(risk)) / np.exp(risk)) ** (1.0 / shape))


def concordance(
    event: Bool[np.ndarray, " case"], time: Float[np.ndarray, " case"], risk: Float[np.ndarray, " case"]
) -> float:
    """Return Harrell's C; tied risks count half; NaN where no pair can be compared."""
    return _Ranking.of(risk).concordance(comparable_pairs(event, time))


def comparable_pairs(
    event: Bool[np.ndarray, " case"], time: Float[np.ndarray, " case"]
) -> Bool[np.ndarray, "case case"]:
    """Return whether the case of the row had its event before the time of the column's case."""
    return np.asarray(event[:, None] & (time[:, None] < time[None, :]))


@dataclass(frozen=True, kw_only=True)
class _Ranking:
    """Who ranks above whom by one risk, counted once for many draws; `expected` is the C it should have."""

    higher: Bool[np.ndarray, "case case"]
    tied: Bool[np.ndarray, "case case"]
    expected: float

    @classmethod
    def of(cls, risk: Float[np.ndarray, " case"], expected: float = float("nan")) -> _Ranking:
        return cls(
            higher=risk[:, None] > risk[None, :], tied=risk[:, None] == risk[None, :], expected=expected
        )

    def concordance(self, comparable: Bool[np.ndarray, "case case"]) -> float:
        pairs = np.count_nonzero(comparable)
        if not pairs:
            return float("nan")
        ties = np.count_nonzero(self.tied & comparable)
        return float((np.count_nonzero(self.higher & comparable) + 0.5 * ties) / pairs)


def _draw_once(
    risk: Float[np.ndarray, " case"], scale: float, follow_up: FollowUp, rng: np.random.Generator
) -> Outcomes:
    times = weibull_times(risk, scale, follow_up.shape, rng)
    ends = follow_up.draw(len(risk), rng)
    event = times <= ends
    # Rounded as in the file and never to 0: readers drop times that are not positive.
    time = np.maximum(np.round(np.minimum(times, ends), follow_up.decimals), 10.0**-follow_up.decimals)
    return Outcomes(event=event, time=time, true_risk_c=concordance(event, time, risk))


def _out_of_bounds(outcomes: Outcomes, alone: list[_Ranking]) -> float:
    """Return by how much event rate and concordances leave their ranges; infinite without a pair."""
    if not outcomes.event.any() or np.isnan(outcomes.true_risk_c):
        return float("inf")
    excess = _outside(float(outcomes.event.mean()), EVENT_RATE_RANGE)
    excess += _outside(outcomes.true_risk_c, (0.0, TRUE_C_MAX))
    comparable = comparable_pairs(outcomes.event, outcomes.time)
    chance = 0.0
    for modality in alone:
        c, near = modality.concordance(comparable), modality.expected
        excess += _outside(c, MODALITY_C_RANGE)
        chance += _outside(c, (near - MODALITY_C_TOLERANCE, near + MODALITY_C_TOLERANCE))
    return PROMISED * excess + chance


def _outside(value: float, limits: tuple[float, float]) -> float:
    return max(limits[0] - value, value - limits[1], 0.0)
