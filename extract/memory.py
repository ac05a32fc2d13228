"""How much memory there is for this run: the machine's, or less where a job or a container is given less.

Enters: nothing. Leaves: a number of bytes. The kernel ends whom it likes once memory is out; a worker that
is ended by us before that is named and costs one item.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

GB = 1e9
#: The rest is for the parent process and the system.
_SHARE_FOR_WORKERS = 0.9
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def memory_gb_per_worker(workers: int) -> float:
    """Return what each of so many workers may hold, in GB: equal shares of 90 % of what is there."""
    bytes_there = min([psutil.virtual_memory().total, *_group_limits(_OWN_GROUPS, _CONTROL_GROUPS)])
    return float(_SHARE_FOR_WORKERS * bytes_there / workers / GB)


def _group_limits(own_groups: Path, mounted: Path) -> Iterator[int]:
    """Yield every limit (bytes) of the control groups that this process is in: SLURM and containers set them.

    Source: cgroups(7), kernel documentation cgroup-v1/memory and cgroup-v2.
    """
    try:
        lines = own_groups.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            base, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        own = base / place.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(base):  # a container sees its own group at the base, under another path
                limit = _read_limit(folder / name)
                if limit is not None:
                    yield limit


def _read_limit(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
