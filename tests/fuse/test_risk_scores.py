"""Published scores as arms: what the card names, what is not known at a moment, and what a run says of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import yaml

from feature_cache.card import CohortCard
from fuse.arm_plans import absent_arms, plan_arms
from fuse.benchmark import run_benchmark
from fuse.inspection.inspection import RunInputs
from fuse.protocol import Protocol, read_protocol
from fuse.risk_scores import score_needs_later, score_options
from tests.fuse.tiny_cohort import CARD, Tiny

PROTOCOL = Protocol.model_validate(
    {
        "schema_version": 1,
        "name": "scores",
        "repeats": 1,
        "folds": 2,
        "inner": 2,
        "arms": [
            {"model": "capra_s", "modalities": ["clinical"]},
            {"model": "maggic", "modalities": ["clinical"]},
            {"model": "ridge_cox", "modalities": "each"},
        ],
    }
)
NUMBER = {"kind": "numeric", "unit": "1"}
INPUTS = (
    "psa",
    "primary_gleason",
    "secondary_gleason",
    "surgical_margins",
    "seminal_vesicle_invasion",
    "extracapsular_extension",
    "lymph_nodes",
)


def card_with(score: str, variables: dict[str, dict[str, object]]) -> CohortCard:
    """Return a card whose score names its inputs by their own names, with two moments."""
    document = {
        "variables": variables,
        "risk_scores": {score: {name: name for name in variables}},
        "moments": {"before": -1, "after": 0},
        "modalities": ["clinical"],
    }
    return CohortCard.model_validate(CARD | document)


def test_a_score_that_needs_all_its_inputs_waits_for_the_last_of_them() -> None:
    variables = {name: {**NUMBER, "day": -1 if name == "psa" else 0} for name in INPUTS}
    card = card_with("capra_s", variables)
    assert {plan.model for plan in plan_arms(PROTOCOL, ["clinical"], card)} == {"capra_s", "ridge_cox"}
    before = card.at("before")
    assert {plan.model for plan in plan_arms(PROTOCOL, ["clinical"], before)} == {"ridge_cox"}
    (absent,) = absent_arms(PROTOCOL, ["clinical"], before)
    assert absent.plan.model == "capra_s" and not absent.declared
    assert absent.reason == "primary_gleason is known from day 0 on, after the prediction day -1"


def test_a_score_of_ranges_does_without_what_is_not_known_yet() -> None:
    card = card_with("maggic", {"age": {**NUMBER, "day": -1}, "bmi": NUMBER})
    assert dict(score_options("maggic", card)) == {"age": "age", "bmi": "bmi"}
    before = card.at("before")
    assert dict(score_options("maggic", before)) == {"age": "age"}
    assert score_needs_later("maggic", before) == ""
    nothing = card_with("maggic", {"bmi": NUMBER}).at("before")
    assert score_needs_later("maggic", nothing) == "bmi is known from day 0 on, after the prediction day -1"
    assert plan_arms(PROTOCOL, ["clinical"], nothing)[0].model == "ridge_cox"


@pytest.fixture(scope="module")
def run(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with MAGGIC from the one item that the tiny cohort has."""
    folder = tmp_path_factory.mktemp("scores")
    cohort = folder / "tiny"
    cohort.mkdir()
    for path in tiny.cohort.iterdir():
        (cohort / path.name).write_bytes(path.read_bytes())
    card = yaml.safe_load((cohort / "cohort.yaml").read_text(encoding="utf-8"))
    card["risk_scores"] = {"maggic": {"age": "age"}}
    (cohort / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    protocol = yaml.safe_load(tiny.protocol.read_text(encoding="utf-8"))
    protocol["arms"].insert(1, {"model": "maggic", "modalities": ["clinical"]})
    path = folder / "protocol.yaml"
    path.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    inputs = RunInputs(cohort_folder=cohort, cache=tiny.cache, protocol=read_protocol(str(path)))
    run_benchmark(inputs, folder / "run", jobs=1)
    return folder / "run"


def test_a_run_names_the_items_that_the_score_lacks(run: Path) -> None:
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    lacking = record["score_lacks"]["maggic__clinical"]
    assert len(lacking) == 12 and "age" not in lacking and "ejection_fraction" in lacking
    (arm,) = [arm for arm in record["arms"] if arm["model"] == "maggic"]
    assert arm["title"] == "MAGGIC, 1 of 13 items: clinical" and arm["status"] == "done"
    assert record["comparators"]["published_score"] == "maggic__clinical"
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Not known here: ejection fraction, systolic bp, bmi" in page
    with (run / "metrics.csv").open(encoding="utf-8") as stream:
        assert any(row["arm"] == "maggic__clinical" and row["estimate"] for row in csv.DictReader(stream))
