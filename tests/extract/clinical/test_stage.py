from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.clinical.stage import ClinicalStage
from extract.encoders.weights import WeightsSource
from extract.scan import scan
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.entry import MISSING, OBSERVED, UNKNOWN, EntryDraft
from feature_cache.errors import ManifestError, RecipeError, SourceError
from feature_cache.tables import CaseRow, MeasurementRow
from tests.extract.chimera_tree import write_chimera


def _cohort(
    variables: dict, clinical: dict, measurements: tuple[MeasurementRow, ...] = (), **card: object
) -> Cohort:
    typed = CohortCard.model_validate(
        {
            "schema_version": 1, "name": "mine", "title": "t", "citation": "c", "licence": "l", "sites": [],
            "modalities": ["clinical"], "index_event": "operation", "prediction_day": 0,
            "variables": variables,
        }
        | card
    )  # fmt: skip
    cases = tuple(CaseRow(case_id=case_id) for case_id in ("1", "2"))
    return Cohort(folder=Path(), card=typed, cases=cases, measurements=measurements, clinical=clinical)


def _build(cohort: Cohort, block: dict | None = None) -> list[EntryDraft]:
    stage = ClinicalStage()
    items = stage.items(cohort, Path(), stage.resolve("weightfree", block or {}, cohort, WeightsSource()))
    return [stage.build(item, stage.sources(item, sha256_of_file)) for item in items]


PSA = {"kind": "numeric", "unit": "ng/mL", "scale": "log"}


def test_a_chimera_case_from_its_json_to_its_vector(tmp_path: Path) -> None:
    root = write_chimera(tmp_path / "task1")
    drafts = {
        draft.key.case_id: draft for draft in _build(read_cohort(scan("chimera", root, "m", tmp_path).folder))
    }
    whole = drafts["0071"]
    names = [variable["name"] for variable in whole.attrs["variables"]]
    value = dict(zip(names, whole.arrays["values"], strict=True))
    state = dict(zip(names, whole.arrays["state"], strict=True))
    assert value["pre_operative_PSA"] == 7.4  # in its unit: the log scale is declared, not applied
    assert value["primary_gleason"] == 4 and value["ISUP"] == 2 and value["pT_stage"] == 5
    assert (value["earlier_therapy=radiotherapy"], value["earlier_therapy=cryotherapy"]) == (1, 0)
    assert state["positive_surgical_margins"] == state["positive_lymph_nodes"] == UNKNOWN
    assert state["tertiary_gleason"] == MISSING and state["capsular_penetration"] == OBSERVED
    assert np.isnan(value["positive_surgical_margins"])
    assert not any("BCR" in name for name in names)
    assert whole.kind == "vector" and whole.warnings == ()
    assert whole.attrs["missing_as"] == {"tertiary_gleason": "blank"}
    other = drafts["1003"]
    assert other.attrs["missing_as"] == {"tertiary_gleason": "absent", "lymphovascular_invasion": "null"}
    assert other.warnings == ("ISUP disagrees with primary_gleason + secondary_gleason",)
    assert set(drafts["1010"].arrays["state"][names.index("pT_stage") :]) == {OBSERVED, UNKNOWN}


def test_another_column_is_no_source_and_a_declared_cell_is() -> None:
    plain = _build(_cohort({"psa": PSA}, {"1": {"psa": "4", "event": "0"}}))[0]
    other = _build(_cohort({"psa": PSA}, {"1": {"psa": "4", "event": "1"}}))[0]
    changed = _build(_cohort({"psa": PSA}, {"1": {"psa": "5", "event": "0"}}))[0]
    assert plain.sources == other.sources != changed.sources


def test_declarations_order_and_prediction_day_are_the_identity() -> None:
    stage = ClinicalStage()
    base = _cohort({"a": {"kind": "binary"}, "b": PSA}, {})
    hashes = [
        stage.resolve("n", {}, cohort, WeightsSource()).recipe.hash
        for cohort in (
            base,
            _cohort({"b": PSA, "a": {"kind": "binary"}}, {}),
            _cohort({"a": {"kind": "binary"}, "b": PSA | {"scale": "linear"}}, {}),
            _cohort({"a": {"kind": "binary"}, "b": PSA}, {}, prediction_day=1),
        )
    ]
    hashes.append(stage.resolve("n", {"variables": ["b"]}, base, WeightsSource()).recipe.hash)
    assert len(set(hashes)) == 5
    noted = _cohort({"a": {"kind": "binary", "note": "words for people"}, "b": PSA}, {})
    assert stage.resolve("n", {}, noted, WeightsSource()).recipe.hash == hashes[0]


