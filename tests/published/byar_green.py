"""Byar and Green's prostate trial: cumulative incidence, Fine-Gray and cause-specific Cox against R.

Enters: prostate.csv, 502 patients. Leaves: the largest difference to R of the Aalen-Johansen curve, of the
coefficients of both regressions and of what they predict for three patients; and what the protocol
`competing` makes of the cohort. R's numbers stand here, byar_green.R is what gave them.
`python -m tests.published.byar_green` runs it alone.

Death of prostatic cancer competes with death of anything else. Follow-up is in whole months; of the 16
patients whose only month is 0 it is half a month, because a time of 0 is refused.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fuse.arm_of_causes import outcome_of_cause
from fuse.cases import Cases
from fuse.features.table import read_cases
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs, inspect_inputs
from fuse.metrics.aalen_johansen import resampled_incidence
from fuse.models.baseline_hazard import breslow
from fuse.models.cause_hazards import CauseHazards
from fuse.models.newton_cox import ridge_cox_path
from fuse.models.registry import build_learner
from fuse.models.ridge_cox import LinearScorer
from fuse.models.subdistribution import SubdistributionLikelihood
from fuse.outcomes.outcomes import Competing
from fuse.protocol import read_protocol
from tests.measurement import Measured, tabulate
from tests.published.clinical_cohort import ClinicalCohort, ClinicalTable, make_clinical_cohort
from tests.published.cohort import must
from tests.published.shared_tables import SHARED, absent

TABLE = SHARED / "byar_green_prostate/prostate.csv"
INTEREST = "dead - prostatic ca"
MONTH = 30.4375
COLUMNS = ("age", "wt", "bed", "hx", "hg", "sz", "sg", "bm", "dose")
DOSES = {"placebo": "0", "0.2 mg estrogen": "0.2", "1.0 mg estrogen": "1", "5.0 mg estrogen": "5"}

# R 4.2.2, survival 3.5-3, cmprsk 2.2-11: tests/published/byar_green.R
R_MONTHS = (6, 12, 24, 36, 60, 76)
R_INCIDENCE = (
    0.0358565737051793, 0.0776892430278884, 0.1374501992031872,
    0.1932270916334661, 0.2508958946943124, 0.2822750623478456,
)  # fmt: skip
R_OTHER_INCIDENCE = (
    0.0936254980079681, 0.1454183266932271, 0.2370517928286852,
    0.3326693227091632, 0.4365745582897453, 0.4795406200394727,
)  # fmt: skip
R_FINE_GRAY = (
    -0.0370253924151781599, 0.0017885176907687524, 0.1204978286733023596,
    -0.1157348615799176222, -0.0948930805522286286, 0.0346370129376101579,
    0.2432697594639006422, 0.4450629911713184783, -0.0926780225438599697,
)  # fmt: skip
#: crr takes the censoring curve at ties otherwise: it and finegray differ by up to .0002, no error of either.
R_CRR = (
    -0.0370368034160458021, 0.0017907556636975962, 0.1204575623794470612,
    -0.1159163899689790722, -0.0948761382867335801, 0.0346343322056415631,
    0.2432387991008940209, 0.4449345946341104474, -0.0926547618089664238,
)  # fmt: skip
R_CAUSES = (
    (-0.0212163202246339090, -0.0021841794739864708, 0.3409104298973538727,
     0.0603446797314730540, -0.1188823098287746238, 0.0381278419908410368,
     0.2694161888113574266, 0.4851748992289761642, -0.1285472252701360674),
    (0.0517463069141320883, -0.0122955346660245674, 0.3869397403989237039,
     0.6873876634439579636, -0.0260654464112163482, -0.0027055983647937087,
     -0.0293985138665087721, -0.2277941981080489620, 0.0578660005752006934),
)  # fmt: skip
#: Of the first three complete patients, by 12, 36 and 60 months: a row a month.
AT_MONTHS = (12, 36, 60)
R_FINE_GRAY_PREDICTED = (
    (0.016005567775168816, 0.016390583939715597, 0.012434704598250357),
    (0.047946379661660932, 0.049080307271341050, 0.037386376993647441),
    (0.067574663077311747, 0.069155674972993464, 0.052812793120493695),
)
R_CAUSES_PREDICTED = (
    (0.013780666631292935, 0.011629106157625971, 0.012070464367236879),
    (0.045080622344995172, 0.036079114574302427, 0.033608343719844821),
    (0.066601885633346139, 0.051040319421632244, 0.043849178602701842),
)
BAR = 1e-6


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The trial as a run reads it: all patients, and the rows of those without a missing value."""

    cases: Cases
    outcome: Competing
    complete: np.ndarray[tuple[int], np.dtype[np.int64]]

    def whole(self) -> tuple[Cases, Competing]:
        """Return the complete patients."""
        return self.cases.take(self.complete), self.outcome.take(self.complete)


