"""What differences in C this cohort can show: by computing on its own outcomes and folds, before any fit.

Enters: outcomes and folds. Leaves: how far from .5 a model of nothing strays here, the smallest gain of
fusion that would be seen, and how many cases a gain of .02 would need. Columns are drawn at random; a linear
model of them is fitted in each train part in one step (the score of the Cox or logistic likelihood at 0,
which is what a ridge fit under a strong penalty goes towards), and judged on pairs within the test parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.folds.folds import Fold, Folds
from fuse.metrics.ordered import keep_at_risk
from fuse.outcomes.at_risk import count_not_entered
from fuse.outcomes.outcomes import Classes, Competing, Outcome, Survival

#: Cohorts that are drawn: the spread is known to within 5 % of itself.
DRAWS = 200
#: Columns of clinical values and of the modality that is added, as in the simulations of the design.
CLINICAL_COLUMNS, ADDED_COLUMNS = 8, 16
#: C that the clinical values have, about, and how strong the added modality is beside them: without any
#: signal its weights go to 0 as a cohort grows, and with them the spread of the difference.
CLINICAL_C, ADDED_SHARE = 0.65, 0.75
#: Draws over which the strength of the signal is set, and halvings of its range.
STRENGTH_DRAWS, HALVINGS = 8, 10
#: Two-sided 5 %, and a power of 80 %.
NORMAL_POWER = 1.959963984540054 + 0.8416212335729143
#: The gain of which it is said how many cases it needs.
GAIN = 0.02
#: More pairs than this are not counted for each draw: fewer repeats are taken, then fewer draws.
MOST_PAIRS = 2e8
FEWEST_DRAWS = 40


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """What a cohort can show. C of a model of nothing: `null_mean`, `null_sd` and its upper 2.5 % point.

    `smallest_gain` is the true difference in C between clinical values with and without a further modality
    that is found in 80 % of cohorts; `cases_for_gain` how many cases GAIN would need, about, events
    being as frequent as here (the spread falls with the root of the number of cases).
    """

    draws: int
    null_mean: float
    null_sd: float
    null_high: float
    difference_sd: float
    smallest_gain: float
    cases_for_gain: int


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A fold ready to be judged: the steps of its train part, and its test pairs (earlier, later)."""

    train: Int[np.ndarray, " train"]
    pull: Float[np.ndarray, " train"]
    test: Int[np.ndarray, " test"]
    earlier: Int[np.ndarray, " pair"]
    later: Int[np.ndarray, " pair"]


def reachable(outcome: Outcome, folds: Folds, seed: int = 0) -> Reachable | None:
    """Compute what can be shown; None for several classes, and where no test part has a pair.

    Parameters
    ----------
    outcome
        Of `folds.case_ids`, in their order. Of competing causes that of interest counts, the others keep
        their cases at risk.
    """
    if isinstance(outcome, Classes) and len(outcome.names) != 2:
        return None
    judged = keep_at_risk(outcome) if isinstance(outcome, Competing) else outcome
    parts, draws = _affordable([_part(fold, judged) for fold in folds.folds], folds)
    if not sum(len(part.earlier) for part in parts):
        return None
    rng = np.random.default_rng(seed)
    direction = _pull(judged)
    strength = _strength(parts, direction, rng)
    null, difference = np.zeros(draws), np.zeros(draws)
    for draw in range(draws):
        clinical = rng.normal(size=(len(direction), CLINICAL_COLUMNS))
        added = rng.normal(size=(len(direction), ADDED_COLUMNS))
        null[draw] = _c_of(parts, added)
        clinical[:, 0] += strength * direction
        added[:, 0] += ADDED_SHARE * strength * direction
        alone = _c_of(parts, clinical)
        difference[draw] = _c_of(parts, np.hstack([clinical, added])) - alone
    spread = float(difference.std(ddof=1))
    smallest = NORMAL_POWER * spread
    return Reachable(
        draws=draws,
        null_mean=float(null.mean()),
        null_sd=float(null.std(ddof=1)),
        null_high=float(np.quantile(null, 0.975)),
        difference_sd=spread,
        smallest_gain=smallest,
        cases_for_gain=_rounded(len(direction) * (smallest / GAIN) ** 2),
    )


