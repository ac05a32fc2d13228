"""All anchors: published numbers that come out again, and published data that must be refused.

Enters: the tables beside the checkout. Leaves: the rows of MCAT, Taylor, Byar and Green,
the heart-failure table, and M-PRTM.
`python -m tests.published.anchors` runs them alone.
"""

from __future__ import annotations

import sys

from tests.measurement import Measured, tabulate
from tests.published.byar_green import byar_green_rows
from tests.published.heart_failure import heart_failure_rows
from tests.published.mcat import mcat_rows
from tests.published.mprtm import mprtm_rows
from tests.published.taylor import taylor_rows


def anchor_rows() -> list[Measured]:
    """Measure everything, one after the other."""
    return [*mcat_rows(), *taylor_rows(), *byar_green_rows(), *heart_failure_rows(), *mprtm_rows()]


if __name__ == "__main__":
    sys.exit(tabulate(anchor_rows()))
