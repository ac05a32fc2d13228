from __future__ import annotations

import numpy as np
import pytest

from tests.null.cohorts import EVENTS, draw
from tests.null.gain import judge_gain
from tests.null.pipeline import FEW, build


@pytest.mark.parametrize("kind", ["nothing", "noise beside", "follows clinical", "gain"])
def test_about_27_of_95_cases_have_an_event_and_seeds_differ(kind) -> None:
    many = draw(kind, 0, 20_000)
    assert float(many.outcome.event.mean()) == pytest.approx(EVENTS, abs=0.01)
    one, again, other = (draw(kind, seed).cases.modalities["slides"].values for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert draw(kind, 1).outcome.time_days.tolist() != draw(kind, 1, part="fresh").outcome.time_days.tolist()


def test_imaging_that_follows_clinical_values_tells_of_the_outcome_and_of_nothing_beyond_them() -> None:
    drawn = draw("follows clinical", 0, 40_000)
    clinical, imaging = (drawn.cases.modalities[name].values for name in ("clinical", "slides"))
    time = np.log(drawn.time_days)
    told = [abs(np.corrcoef(column, time)[0, 1]) for column in imaging.T]
    assert min(told) > 0.1
    risk = clinical[:, :3].sum(axis=1) / np.sqrt(3)
    known = np.stack([np.ones(len(time)), risk, clinical[:, 3] ** 2], axis=1)
    rest = [values - known @ np.linalg.lstsq(known, values, rcond=None)[0] for values in (imaging, time)]
    assert max(abs(np.corrcoef(column, rest[1])[0, 1]) for column in rest[0].T) < 0.02


def test_the_best_modality_is_named_before_and_the_best_looking_one_is_never_worse() -> None:
    gain = judge_gain(0, 40)
    assert gain.naive <= gain.estimate["clinical"]
    assert gain.best == gain.truth["clinical"]
    assert set(gain.truth) == {"clinical", "selected single"}


def test_the_pipeline_is_the_one_that_is_refitted() -> None:
    pipeline = build(draw("nothing", 0), 0, FEW)
    said, truths = pipeline.fit(), pipeline.truths()
    (own,) = pipeline.altered("as_it_is", 1)
    from fuse.metrics.pooled import count_fold_pairs
    from fuse.metrics.scored import join

    for arm, c in own.items():
        pairs = count_fold_pairs(join(pipeline.predictions(said, arm), truths))
        assert pairs.concordance() == pytest.approx(c, abs=1e-12)
