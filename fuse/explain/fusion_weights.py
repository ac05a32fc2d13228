"""What late fusion made of each modality, for each case and over all folds.

Enters: the results of all folds. Leaves: weights.csv, what each modality contributed to a case's risk when
that case was in a test part and its share of all contributions, averaged over repeats; stack.csv, the weights
that each train part gave to them; and attention_weights.csv, how much networks that weigh modalities let each
count in a case. A modality that a case does not have stays blank: it is not 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fuse.cases import Cases
from fuse.files import write_csv
from fuse.fitting import FoldResult
from fuse.folds.folds import Folds

WEIGHT_COLUMNS = ("case_id", "modality", "contribution", "share")
STACK_COLUMNS = ("repeat", "fold", "modality", "weight")
ATTENTION_COLUMNS = ("repeat", "fold", "arm", "case_id", "modality", "weight")


def write_fusion_weights(folder: Path, results: Sequence[FoldResult], folds: Folds, cases: Cases) -> None:
    """Write the three tables; they have no row where there was no late fusion, or no such network."""
    write_csv(folder / "weights.csv", WEIGHT_COLUMNS, _case_rows(results, folds, cases))
    rows = [
        (result.repeat, result.fold, modality, weight)
        for result in results
        for modality, weight in sorted(result.weights.items())
    ]
    write_csv(folder / "stack.csv", STACK_COLUMNS, rows)
    write_csv(folder / "attention_weights.csv", ATTENTION_COLUMNS, _attention_rows(results, folds, cases))


def _attention_rows(
    results: Sequence[FoldResult], folds: Folds, cases: Cases
) -> Iterator[tuple[int, int, str, str, str, float | None]]:
    for result, fold in zip(results, folds.folds, strict=True):
        for arm, weights in result.attention_weights.items():
            for modality, of_cases in weights.items():
                present = cases.modalities[modality].present[fold.test]
                for case, weight, there in zip(fold.test, of_cases, present, strict=True):
                    given = float(weight) if there else None
                    yield result.repeat, result.fold, arm, folds.case_ids[case], modality, given


def _case_rows(
    results: Sequence[FoldResult], folds: Folds, cases: Cases
) -> list[tuple[str, str, float | None, float | None]]:
    said: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for result, fold in zip(results, folds.folds, strict=True):
        if not result.contributions:
            continue
        names = sorted(result.contributions)
        parts = np.stack([result.contributions[name] for name in names])
        size = np.abs(parts).sum(axis=0)
        # all weights 0: nothing was contributed, and nothing has a share of it
        shares = np.divide(np.abs(parts), size, out=np.full_like(parts, np.nan), where=size > 0)
        for column, row in enumerate(fold.test):
            for line, name in enumerate(names):
                pair = float(parts[line, column]), float(shares[line, column])
                said[folds.case_ids[row], name].append(pair)
    present = {name: modality.present for name, modality in cases.modalities.items()}
    rows: list[tuple[str, str, float | None, float | None]] = []
    for row, case in enumerate(cases.case_ids):
        for name in sorted({modality for _, modality in said}):
            pairs = np.array(said.get((case, name), []))
            if not present[name][row] or not len(pairs):
                rows.append((case, name, None, None))
                continue
            shares = pairs[np.isfinite(pairs[:, 1]), 1]
            rows.append(
                (case, name, float(pairs[:, 0].mean()), float(shares.mean()) if len(shares) else None)
            )
    return rows
