"""TCGA on PORPOISE's splits: the recommended strategy beside its arms, other fusion and the plain stack.

Enters: tables and splits in PORPOISE's layout. Leaves: one row a question, for all cancers and for the
five of MCAT's table. Cohorts and caches are made first; then the recommended protocol alone is timed, as many
cancers at once as there are cores; then the networks that fuse; then the plain stack on the same folds. C is
the mean over folds, as published. MCAT's .653 is no like for like: it had slides, neither age, sex nor
oncotree code, and fewer genes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from feature_cache.cohort import read_cohort
from fuse.benchmark import run_benchmark
from fuse.features.table import read_cases
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.metrics.concordance import concordant_pairs
from fuse.outcomes.endpoint import open_outcomes
from fuse.outcomes.outcomes import Survival
from fuse.protocol import PROTOCOLS, read_protocol
from fuse.run.predictions import read_predictions
from tests.judging import one_thread_each
from tests.measurement import Measured, tabulate
from tests.published.plain_stack import PlainTables, plain_stack_risk
from tests.published.tcga_cohorts import TABLES, Cancer, cancers_of, make_cancer

#: The cancers of MCAT's table.
MCAT_FIVE = ("blca", "brca", "gbmlgg", "luad", "ucec")
NETWORKS = Path(__file__).parent / "tcga_networks.yaml"

#: arm -> C of each fold.
Folds = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """C by arm and fold of each cancer, and the seconds that the recommended runs took in all."""

    folds: dict[str, Folds]
    seconds: float


def tcga_rows(tables: Path, only: Sequence[str] = ()) -> list[Measured]:
    """Measure; one row says what is missing where there are no tables."""
    names = [name for name in cancers_of(tables) if not only or name in only]
    if not names:
        return [
            Measured(
                name="fuse/tcga_recommended",
                value=None,
                unit="C",
                bar=None,
                met=None,
                input="not measured: ../shared/data/tables/porpoise is absent",
            )
        ]
    judged = judge(names, tables)
    for name in names:
        line = ", ".join(f"{arm} {np.mean(c):.3f}" for arm, c in judged.folds[name].items())
        print(f"{name}: {line}", flush=True)
    five = [name for name in names if name in MCAT_FIVE]
    rows = rows_of(judged.folds, names, f"{len(names)} cancers")
    rows += rows_of(judged.folds, five, "MCAT's five") if len(five) == len(MCAT_FIVE) else []
    return [*rows, _seconds(judged.seconds, len(names))]


def judge(names: Sequence[str], tables: Path) -> Judged:
    """Make every cohort, run both protocols on it and the plain stack beside."""
    with (
        tempfile.TemporaryDirectory(prefix="braid-tcga-") as folder,
        one_thread_each(None) as pool,
    ):
        work = Path(folder)
        cancers = list(pool.map(partial(make_cancer, tables=tables, work=work), names))
        started = time.perf_counter()
        first = list(pool.map(partial(run_protocol, PROTOCOLS / "recommended.yaml", work), cancers))
        seconds = time.perf_counter() - started
        networks = list(pool.map(partial(run_protocol, NETWORKS, work), cancers))
        plain = list(pool.map(plain_folds, cancers))
    folds = {
        cancer.name: {**more, **one, "plain stack": own}
        for cancer, one, more, own in zip(cancers, first, networks, plain, strict=True)
    }
    return Judged(folds=folds, seconds=seconds)


def run_protocol(protocol: Path, work: Path, cancer: Cancer) -> Folds:
    """Run a protocol on one cancer's published splits and return C of each arm in each fold."""
    out = work / f"{cancer.name}-{protocol.stem}"
    run_benchmark(inputs_of(cancer, protocol, work), out, jobs=1)
    cohort = read_cohort(cancer.manifest)
    door = open_outcomes(cohort, "survival")
    sealed = sorted((out / "predictions").glob("*.csv"))
    return {
        path.stem.split("__")[0] + _single(path.stem): [
            c_index(fold.risk, door.training(fold.case_ids)) for fold in read_predictions(path)
        ]
        for path in sealed
    }


def inputs_of(cancer: Cancer, protocol: Path, work: Path) -> RunInputs:
    """Return the inputs of a run: the protocol, its folds taken from the published splits."""
    document = yaml.safe_load(protocol.read_text(encoding="utf-8"))
    document = {name: value for name, value in document.items() if name not in ("repeats", "folds")}
    own = work / f"{cancer.name}-{protocol.name}"
    text = yaml.safe_dump({**document, "split": "file", "folds_file": str(cancer.splits)}, sort_keys=False)
    own.write_text(text, encoding="utf-8")
    return RunInputs(cohort_folder=cancer.manifest, cache=cancer.cache, protocol=read_protocol(str(own)))


