"""MultiSurv's clinical values: an arm chosen on its validation group, evaluated once on its test group.

Enters: the table of ../shared/data (11,081 patients of 33 cancers). Leaves: C on the 1,092 test patients,
over all pairs and over pairs of one cancer alone, with and without the treatments. While something is
chosen the outcomes of the test group are in no file that Braid reads; then one arm predicts them, once.
`python -m tests.published.multisurv` runs it alone (some minutes).
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from jaxtyping import Float

from fuse.files import read_csv
from fuse.metrics.concordance import concordant_pairs, resampled_pairs
from fuse.metrics.intervals import bootstrap, draw_resamples
from fuse.metrics.one_fold import SEED
from fuse.outcomes.outcomes import Survival
from fuse.run.predictions import prediction_file, read_predictions
from tests.measurement import ROOT, Measured, tabulate
from tests.published.cohort import must
from tests.published.multisurv_cohort import Row, days_of, read_patients, write_cohort, write_split

TABLE = ROOT.parent / "shared/data/tables/multisurv/clinical_data.tsv.gz"
PROTOCOL = Path(__file__).with_suffix(".yaml")
VARIANTS = ("with", "without")
TRAIN, VALIDATION, TEST = "train", "val", "test"
#: C of MultiSurv on these variables and this test group (its results.csv), treatments among them.
PUBLISHED = 0.806
_WORKERS = 4  # a commit waits for the disk more than it computes


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A C with the limits of its interval at 95 %."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the three numbers."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one variant says: C of each arm on the validation group, of the chosen one on the test group."""

    validation: dict[str, float]
    chosen: str
    test: Estimate
    within_projects: Estimate
    cpu_s: float
    wall_s: float


def judge_variant(variant: str, patients: Sequence[Row], work: Path) -> Answer:
    """Write, extract, choose on the validation group and evaluate once on the test group."""
    started, spent = time.perf_counter(), _cpu_of_children()
    name, cache = f"multisurv_{variant}", work / "cache"
    write_cohort(name, patients, work / "choice", (TRAIN, VALIDATION))
    write_cohort(name, patients, work / "test", (TRAIN, VALIDATION, TEST))
    words = ("--root", work / "choice", "--cache", cache, "--workers", _WORKERS)
    must("extract", "run", work / "choice", *words)
    offered = yaml.safe_load(PROTOCOL.read_text(encoding="utf-8"))
    write_split(work / "choice.csv", patients, (TRAIN,), VALIDATION)
    choice = _benchmark(work / "choice", cache, offered | {"folds_file": "choice.csv"})
    names = [f"{arm['model']}__clinical" for arm in offered["arms"]]
    validation = {arm: read_c(choice, arm).value for arm in names}
    chosen = max(names, key=lambda arm: validation[arm])
    write_split(work / "test.csv", patients, (TRAIN, VALIDATION), TEST)
    arms = [arm for arm, said in zip(offered["arms"], names, strict=True) if said == chosen]
    run = _benchmark(work / "test", cache, offered | {"folds_file": "test.csv", "arms": arms})
    return Answer(
        validation=validation,
        chosen=chosen,
        test=read_c(run, chosen),
        within_projects=c_within_projects(run / prediction_file(chosen), patients),
        cpu_s=_cpu_of_children() - spent,
        wall_s=time.perf_counter() - started,
    )


def read_c(run: Path, arm: str) -> Estimate:
    """Return the C of an arm as the run has it."""
    (row,) = (
        row for row in read_csv(run / "metrics.csv")[1] if row["arm"] == arm and row["metric"] == "c_index"
    )
    return Estimate(value=float(row["estimate"]), low=float(row["low"]), high=float(row["high"]))


def c_within_projects(predictions: Path, patients: Sequence[Row]) -> Estimate:
    """Return the C over pairs of one cancer: most of a C over all of them is which cancer it is."""
    (fold,) = read_predictions(predictions)
    row_of = {row["submitter_id"]: row for row in patients}
    tested = [row_of[case] for case in fold.case_ids]
    outcome = Survival(
        event=np.array([row["event"] == "1" for row in tested]),
        time_days=np.array([days_of(row) for row in tested]),
    )
    project = np.array([row["project_id"] for row in tested])
    return stratified_c(fold.risk, outcome, project)


def stratified_c(
    risk: Float[np.ndarray, " case"], outcome: Survival, stratum: np.ndarray[tuple[int], np.dtype[np.str_]]
) -> Estimate:
    """Return concordant over comparable pairs, both of one stratum; cases are resampled as a run does it."""
    counts = draw_resamples(len(outcome), SEED)
    pairs, resampled = np.zeros(2), np.zeros((2, len(counts)))
    for name in np.unique(stratum):
        rows = np.flatnonzero(stratum == name)
        pairs += concordant_pairs(risk[rows], outcome.take(rows))
        resampled += resampled_pairs(risk[rows], outcome.take(rows), counts[:, rows])
    limits = bootstrap(resampled[0] / resampled[1])
    return Estimate(value=float(pairs[0] / pairs[1]), low=limits.low, high=limits.high)


def multisurv_rows() -> list[Measured]:
    """Measure both variants; a row without a value says what is missing here."""
    if not TABLE.is_file():
        return [
            Measured(
                name=f"fuse/multisurv_c_{variant}_treatments",
                value=None,
                unit="C",
                bar=None,
                met=None,
                input="not measured: ../shared/data is absent",
            )
            for variant in VARIANTS
        ]
    os.environ["OMP_NUM_THREADS"] = "1"
    patients = read_patients(TABLE)
    answers = {}
    with tempfile.TemporaryDirectory(prefix="braid-multisurv-") as folder:
        for variant in VARIANTS:
            answers[variant] = judge_variant(variant, patients, Path(folder) / variant)
    return [row for variant, answer in answers.items() for row in _rows(variant, answer)]


def _rows(variant: str, answer: Answer) -> list[Measured]:
    offered = ", ".join(f"{arm.split('__')[0]} {c:.3f}" for arm, c in answer.validation.items())
    once = f"1,092 test patients, {answer.chosen.split('__')[0]} chosen on 1,109 ({offered})"
    # the published model had the treatments, so the bar is for the variant that has them
    bar = (">= .806 (published)", answer.test.value >= PUBLISHED) if variant == "with" else (None, None)

    def row(name: str, value: float, unit: str, said: str) -> Measured:
        named = f"fuse/multisurv_{name}_{variant}_treatments"
        return Measured(name=named, value=value, unit=unit, bar=None, met=None, input=said)

    return [
        Measured(
            name=f"fuse/multisurv_c_{variant}_treatments",
            value=answer.test.value,
            unit="C",
            bar=bar[0],
            met=bar[1],
            input=f"{answer.test}; {once}; published .806 (.790 to .823), plain boosting .813, both with",
        ),
        row(
            "c_within_projects",
            answer.within_projects.value,
            "C",
            f"{answer.within_projects}; the same risks, pairs of one of 33 cancers",
        ),
        row(
            "cpu",
            answer.cpu_s,
            "CPU s",
            f"11,081 patients from the table to the test group; {answer.wall_s:.0f} s",
        ),
    ]


def _benchmark(manifest: Path, cache: Path, protocol: dict[str, object]) -> Path:
    """Run stage 2 by a protocol that is written beside the manifest and return the RUN folder."""
    path, run = manifest.with_suffix(".yaml"), manifest.with_name(f"{manifest.name}-run")
    path.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    must("fuse", "benchmark", manifest, "--cache", cache, "--protocol", path, "--out", run, "--jobs", 1)
    return run


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(tabulate(multisurv_rows()))