def byar_green_rows(table: Path = TABLE) -> list[Measured]:
    """Measure; one row says what is missing where there is no table."""
    if not table.is_file():
        return absent("fuse/byar_green_aalen_johansen", "largest difference to R", table)
    with tempfile.TemporaryDirectory(prefix="braid-byar-green-") as folder:
        made = make_trial(table, Path(folder))
        trial = read_trial(made, Path(folder))
        rows = compare_with_r(trial)
        return [*rows, *judge_protocol(made, Path(folder))]


def compare_with_r(trial: Trial) -> list[Measured]:
    """Return the rows of differences."""
    cases, outcome = trial.whole()
    coefficients, predicted = fine_gray_of(cases, outcome)
    causes, by_causes = causes_of_trial(cases, outcome)
    everybody, complete = f"{len(trial.outcome)} patients", f"{len(outcome)} complete patients"
    crr = float(np.max(np.abs(coefficients - np.array(R_CRR))))
    return [
        _difference(
            "aalen_johansen", incidence_of(trial.outcome), (R_INCIDENCE, R_OTHER_INCIDENCE), everybody
        ),
        _difference("fine_gray_coefficients", coefficients, R_FINE_GRAY, complete),
        _difference("fine_gray_incidence", predicted, R_FINE_GRAY_PREDICTED, "the first three of them"),
        _difference("cause_specific_coefficients", causes, R_CAUSES, complete),
        _difference("cause_specific_incidence", by_causes, R_CAUSES_PREDICTED, "the first three of them"),
        _row("fine_gray_coefficients_crr", crr, "largest difference to cmprsk::crr", complete),
    ]


def incidence_of(outcome: Competing) -> Float[np.ndarray, "cause month"]:
    """Return the Aalen-Johansen curve of both causes."""
    days, once = np.array(R_MONTHS) * MONTH, np.ones((1, len(outcome)))
    swapped = Competing(
        event=outcome.cause == 2,
        time_days=outcome.time_days,
        cause=np.choose(outcome.cause, [0, 2, 1]),
        causes=outcome.causes[::-1],
    )
    return np.stack([resampled_incidence(own, days, once)[0] for own in (outcome, swapped)])


def fine_gray_of(
    cases: Cases, outcome: Competing
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "month patient"]]:
    """Return the coefficients of the arm without a penalty, in the table's units, and its predictions."""
    learner = build_learner("fine_gray", ("clinical",), {"penalised": False})
    scorer = learner.fit(cases, outcome, learner.candidates()[0], 0)
    assert isinstance(scorer, LinearScorer)
    risk = scorer.risk(cases)
    days, cumulative = SubdistributionLikelihood.of(risk[:, None], outcome).baseline(1.0)
    steps = np.searchsorted(days, np.array(AT_MONTHS) * MONTH, side="right") - 1
    predicted = -np.expm1(-cumulative[steps][:, None] * np.exp(risk[:3]))
    return scorer.weights * scorer.design.factor, predicted


def causes_of_trial(
    cases: Cases, outcome: Competing
) -> tuple[Float[np.ndarray, "cause column"], Float[np.ndarray, "month patient"]]:
    """Return the coefficients of both causes without a penalty worth the name, and the predictions."""
    values = cases.modalities["clinical"].values
    scale = values.std(axis=0)
    matrix = (values - values.mean(axis=0)) / scale
    found, risks, steps = [], [], []
    for number in (1, 2):
        own = outcome_of_cause(outcome, number)
        (coefficients,) = ridge_cox_path(matrix, own, (1e-12,))
        found.append(coefficients / scale)
        risks.append(matrix @ coefficients)
        steps.append(breslow(risks[-1], own))
    hazards = CauseHazards.join((1.0, 1.0), steps)
    return np.array(found), hazards.incidence(np.array(risks)[:, :3], np.array(AT_MONTHS) * MONTH).T


