"""What only a histogram has: mode, entropy, gradients."""

from __future__ import annotations

import numpy as np

from extract.volumes.texture.histogram import HISTOGRAM, histogram


def named(levels: list[int], count: int) -> dict[str, float]:
    return dict(zip(HISTOGRAM, histogram(np.array(levels, dtype=np.int32), count), strict=True))


def test_of_two_modes_the_one_nearer_to_the_mean() -> None:
    assert named([1, 1, 4, 4, 4, 5, 5, 5], 5)["ih_mode"] == 4, "both three times, the mean is 3.6"


def test_equal_shares_have_the_greatest_entropy() -> None:
    values = named([1, 2, 3, 4], 4)
    assert values["ih_entropy"] == 2
    assert values["ih_uniformity"] == 0.25


def test_one_level_has_no_gradient() -> None:
    values = named([1, 1, 1], 1)
    assert np.isnan([values["ih_max_grad"], values["ih_min_grad_g"]]).all()
    assert (values["ih_mean"], values["ih_entropy"]) == (1, 0)
