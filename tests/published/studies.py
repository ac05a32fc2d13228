"""The studies of `make published`, the short ones first. Each runs alone as well: `--only NAME`.

Enters: nothing. Leaves: for each name, which begins with its area, a function that measures with the counts
of the issues.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.coverage.study import study_rows as coverage_rows
from tests.measurement import Measured
from tests.null.study import study_rows as null_rows
from tests.planted.extent import Extent
from tests.planted.extent import study_rows as planted_rows
from tests.published.anchors import anchor_rows
from tests.published.files import file_rows
from tests.published.lint import lint_rows
from tests.published.measures import measures_rows
from tests.published.multisurv import multisurv_rows
from tests.published.over_time import over_time_rows
from tests.published.pcam import pcam_rows
from tests.published.registration import registration_rows
from tests.published.segmenters import segmenter_rows
from tests.published.tcga import tcga_rows
from tests.published.tcga_cohorts import TABLES
from tests.published.zones import zone_rows
from tests.situations.rows import SEEDS, situation_rows
from tests.situations.situations import SITUATIONS

STUDIES: Mapping[str, Callable[[], list[Measured]]] = MappingProxyType(
    {
        "fuse/anchors": anchor_rows,
        "fuse/lint": lint_rows,
        "volumes/measures": measures_rows,
        "volumes/over_time": over_time_rows,
        "volumes/registration": registration_rows,
        "volumes/zones": zone_rows,
        "fuse/multisurv": multisurv_rows,
        "fuse/tcga": lambda: tcga_rows(TABLES),
        "slides/pcam": pcam_rows,
        "volumes/segmenters": segmenter_rows,
        "fuse/files": file_rows,
        "fuse/situations": lambda: situation_rows(tuple(SITUATIONS), SEEDS),
        "fuse/null": null_rows,
        "fuse/coverage": coverage_rows,
        "fuse/planted": lambda: planted_rows(Extent()),
    }
)
