"""Early fusion: blocks of equal weight, absent modalities without influence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fuse.arm import fit_arm
from fuse.cases import Cases, Modality
from fuse.fusion.early import EarlyFusion
from fuse.fusion.late import fit_late
from fuse.models.learner import Setting
from fuse.models.ridge_cox import RidgeCox

WEAK = Setting((("alpha", 1.0),))


@pytest.fixture(scope="module")
def scorer(cohort):
    return EarlyFusion(("table", "slides")).fit(cohort.cases, cohort.outcome, WEAK, 0)


def mask(cases: Cases, name: str, rows: np.ndarray) -> Cases:
    """Take a modality away from some cases, and leave numbers where it was."""
    modality = cases.modalities[name]
    present, values = modality.present.copy(), modality.values.copy()
    present[rows] = False
    values[rows] = np.random.default_rng(0).normal(size=values[rows].shape) * 1e4
    masked = replace(modality, present=present, values=values)
    return replace(cases, modalities={**cases.modalities, name: masked})


def test_contributions_add_up(cohort, scorer):
    parts = scorer.contributions(cohort.cases)
    assert set(parts) == {"table", "slides"}
    assert parts["table"] + parts["slides"] == pytest.approx(scorer.risk(cohort.cases))


def test_a_masked_modality_has_no_influence_at_all(cohort, scorer):
    rows = np.arange(10)
    masked = mask(cohort.cases, "slides", rows)
    part = scorer.contributions(masked)["slides"]
    assert (part[~masked.modalities["slides"].present] == 0.0).all()
    cleared = np.where(
        masked.modalities["slides"].present[:, None], masked.modalities["slides"].values, np.nan
    )
    clean = replace(masked.modalities["slides"], values=cleared)
    other = replace(masked, modalities={**masked.modalities, "slides": clean})
    assert scorer.risk(other).tobytes() == scorer.risk(masked).tobytes()
    untouched = np.arange(10, len(cohort.cases))
    assert (scorer.risk(masked)[untouched] == scorer.risk(cohort.cases)[untouched]).all()


def test_a_wide_block_of_noise_does_not_drown_a_narrow_one(cohort):
    rng = np.random.default_rng(1)
    table = cohort.cases.modalities["table"]
    noise = replace(
        table,
        name="noise",
        columns=tuple(f"n{i}" for i in range(512)),
        values=np.where(table.present[:, None], rng.normal(size=(len(cohort.cases), 512)) * 100, np.nan),
    )
    cases = replace(cohort.cases, modalities={"table": table, "noise": noise})

    fused = EarlyFusion(("table", "noise")).fit(cases, cohort.outcome, Setting((("alpha", 64.0),)), 0)
    alone = RidgeCox(("table",)).fit(cases, cohort.outcome, Setting((("alpha", 64.0),)), 0)

    part, expected = fused.contributions(cases)["table"], alone.risk(cases)
    present = table.present
    assert np.corrcoef(part[present], expected[present])[0, 1] > 0.99
    assert part.std() > fused.contributions(cases)["noise"].std() / 2


@pytest.mark.parametrize("columns", [5, 100], ids=["narrow", "wide"])
@pytest.mark.parametrize("n_present", [0, 1, 3])
def test_a_modality_that_hardly_any_case_has(cohort, n_present, columns):
    """An inner train part may hold none of them: the block has no column then, and says nothing."""
    rng = np.random.default_rng(5)
    present = np.arange(len(cohort.cases)) < n_present
    values = np.where(present[:, None], rng.normal(size=(len(present), columns)), np.nan)
    names = tuple(f"w{column}" for column in range(columns))
    notes = Modality(name="notes", feature_set="made", present=present, columns=names, values=values)
    cases = replace(cohort.cases, modalities={**cohort.cases.modalities, "notes": notes})

    early = fit_arm(EarlyFusion(("table", "notes")), cases, cohort.outcome, cohort.inner, 0)
    alone = fit_arm(RidgeCox(("notes",)), cases, cohort.outcome, cohort.inner, 0)
    table = fit_arm(RidgeCox(("table",)), cases, cohort.outcome, cohort.inner, 0)
    late = fit_late({"notes": alone, "table": table}, cases, cohort.outcome, cohort.inner)

    assert (early.scorer.contributions(cases)["notes"][~present] == 0.0).all()
    assert (alone.risk(cases)[~present] == 0.0).all()
    for fitted in (early, late):
        assert np.isfinite(fitted.risk(cases)).all() and np.ptp(fitted.risk(cases)) > 0.1
    if n_present == 0:
        # values that a later case brings have no weight, since nothing was learned about them
        found = replace(notes, present=~present, values=rng.normal(size=values.shape))
        later = replace(cases, modalities={**cases.modalities, "notes": found})
        assert early.risk(later).tobytes() == early.risk(cases).tobytes()


def test_one_modality_that_all_have_is_ridge_cox(cohort):
    rows = np.flatnonzero(cohort.cases.modalities["table"].present)
    cases, outcome = cohort.cases.take(rows), cohort.outcome.take(rows)
    one = EarlyFusion(("table",)).fit(cases, outcome, WEAK, 0).risk(cases)
    assert one == pytest.approx(RidgeCox(("table",)).fit(cases, outcome, WEAK, 0).risk(cases), abs=1e-6)
