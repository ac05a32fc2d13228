"""Boosted trees on several modalities: what they read of an absent one, and which columns trees draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fuse.fusion.early_boosted import EarlyBoosted, joined
from fuse.models.learner import Setting
from tests.fuse.fusion.masked import mask, with_modality

FEW = Setting((("rounds", 12.0),))


def test_an_absent_modality_is_all_nan_in_the_table(cohort):
    table = joined(mask(cohort.cases, "slides", np.arange(5), 3.0), ("table", "slides"))
    assert table.shape == (90, 11)
    assert np.isnan(table[:5, 6:]).all()


def test_both_modalities_matter(cohort):
    scorer = EarlyBoosted(("table", "slides")).fit(cohort.cases, cohort.outcome, FEW, 0)
    for name in ("table", "slides"):
        masked = mask(cohort.cases, name, np.arange(90), 0.0)
        assert (scorer.risk(masked) != scorer.risk(cohort.cases)).mean() > 0.5


def test_a_wide_block_of_noise_does_not_crowd_out_a_narrow_one(cohort):
    table = cohort.cases.modalities["table"]
    rng = np.random.default_rng(1)
    noise = replace(
        table,
        name="noise",
        columns=tuple(f"n{i}" for i in range(1500)),
        values=np.where(table.present[:, None], rng.normal(size=(90, 1500)), np.nan),
    )
    cases = with_modality(cohort.cases, noise)
    scorer = EarlyBoosted(("table", "noise")).fit(cases, cohort.outcome, FEW, 0)
    used = {int(name[1:]) for name in scorer.booster.get_score(importance_type="weight")}
    # 6 of 1506 columns: drawn as they come, 12 trees of 32 columns would hardly meet the planted one
    assert 0 in used and len(used & set(range(6))) >= 4
