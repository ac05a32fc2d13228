"""What modalities say beyond the clinical values, dealt anew among cases: nothing else of the cohort changes.

Enters: cases. Leaves: the same cases, in which every column of the other modalities is what the clinical
values foretell of it (a regression on them and their squares) plus the remainder of another case. The null is
"given the clinical values, nothing else tells of the outcome". Rows moved as a whole would also lose what
imaging has in common with clinical values, and a fusion that uses it as a second reading of them would be
called a finding.

This is the permutation of regressor residuals (Potter, Statistics in Medicine 24 (2005), 693-708; Werft and
Benner, The R Journal 2/1 (2010), 39-43; after Freedman and Lane 1983) applied to whole modalities at once
and held to the space of remainders (`draw_deal`): a randomisation of X given Z as in Candes et al. (JRSS B
80 (2018), 551-577). It holds its level as far as a column is a smooth curve of the clinical values plus a
remainder of one distribution; `python -m tests.null` shows how far, with imaging that follows the clinical
values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from fuse.cases import Cases, Modality
from fuse.models.design import fit_design

#: Clinical columns are reduced to one direction for each so many cases: a regression on more leaves too
#: little of the other modalities to deal.
CASES_PER_DIRECTION = 5

#: Directions of a smaller share of the largest are rounding.
LEAST_SHARE = 1e-9


def deal_beyond(cases: Cases, given: Sequence[str], rng: np.random.Generator) -> Cases:
    """Deal the remainders of all modalities that are not `given`, those of one case together.

    They are dealt among cases that have the same modalities, and a missing value stays where it is, so who
    lacks what does not change: that counts as known beforehand, and what it tells is not what is tested.

    Parameters
    ----------
    given
        Labels of the modalities to condition on.
    rng
        What is drawn follows from it alone.
    """
    others = [label for label in cases.modalities if label not in given]
    known = known_columns([cases.modalities[label] for label in given], len(cases))
    present = np.stack([cases.modalities[label].present for label in others])
    deals = [(alike, draw_deal(known[alike], rng)) for alike in _alike(present)]
    dealt = {label: _deal_modality(cases.modalities[label], known, deals) for label in others}
    return replace(cases, modalities={**cases.modalities, **dealt})


def draw_deal(
    known: Float[np.ndarray, "case direction"], rng: np.random.Generator
) -> Float[np.ndarray, "case case"]:
    """Return a matrix that deals remainders of cases anew and leaves alone what `known` foretells.

    A permutation of remainders is not one of them: moved, they are no longer orthogonal to what is known, and
    a permuted cohort has more noise along it than the cohort had. So the permutation is looked at in the
    space of remainders, and the orthogonal map nearest to it there is taken. Of normal remainders each such
    map gives others of the very same distribution (Langsrud, Statistics and Computing 15 (2005), 53-60).
    """
    told = known[:, : 1 + len(known) // CASES_PER_DIRECTION]
    left, size, _ = np.linalg.svd(told, full_matrices=True)
    rest = left[:, int((size > LEAST_SHARE * size.max()).sum()) :]
    first, _, second = np.linalg.svd(rest.T @ rest[rng.permutation(len(known))])
    turned = first @ second - np.eye(rest.shape[1])
    return np.asarray(np.eye(len(known)) + rest @ turned @ rest.T)


def known_columns(given: Sequence[Modality], count: int) -> Float[np.ndarray, "case direction"]:
    """Return orthonormal directions of a constant, the given values, who lacks them, and their squares.

    The squares are left out where there are too few cases for them; then, of the values, the directions of
    least spread.
    """
    filled = [np.zeros((count, 0))]
    for modality in given:
        design = fit_design(modality.values[modality.present], True, missing_indicators=True)
        columns = np.zeros((count, len(design.mean) + len(design.indicator_of)))
        columns[modality.present] = design.fill(modality.values[modality.present])
        filled += [columns, (~modality.present)[:, None].astype(np.float64)]
    linear = _standard(np.concatenate(filled, axis=1))
    curved = _standard(np.square(linear))
    most = max(1, count // CASES_PER_DIRECTION)
    both = linear.shape[1] + curved.shape[1] <= most
    table = np.concatenate([linear, curved], axis=1) if both else linear
    left, size, _ = np.linalg.svd(table, full_matrices=False)
    kept = left[:, : int((size > LEAST_SHARE * max(float(size.max(initial=0.0)), 1e-300)).sum())][:, :most]
    return np.concatenate([np.full((count, 1), 1 / np.sqrt(count)), kept], axis=1)


def _standard(table: Float[np.ndarray, "case column"]) -> Float[np.ndarray, "case column"]:
    """Return centred columns of variance 1, without those that are the same for all."""
    centred = table - table.mean(axis=0)
    sd = centred.std(axis=0)
    return np.asarray((centred / np.where(sd > 1e-9, sd, 1.0))[:, sd > 1e-9])


def _alike(present: Bool[np.ndarray, "modality case"]) -> list[Int[np.ndarray, " alike"]]:
    """Return the cases that have the same modalities, group by group."""
    patterns = np.unique(present, axis=1).T
    return [np.flatnonzero((present == pattern[:, None]).all(axis=0)) for pattern in patterns]


def _deal_modality(
    modality: Modality,
    known: Float[np.ndarray, "case direction"],
    deals: Sequence[tuple[Int[np.ndarray, " alike"], Float[np.ndarray, "alike alike"]]],
) -> Modality:
    """Return the modality with its remainders dealt; what is missing counts as foretold and stays missing."""
    foretold, values = np.zeros_like(modality.values), modality.values
    seen = np.isfinite(values)
    patterns, of_column = np.unique(seen, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        columns = np.flatnonzero(of_column.reshape(-1) == number)
        if pattern.any() and len(columns):
            told = known[:, : 1 + int(pattern.sum()) // CASES_PER_DIRECTION]
            fitted = np.linalg.lstsq(told[pattern], values[np.ix_(pattern, columns)], rcond=None)[0]
            foretold[:, columns] = told @ fitted
    remainders = np.where(seen, values - foretold, 0.0)
    dealt = foretold
    for alike, deal in deals:
        dealt[alike] += deal @ remainders[alike]
    return replace(modality, values=np.where(seen, dealt, np.nan))
