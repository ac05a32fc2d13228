from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fuse.inspection.ranks import average_ranks


@given(st.lists(st.tuples(*[st.integers(-3, 3) | st.floats(-2, 2)] * 3), min_size=1, max_size=30))
def test_agrees_with_scipy(rows: list[tuple[float, ...]]) -> None:
    from scipy.stats import rankdata

    values = np.array(rows, dtype=np.float64)
    np.testing.assert_array_equal(average_ranks(values), rankdata(values, axis=0))
