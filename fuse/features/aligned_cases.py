"""The cases of another cohort in the columns of the cohort that the models learn from.

Enters: the cases of both, as `table.py` read them. Leaves: the other cohort's cases with the same modalities
and columns, by name. A modality that it lacks is missing for all of them; other variables are refused. Of
volumes, a series or region that it lacks is missing, and one that only it has is passed over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from feature_cache.errors import CacheError
from fuse.cases import Cases, Modality


def align_cases(cases: Cases, like: Cases, loose: Collection[str]) -> Cases:
    """Return `cases` with the modalities and columns of `like`.

    Parameters
    ----------
    loose
        Labels of the sets whose columns may differ (volumes).

    Raises
    ------
    CacheError
        A modality has other columns; the first that differs is named.
    """
    aligned = {}
    for label, model in like.modalities.items():
        own = cases.modalities.get(label)
        if own is None:
            aligned[label] = _missing(model, len(cases))
        else:
            aligned[label] = _align(own, model, strict=label not in loose)
    return replace(cases, modalities=aligned)


def _missing(model: Modality, count: int) -> Modality:
    """Return a modality that nobody has, of the form of `model`."""
    nobody = np.zeros(count, dtype=np.int64)
    bags = model.bags
    return replace(
        model,
        present=np.zeros(count, dtype=np.bool_),
        values=np.full((count, len(model.columns)), np.nan),
        bags=bags and replace(bags, start=nobody, stop=nobody),
    )


def _align(own: Modality, model: Modality, *, strict: bool) -> Modality:
    place = {name: column for column, name in enumerate(own.columns)}
    lacking = [name for name in model.columns if name not in place]
    more = [name for name in own.columns if name not in set(model.columns)]
    if (strict and (lacking or more)) or len(lacking) == len(model.columns):
        raise CacheError(
            f"cache: {own.name}, {own.feature_set}",
            expected=f"the {len(model.columns)} columns that the run has read",
            got=f"no {lacking[0]}" if lacking else f"{more[0]}, which the run has not",
            remedy="Extract both cohorts with the same variables.",
        )
    values = np.full((len(own.values), len(model.columns)), np.nan)
    for column, name in enumerate(model.columns):
        if name in place:
            values[:, column] = own.values[:, place[name]]
    return replace(
        own,
        columns=model.columns,
        values=values,
        present=own.present if strict else np.isfinite(values).any(axis=1),
    )
