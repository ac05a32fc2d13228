"""What the planted study says: tables to read and rows to keep.

Enters: judged cohorts. Leaves: for each situation and size the loss of the recommended strategy to the arm
that is truly best there, its share of what a reference pipeline gains, what a modality of noise costs; and
the C of every arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tests.measurement import Measured
from tests.planted.study import INFORMED, REFERENCE, TRUTH, Judged

LOSS, SHARE, COST = 0.01, 0.95, 0.01
#: The size at which the share of the reference pipeline's gain is asked for.
LARGE = 300
NO_ARM = (REFERENCE, INFORMED, TRUTH)


@dataclass(frozen=True, kw_only=True)
class Group:
    """All judged cohorts of one situation and one size, one a seed."""

    judged: tuple[Judged, ...]

    @property
    def name(self) -> str:
        """The situation and the size."""
        return f"{self.judged[0].situation}_{self.judged[0].size}"

    @property
    def recommended(self) -> str:
        """The arm that the protocol reports as its fusion."""
        return self.judged[0].recommended

    def c(self, arm: str, *, complete: bool = False) -> Float[np.ndarray, " seed"]:
        """Return the C of an arm on fresh cases."""
        return np.array([(one.complete if complete else one.c)[arm] for one in self.judged])

    def arms(self) -> list[str]:
        """Return what competes: every arm; no reference, and not the pseudo-arm that chooses among arms."""
        return [arm for arm in self.judged[0].c if arm not in NO_ARM and "selected" not in arm]

    def best(self, *, complete: bool = False) -> str:
        """Return the arm with the highest mean C over the seeds: the truly best one."""
        return max(self.arms(), key=lambda arm: float(self.c(arm, complete=complete).mean()))

    def losses(self, *, complete: bool = False) -> Float[np.ndarray, " seed"]:
        """Return by how much the recommended strategy is below the truly best arm."""
        best = self.best(complete=complete)
        return self.c(best, complete=complete) - self.c(self.recommended, complete=complete)

    def noise_costs(self) -> Float[np.ndarray, " seed"] | None:
        """Return what the modality of noise costs the recommended strategy, where there is one."""
        without = [one.without_noise for one in self.judged if one.without_noise is not None]
        return np.array(without) - self.c(self.recommended) if without else None


def grouped(judged: Sequence[Judged]) -> list[Group]:
    """Return the cohorts by situation and size, in the order in which these first come."""
    keys = dict.fromkeys((one.situation, one.size) for one in judged)
    return [Group(judged=tuple(one for one in judged if (one.situation, one.size) == key)) for key in keys]


def describe(group: Group) -> str:
    """Return a few lines about one situation and size: what the recommended strategy loses, and every arm."""
    loss, share = float(group.losses().mean()), gain(group, group.recommended) / gain(group, REFERENCE)
    return f"{ranking(group)}\n  loses {loss:.4f} to {group.best()}, share {share:.3f}"


def ranking(group: Group) -> str:
    """Return the arms of one situation and size with the mean C of each, the highest first."""
    means = {arm: float(group.c(arm).mean()) for arm in group.judged[0].c}
    ranked = sorted(means.items(), key=lambda pair: -pair[1])
    first = f"{group.name}, {len(group.judged)} seeds"
    return "\n".join([first, *(f"    {value:.4f}  {arm}" for arm, value in ranked)])


def gain(group: Group, arm: str) -> float:
    """Return the mean excess of C over .5."""
    return float(group.c(arm).mean() - 0.5)


def summary_rows(groups: Sequence[Group], protocol: str) -> list[Measured]:
    """Return the rows that have a bar, and those that belong beside them."""
    rows = [row for group in groups for row in _group_rows(group, protocol)]
    losses = [float(group.losses().mean()) for group in groups]
    every = f"{len(groups)} planted groups of {len(groups[0].judged)} cohorts, protocol {protocol}"
    overall = float(np.mean(losses))
    rows.append(_row("loss_to_best_arm", overall, "C", f"<= {LOSS:g}", overall <= LOSS, every))
    large = [group for group in groups if group.judged[0].size == LARGE]
    if large:
        share = sum(gain(g, g.recommended) for g in large) / sum(gain(g, REFERENCE) for g in large)
        text = f"{every}; those of {LARGE} cases"
        rows.append(_row("share_of_reference", share, "of the gain", f">= {SHARE:g}", share >= SHARE, text))
    return rows


def arm_rows(groups: Sequence[Group], what: str) -> list[Measured]:
    """Return the C of every arm and every reference in every group."""
    return [
        _row(f"c_{group.name}/{arm}", float(group.c(arm).mean()), "C", None, None, _source(group, what))
        for group in groups
        for arm in group.judged[0].c
    ]


def _group_rows(group: Group, protocol: str) -> list[Measured]:
    source = _source(group, f"protocol {protocol}")
    losses = group.losses()
    loss, error = float(losses.mean()), float(losses.std(ddof=1) / np.sqrt(len(losses)))
    best = f"{source}; to {group.best()}; standard error {error:.4f}"
    rows = [_row(f"loss_{group.name}", loss, "C", f"<= {LOSS:g}", loss <= LOSS, best)]
    if any(one.complete is not one.c for one in group.judged):
        whole = float(group.losses(complete=True).mean())
        text = f"{source}; fresh cases lack nothing; to {group.best(complete=True)}"
        rows.append(_row(f"loss_{group.name}_complete", whole, "C", None, None, text))
    for name, known in ((REFERENCE, "which modalities matter"), (INFORMED, "which columns and tiles matter")):
        share = gain(group, group.recommended) / gain(group, name)
        barred = name == REFERENCE and group.judged[0].size == LARGE
        text = f"{source}; a ridge Cox told {known}: C {group.c(name).mean():.3f}"
        bar, met = (f">= {SHARE:g}", share >= SHARE) if barred else (None, None)
        rows.append(_row(f"share_of_{name}_{group.name}", share, "of the gain", bar, met, text))
    costs = group.noise_costs()
    if costs is not None:
        cost = float(costs.mean())
        rows.append(_row(f"noise_costs_{group.name}", cost, "C", f"<= {COST:g}", cost <= COST, source))
    return rows


def _source(group: Group, what: str) -> str:
    one = group.judged[0]
    return (
        f"{len(group.judged)} planted cohorts ({one.situation}, {one.size} cases, held in memory: the cache "
        f"form is bitwise the same), {what}, 20,000 fresh cases, events uncensored"
    )


def _row(name: str, value: float, unit: str, bar: str | None, met: bool | None, source: str) -> Measured:
    return Measured(name=f"fuse/planted_{name}", value=value, unit=unit, bar=bar, met=met, input=source)
