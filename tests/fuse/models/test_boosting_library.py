"""xgboost as Braid imports it: without scikit-learn, and the same library."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fuse.models.boosting_library import import_xgboost
from fuse.models.registry import build_learner
from tests.fuse.models.test_value_models import made, times

IMPORTED = """
import sys
{before}
from fuse.models.boosting_library import import_xgboost
import_xgboost()
print(*(name for name in ("xgboost", "sklearn", "pandas", "scipy.stats") if sys.modules.get(name)))
import sklearn
"""


@pytest.mark.parametrize(("before", "there"), [("", ["xgboost"]), ("import sklearn", ["xgboost", "sklearn"])])
def test_scikit_learn_is_not_imported_for_it_and_can_be_imported_after(before, there):
    code = IMPORTED.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = done.stdout.split()
    assert found[: len(there)] == there
    assert before or found == there


@pytest.mark.parametrize("model", ["xgboost_cox", "xgboost_aft"])
def test_a_scored_table_is_the_same_as_one_in_the_form_of_the_library(model):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(150, 40))
    values[rng.uniform(size=values.shape) < 0.2] = np.nan
    values[:, 7] = np.nan
    outcome = times(np.nan_to_num(values[:, 0]), rng)
    learner = build_learner(model, ("table",), {})
    fresh = rng.normal(size=(60, 40))
    fresh[rng.uniform(size=fresh.shape) < 0.2] = np.nan
    for scorer in learner.fit_path(made(values), outcome, learner.candidates(), 1):
        table = import_xgboost().DMatrix(fresh[:, scorer.columns], nthread=1)
        assert len(scorer.columns) == 39
        assert (scorer.margin(fresh) == scorer.margin_of(table)).all()
