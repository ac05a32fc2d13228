"""Fine-Gray and cause-specific Cox against R, by hand, and as arms of a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from feature_cache.errors import OutcomeError
from fuse.arm import fit_arm
from fuse.arm_of_causes import fit_arm_of_causes, outcome_of_cause
from fuse.cases import Cases, Modality
from fuse.models.baseline_hazard import breslow
from fuse.models.cause_hazards import CauseHazards
from fuse.models.fine_gray import fine_gray_path
from fuse.models.newton_cox import maximise, ridge_cox_path
from fuse.models.registry import build_learner
from fuse.models.subdistribution import (
    SubdistributionLikelihood,
    fit_subdistribution_baseline,
    subdistribution_slope,
)
from fuse.outcomes.outcomes import Competing, Survival

# 30 cases with ties of every kind. R 4.2.2, survival 3.5-3:
#   i <- 0:29; d <- data.frame(time = <TIME>, cause = <CAUSE>, id = i)
#   d$x <- (i * 7) %% 11 / 5 - 1; d$z <- (i * 5) %% 13 / 6 - 1; d$state <- factor(d$cause, 0:2)
#   new <- d[c(1, 2, 9), ]; tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15)
#   f <- coxph(Surv(fgstart, fgstop, fgstatus) ~ x + z, weights = fgwt, ties = "breslow", control = tight,
#              data = finegray(Surv(time, state) ~ x + z, data = d, etype = "1"))
#   coef(f); f$loglik; 1 - summary(survfit(f, new, stype = 2, ctype = 1), times = c(10, 30, 55))$surv
#   k <- coxph(Surv(time, state) ~ x + z, data = d, id = id, ties = "breslow", control = tight)
#   coef(k); summary(survfit(k, newdata = new), times = c(10, 30, 55))$pstate[, , 2]
TIME = "3 5 5 8 8 9 11 12 12 15 17 17 20 22 25 25 28 30 33 35 35 38 40 41 44 47 50 52 55 60"
CAUSE = "1 2 0 1 2 1 0 2 1 1 0 1 2 1 0 2 1 0 1 2 0 1 0 2 1 0 2 1 0 0"
NUMBERS = np.arange(30)
COLUMNS = np.stack([(NUMBERS * 7) % 11 / 5 - 1, (NUMBERS * 5) % 13 / 6 - 1], axis=1)
LABEL = np.array(CAUSE.split(), dtype=np.int64)
THIRTY = Competing(
    event=LABEL == 1, time_days=np.array(TIME.split(), dtype=float), cause=LABEL, causes=("one", "two")
)
NEW, DAYS = np.array([0, 1, 8]), np.array([10.0, 30.0, 55.0])
R_FINE_GRAY = [-1.024329607523967, -0.735060634861119]
R_LIKELIHOODS = [-35.3509369319065, -31.6855379367490]
R_FINE_GRAY_INCIDENCE = [
    [0.348482300714635, 0.053840150467284, 0.265696387211759],
    [0.754917687659463, 0.166095479747170, 0.637082137634468],
    [0.954134657736619, 0.328414111961470, 0.891562074743687],
]
R_CAUSES = [
    [-0.9226822388730006, -0.5450627738361103],
    [-0.0850996809954273, 0.5528468911646022],
]
R_CAUSES_INCIDENCE = [
    [0.298420356661016, 0.0594941765612025, 0.235650408813356],
    [0.673160639249582, 0.1777526774423816, 0.573703656180395],
    [0.873865379962889, 0.3535663221516135, 0.814629286891496],
]


class TestFineGrayAgainstR:
    def test_coefficients_and_likelihood(self) -> None:
        (found,) = fine_gray_path(COLUMNS, THIRTY, (0.0,))
        assert found == pytest.approx(R_FINE_GRAY, abs=1e-10)
        likelihood = SubdistributionLikelihood.of(COLUMNS, THIRTY)
        reached = [likelihood.value(np.zeros(2)), likelihood.value(found)]
        assert reached == pytest.approx(R_LIKELIHOODS, abs=1e-10)

    def test_cumulative_incidence(self) -> None:
        risk = COLUMNS @ np.array(R_FINE_GRAY)
        baseline = fit_subdistribution_baseline(risk, THIRTY)
        assert baseline.slope == pytest.approx(1.0, abs=1e-8)
        incidence = 1 - baseline.probability(risk[NEW], DAYS).T
        assert incidence == pytest.approx(np.array(R_FINE_GRAY_INCIDENCE), abs=1e-8)

    def test_the_learner_without_a_penalty_is_the_same_model_in_its_own_columns(self) -> None:
        learner = build_learner("fine_gray", ("table",), {"penalised": False})
        assert len(learner.candidates()) == 1
        scorer = learner.fit(table_of(COLUMNS), THIRTY, learner.candidates()[0], 0)
        risk = (COLUMNS - COLUMNS.mean(axis=0)) @ np.array(R_FINE_GRAY)
        assert scorer.risk(table_of(COLUMNS)) == pytest.approx(risk, abs=1e-9)


class TestFineGrayLikelihood:
    def test_derivatives_are_those_of_the_value(self) -> None:
        likelihood, at, step = SubdistributionLikelihood.of(COLUMNS, THIRTY), np.array([0.4, -0.7]), 1e-5
        gradient, information = likelihood.slopes(at)
        for column, unit in enumerate(np.eye(2) * step):
            rise = likelihood.value(at + unit) - likelihood.value(at - unit)
            assert rise / (2 * step) == pytest.approx(gradient[column], abs=1e-6)
            bend = likelihood.slopes(at + unit)[0] - likelihood.slopes(at - unit)[0]
            assert -bend / (2 * step) == pytest.approx(information[column], abs=1e-6)

    def test_with_one_cause_it_is_cox(self) -> None:
        one = replace(THIRTY, cause=THIRTY.event.astype(int))
        (cox,) = ridge_cox_path(COLUMNS, Survival(event=one.event, time_days=one.time_days), (2.0,))
        assert fine_gray_path(COLUMNS, one, (2.0,))[0] == pytest.approx(cox, abs=1e-9)

    def test_without_censoring_other_causes_are_at_risk_for_ever(self) -> None:
        cause = np.where(THIRTY.cause == 0, 2, THIRTY.cause)
        (found,) = fine_gray_path(COLUMNS, replace(THIRTY, cause=cause), (1.0,))
        for_ever = np.where(cause == 2, THIRTY.time_days.max() + 1, THIRTY.time_days)
        (cox,) = ridge_cox_path(COLUMNS, Survival(event=THIRTY.event, time_days=for_ever), (1.0,))
        assert found == pytest.approx(cox, abs=1e-9)

    def test_risks_against_the_order_get_no_slope(self) -> None:
        risk = COLUMNS @ np.array(R_FINE_GRAY)
        assert subdistribution_slope(-risk, THIRTY) == 0.0
        assert subdistribution_slope(np.zeros(30), THIRTY) == 0.0

    def test_columns_that_say_nothing_end_in_the_null_model_with_a_warning(self, caplog) -> None:
        nothing = np.zeros_like(COLUMNS)
        assert maximise(SubdistributionLikelihood.of(nothing, THIRTY), 0.0) is None
        assert fine_gray_path(nothing, THIRTY, (0.0,))[0] == pytest.approx([0.0, 0.0])
        assert "did not converge" in caplog.text


class TestCausesAgainstR:
    def hazards(self) -> CauseHazards:
        curves = []
        for number, coefficients in enumerate(R_CAUSES, start=1):
            own = outcome_of_cause(THIRTY, number)
            # Newton's steps on the same outcomes end where R's do
            (found,) = ridge_cox_path(COLUMNS, own, (1e-12,))
            assert found == pytest.approx(coefficients, abs=1e-8)
            curves.append(breslow(COLUMNS @ np.array(coefficients), own))
        return CauseHazards.join((1.0, 1.0), curves)

    def test_cumulative_incidence(self) -> None:
        risks = np.array(R_CAUSES) @ COLUMNS[NEW].T
        found = self.hazards().incidence(risks, DAYS).T
        assert found == pytest.approx(np.array(R_CAUSES_INCIDENCE), abs=1e-8)

    def test_incidences_and_what_is_left_sum_to_one(self) -> None:
        hazards, risks = self.hazards(), np.array(R_CAUSES) @ COLUMNS.T
        other = replace(hazards, increments=hazards.increments[::-1])
        both = hazards.incidence(risks, DAYS) + other.incidence(risks[::-1], DAYS)
        reached = np.searchsorted(hazards.time_days, DAYS, side="right")
        total = np.cumsum(np.exp(risks).T @ hazards.increments, axis=1)[:, reached - 1]
        assert both == pytest.approx(1 - np.exp(-total))

    def test_the_risk_ranks_by_incidence_and_is_zero_for_who_is_unknown(self) -> None:
        hazards, risks = self.hazards(), np.array(R_CAUSES) @ COLUMNS.T
        risk = hazards.risk(risks, 30.0)
        assert np.array_equal(np.argsort(risk), np.argsort(hazards.incidence(risks, np.array([30.0]))[:, 0]))
        assert hazards.risk(np.zeros((2, 1)), 30.0)[0] == 0.0
        # before the first event of the cause: the log hazard of the cause itself
        assert hazards.risk(risks, 2.0) == pytest.approx(risks[0])


def table_of(values: np.ndarray) -> Cases:
    present = ~np.isnan(values).all(axis=1)
    table = Modality(
        name="table",
        feature_set="made",
        present=present,
        columns=tuple(f"v{column}" for column in range(values.shape[1])),
        values=values,
    )
    return Cases(case_ids=tuple(f"c{row}" for row in range(len(values))), modalities={"table": table})


def planted(n: int = 500) -> tuple[Cases, Competing, np.ndarray]:
    """The first column raises the cause of interest, the second the other; a tenth lacks the table."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(n, 3))
    each = rng.exponential(size=(n, 2)) * np.array([900.0, 500.0]) * np.exp(-1.2 * values[:, :2])
    end = rng.uniform(200, 2000, size=n)
    time = np.minimum(each.min(axis=1), end)
    cause = np.where(time < end, 1 + each.argmin(axis=1), 0)
    outcome = Competing(event=cause == 1, time_days=np.ceil(time), cause=cause, causes=("relapse", "death"))
    values[rng.random(n) < 0.1] = np.nan
    return table_of(values), outcome, rng.permutation(n) % 3


