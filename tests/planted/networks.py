"""What plain arms do not find, and what networks make of the rest: arms with torch on the same cohorts.

Enters: situations, sizes, seeds. Leaves: C of every network on fresh cases, and how often the model that is
named for a situation finds what is planted there: C at least .05 above that of clinical values alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuse.arm_plans import plan_arms
from fuse.protocol import read_protocol
from tests.measurement import Measured
from tests.planted.rows import Group
from tests.planted.situations import SITUATIONS, draw
from tests.planted.study import MODALITIES, Judged, card, judge

NETWORKS = str(Path(__file__).parent / "networks.yaml")
CLINICAL_ARM = "ridge_cox__clinical"

#: C above clinical values that counts as found, and in what share of the seeds it must be.
MARGIN, OFTEN = 0.05, 0.8


@dataclass(frozen=True, kw_only=True)
class Finder:
    """The arm that is named for what is planted in a situation; its name was fixed before the seeds."""

    situation: str
    arm: str


FINDERS = (
    Finder(situation="interaction", arm="early_products__clinical+omics+slides"),
    Finder(situation="rare_tiles", arm="max_mil__slides"),
)


def judge_networks(situation: str, size: int, seed: int, only: tuple[str, ...] = ()) -> Judged:
    """Judge the arms of networks.yaml, all of them or `only` some, on one cohort with its tiles."""
    protocol = read_protocol(NETWORKS)
    planted = draw(SITUATIONS[situation], size, seed)
    plans = plan_arms(protocol, MODALITIES, card())
    wanted = [plan for plan in plans if not only or plan.name in only]
    return judge(planted, seed, wanted, "", inner_folds=protocol.inner)


def judge_finder(situation: str, size: int, seed: int) -> Judged:
    """Judge the arm that is named for the situation, and clinical values alone."""
    (named,) = [finder.arm for finder in FINDERS if finder.situation == situation]
    return judge_networks(situation, size, seed, (CLINICAL_ARM, named))


def finder_rows(groups: Sequence[Group]) -> list[Measured]:
    """Return in how many seeds each named arm found what is planted."""
    return [_finder_row(finder, group) for finder in FINDERS for group in groups if _is_of(finder, group)]


def _is_of(finder: Finder, group: Group) -> bool:
    return group.judged[0].situation == finder.situation and finder.arm in group.judged[0].c


def _finder_row(finder: Finder, group: Group) -> Measured:
    one, seeds = group.judged[0], len(group.judged)
    above = group.c(finder.arm) - group.c(CLINICAL_ARM)
    found = int(np.sum(above >= MARGIN))
    needed = int(np.ceil(OFTEN * seeds))
    means = f"C {group.c(finder.arm).mean():.3f}, clinical values alone {group.c(CLINICAL_ARM).mean():.3f}"
    return Measured(
        name=f"fuse/planted_found_{finder.situation}",
        value=float(found),
        unit=f"of {seeds} seeds",
        bar=f">= {needed} with C >= clinical + {MARGIN:g}",
        met=found >= needed,
        input=f"{finder.arm} on planted cohorts ({one.situation}, {one.size} cases), {means}, 20,000 fresh",
    )