def fixed_score_sd(outcome: Survival) -> float:
    """Return the standard deviation of C of a score drawn without looking: exact, given the outcomes.

    Of P comparable pairs, d_i those in which case i is the earlier less those in which it is the later:
    Var(C) = (P + sum of d_i squared) / (12 P squared). Without censoring it is (2 n + 5) / (18 n (n - 1)),
    a quarter of the variance of Kendall's tau. Models that learn stray further: their train parts differ.
    """
    earlier, later = _pairs(outcome)
    n, pairs = len(outcome), len(earlier)
    lean = np.bincount(earlier, minlength=n) - np.bincount(later, minlength=n)
    return math.sqrt(pairs + float((lean.astype(np.float64) ** 2).sum())) / (math.sqrt(12) * pairs)


def _affordable(parts: list[_Part], folds: Folds) -> tuple[list[_Part], int]:
    """Return as many parts and draws as can be counted in seconds: the first repeats, whole ones."""
    repeats = [fold.repeat for fold in folds.folds]
    while len(set(repeats)) > 1 and sum(len(part.earlier) for part in parts) * DRAWS > MOST_PAIRS:
        parts = [part for part, repeat in zip(parts, repeats, strict=True) if repeat != max(repeats)]
        repeats = [repeat for repeat in repeats if repeat != max(repeats)]
    pairs = sum(len(part.earlier) for part in parts)
    return parts, max(FEWEST_DRAWS, min(DRAWS, int(MOST_PAIRS / max(pairs, 1))))


def _part(fold: Fold, outcome: Outcome) -> _Part:
    earlier, later = _pairs(outcome.take(fold.test))
    return _Part(
        train=fold.train, pull=_pull(outcome.take(fold.train)), test=fold.test, earlier=earlier, later=later
    )


def _pull(outcome: Outcome) -> Float[np.ndarray, " case"]:
    """Return the score of each case at no effect: the martingale residual, or yes less the share of yes."""
    if isinstance(outcome, Classes):
        member = (outcome.label == 1).astype(np.float64)
        return np.asarray(member - member.mean())
    days, position = np.unique(outcome.time_days, return_inverse=True)
    events = np.bincount(position, weights=outcome.event, minlength=len(days))
    leaving = np.bincount(position, minlength=len(days))
    at_risk = len(outcome) - np.cumsum(leaving) + leaving - count_not_entered(outcome, days)
    hazard = np.cumsum(events / at_risk)
    lived = hazard[position]
    if outcome.entry_days is not None:  # what came before a case was under observation is not its own
        before = np.searchsorted(days, outcome.entry_days, side="right")
        lived = lived - np.append(0.0, hazard)[before]
    return np.asarray(outcome.event - lived)


def _pairs(outcome: Outcome) -> tuple[Int[np.ndarray, " pair"], Int[np.ndarray, " pair"]]:
    """Return the comparable pairs: (the earlier event, the other)."""
    if isinstance(outcome, Classes):
        comparable: Bool[np.ndarray, "case case"] = (outcome.label == 1)[:, None] & (outcome.label == 0)
    else:
        time, event = outcome.time_days, outcome.event
        later = (time[None, :] > time[:, None]) | ((time[None, :] == time[:, None]) & ~event[None, :])
        comparable = event[:, None] & later
        if outcome.entry_days is not None:
            comparable &= outcome.entry_days[None, :] < time[:, None]
    earlier, others = np.nonzero(comparable)
    return earlier, others


def _c_of(parts: list[_Part], columns: Float[np.ndarray, "case column"]) -> float:
    """Return the C within folds of the one-step model of some columns."""
    right, all_pairs = 0, 0
    for part in parts:
        train = columns[part.train]
        risk = (columns[part.test] - train.mean(axis=0)) @ (part.pull @ train)
        right += int((risk[part.earlier] > risk[part.later]).sum())
        all_pairs += len(part.earlier)
    return right / all_pairs


def _strength(parts: list[_Part], direction: Float[np.ndarray, " case"], rng: np.random.Generator) -> float:
    """Return how much of the outcome's direction a column holds for the C that clinical values have."""
    noise = [rng.normal(size=(len(direction), CLINICAL_COLUMNS)) for _ in range(STRENGTH_DRAWS)]
    first = np.zeros(CLINICAL_COLUMNS)
    first[0] = 1.0
    low, high = 0.0, 4.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        signal = middle * direction[:, None] * first
        reached = np.mean([_c_of(parts, columns + signal) for columns in noise])
        low, high = (low, middle) if reached > CLINICAL_C else (middle, high)
    return high


def _rounded(cases: float) -> int:
    """Return a number of cases to two digits, upwards: it is no more certain than that."""
    unit: int = 10 ** max(0, math.floor(math.log10(max(cases, 1))) - 1)
    return math.ceil(cases / unit) * unit
