"""The cohort of stage 2's own tests, for trials that need a benchmark: entries, outcomes, protocol.

Enters: a folder. Leaves: a manifest, a cache of invented features, a protocol of a few seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from tests.fuse.tiny_cohort import Tiny, write_tiny


def unsynced_tiny(folder: Path, rename: Callable[[str], str] = str) -> Tiny:
    """Write the cohort without waiting for the disk: nothing here survives a power cut, nor has to.

    `rename` gives its cases other ids.
    """
    with patch.object(os, "fsync", lambda handle: None):
        return write_tiny(folder, rename)