def test_measurements_are_ordered_and_keep_bounds() -> None:
    rows = (
        MeasurementRow(case_id="1", variable="psa", day=-5, value="<0.1", unit="ng/mL"),
        MeasurementRow(case_id="1", variable="psa", day=-90, value="4.5"),
        MeasurementRow(case_id="2", variable="psa", day=0, value="3", unit="ng/mL"),
    )
    first, second = _build(_cohort({"psa": PSA}, {"1": {"psa": "4"}}, rows))
    assert first.attrs["measurement_variables"] == ["psa"]
    assert first.arrays["measurement_day"].tolist() == [-90, -5]
    assert first.arrays["measurement_value"].tolist() == [4.5, 0.1]
    assert first.arrays["measurement_state"].tolist() == [OBSERVED, 4]
    assert second.arrays["state"].tolist() == [MISSING] and second.attrs["missing_as"] == {"psa": "absent"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"day": 1, "value": "4"}, "expected a day up to the prediction day 0; got day 1"),
        ({"day": 0, "value": "4", "unit": "ug/L"}, "expected unit ng/mL; got another unit"),
        ({"day": 0, "value": "high"}, "expected a number with a decimal point"),
    ],
)
def test_a_measurement_that_may_not_be_used_is_refused(row: dict, message: str) -> None:
    measurement = MeasurementRow(case_id="1", variable="psa", **row)
    with pytest.raises(SourceError, match=message):
        _build(_cohort({"psa": PSA}, {}, (measurement,)))


@pytest.mark.parametrize(
    ("kind", "variables", "card", "block", "message"),
    [
        (ManifestError, {"psa": PSA | {"day": 30}}, {}, {}, "a day up to the prediction day 0; got day 30"),
        (ManifestError, {"psa": PSA}, {"excluded": {"psa": "outcome"}}, {}, "excluded column \\(outcome\\)"),
        (ManifestError, {"psa": {"kind": "GAP: ?"}}, {}, {}, "expected a kind; got a gap"),
        (ManifestError, {"psa": PSA}, {"prediction_day": "GAP"}, {}, "prediction_day"),
        (RecipeError, {"psa": PSA}, {}, {"variables": ["age"]}, "clinical variable age"),
        (
            RecipeError,
            {"psa": PSA},
            {},
            {"encoder": "autoencoder"},
            "encoder autoencoder: expected one of v",
        ),
        (RecipeError, {"psa": PSA}, {}, {"scaler": "z"}, "clinical.scaler"),
    ],
)
def test_what_may_not_become_a_feature_is_refused(
    kind: type[Exception], variables: dict, card: dict, block: dict, message: str
) -> None:
    with pytest.raises(kind, match=message):
        _build(_cohort(variables, {"1": {"psa": "4"}}, **card), block)


def test_a_bad_cell_names_case_and_column() -> None:
    with pytest.raises(SourceError, match="case 1, column psa: expected a number") as caught:
        _build(_cohort({"psa": PSA}, {"1": {"psa": "undisclosed"}}))
    assert "undisclosed" not in str(caught.value)


def test_a_warning_comes_from_the_chosen_cells_alone(tmp_path: Path) -> None:
    """ISUP is no source of an entry without it, so it may not change a byte of that entry."""
    cohort = read_cohort(scan("chimera", write_chimera(tmp_path / "task1"), "m", tmp_path).folder)
    gleason = ["primary_gleason", "secondary_gleason"]
    assert [d.warnings for d in _build(cohort, {"variables": gleason}) if d.key.case_id == "1003"] == [()]
    (whole,) = (d for d in _build(cohort, {"variables": [*gleason, "ISUP"]}) if d.key.case_id == "1003")
    assert len(whole.warnings) == 1
