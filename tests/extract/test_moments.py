"""Moments of a cohort in stage 1: what is extracted goes up to the last of them, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.check.days import day_problems, declared_day_problems
from extract.clinical.stage import ClinicalStage
from extract.encoders.weights import WeightsSource
from extract.notes.stage import NoteStage
from extract.volumes.stage import VolumeStage
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft
from feature_cache.errors import ManifestError
from feature_cache.tables import CaseRow, MeasurementRow, NoteRow, SeriesRow, SlideRow

PSA = {"kind": "numeric", "unit": "ng/mL", "scale": "log"}
DAYS = (-3, 40, 90)


def cohort_with(
    variables: dict[str, object] | None = None, slide_day: int | None = 0, **card: object
) -> Cohort:
    typed = CohortCard.model_validate(
        {
            "schema_version": 1, "name": "mine", "title": "t", "citation": "c", "licence": "l", "sites": [],
            "modalities": ["clinical"], "index_event": "operation", "prediction_day": 0,
            "variables": variables or {"psa": PSA}, "undated": {"series": 0, "notes": 0},
        }
        | card
    )  # fmt: skip
    last = typed.last_day
    return Cohort(
        folder=Path(),
        card=typed,
        cases=(CaseRow(case_id="1"),),
        slides=(SlideRow(case_id="1", slide_id="a", path="a.tif", day=slide_day),),
        series=(SeriesRow(case_id="1", study_id="s", series_id="a", sequence="t2w", path="x"),),
        notes=(NoteRow(case_id="1", note_id="n", path="n.txt", day=min(last, 40)),),
        measurements=tuple(
            MeasurementRow(case_id="1", variable="psa", day=day, value="4") for day in DAYS if day <= last
        ),
        clinical={"1": {"psa": "4"}},
    )


def hashes_of(cohort: Cohort) -> list[str]:
    stages = (ClinicalStage(), NoteStage(), VolumeStage())
    blocks: tuple[dict[str, object], ...] = ({}, {}, {"encoder": "first_order_shape"})
    return [
        stage.resolve("weightfree", block, cohort, WeightsSource()).recipe.hash[:12]
        for stage, block in zip(stages, blocks, strict=True)
    ]


def build_clinical(cohort: Cohort) -> EntryDraft:
    stage = ClinicalStage()
    (item,) = stage.items(cohort, Path(), stage.resolve("weightfree", {}, cohort, WeightsSource()))
    return stage.build(item, stage.sources(item, sha256_of_file))


def test_a_cohort_without_moments_is_extracted_as_before_there_were_any(monkeypatch) -> None:
    # these hashes were made by the version before cards had moments: caches of then stay valid, but for
    # volumes, which hold the quality of each series since
    monkeypatch.setattr("extract.volumes.settings.QUALITY_ALGORITHM", 1)
    assert hashes_of(cohort_with()) == ["91cae87ced7d", "fe4b2d1179a0", "e04248b6c21f"]


def test_a_moment_before_the_prediction_day_asks_for_nothing_new() -> None:
    assert hashes_of(cohort_with(moments={"pre": -1, "post": 0})) == hashes_of(cohort_with())


def test_a_later_moment_is_another_feature_set_that_holds_what_is_known_by_then() -> None:
    later = cohort_with(moments={"one_month": 40})
    assert not set(hashes_of(later)) & set(hashes_of(cohort_with()))
    draft = build_clinical(later)
    assert draft.arrays["measurement_day"].tolist() == [-3, 40]
    assert draft.settings["prediction_day"] == 40
    assert build_clinical(cohort_with()).arrays["measurement_day"].tolist() == [-3]


def test_values_are_marked_with_their_day_and_refused_after_the_last_moment() -> None:
    nadir = {"psa": PSA, "nadir": {**PSA, "day": 60}}
    described = build_clinical(cohort_with(nadir, moments={"later": 60})).attrs["variables"]
    assert [one["day"] for one in described] == [0, 60]
    with pytest.raises(ManifestError, match="day up to the prediction day 59"):
        build_clinical(cohort_with(nadir, moments={"later": 59}))


def test_check_counts_from_the_last_moment() -> None:
    nadir = {"psa": PSA, "nadir": {**PSA, "day": 60}}
    assert list(day_problems(cohort_with(nadir, moments={"later": 90}))) == []
    (problem,) = day_problems(cohort_with(nadir, moments={"later": 59}))
    assert problem.where == "cohort.yaml: variables.nadir.day"


def test_a_slide_may_have_a_day_of_its_own() -> None:
    (undated,) = declared_day_problems(cohort_with(slide_day=None))
    assert undated.where == "cohort.yaml: undated.slides"
    (late,) = declared_day_problems(cohort_with(slide_day=7))
    assert (late.where, late.got) == ("slides.csv: case 1, slide a", "day 7")
    assert list(declared_day_problems(cohort_with(slide_day=7, moments={"week": 7}))) == []
