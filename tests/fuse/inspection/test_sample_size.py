"""Riley's minimum sample size gives the numbers of pmsampsize."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.inspection.sample_size import (
    SurvivalRate,
    minimum_size,
    minimum_size_binary,
    minimum_size_survival,
)
from fuse.outcomes.outcomes import Classes, Competing, Survival


@pytest.mark.parametrize(
    ("parameters", "r_squared", "rate", "first", "second"),
    [  # the checks of pmsampsize 1.1.3, tests/testthat/test_surv.R: timepoint 2, mean follow-up 2.07
        (25, 0.051, 0.065, 4286, 866),
        (25, 0.065, 0.065, 3335, 859),
        (50, 0.051, 0.065, 8572, 1731),
        (25, 0.051, 0.1, 4286, 731),
    ],
)
def test_survival_as_pmsampsize(
    parameters: int, r_squared: float, rate: float, first: int, second: int
) -> None:
    size = minimum_size_survival(
        parameters, SurvivalRate(per_year=rate, mean_years=2.07, at_years=2.0), r_squared
    )
    assert (size.shrinkage, size.optimism, size.overall_risk, size.cases) == (first, second, first, first)


def test_binary_as_the_example_of_pmsampsize() -> None:
    """Riley et al. 2019 (Stat Med 38:1276), type b: R squared .288, 24 parameters, prevalence .174."""
    size = minimum_size_binary(24, 0.174, 0.288)
    assert (size.shrinkage, size.optimism, size.overall_risk, size.cases) == (623, 662, 221, 662)


def test_overall_risk_asks_for_more_where_parameters_are_few() -> None:
    rate = SurvivalRate(per_year=0.3, mean_years=1.0, at_years=2.0)
    size = minimum_size_survival(1, rate, 0.3)
    person_years = size.overall_risk * rate.mean_years
    width = np.exp(-0.6) - np.exp(-(0.3 + 1.96 * np.sqrt(0.3 / person_years)) * 2.0)
    assert size.overall_risk > size.shrinkage
    assert 0.049 < width <= 0.05


def test_of_a_cohort_by_its_own_outcomes() -> None:
    days = np.full(200, 730.5)
    event = np.arange(200) < 50
    size = minimum_size(10, Survival(event=event, time_days=days), 730.5)
    direct = minimum_size_survival(10, SurvivalRate(per_year=0.125, mean_years=2.0, at_years=2.0))
    assert size == direct
    # years before a case came under observation are nobody's: 1.5 of 2 were seen, with as many events
    late = Survival(event=event, time_days=days, entry_days=np.full(200, 182.625))
    seen = minimum_size_survival(1, SurvivalRate(per_year=0.25 / 1.5, mean_years=1.5, at_years=2.0))
    assert minimum_size(1, late, 730.5) == seen
    assert seen != minimum_size(1, Survival(event=event, time_days=days), 730.5)
    yes = Classes(label=event.astype(np.int64), names=("no", "yes"))
    assert minimum_size(10, yes, None) == minimum_size_binary(10, 0.25)
    three = Classes(label=np.arange(200) % 3, names=("a", "b", "c"))
    causes = Competing(event=event, time_days=days, cause=event.astype(np.int64), causes=("a", "b"))
    assert minimum_size(10, three, None) is None
    assert minimum_size(10, causes, 730.5) is None