def plain_folds(cancer: Cancer) -> list[float]:
    """Return C of the plain stack in each fold of one cancer, on what its cache holds."""
    with tempfile.TemporaryDirectory() as scratch:
        found = inspect_inputs(inputs_of(cancer, PROTOCOLS / "recommended.yaml", Path(scratch)))
        folds = found.refuse_errors()
        cases = read_cases(found.cache, found.chosen, folds.case_ids, Path(scratch))
    outcome = found.door.training(folds.case_ids)
    assert isinstance(outcome, Survival)
    tables = PlainTables(
        clinical=cases.modalities["clinical"].values, omics=cases.modalities["omics"].values, outcome=outcome
    )
    return [
        c_index(plain_stack_risk(tables, fold.train, fold.test), outcome.take(fold.test))
        for fold in folds.folds
    ]


def c_index(risk: np.ndarray, outcome: object) -> float:
    """Return Harrell's C of one fold."""
    assert isinstance(outcome, Survival)
    concordant, comparable = concordant_pairs(risk, outcome)
    return concordant / comparable


def _single(stem: str) -> str:
    """Return the modality of an arm of one, for its name in the table."""
    label = stem.split("__")[1]
    return "" if "+" in label or label == "none" else f" {label}"


def mean_and_error(folds: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the mean over cancers and its standard error (Nadeau and Bengio 2003 within each cancer)."""
    means = [np.mean(own) for own in folds]
    squares = [np.var(own, ddof=1) * (1 / len(own) + 1 / (len(own) - 1)) for own in folds]
    return float(np.mean(means)), float(np.sqrt(np.sum(squares)) / len(folds))


def t_quantile(folds: Sequence[Sequence[float]]) -> float:
    """Return the t quantile of 97.5 %: a degree of freedom for each fold of a cancer but one."""
    from scipy.stats import t

    return float(t.ppf(0.975, sum(len(own) - 1 for own in folds)))


def rows_of(folds: Mapping[str, Folds], names: Sequence[str], source: str) -> list[Measured]:
    """Return C of every arm with its interval, and the recommended strategy against the plain stack."""
    rows = []
    place = "tcga_five" if source.startswith("MCAT") else "tcga"
    stack = [folds[name]["stack"] for name in names]
    plain = [folds[name]["plain stack"] for name in names]
    gain, error = mean_and_error([np.subtract(a, b).tolist() for a, b in zip(stack, plain, strict=True)])
    quantile = t_quantile(stack)
    low = gain - quantile * error
    for arm in folds[names[0]]:
        if all(arm in folds[name] for name in names):
            mean, own = mean_and_error([folds[name][arm] for name in names])
            between = f"{mean - quantile * own:.3f} to {mean + quantile * own:.3f}"
            rows.append(_row(f"{place}_{arm}".replace(" ", "_"), mean, f"{source}; {between}"))
    against = f"{source}; recommended - plain stack, {low:+.4f} to {gain + quantile * error:+.4f}"
    return [
        *rows,
        Measured(
            name=f"fuse/{place}_gain_over_plain_stack_lower",
            value=low,
            unit="C",
            bar="> -.01",
            met=low > -0.01,
            input=against,
        ),
    ]


def _row(name: str, value: float, source: str) -> Measured:
    return Measured(
        name=f"fuse/{name}",
        value=value,
        unit="C",
        bar=None,
        met=None,
        input=f"{source}; PORPOISE's 5 folds; MCAT's .653 had slides, no age, sex, oncotree, fewer genes",
    )


def _seconds(seconds: float, count: int) -> Measured:
    return Measured(
        name="fuse/tcga_recommended_seconds",
        value=seconds,
        unit="s",
        bar="< 60 (ten cancers)",
        met=seconds < 60 if count >= 10 else None,
        input=f"{count} cancers, caches built, {os.cpu_count()} processes",
    )


def main() -> int:
    """Print the rows; `--tables` and names of cancers take others than those of ../shared/data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cancers", nargs="*", help="only these")
    parser.add_argument("--tables", type=Path, default=TABLES, help="a folder in PORPOISE's layout")
    asked = parser.parse_args()
    return tabulate(tcga_rows(asked.tables, asked.cancers))


if __name__ == "__main__":
    sys.exit(main())
