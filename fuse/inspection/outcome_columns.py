"""Whether a column is the outcome under another name: by what it holds, whatever it is called.

Enters: the columns of one modality and the outcomes of the same cases. Leaves: a problem for each column
that equals the event, that orders like follow-up, or that is there only where the event was. Every rule asks
for an agreement that no predictor known before the outcome reaches by chance (docs/decisions/0019). Outcomes
are used for nothing but this comparison; no column is chosen or weighed by it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.errors import Level, Problem
from fuse.cases import Modality
from fuse.inspection.leaks import leak
from fuse.inspection.ranks import average_ranks
from fuse.outcomes.outcomes import Classes, Outcome

#: Agreement (phi, the correlation of two indicators) from which one of them is said to be the other.
SAME_INDICATOR = 0.95
#: Rank correlation with the time among cases with the event and, apart, among the others, in the same
#: direction. A date of entry orders like the time of the censored alone, a good predictor like that of the
#: events alone (and less); only what is made from follow-up orders like both.
SAME_ORDER, ALIKE_ORDER = 0.95, 0.85
#: Where one kind of cases alone is many enough to be looked at, nothing but the same order will do.
SAME_ORDER_OF_ONE = 0.999
#: Fewer cases of a kind than this say nothing about either.
FEWEST = 10
#: Chance at which a value that only cases with the event have is more than a pattern of who was measured.
RARE_BY_CHANCE = 1e-6

OUT = "Take it out of the features: name it under `excluded` in cohort.yaml, and extract again."
NO_OUTCOME = "no feature that is made from the outcome"


def outcome_columns(modality: Modality, outcome: Outcome) -> Iterator[Problem]:
    """Yield a problem for each column that tells the outcome; rows of both are the same cases.

    Columns that describe no single thing (an embedding's) are looked at as well: an import may hold a time.
    """
    events = _indicators(outcome)
    rows = modality.present
    if rows.sum() >= 2 * FEWEST:
        for name, event in events:
            yield from _equal_columns(modality, event, name)
        if not isinstance(outcome, Classes):
            yield from _ordered_columns(modality, outcome.event, outcome.time_days)
    for name, event in events:
        yield from _telling_absence(modality, event, name)


def _indicators(outcome: Outcome) -> list[tuple[str, Bool[np.ndarray, " case"]]]:
    """Return what a column must not be: the event, or membership in each class."""
    if isinstance(outcome, Classes):
        first = 1 if len(outcome.names) == 2 else 0
        return [
            (f"class {name}", outcome.label == label)
            for label, name in enumerate(outcome.names)
            if label >= first
        ]
    return [("the event", outcome.event)]


def _equal_columns(modality: Modality, event: Bool[np.ndarray, " case"], name: str) -> Iterator[Problem]:
    """Yield columns of two values that split the cases as the event does."""
    values = modality.values
    with np.errstate(invalid="ignore"):
        low, high = _extremes(values)
        two_valued = ((values == low) | (values == high) | np.isnan(values)).all(axis=0) & (high > low)
    for column in np.flatnonzero(two_valued):
        seen = np.isfinite(values[:, column])
        agreement = _phi(values[seen, column] == high[column], event[seen])
        if abs(agreement) >= SAME_INDICATOR:
            got = f"its two values go with {name}, correlation {agreement:.2f}, in {seen.sum()} cases"
            yield leak("outcome-as-feature", _where(modality, int(column)), (NO_OUTCOME, got, OUT))


def _ordered_columns(
    modality: Modality, event: Bool[np.ndarray, " case"], time_days: Float[np.ndarray, " case"]
) -> Iterator[Problem]:
    """Yield columns whose order is that of follow-up, among events and among the others apart."""
    smallest = np.full(len(modality.columns), np.inf)
    signs = np.zeros(len(modality.columns))
    known = 0
    for part in (event, ~event):
        if part.sum() < FEWEST:
            continue
        known += 1
        order = _rank_correlations(modality.values[part], time_days[part])
        smallest = np.minimum(smallest, np.abs(order))
        signs += np.sign(order)
    for column in np.flatnonzero((smallest >= ALIKE_ORDER) & (np.abs(signs) == known)) if known else ():
        # one kind of cases alone may be ordered by a date of entry, or all but by a superb predictor
        sure = smallest[column] >= (SAME_ORDER if known == 2 else SAME_ORDER_OF_ONE)
        level: Level = "error" if sure else "warning"
        got = f"it orders cases as their time in outcomes.csv does, rank correlation {smallest[column]:.2f}"
        if known == 2:
            got += " or more among cases with the event and among those without"
        words = ("no feature that is made from follow-up", got, OUT)
        yield leak("follow-up-as-feature", _where(modality, int(column)), words, level)


def _telling_absence(modality: Modality, event: Bool[np.ndarray, " case"], name: str) -> Iterator[Problem]:
    """Yield columns that are observed where the event is, and the modality if it is there only then."""
    there = np.isfinite(modality.values)
    patterns, first = np.unique(there, axis=1, return_index=True)
    for pattern, column in zip(patterns.T, first, strict=True):
        if min(pattern.sum(), (~pattern).sum()) < FEWEST // 2:
            continue
        alike = (there == pattern[:, None]).all(axis=0)
        where = _where(modality, int(column))
        if alike.sum() > 1:
            where += f" and {int(alike.sum()) - 1} more"
        yield from _judge_absence(where, pattern, event, name)


def _judge_absence(
    where: str, there: Bool[np.ndarray, " case"], event: Bool[np.ndarray, " case"], name: str
) -> Iterator[Problem]:
    agreement = _phi(there, event)
    counts = f"{(there & event).sum()} of {event.sum()} cases with {name}, {(there & ~event).sum()} of "
    counts += f"{(~event).sum()} others"
    if abs(agreement) >= SAME_INDICATOR:
        got = f"whether it was observed equals {name}: {counts} have it"
        yield leak("outcome-as-feature", where, (NO_OUTCOME, got, OUT))
    elif not (there & ~event).any() and _chance_of_none(there, event) < RARE_BY_CHANCE:
        got = f"it was observed only where {name} was: {counts} have it"
        yield leak("outcome-as-feature", where, (NO_OUTCOME, got, OUT))
    elif not (~there & ~event).any() and _chance_of_none(~there, event) < RARE_BY_CHANCE:
        got = f"it is missing only where {name} was: {counts} have it"
        remedy = "Was it measured before the outcome could prevent it? If not, take it out."
        yield leak(
            "missing-by-outcome", where, ("values missing whatever the outcome", got, remedy), "warning"
        )


def _chance_of_none(there: Bool[np.ndarray, " case"], event: Bool[np.ndarray, " case"]) -> float:
    """Return the chance that `there` falls on cases with the event alone (hypergeometric)."""
    n, k, events = len(event), int(there.sum()), int(event.sum())
    if k > events:
        return 0.0
    logs = [math.lgamma(x + 1) for x in (events, n - k, events - k, n)]
    return math.exp(logs[0] + logs[1] - logs[2] - logs[3])


def _phi(one: Bool[np.ndarray, " case"], other: Bool[np.ndarray, " case"]) -> float:
    """Return the correlation of two indicators; 0 where either has too few of a kind to tell."""
    if min(one.sum(), (~one).sum(), other.sum(), (~other).sum()) < FEWEST:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _extremes(
    values: Float[np.ndarray, "case column"],
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " column"]]:
    seen = np.isfinite(values)
    low = np.where(seen, values, np.inf).min(axis=0)
    return low, np.where(seen, values, -np.inf).max(axis=0)


def _rank_correlations(
    values: Float[np.ndarray, "case column"], time_days: Float[np.ndarray, " case"]
) -> Float[np.ndarray, " column"]:
    """Return Spearman's correlation of each column with the time, over the cases that have it."""
    found = np.zeros(values.shape[1])
    seen = np.isfinite(values)
    whole = seen.all(axis=0)
    if whole.any():
        found[whole] = _correlate(average_ranks(values[:, whole]), average_ranks(time_days[:, None])[:, 0])
    for column in np.flatnonzero(~whole & (seen.sum(axis=0) >= FEWEST)):
        rows = seen[:, column]
        ranks = average_ranks(np.column_stack([values[rows, column], time_days[rows]]))
        found[column] = _correlate(ranks[:, :1], ranks[:, 1])[0]
    return found


def _correlate(
    ranks: Float[np.ndarray, "case column"], of_time: Float[np.ndarray, " case"]
) -> Float[np.ndarray, " column"]:
    centred, time = ranks - ranks.mean(axis=0), of_time - of_time.mean()
    length = np.sqrt((centred**2).sum(axis=0) * (time**2).sum())
    found: Float[np.ndarray, " column"] = np.zeros(ranks.shape[1])
    found[length > 0] = (time @ centred)[length > 0] / length[length > 0]
    return found


def _where(modality: Modality, column: int) -> str:
    return f"cache: {modality.name}/{modality.feature_set}: column {modality.columns[column]}"