class TestArms:
    def test_both_know_that_a_raised_other_cause_lowers_the_incidence(self) -> None:
        cases, outcome, inner = planted()
        learner = build_learner("cause_specific_cox", ("table",))
        assert learner.per_cause
        causes = fit_arm_of_causes(learner, cases, outcome, inner, 1, 700.0)
        gray = fit_arm(build_learner("fine_gray", ("table",)), cases, outcome, inner, 1)
        values = cases.modalities["table"].values
        seen = cases.modalities["table"].present
        for arm in (causes, gray):
            incidence = 1 - arm.probability(cases, np.array([700.0]))[:, 0]
            risk = arm.risk(cases)
            assert np.corrcoef(risk[seen], values[seen, 0])[0, 1] > 0.7
            assert np.corrcoef(risk[seen], values[seen, 1])[0, 1] < -0.2
            assert np.all(risk[~seen] == 0.0) and len(set(incidence[~seen])) == 1
            # Aalen-Johansen says .36 by day 700
            assert incidence.mean() == pytest.approx(0.36, abs=0.03)
            one = cases.take(np.array([17]))
            assert arm.risk(one)[0] == risk[17]
            assert arm.probability(one, np.array([700.0]))[0, 0] == 1 - incidence[17]
        assert str(causes.chosen).startswith("relapse: alpha=") and "; death: alpha=" in str(causes.chosen)

    def test_the_incidence_of_each_group_is_what_happened(self) -> None:
        from fuse.metrics.aalen_johansen import resampled_incidence

        cases, outcome, inner = planted(1200)
        learner = build_learner("cause_specific_cox", ("table",))
        causes = fit_arm_of_causes(learner, cases, outcome, inner, 1, 700.0)
        gray = fit_arm(build_learner("fine_gray", ("table",)), cases, outcome, inner, 1)
        day = np.array([700.0])
        for arm in (causes, gray):
            said = 1 - arm.probability(cases, day)[:, 0]
            quarter = np.digitize(said, np.quantile(said, [0.25, 0.5, 0.75]))
            for number in range(4):
                rows = np.flatnonzero(quarter == number)
                happened = resampled_incidence(outcome.take(rows), day, np.ones((1, len(rows))))[0, 0]
                assert said[rows].mean() == pytest.approx(happened, abs=0.08)

    def test_a_cause_that_the_train_part_does_not_have_is_no_hazard(self) -> None:
        cases, outcome, inner = planted(200)
        lacking = replace(outcome, causes=("relapse", "death", "emigration"))
        learner = build_learner("cause_specific_cox", ("table",))
        arms = [fit_arm_of_causes(learner, cases, own, inner, 1, 700.0) for own in (outcome, lacking)]
        assert arms[0].oof_risk.tobytes() == arms[1].oof_risk.tobytes()

    def test_who_enters_late_is_at_risk_of_every_cause_from_then_on(self) -> None:
        cases, outcome, inner = planted(300)
        late = replace(outcome, entry_days=np.where(np.arange(300) % 2, outcome.time_days - 1, 0.0))
        assert outcome_of_cause(late, 2).entry_days is late.entry_days
        learner = build_learner("cause_specific_cox", ("table",))
        arms = [fit_arm_of_causes(learner, cases, own, inner, 1, 700.0) for own in (outcome, late)]
        hazards = [arm.scorer.hazards.increments.sum(axis=1) for arm in arms]
        # half of the cases are followed for a day: as many events among fewer at risk
        assert np.all(hazards[1] > 1.5 * hazards[0])
        gray = build_learner("fine_gray", ("table",))
        with pytest.raises(OutcomeError, match="at risk from the start"):
            gray.fit(cases, late, gray.candidates()[0], 0)

    def test_fine_gray_refuses_another_kind(self) -> None:
        cases, outcome, _ = planted(60)
        times = Survival(event=outcome.event, time_days=outcome.time_days)
        learner = build_learner("fine_gray", ("table",))
        with pytest.raises(OutcomeError, match="competing causes"):
            learner.fit(cases, times, learner.candidates()[0], 0)
