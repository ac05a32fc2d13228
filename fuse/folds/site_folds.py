"""Leave one site out at a time: each site is one test part, and the others teach.

Enters: case ids, their outcomes and sites. Leaves: `Folds` of one repeat. A site is a test part of its own
with `FEWEST_CASES` cases and `FEWEST_EVENTS` events; the smaller ones are one part together, which the
smallest of the others joins as long as it falls short itself. A case of no known site is refused: it may be
of the site that is tested.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from feature_cache.errors import OutcomeError
from fuse.folds.folds import Fold, FoldPlan, Folds, Strata, count_events, make_inner

#: Below these a site alone orders next to no pair of cases, and its number would be noise.
FEWEST_CASES = 10
FEWEST_EVENTS = 3

Rows = Int[np.ndarray, " case"]


def make_site_folds(case_ids: Sequence[str], strata: Strata, plan: FoldPlan) -> Folds:
    """Make one fold a site, in the order of their names, what was put together last.

    Raises
    ------
    OutcomeError
        A case has no site, or there are not two parts of sufficient size.
    """
    rows_of = _rows_of_sites(case_ids, strata)
    parts = _parts(rows_of, strata)
    if len(parts) < 2:
        raise OutcomeError(
            "split: sites",
            expected=f"two sites at least with {FEWEST_CASES} cases and {FEWEST_EVENTS} events each",
            got=f"{len(rows_of)} site(s) that make {len(parts)} such part(s)",
            remedy="Take `split: sites` out of the protocol, and say repeats and folds.",
        )
    folds, remarks = [], []
    for number, names in enumerate(parts, start=1):
        test = np.sort(np.concatenate([rows_of[name] for name in names]))
        train = np.setdiff1d(np.arange(len(case_ids)), test)
        inner = make_inner(strata, train, plan, (1, number))
        folds.append(Fold(repeat=1, fold=number, train=train, test=test, inner=inner))
        counts = f"{len(test)} cases, {count_events(strata.outcome.take(test))} events"
        sites = f"site {names[0]}" if len(names) == 1 else f"small sites together ({', '.join(names)})"
        remarks.append(f"fold {number} tests {sites}: {counts}")
    return Folds(case_ids=tuple(case_ids), folds=tuple(folds), source="sites", remarks=tuple(remarks))


def _rows_of_sites(case_ids: Sequence[str], strata: Strata) -> dict[str, Rows]:
    unknown = [case for case, site in zip(case_ids, strata.sites, strict=True) if not site]
    if unknown:
        raise OutcomeError(
            f"cases.csv: case {unknown[0]}",
            expected="a site, since `split: sites` leaves one out at a time",
            got=f"none for {len(unknown)} of {len(case_ids)} cases",
            remedy="Fill in the sites, or divide the cases in another way.",
        )
    sites = np.array([str(site) for site in strata.sites])
    return {str(name): np.flatnonzero(sites == name) for name in np.unique(sites)}


def _parts(rows_of: dict[str, Rows], strata: Strata) -> list[tuple[str, ...]]:
    """Return the sites of each test part."""

    def suffices(names: Sequence[str]) -> bool:
        rows = np.concatenate([rows_of[name] for name in names])
        return len(rows) >= FEWEST_CASES and count_events(strata.outcome.take(rows)) >= FEWEST_EVENTS

    alone = [name for name in rows_of if suffices([name])]
    together = [name for name in rows_of if name not in alone]
    while together and alone and not suffices(together):
        smallest = min(alone, key=lambda name: len(rows_of[name]))
        alone.remove(smallest)
        together.append(smallest)
    parts: list[tuple[str, ...]] = [(name,) for name in alone]
    return [*parts, tuple(sorted(together))] if together and suffices(together) else parts