def make_trial(table: Path, work: Path) -> ClinicalCohort:
    """Write the trial as a cohort and extract it."""
    with table.open(encoding="utf-8", newline="") as stream:
        patients = list(csv.DictReader(stream))
    cause = {"alive": "0", INTEREST: "prostate"}
    outcomes = [
        {
            "case_id": row["patno"],
            "endpoint": "death",
            "time": row["dtime"] if float(row["dtime"]) > 0 else "0.5",
            "cause": cause.get(row["status"], "other"),
        }
        for row in patients
    ]
    card = {
        "name": "byar_green",
        "title": "Oestrogen for cancer of the prostate, stage 3 and 4",
        "citation": "Byar and Green 1980, Bulletin du Cancer 67, 477-490 (covartech/PRT)",
        "licence": "public domain",
        "index_event": "randomisation",
        "prediction_day": 0,
        "variables": {name: {"kind": "numeric", "unit": "1"} for name in COLUMNS},
        "endpoints": {
            "death": {
                "kind": "competing",
                "definition": "death of prostatic cancer; any other death competes with it",
                "time_unit": "months",
                "horizon_days": 60 * MONTH,
                "cause": "prostate",
            }
        },
    }
    values = [
        {
            "case_id": row["patno"],
            **{name: _value(row, name) for name in COLUMNS},
        }
        for row in patients
    ]
    return make_clinical_cohort(ClinicalTable(card=card, values=values, outcomes=outcomes), work)


def _value(row: dict[str, str], name: str) -> str:
    if name == "bed":
        return str(int(row["pf"] != "normal activity"))
    return DOSES[row["rx"]] if name == "dose" else row[name]


def read_trial(made: ClinicalCohort, scratch: Path) -> Trial:
    """Read cache and outcomes as a run does."""
    protocol = read_protocol("competing")
    found = inspect_inputs(RunInputs(cohort_folder=made.manifest, cache=made.cache, protocol=protocol))
    ids = found.refuse_errors().case_ids
    outcome = found.door.training(ids)
    assert isinstance(outcome, Competing)
    cases = read_cases(found.cache, found.chosen, ids, scratch)
    complete = np.flatnonzero(~np.isnan(cases.modalities["clinical"].values).any(axis=1))
    return Trial(cases=cases, outcome=outcome, complete=complete)


def judge_protocol(made: ClinicalCohort, work: Path) -> list[Measured]:
    """Run the protocol `competing`; return C and prediction accuracy of each arm with their intervals."""
    run = work / "run"
    must(
        "fuse", "benchmark", made.manifest, "--cache", made.cache,
        "--protocol", "competing", "--out", run, "--jobs", 1,
    )  # fmt: skip
    return [
        _row(
            f"{name}_{row['arm'].split('__')[0]}",
            float(row["estimate"]),
            unit,
            f"{float(row['low']):.3f} to {float(row['high']):.3f}; {row['n_cases']} patients, "
            "protocol competing",
        )
        for metric, name, unit in (("c_index", "c", "C"), ("ipa", "ipa", "prediction accuracy, 60 months"))
        for row in read_csv(run / "metrics.csv")[1]
        if row["metric"] == metric and not row["arm"].startswith("null")
    ]


def _difference(name: str, found: object, by_r: object, source: str) -> Measured:
    """Return the largest absolute difference, to be below `BAR`."""
    worst = float(np.max(np.abs(np.asarray(found) - np.asarray(by_r))))
    return Measured(
        name=f"fuse/byar_green_{name}",
        value=worst,
        unit="largest difference to R",
        bar=f"< {BAR:g}",
        met=worst < BAR,
        input=f"Byar and Green, {source}",
    )


def _row(name: str, value: float, unit: str, source: str) -> Measured:
    return Measured(
        name=f"fuse/byar_green_{name}",
        value=value,
        unit=unit,
        bar=None,
        met=None,
        input=f"Byar and Green, {source}",
    )


if __name__ == "__main__":
    sys.exit(tabulate(byar_green_rows()))
