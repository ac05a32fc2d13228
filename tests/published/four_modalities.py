"""One synthetic cohort with all four modalities: what the verdict says, and what missing MRI files cost.

Enters: a cohort made, scanned and extracted, raw files included. Leaves: the answers of verdict.json, also
after the outcomes were dealt out anew; the C of late fusion with all MRI, with that of 40 % of the cases
deleted, and without any, on the same folds. Everything goes through the command lines; slides, notes and
clinical values are extracted once, MRI again where that is what is looked at.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from fuse.verdict.verdict import ALONE
from tests.published.cohort import COHORT, Extracted, braid, must

PROTOCOL = Path(__file__).parent / "four_modalities.yaml"
GONE_SHARE = 0.4
MRI = "volumes"
#: The tables that have a row for every MRI file.
MRI_TABLES = ("series", "masks")


@dataclass(frozen=True, kw_only=True)
class FourAnswer:
    """What one cohort says.

    `named` and `dealt_anew` hold the verdict on each modality alone; C is that of late fusion within folds.
    """

    seed: int
    planted: dict[str, float]
    fusion: str
    named: dict[str, str]
    dealt_anew: dict[str, str]
    full: float
    gone: float
    without: float


@dataclass(frozen=True, kw_only=True)
class RowsLeft:
    """What `extract run` did where 40 % of the MRI files are gone and the manifest still lists them.

    `gone` and `named` are cases, the latter those of failures.csv.
    """

    exit_status: int
    studies: int
    gone: frozenset[str]
    named: frozenset[str]
    made: int
    same_predictions: bool

    @property
    def broken_promises(self) -> list[str]:
        """Exit 1, each study that is gone named and no other, all others made, stage 2 as after a rescan."""
        promises = {
            f"exit 1, not {self.exit_status}": self.exit_status == 1,
            f"the {len(self.gone)} cases named, not {len(self.named)}": self.named == self.gone,
            f"{self.studies - len(self.gone)} studies made, not {self.made}": (
                self.made == self.studies - len(self.gone)
            ),
            "the predictions of the rescanned cohort": self.same_predictions,
        }
        return [promise for promise, kept in promises.items() if not kept]


def judge_four(seed: int, made: Extracted, runs: Path) -> FourAnswer:
    """Run every variant on one cohort; its MRI files are fewer afterwards."""
    runs.mkdir()
    truth = json.loads(made.truth.read_text(encoding="utf-8"))
    full = benchmark(made.manifest, made.cache, PROTOCOL, runs / "full")
    without = benchmark(made.manifest, made.cache, _protocol_without_mri(full), runs / "without")
    anew = _deal_outcomes_anew(made.manifest, runs / "anew", seed)
    dealt = benchmark(anew, made.cache, PROTOCOL, runs / "dealt")
    rescanned = delete_mri(made, runs, seed)
    gone = benchmark(rescanned, made.cache, PROTOCOL, runs / "gone")
    answers = verdict(full)
    return FourAnswer(
        seed=seed,
        planted=truth["modality_weights"],
        fusion=answers["better_than_chance"],
        named=alone(answers),
        dealt_anew=alone(verdict(dealt)),
        full=late_c(full),
        gone=late_c(gone),
        without=late_c(without),
    )


def judge_large(made: Extracted, run: Path) -> dict[str, str]:
    """Return what the verdict says of each modality alone."""
    return alone(verdict(benchmark(made.manifest, made.cache, PROTOCOL, run)))


def delete_mri(made: Extracted, runs: Path, seed: int) -> Path:
    """Delete the MRI files of 40 % of the cases, and their entries; return the manifest of a new scan."""
    for path in mri_files(made, gone_cases(made, seed)):
        path.unlink()
    for case in gone_cases(made, seed):
        for folder in (made.cache / COHORT / MRI).glob(f"*/{case}"):
            shutil.rmtree(folder)
    must("extract", "scan", "chimera", made.raw, "--cohort", COHORT, "--manifests", runs / "manifests")
    rescanned = runs / "manifests" / COHORT
    must("extract", "run", rescanned, "--root", made.raw, "--cache", made.cache)
    return rescanned


def leave_rows(seed: int, made: Extracted, runs: Path) -> RowsLeft:
    """Extract MRI anew by the first manifest, after `judge_four` has deleted files that it lists."""
    shutil.rmtree(made.cache / COHORT / MRI)
    done = braid("extract", "run", made.manifest, "--root", made.raw, "--cache", made.cache)
    failures = max((made.cache / "_runs").glob("*/failures.csv"), key=lambda path: path.stat().st_mtime)
    studies = {row["case_id"] for row in _read_rows(made.manifest / "series.csv")}
    left = benchmark(made.manifest, made.cache, PROTOCOL, runs / "rows_left")
    return RowsLeft(
        exit_status=done.returncode,
        studies=len(studies),
        gone=frozenset(gone_cases(made, seed)),
        named=frozenset(row["case_id"] for row in _read_rows(failures)),
        made=sum(1 for _ in (made.cache / COHORT / MRI).glob("*/*/*/entry.json")),
        same_predictions=_predictions(left) == _predictions(runs / "gone"),
    )


def benchmark(manifest: Path, cache: Path, protocol: Path, run: Path) -> Path:
    """Run stage 2 and return the RUN folder."""
    words = (manifest, "--cache", cache, "--protocol", protocol, "--out", run, "--jobs", 1)
    must("fuse", "benchmark", *words)
    return run


def gone_cases(made: Extracted, seed: int) -> list[str]:
    """Return the cases whose MRI goes: 40 % of all, drawn from those that have any."""
    with_mri = sorted({row["case_id"] for row in _read_rows(made.manifest / "series.csv")})
    cases = len(_read_rows(made.manifest / "cases.csv"))
    drawn = np.random.default_rng([seed, 4]).permutation(with_mri)
    return sorted(map(str, drawn[: round(GONE_SHARE * cases)]))


def mri_files(made: Extracted, cases: list[str]) -> list[Path]:
    """Return all files of these cases that the manifest lists as series or masks."""
    rows = [row for table in MRI_TABLES for row in _read_rows(made.manifest / f"{table}.csv")]
    return [made.raw / row["path"] for row in rows if row["case_id"] in cases]


def verdict(run: Path) -> dict[str, str]:
    """Return question -> answer."""
    questions = json.loads((run / "verdict.json").read_text(encoding="utf-8"))["questions"]
    return {question["id"]: question["answer"] for question in questions}


def alone(answers: Mapping[str, str]) -> dict[str, str]:
    """Return modality -> whether it predicts alone."""
    return {name.removeprefix(ALONE): said for name, said in answers.items() if name.startswith(ALONE)}


def late_c(run: Path) -> float:
    """Return the C of late fusion."""
    rows = [row for row in _read_rows(run / "metrics.csv") if row["metric"] == "c_index"]
    (late,) = (row for row in rows if row["arm"].startswith("late__"))
    return float(late["estimate"])


def _protocol_without_mri(run: Path) -> Path:
    """Return the protocol of a run, feature sets filled in, with those of MRI taken out."""
    protocol = yaml.safe_load((run / "protocol.yaml").read_text(encoding="utf-8"))
    del protocol["feature_sets"][MRI]
    path = run.with_name("without_mri.yaml")
    path.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    return path


def _deal_outcomes_anew(manifest: Path, folder: Path, seed: int) -> Path:
    """Return a copy of the manifest in which every case has the outcome of a case drawn at random."""
    copied = shutil.copytree(manifest, folder / manifest.name)
    rows = _read_rows(copied / "outcomes.csv")
    drawn = np.random.default_rng([seed, 5]).permutation(len(rows))
    with (copied / "outcomes.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {**rows[other], "case_id": row["case_id"]} for row, other in zip(rows, drawn, strict=True)
        )
    return copied


def _predictions(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "predictions").iterdir())}


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
