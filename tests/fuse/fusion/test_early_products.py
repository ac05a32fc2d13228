"""Early fusion with products: the kernel against explicit columns, contributions, a planted product."""

from __future__ import annotations

import numpy as np
import pytest

from fuse.cases import Cases, Modality
from fuse.fusion.early import EarlyFusion
from fuse.fusion.early_products import EarlyProducts
from fuse.metrics.concordance import concordant_pairs
from fuse.models.design import fit_design
from fuse.models.learner import Setting
from fuse.models.newton_cox import ridge_cox_path
from fuse.outcomes.outcomes import Survival

ALPHA, SCALE = 4.0, 2.0
SETTING = Setting((("alpha", ALPHA), ("products", SCALE)))


def planted(seed: int, n: int) -> tuple[Cases, Survival]:
    """Plant a product: neither modality says anything alone; a fifth of the cases lacks one."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, n, 4))
    hazard = 1.5 * values[0, :, 0] * values[1, :, 0]
    modalities = {}
    for name, table in zip(("one", "two"), values, strict=True):
        present = rng.random(n) > 0.1
        modalities[name] = Modality(
            name=name,
            feature_set="made",
            present=present,
            columns=tuple("abcd"),
            values=np.where(present[:, None], table, np.nan),
        )
    time = np.ceil(1000 * rng.exponential(size=n) * np.exp(-hazard))
    cases = Cases(case_ids=tuple(map(str, range(n))), modalities=modalities)
    return cases, Survival(event=rng.random(n) < 0.6, time_days=time)


@pytest.fixture(scope="module")
def train():
    return planted(4, 160)


@pytest.fixture(scope="module")
def scorer(train):
    return EarlyProducts(("one", "two")).fit(*train, SETTING, 0)


def test_the_kernel_is_ridge_on_explicit_columns(train, scorer):
    cases, outcome = train
    one, two = cases.modalities["one"], cases.modalities["two"]
    columns = []
    for modality in (one, two):
        block = np.zeros((len(cases), 4))
        design = fit_design(modality.values[modality.present], True)
        block[modality.present] = design.matrix(modality.values[modality.present])
        columns.append(block)
    products = (columns[0][:, :, None] * columns[1][:, None, :]).reshape(len(cases), -1)
    both = one.present & two.present
    products[both] -= products[both].mean(axis=0)
    explicit = np.concatenate([*columns, SCALE * products], axis=1)
    expected = explicit @ ridge_cox_path(explicit, outcome, (ALPHA,))[0]
    assert scorer.risk(cases) == pytest.approx(expected, abs=1e-6)


def test_without_products_it_is_early_fusion(train):
    plain = Setting((("alpha", 16.0), ("products", 0.0)))
    ours = EarlyProducts(("one", "two")).fit(*train, plain, 0).risk(train[0])
    early = EarlyFusion(("one", "two")).fit(*train, Setting((("alpha", 16.0),)), 0).risk(train[0])
    assert ours == pytest.approx(early, abs=1e-6)


def test_contributions_add_up_and_an_absent_modality_has_none(train, scorer):
    parts = scorer.contributions(train[0])
    assert sum(parts.values()) == pytest.approx(scorer.risk(train[0]))
    for name, part in parts.items():
        present = train[0].modalities[name].present
        assert (part[~present] == 0.0).all() and (part[present] != 0.0).all()


def test_a_planted_product_is_found_where_columns_alone_find_nothing(train, scorer):
    fresh, truth = planted(54, 600)

    def c_index(fitted) -> float:
        concordant, comparable = concordant_pairs(fitted.risk(fresh), truth)
        return float(concordant / comparable)

    early = EarlyFusion(("one", "two")).fit(*train, Setting((("alpha", 16.0),)), 0)
    assert c_index(scorer) > 0.65 > 0.57 > c_index(early)


def test_candidates_without_products_come_first():
    scales = [setting["products"] for setting in EarlyProducts(("one", "two")).candidates()]
    assert scales == sorted(scales) and scales[0] == 0.0 and scales[-1] > 0.0
