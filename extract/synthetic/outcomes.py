"""Times and events planted on known risks, and the concordance that the true risk reaches on them.

Enters: standardised readings of every case. Leaves: weights, log relative hazards, event and time. Weibull
times in proportional hazards, dropout and an end of follow-up that know nothing of the risk, a baseline that
gives 30 % events. The draw is repeated until the cohort is what the layout promises (issue: event rate .25 to
.35, true risk at most .80, each modality alone .60 to .70); a cohort of a dozen cases keeps the nearest draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from extract.synthetic.streams import stream

EVENT_RATE = 0.30
EVENT_RATE_RANGE = (0.25, 0.35)
TRUE_C_MAX = 0.80
MODALITY_C_RANGE = (0.60, 0.70)
DRAWS = 400
POPULATION = 20_000
#: sd of the log hazard that a modality adds; the seed decides which modality gets which.
SHUFFLED_WEIGHTS = (0.80, 0.63, 0.48)
FIXED_WEIGHT = 0.48
WEIGHT_JITTER = 0.04


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
    """Return the planted sd of each modality: three levels dealt out by the seed, shaken by some 4 %."""
    rng = stream(seed, "weights")
    levels = list(rng.permutation(SHUFFLED_WEIGHTS)) + [FIXED_WEIGHT] * len(fixed)
    shaken = np.array(levels) * (1.0 + WEIGHT_JITTER * rng.uniform(-1, 1, len(levels)))
    return {name: round(float(w), 4) for name, w in zip((*shuffled, *fixed), shaken, strict=True)}


def draw_outcomes(
    z: Mapping[str, Float[np.ndarray, " case"]], weights: Mapping[str, float], follow_up: FollowUp, seed: int
) -> Outcomes:
    """Draw until nothing is out of bounds, or return the draw that is least so."""
    parts = {name: weight * z[name] for name, weight in weights.items()}
    risk = np.sum(list(parts.values()), axis=0)
    scale = baseline_scale(float(np.sqrt(np.sum(np.square(list(weights.values()))))), follow_up)
    best: tuple[float, Outcomes] | None = None
    for attempt in range(DRAWS):
        outcomes = _draw_once(risk, scale, follow_up, stream(seed, "outcomes", attempt))
        excess = _out_of_bounds(outcomes, list(parts.values()))
        if best is None or excess < best[0]:
            best = (excess, outcomes)
        if excess == 0.0:
            break
    assert best is not None, "DRAWS is positive"
    return best[1]


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
    comparable = event[:, None] & (time[:, None] < time[None, :])
    pairs = int(comparable.sum())
    if not pairs:
        return float("nan")
    higher = (risk[:, None] > risk[None, :]) & comparable
    tied = (risk[:, None] == risk[None, :]) & comparable
    return float((higher.sum() + 0.5 * tied.sum()) / pairs)


def _draw_once(
    risk: Float[np.ndarray, " case"], scale: float, follow_up: FollowUp, rng: np.random.Generator
) -> Outcomes:
    times = weibull_times(risk, scale, follow_up.shape, rng)
    ends = follow_up.draw(len(risk), rng)
    event = times <= ends
    # Rounded as in the file and never to 0: readers drop times that are not positive.
    time = np.maximum(np.round(np.minimum(times, ends), follow_up.decimals), 10.0**-follow_up.decimals)
    return Outcomes(event=event, time=time, true_risk_c=concordance(event, time, risk))


def _out_of_bounds(outcomes: Outcomes, parts: list[Float[np.ndarray, " case"]]) -> float:
    """Return by how much event rate and concordances leave their ranges, summed; infinite without a pair."""
    if not outcomes.event.any() or np.isnan(outcomes.true_risk_c):
        return float("inf")
    alone = [concordance(outcomes.event, outcomes.time, part) for part in parts]
    excess = _outside(float(outcomes.event.mean()), EVENT_RATE_RANGE)
    excess += _outside(outcomes.true_risk_c, (0.0, TRUE_C_MAX))
    return excess + sum(_outside(c, MODALITY_C_RANGE) for c in alone)


def _outside(value: float, limits: tuple[float, float]) -> float:
    return max(limits[0] - value, value - limits[1], 0.0)
