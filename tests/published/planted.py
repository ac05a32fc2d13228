"""One synthetic cohort with a known answer: how far stacked late fusion gets towards the oracle.

Enters: manifest, cache and truth.json of a synthetic cohort. Leaves: the C of fusion, oracle and true
risk on the same folds, learned and planted weights, and what one modality of pure noise costs.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fuse.arm import fit_arm
from fuse.arm_plans import plan_arms
from fuse.cases import Cases, Modality
from fuse.features.table import read_cases
from fuse.fitting import FoldTask, fit_fold
from fuse.folds.folds import Folds
from fuse.fusion.stacking import free_weights
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.metrics.concordance import concordant_pairs
from fuse.models.learner import Setting
from fuse.models.ridge_cox import RidgeCox
from fuse.protocol import read_protocol

PROTOCOL = Path(__file__).parent / "protocol.yaml"
#: What is ranked: MRI has the same planted weight in every seed. four_modalities.py looks at all four.
RANKED = ("slides", "notes", "clinical")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one cohort says. All C's are within folds, on the same folds, but that of the true risk."""

    seed: int
    late: float
    early: float
    oracle: float
    true_risk: float
    learned: dict[str, float]
    from_truth: dict[str, float]
    planted: dict[str, float]
    rest: dict[str, float]
    with_noise: dict[str, float]

    @property
    def way(self) -> float:
        """How far fusion goes from .5 to the oracle."""
        return (self.late - 0.5) / (self.oracle - 0.5)

    @property
    def noise_cost(self) -> float:
        """What a modality of noise costs against the rest, averaged over the modalities."""
        return float(np.mean([self.rest[name] - self.with_noise[name] for name in self.rest]))


def judge(seed: int, manifest: Path, cache: Path, truth: Path) -> Answer:
    """Fit everything on one cohort."""
    answer = json.loads(truth.read_text(encoding="utf-8"))
    found = inspect_inputs(
        RunInputs(cohort_folder=manifest, cache=cache, protocol=read_protocol(str(PROTOCOL)))
    )
    folds = found.refuse_errors()
    chosen = {name: feature_set for name, feature_set in found.chosen.items() if name in RANKED}
    with tempfile.TemporaryDirectory() as scratch:
        cases = read_cases(found.cache, chosen, folds.case_ids, Path(scratch))
    fused, weights = _fuse(found, folds, cases)
    rest, with_noise = {}, {}
    for number, name in enumerate(cases.modalities):
        others = {other: modality for other, modality in cases.modalities.items() if other != name}
        rest[name] = _fuse(found, folds, replace(cases, modalities=others))[0]["late"]
        noise = _noise(cases.modalities[name], np.random.default_rng([seed, number]))
        noisy = replace(cases, modalities={**cases.modalities, name: noise})
        with_noise[name] = _fuse(found, folds, noisy)[0]["late"]
    return Answer(
        seed=seed,
        late=fused["late"],
        early=fused["early"],
        oracle=_oracle(found, folds, answer, tuple(cases.modalities)),
        true_risk=answer["true_risk_c"],
        learned=weights,
        from_truth=_weights_of_true_readings(found, folds, answer, tuple(weights)),
        planted={name: answer["modality_weights"][name] for name in weights},
        rest=rest,
        with_noise=with_noise,
    )


def _fuse(found: Inspection, folds: Folds, cases: Cases) -> tuple[dict[str, float], dict[str, float]]:
    """Return the C of each way of fusion and the weights of late fusion, averaged over the folds."""
    plans = plan_arms(found.protocol, cases.modalities, found.cohort.card)
    outcome = found.door.training(folds.case_ids)
    pairs: dict[str, list[tuple[int, float, float]]] = {}
    weights: list[dict[str, float]] = []
    for fold in folds.folds:
        task = FoldTask(
            fold=fold,
            outcome=outcome.take(fold.train),
            plans=plans,
            times_days=np.array([365.25]),
            seed=found.protocol.seed,
        )
        result = fit_fold(task, cases)
        weights.append(result.weights)
        for arm, said in result.arms.items():
            counts = concordant_pairs(said.risk, outcome.take(fold.test))
            pairs.setdefault(arm.split("__")[0], []).append((fold.repeat, *counts))
    mean = {name: float(np.mean([each[name] for each in weights])) for name in weights[0]}
    return {model: _within(counts) for model, counts in pairs.items()}, mean


def _weights_of_true_readings(
    found: Inspection, folds: Folds, answer: dict[str, Any], modalities: tuple[str, ...]
) -> dict[str, float]:
    """Return the weights that stacking finds where each arm is the modality's true contribution."""
    readings = np.array(
        [
            [answer["cases"][case_id]["contributions"][name] for name in modalities]
            for case_id in folds.case_ids
        ]
    )
    standardised = (readings - readings.mean(axis=0)) / readings.std(axis=0)
    found_weights = free_weights(standardised, found.door.training(folds.case_ids), likeness=0.0)
    return dict(zip(modalities, map(float, found_weights), strict=True))


def _oracle(found: Inspection, folds: Folds, answer: dict[str, Any], modalities: tuple[str, ...]) -> float:
    """Return the C of a ridge Cox on what a perfect reader of these modalities measures, penalty inside."""
    measured = np.array(
        [
            [
                np.nan if value is None else value
                for name in modalities
                for value in answer["cases"][case_id]["measurements"][name]
            ]
            for case_id in folds.case_ids
        ],
        dtype=np.float64,
    )
    cases = Cases(
        case_ids=folds.case_ids,
        modalities={
            "oracle": Modality(
                name="oracle",
                feature_set="truth",
                present=np.isfinite(measured).any(axis=1),
                columns=tuple(map(str, range(measured.shape[1]))),
                values=measured,
            )
        },
    )
    outcome = found.door.training(folds.case_ids)
    counts = []
    for fold in folds.folds:
        arm = fit_arm(
            _OracleCox(("oracle",)), cases.take(fold.train), outcome.take(fold.train), fold.inner, seed=0
        )
        test = concordant_pairs(arm.risk(cases.take(fold.test)), outcome.take(fold.test))
        counts.append((fold.repeat, *test))
    return _within(counts)


class _OracleCox(RidgeCox):
    """Ridge Cox that may choose weak penalties too: few, exact columns must not be held back."""

    def candidates(self) -> tuple[Setting, ...]:
        return tuple(Setting((("alpha", alpha),)) for alpha in (256.0, 64.0, 16.0, 4.0, 1.0, 0.25))


def _within(counts: list[tuple[int, float, float]]) -> float:
    """Return C within folds: pairs summed over the folds of a repeat, averaged over repeats."""
    repeats = sorted({repeat for repeat, _, _ in counts})
    each = [np.sum([pair[1:] for pair in counts if pair[0] == repeat], axis=0) for repeat in repeats]
    return float(np.mean([concordant / comparable for concordant, comparable in each]))


def _noise(modality: Modality, rng: np.random.Generator) -> Modality:
    """Return the modality with its values replaced by noise of the same shape, its absences kept."""
    values = rng.standard_normal(modality.values.shape)
    return replace(modality, values=np.where(np.isnan(modality.values), np.nan, values), bags=None)
