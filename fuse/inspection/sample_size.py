"""How many cases a model of so many parameters needs: events per parameter, and Riley's minimum sample size.

Enters: a number of candidate parameters and what the outcomes of the cohort are like. Leaves: the three
criteria of Riley et al. and their largest. They are about models that are fitted without a penalty; a
penalised one on more columns needs other proof, which is the interval of its own evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from feature_cache.card import DAYS_PER_UNIT
from fuse.outcomes.outcomes import Classes, Competing, Outcome

#: Shrinkage that criterion 1 allows, and the difference of apparent and adjusted R squared of criterion 2.
SHRINKAGE, OPTIMISM = 0.9, 0.05
#: Half width of the interval of the overall risk, criterion 3.
MARGIN = 0.05
#: Share of the greatest possible R squared that is expected where nobody knows better (Riley et al. 2020).
EXPECTED_SHARE = 0.15
NORMAL_975 = 1.96  # as in pmsampsize, whose numbers are to come out


@dataclass(frozen=True, kw_only=True)
class MinimumSize:
    """Cases that each criterion asks for; `r_squared` is the Cox-Snell R squared that was expected."""

    parameters: int
    r_squared: float
    shrinkage: int
    optimism: int
    overall_risk: int

    @property
    def cases(self) -> int:
        """The largest of the three."""
        return max(self.shrinkage, self.optimism, self.overall_risk)


@dataclass(frozen=True, kw_only=True)
class SurvivalRate:
    """Events a year, the mean years of follow-up of a case, and the years at which risks are given."""

    per_year: float
    mean_years: float
    at_years: float


def minimum_size_survival(parameters: int, rate: SurvivalRate, r_squared: float | None = None) -> MinimumSize:
    """Return the minimum sample size of a time-to-event model (Riley et al. 2019, Stat Med 38:1276, part II).

    Parameters
    ----------
    r_squared
        Cox-Snell R squared that is expected, adjusted for optimism; None: 15 % of the greatest possible.

    Returns
    -------
    MinimumSize
        As pmsampsize 1.1.3 gives it (`type = "s"`), which rounds the events of 10,000 cases up.
    """
    n = 10_000
    events = math.ceil(rate.per_year * rate.mean_years * n)
    log_null = events * math.log(events / n) - events
    greatest = 1 - math.exp(2 * log_null / n)
    expected = EXPECTED_SHARE * greatest if r_squared is None else r_squared
    first, second = _of_shrinkage(parameters, expected, greatest)
    return MinimumSize(
        parameters=parameters,
        r_squared=expected,
        shrinkage=first,
        optimism=second,
        overall_risk=_cases_for_survival_risk(rate, max(first, second)),
    )


def minimum_size_binary(parameters: int, prevalence: float, r_squared: float | None = None) -> MinimumSize:
    """Return the minimum sample size of a logistic model (Riley et al. 2020, BMJ 368:m441).

    `r_squared` as in `minimum_size_survival`; the numbers are those of pmsampsize (`type = "b"`).
    """
    log_null = prevalence * math.log(prevalence) + (1 - prevalence) * math.log(1 - prevalence)
    greatest = 1 - math.exp(2 * log_null)
    expected = EXPECTED_SHARE * greatest if r_squared is None else r_squared
    first, second = _of_shrinkage(parameters, expected, greatest)
    risk = math.ceil((NORMAL_975 / MARGIN) ** 2 * prevalence * (1 - prevalence))
    return MinimumSize(
        parameters=parameters, r_squared=expected, shrinkage=first, optimism=second, overall_risk=risk
    )


def minimum_size(parameters: int, outcome: Outcome, horizon_days: float | None) -> MinimumSize | None:
    """Return the minimum sample size for outcomes like these; None for several classes or causes, or nobody.

    Of causes that compete, that of interest would be a survival model of its own; its size is not the
    one that a cumulative incidence needs, so none is given.
    """
    if isinstance(outcome, Classes):
        share = float((outcome.label == 1).mean()) if len(outcome) and len(outcome.names) == 2 else 0.0
        return minimum_size_binary(parameters, share) if 0 < share < 1 else None
    if isinstance(outcome, Competing) or horizon_days is None or not outcome.event.any():
        return None
    entered = 0.0 if outcome.entry_days is None else outcome.entry_days
    years = (outcome.time_days - entered) / DAYS_PER_UNIT["years"]  # under observation
    rate = SurvivalRate(
        per_year=float(outcome.event.sum() / years.sum()),
        mean_years=float(years.mean()),
        at_years=horizon_days / DAYS_PER_UNIT["years"],
    )
    return minimum_size_survival(parameters, rate)


def _of_shrinkage(parameters: int, expected: float, greatest: float) -> tuple[int, int]:
    """Return the cases for a shrinkage of .9 and for a small optimism (criteria 1 and 2)."""
    small = expected / (expected + OPTIMISM * greatest)
    return _cases(parameters, expected, SHRINKAGE), _cases(parameters, expected, small)


def _cases(parameters: int, expected: float, shrinkage: float) -> int:
    return math.ceil(parameters / ((shrinkage - 1) * math.log(1 - expected / shrinkage)))


def _cases_for_survival_risk(rate: SurvivalRate, cases: int) -> int:
    """Return the fewest cases, at least `cases`, with which the overall risk is known to within MARGIN.

    The upper limit of the risk at the years asked for, at a constant rate, less the risk itself.
    """
    risk = 1 - math.exp(-rate.per_year * rate.at_years)
    # 1 - exp(-(rate + 1.96 sqrt(rate / T)) t) = risk + margin, solved for the person-years T
    reach = -math.log(max(1 - risk - MARGIN, 1e-12)) / rate.at_years - rate.per_year
    person_years = rate.per_year * (NORMAL_975 / reach) ** 2
    return max(cases, math.ceil(person_years / rate.mean_years))
