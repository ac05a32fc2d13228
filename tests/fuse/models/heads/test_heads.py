"""Heads: each loss against the same by hand, gradients, what risks mean, what a train part decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm

from feature_cache.errors import OutcomeError
from fuse.models.heads.aft import fit_log_normal
from fuse.models.heads.registry import HEAD_NAMES, make_head
from fuse.models.heads.time_bins import EVENTS_PER_BIN, MAX_BINS, fit_time_bins, null_hazards
from fuse.outcomes.outcomes import Beside, Classes, Competing, Survival

N = 60
RNG = np.random.default_rng(4)
TIME = np.ceil(RNG.exponential(300, N))
CAUSE = RNG.integers(0, 3, N)
SURVIVAL = Survival(event=CAUSE == 1, time_days=TIME)
COMPETING = Competing(event=CAUSE == 1, time_days=TIME, cause=CAUSE, causes=("death", "transplant"))
BINARY = Classes(label=(CAUSE == 1).astype(int), names=("no", "yes"))
MULTICLASS = Classes(label=CAUSE, names=("a", "b", "c"))
HEADS = [
    ("cox", SURVIVAL),
    ("hazard", SURVIVAL),
    ("aft", SURVIVAL),
    ("time", SURVIVAL),
    ("competing", COMPETING),
    ("hazard", COMPETING),
    ("binary", BINARY),
    ("multiclass", MULTICLASS),
]
ROWS = np.array([3, 17, 5, 44, 59, 0, 21, 8])


def said(head, rows=ROWS, seed=1):
    return np.random.default_rng(seed).normal(size=(len(rows), head.width))


def loss(head, output, rows=ROWS):
    return head.loss(torch.from_numpy(output), rows).item()


class TestLossesByHand:
    def test_hazard(self):
        head = make_head("hazard", SURVIVAL)
        output = said(head)
        expected = []
        for logit, row in zip(output + head.start, ROWS, strict=True):
            hazard = 1 / (1 + np.exp(-logit))
            survival = [1.0]
            for h in hazard:
                survival.append(survival[-1] * (1 - h))
            y = sum(edge < TIME[row] for edge in head.bins.edges_days)
            c = 1 - int(CAUSE[row] == 1)
            expected.append(
                -(1 - c) * (np.log(survival[y]) + np.log(hazard[y])) - c * np.log(survival[y + 1])
            )
        assert loss(head, output) == pytest.approx(np.mean(expected), rel=1e-9)

    @pytest.mark.parametrize("name", ["aft", "time"])
    def test_log_normal(self, name):
        head = make_head(name, SURVIVAL)
        output = said(head)
        expected = []
        for value, row in zip(output[:, 0], ROWS, strict=True):
            located = norm(loc=head.mean + head.scale * value, scale=head.scale)
            if CAUSE[row] == 1:  # the density up to what does not depend on the network
                expected.append(
                    -located.logpdf(np.log(TIME[row])) - np.log(head.scale) - np.log(2 * np.pi) / 2
                )
            else:
                expected.append(-located.logsf(np.log(TIME[row])))
        assert loss(head, output) == pytest.approx(np.mean(expected), rel=1e-9)

    def test_competing(self):
        head = make_head("competing", COMPETING)
        output = said(head)
        bins = len(head.bins)
        expected = []
        for logit, row in zip(output + head.start, ROWS, strict=True):
            probability = np.exp(logit) / np.exp(logit).sum()
            table = probability[:-1].reshape(2, bins)
            y = sum(edge < TIME[row] for edge in head.bins.edges_days)
            if CAUSE[row]:
                expected.append(-np.log(table[CAUSE[row] - 1, y]))
            else:
                expected.append(-np.log(1 - table[:, : y + 1].sum()))
        assert {0, 1, 2} == set(CAUSE[ROWS])
        assert loss(head, output) == pytest.approx(np.mean(expected), rel=1e-9)

    def test_binary(self):
        head = make_head("binary", BINARY)
        output = said(head)
        yes = 1 / (1 + np.exp(-head.risk(output)))
        label = BINARY.label[ROWS]
        expected = -np.mean(label * np.log(yes) + (1 - label) * np.log(1 - yes))
        assert loss(head, output) == pytest.approx(expected, rel=1e-9)

    def test_multiclass(self):
        head = make_head("multiclass", MULTICLASS)
        output = said(head)
        risk = head.risk(output)
        assert np.exp(risk).sum(axis=1) == pytest.approx(1.0)
        expected = -np.mean([risk[i, CAUSE[row]] for i, row in enumerate(ROWS)])
        assert loss(head, output) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("name", "outcome"), HEADS)
class TestEveryHead:
    def test_gradients_are_those_of_the_loss(self, name, outcome):
        head = make_head(name, outcome)
        output = said(head)
        tensor = torch.from_numpy(output).requires_grad_()
        head.loss(tensor, ROWS).backward()
        step = 1e-6 * np.random.default_rng(2).normal(size=output.shape)
        change = (loss(head, output + step) - loss(head, output - step)) / 2
        assert change != 0
        assert change == pytest.approx((tensor.grad.numpy() * step).sum(), rel=1e-4)

    def test_a_row_alone_has_the_risk_that_it_has_among_others(self, name, outcome):
        head = make_head(name, outcome)
        output = said(head, np.arange(N)).astype(np.float32)
        together = head.risk(output)
        for row in range(N):
            assert head.risk(output[row : row + 1]).tobytes() == together[row : row + 1].tobytes()
        assert head.risk(np.asfortranarray(output)).tobytes() == together.tobytes()

    def test_descending_the_loss_orders_the_cases(self, name, outcome):
        head = make_head(name, outcome)
        output = torch.zeros((N, head.width), dtype=torch.float64, requires_grad=True)
        start = head.loss(output, np.arange(N))
        start.backward()
        risk = head.risk(-5 * output.grad.numpy())
        assert loss(head, -5 * output.grad.numpy(), np.arange(N)) < start.item()
        label = CAUSE == 1
        of_label = risk[:, 1] if name == "multiclass" else risk
        # times are heeded beside events, so only the early events and the late others are compared
        early, late = label & (np.median(TIME) > TIME), ~label & (np.median(TIME) < TIME)
        assert of_label[early].mean() > of_label[late].mean()


class TestRisks:
    def test_a_higher_hazard_in_any_bin_is_a_higher_risk(self):
        head = make_head("hazard", SURVIVAL)
        plain = said(head)
        for column in range(head.width):
            higher = plain.copy()
            higher[:, column] += 0.5
            assert (head.risk(higher) > head.risk(plain)).all()

    def test_minus_the_hazard_risk_is_the_sum_of_survival(self):
        head = make_head("hazard", SURVIVAL)
        hazard = 1 / (1 + np.exp(-(said(head) + head.start)))
        assert head.risk(said(head)) == pytest.approx(-np.cumprod(1 - hazard, axis=1).sum(axis=1))

    def test_days_fall_with_the_risk(self):
        head = make_head("time", SURVIVAL)
        output = np.linspace(-2, 2, 9)[:, None]
        assert (np.diff(head.days(output)) > 0).all() and (np.diff(head.risk(output)) < 0).all()
        assert head.days(np.zeros((1, 1)))[0] == pytest.approx(np.exp(head.mean))

    def test_competing_risk_is_the_log_odds_of_the_first_cause(self):
        head = make_head("competing", COMPETING)
        logit = said(head) + head.start
        share = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
        first = share[:, : len(head.bins)].sum(axis=1)
        assert head.risk(said(head)) == pytest.approx(np.log(first / (1 - first)))

    def test_what_is_more_probable_for_another_cause_lowers_the_risk_of_the_first(self):
        head = make_head("competing", COMPETING)
        other = said(head)
        other[:, len(head.bins)] += 1.0
        assert (head.risk(other) < head.risk(said(head))).all()


class TestTimeBins:
    def test_cuts_are_event_times_and_no_bin_but_the_last_lacks_events(self):
        bins = fit_time_bins(TIME, CAUSE)
        assert np.isin(bins.edges_days, TIME[CAUSE > 0]).all()
        count = np.bincount(bins.of(TIME[CAUSE > 0]), minlength=len(bins))
        assert len(bins) == min(MAX_BINS, int((CAUSE > 0).sum()) // EVENTS_PER_BIN)
        assert count.min() >= 3

    def test_censored_times_move_no_cut(self):
        moved = np.where(CAUSE > 0, TIME, 9999.0)
        assert (
            fit_time_bins(moved, CAUSE).edges_days.tobytes()
            == fit_time_bins(TIME, CAUSE).edges_days.tobytes()
        )

    def test_ties_and_few_events_make_fewer_bins(self):
        assert len(fit_time_bins(np.full(20, 7.0), np.ones(20, int))) == 2
        assert len(fit_time_bins(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 0, 1, 1]))) == 2
        assert len(fit_time_bins(np.array([1.0, 2.0]), np.zeros(2, int))) == 1

    def test_null_hazards_are_the_life_table(self):
        # bin 0: 4 at risk, one of cause 1; bin 1: 2 at risk, one of cause 2
        hazards = null_hazards(np.array([0, 0, 1, 1]), np.array([1, 0, 2, 0]), (2, 2))
        assert hazards == pytest.approx(np.array([[1.5 / 5.5, 0.5 / 3.5], [0.5 / 5.5, 1.5 / 3.5]]))

    def test_cases_that_are_not_in_the_train_part_change_nothing(self):
        train = np.arange(40)
        spoiled = replace(SURVIVAL, time_days=np.where(np.arange(N) < 40, TIME, 1.0))
        heads = [make_head("hazard", outcome.take(train)) for outcome in (SURVIVAL, spoiled)]
        assert heads[0].bins.edges_days.tobytes() == heads[1].bins.edges_days.tobytes()
        assert heads[0].start.tobytes() == heads[1].start.tobytes()


class TestLogNormalFit:
    def test_without_censoring_it_is_mean_and_deviation(self):
        log_time = np.log(TIME)
        mean, scale = fit_log_normal(log_time, np.ones(N, bool))
        assert (mean, scale) == pytest.approx((log_time.mean(), log_time.std()), abs=1e-4)

    def test_censored_times_count_as_longer(self):
        rng = np.random.default_rng(0)
        log_time, limit = rng.normal(6, 0.8, 3000), rng.normal(6, 0.8, 3000)
        mean, scale = fit_log_normal(np.minimum(log_time, limit), log_time <= limit)
        assert (mean, scale) == pytest.approx((6, 0.8), abs=0.06)

    def test_tied_times_stay_finite(self):
        mean, scale = fit_log_normal(np.full(5, 3.0), np.ones(5, bool))
        assert mean == pytest.approx(3.0) and scale > 0


class TestChoice:
    @pytest.mark.parametrize(
        ("outcome", "kind"),
        [
            (SURVIVAL, "CoxHead"),
            (COMPETING, "CompetingHead"),
            (BINARY, "BinaryHead"),
            (MULTICLASS, "MulticlassHead"),
        ],
    )
    def test_auto_goes_by_the_kind(self, outcome, kind):
        assert type(make_head("auto", outcome)).__name__ == kind

    @pytest.mark.parametrize("outcome", [SURVIVAL, COMPETING, BINARY, MULTICLASS])
    def test_the_others_are_refused(self, outcome):
        taken = {"auto": 1} | {name: 1 for name, fitting in HEADS if fitting is outcome}
        if outcome is COMPETING:
            taken |= {"cox": 1, "aft": 1, "time": 1}
        for name in set(HEAD_NAMES) - set(taken):
            with pytest.raises(OutcomeError, match=f"expected a head among: auto, .*; got {name}"):
                make_head(name, outcome)

    def test_unknown_head(self):
        with pytest.raises(OutcomeError, match=r"expected a head among: auto, cox, hazard, .*; got weibull"):
            make_head("weibull", SURVIVAL)


class TestSeveralEndpoints:
    known = np.arange(N) % 3 > 0

    def joint(self, placeholder=0, name="cox"):
        other = Classes(label=np.where(self.known, CAUSE, placeholder), names=("a", "b", "c"))
        times = Survival(
            event=SURVIVAL.event | ~self.known, time_days=np.where(self.known, TIME, 1.0 + placeholder)
        )
        beside = {
            "grade": Beside(outcome=other, known=self.known),
            "relapse": Beside(outcome=times, known=self.known),
        }
        return make_head(name, replace(SURVIVAL, beside=beside))

    def test_the_loss_is_the_mean_of_the_endpoints(self):
        head = self.joint()
        output = said(head)
        kept = self.known[ROWS]
        rows = np.flatnonzero(self.known)
        position = np.searchsorted(rows, ROWS[kept])
        expected = (
            loss(make_head("cox", SURVIVAL), output[:, :1]),
            loss(make_head("multiclass", MULTICLASS.take(rows)), output[kept, 1:4], position),
            loss(make_head("cox", SURVIVAL.take(rows)), output[kept, 4:], position),
        )
        assert loss(head, output) == pytest.approx(np.mean(expected), rel=1e-9)
        assert (head.risk(output) == output[:, 0]).all()

    @pytest.mark.parametrize("name", ["cox", "hazard", "aft"])
    def test_rows_that_are_not_known_change_no_bit(self, name):
        gradients = []
        for placeholder in (0, 2):
            head = self.joint(placeholder, name)
            tensor = torch.from_numpy(said(head)).requires_grad_()
            head.loss(tensor, ROWS).backward()
            gradients.append(tensor.grad.numpy().tobytes())
        assert gradients[0] == gradients[1]

    def test_a_case_of_unknown_outcome_has_no_gradient_in_that_endpoint(self):
        head = self.joint()
        tensor = torch.from_numpy(said(head)).requires_grad_()
        head.loss(tensor, ROWS).backward()
        unknown = ~self.known[ROWS]
        assert unknown.any() and (tensor.grad.numpy()[unknown, 1:] == 0).all()

    def test_a_step_without_a_known_row_learns_from_the_first_alone(self):
        head, rows = self.joint(), np.arange(0, N, 3)
        tensor = torch.from_numpy(said(head, rows)).requires_grad_()
        head.loss(tensor, rows).backward()
        gradient = tensor.grad.numpy()
        assert (gradient[:, 1:] == 0).all() and gradient[:, 0].any()

    def test_an_endpoint_that_teaches_nothing_is_left_out(self):
        empty = Beside(outcome=SURVIVAL, known=np.zeros(N, bool))
        rare = Beside(outcome=replace(SURVIVAL, event=np.arange(N) < 2), known=np.ones(N, bool))
        head = make_head("auto", replace(SURVIVAL, beside={"empty": empty, "rare": rare}))
        assert type(head).__name__ == "CoxHead"

    def test_the_head_that_is_named_serves_the_others_where_it_fits(self):
        kinds = [type(other.head).__name__ for other in self.joint(name="hazard").beside]
        assert kinds == ["MulticlassHead", "HazardHead"]
