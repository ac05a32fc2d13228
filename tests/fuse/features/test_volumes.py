"""Volumes as a table: what is absent is NaN and has no influence, and days are those of series.csv."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft
from feature_cache.errors import CacheError
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, SeriesRow, SlideRow
from fuse.cases import Cases, Modality
from fuse.features.feature_sets import ChosenSet, choose_feature_sets
from fuse.features.table import read_cases
from fuse.models.learner import Setting
from fuse.models.registry import build_learner
from fuse.outcomes.outcomes import Survival
from tests.fuse.tiny_cohort import CARD, draft
from tests.fuse.tiny_volumes import FEATURES, NETWORK, VOLUMES, slide_vector, volume

IDS = ("0000", "0001", "0002")
NAN = float("nan")
T2W, ADC = ("t2w", "gland"), ("adc", "gland")


def cohort_of(entries: list[EntryDraft], days: dict[str, int] | None = None) -> Cohort:
    """A cohort whose tables list the entries; `days` gives other days by study."""
    keys = {entry.key.item_id: entry.key for entry in entries}
    return Cohort(
        folder=Path(),
        card=CohortCard.model_validate(CARD | {"modalities": ["slides", "volumes"]}),
        cases=tuple(CaseRow(case_id=case) for case in IDS),
        series=tuple(
            SeriesRow(
                case_id=keys[item].case_id,
                study_id=item,
                series_id=sequence,
                sequence=sequence.upper(),
                day=(days or {}).get(item, 0),
                path="a.mha",
            )
            for item in keys
            for sequence in ("t2w", "adc")
        ),
        slides=tuple(SlideRow(case_id=key.case_id, slide_id=item, path="a") for item, key in keys.items()),
        clinical={},
    )


def chosen_of(tmp_path: Path, entries: list[EntryDraft]) -> tuple[FeatureCache, dict[str, ChosenSet]]:
    cache = FeatureCache.create(tmp_path / "cache")
    for entry in entries:
        cache.commit(entry)
    chosen, problems = choose_feature_sets(cache, cohort_of(entries), "auto")
    assert problems == []
    return cache, chosen


def read(tmp_path: Path, entries: list[EntryDraft], modality: str = "volumes") -> Modality:
    cache, chosen = chosen_of(tmp_path, entries)
    return read_cases(cache, chosen, IDS, tmp_path).modalities[modality]


def test_rows_become_columns_and_what_is_absent_is_nan(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        [
            volume("0000", "a", {T2W: (1.0, 2.0), ADC: (3.0, NAN)}),
            volume("0001", "b", {T2W: (5.0, 6.0)}),
        ],
    )
    # the shape is told once a study: no case has it in ADC, and the column is left out
    assert table.columns == ("adc/gland/stat_mean", "t2w/gland/stat_mean", "t2w/gland/morph_volume")
    np.testing.assert_array_equal(table.values, [[3.0, 1.0, 2.0], [NAN, 5.0, 6.0], [NAN, NAN, NAN]])
    assert table.present.tolist() == [True, True, False]
    assert table.scale_columns


def test_studies_of_a_case_are_averaged_over_what_they_have(tmp_path: Path) -> None:
    table = read(
        tmp_path,
        [
            volume("0000", "a", {T2W: (1.0, 2.0), ADC: (7.0, NAN)}),
            volume("0000", "b", {T2W: (3.0, NAN)}),
            volume("0001", "c", {T2W: (NAN, NAN), ADC: (1.0, NAN)}),
        ],
    )
    of_case = dict(zip(table.columns, table.values.T, strict=True))
    np.testing.assert_array_equal(of_case["t2w/gland/stat_mean"], [2.0, NAN, NAN])
    np.testing.assert_array_equal(of_case["t2w/gland/morph_volume"], [2.0, NAN, NAN])
    np.testing.assert_array_equal(of_case["adc/gland/stat_mean"], [7.0, 1.0, NAN])


def test_a_row_that_is_not_valid_is_not_read(tmp_path: Path) -> None:
    entry = volume("0000", "a", {T2W: (1.0, 2.0), ADC: (9.0, 9.0)})
    entry.arrays["region_valid"][1] = False
    assert read(tmp_path, [entry]).columns == tuple(f"t2w/gland/{name}" for name in FEATURES)


def test_a_networks_columns_share_one_scale(tmp_path: Path) -> None:
    entry = volume("0000", "a", {T2W: (1.0, 2.0)}, NETWORK)
    assert not read(tmp_path, [entry]).scale_columns


def test_entries_whose_rows_and_names_do_not_go_together_are_refused(tmp_path: Path) -> None:
    entry = volume("0000", "a", {T2W: (1.0, 2.0), ADC: (3.0, 4.0)})
    entry.attrs["region_rows"].pop()
    with pytest.raises(CacheError, match=r"volumes/.*expected 1 different region_rows"):
        read(tmp_path, [entry])


def test_other_features_in_one_set_are_refused(tmp_path: Path) -> None:
    entries = [volume(case, case, {T2W: (1.0, 2.0)}) for case in IDS[:2]]
    entries[1].attrs["feature_names"][0] = "stat_var"
    with pytest.raises(CacheError, match="other features"):
        read(tmp_path, entries)


def test_an_infinite_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=r"finite values of t2w/gland/stat_mean; got an infinite one"):
        read(tmp_path, [volume("0000", "a", {T2W: (float("inf"), 2.0)})])


@pytest.mark.parametrize("day", [4, -2])
def test_a_study_of_another_day_than_the_manifest_says_now(tmp_path: Path, day: int) -> None:
    entries = [volume(case, case, {T2W: (1.0, 2.0)}) for case in IDS]
    cache, _ = chosen_of(tmp_path, entries)
    _, (problem,) = choose_feature_sets(cache, cohort_of(entries, {"0001": day}), "auto")
    assert problem.fails
    assert problem.where.endswith("/0001/0001")
    assert f"a study of day {day}, as series.csv has it, and none after" in problem.expected
    named = "mri-after-prediction-day: " if day > 0 else ""  # by its name in the lint
    assert problem.got == f"{named}a study that was made as of day 0 (1 such studies)"


def test_a_study_that_series_csv_does_not_list_is_not_used(tmp_path: Path) -> None:
    entries = [volume(case, case, {T2W: (1.0, 2.0)}) for case in IDS]
    cache, _ = chosen_of(tmp_path, entries)
    chosen, (problem,) = choose_feature_sets(cache, cohort_of(entries[:2]), "auto")
    assert [record.case_id for record in chosen["volumes"].records] == ["0000", "0001"]
    assert not problem.fails
    assert problem.expected == "entries of what series.csv lists"


def test_vectors_of_slides_are_averaged_over_a_case(tmp_path: Path) -> None:
    entries = [
        slide_vector("0000", "a", np.array([1.0, 2.0, 3.0, 4.0])),
        slide_vector("0000", "b", np.array([3.0, 4.0, 5.0, 6.0])),
        slide_vector("0001", "c", np.array([7.0, 7.0, 7.0, 7.0])),
    ]
    table = read(tmp_path, entries, "slides")
    np.testing.assert_array_equal(table.values[0], [2.0, 3.0, 4.0, 5.0])
    np.testing.assert_array_equal(table.values[1], [7.0, 7.0, 7.0, 7.0])
    assert table.bags is None
    assert table.scale_columns


def simulated_studies(rng: np.random.Generator) -> tuple[Cases, Survival]:
    """150 cases with T2W and, of half of them, ADC; both tell of the hazard."""
    latent = rng.normal(size=150)
    values = rng.normal(size=(150, 60)) + latent[:, None]
    values[::2, 30:] = np.nan
    present = np.ones(150, dtype=bool)
    columns = tuple(f"{name}/crop/{number}" for name in ("t2w", "adc") for number in range(30))
    volumes = Modality(name="volumes", feature_set="m", present=present, columns=columns, values=values)
    time = rng.exponential(size=150) * 500 * np.exp(-latent)
    outcome = Survival(event=time < 600, time_days=np.minimum(time, 600) + 1)
    return Cases(case_ids=tuple(map(str, range(150))), modalities={"volumes": volumes}), outcome


def test_an_absent_series_adds_exactly_nothing_to_a_weighted_sum() -> None:
    cases, outcome = simulated_studies(np.random.default_rng(0))
    scorer = build_learner("ridge_cox", ("volumes",)).fit(cases, outcome, Setting((("alpha", 16.0),)), 0)
    volumes = cases.modalities["volumes"]
    filled = scorer.design.fill(volumes.values)
    assert (filled[::2, 30:] == 0).all()
    t2w_alone = np.sum(filled[:, :30] * scorer.weights[:30], axis=1)
    np.testing.assert_allclose(scorer.risk(cases)[::2], t2w_alone[::2], rtol=0, atol=1e-12)
    assert np.abs(scorer.risk(cases)[1::2] - t2w_alone[1::2]).min() > 0


@pytest.mark.parametrize("model", ["ridge_cox", "xgboost_cox"])
def test_a_series_that_no_train_case_has_cannot_touch_a_risk(model: str) -> None:
    cases, outcome = simulated_studies(np.random.default_rng(1))
    learner = build_learner(model, ("volumes",))
    train = cases.take(np.arange(0, 150, 2))
    scorer = learner.fit(train, outcome.take(np.arange(0, 150, 2)), learner.candidates()[-1], 0)
    with_adc = cases.take(np.arange(1, 150, 2))
    without = cases.take(np.arange(1, 150, 2))
    without.modalities["volumes"].values[:, 30:] = np.nan
    assert np.unique(scorer.risk(with_adc)).size > 10
    np.testing.assert_array_equal(scorer.risk(with_adc), scorer.risk(without))


@pytest.mark.parametrize("model", ["ridge_cox", "xgboost_cox"])
def test_a_series_that_no_train_case_has_changes_nothing_that_is_fitted(model: str) -> None:
    cases, outcome = simulated_studies(np.random.default_rng(2))
    volumes = cases.modalities["volumes"]
    narrow = replace(volumes, columns=volumes.columns[:30], values=volumes.values[:, :30])
    train = np.arange(0, 150, 2)  # ADC is in the test part alone, and so are its columns in the table
    learner = build_learner(model, ("volumes",))
    risks = [
        learner.fit(table.take(train), outcome.take(train), learner.candidates()[-1], 0).risk(table)
        for table in (cases, replace(cases, modalities={"volumes": narrow}))
    ]
    np.testing.assert_allclose(*risks, rtol=0, atol=1e-9)


def test_a_mixed_set_names_the_entry(tmp_path: Path) -> None:
    note = {"embeddings": np.ones((1, 2), "<f4"), "char_span": np.zeros((1, 2), "<i4")}
    entries = [volume("0000", "a", {T2W: (1.0, 2.0)}), draft(VOLUMES, "0001", "b", "note", arrays=note)]
    cache = FeatureCache.create(tmp_path / "cache")
    for entry in entries:
        cache.commit(entry)
    _, problems = choose_feature_sets(cache, cohort_of(entries), "auto")
    assert any(problem.got == "kind note" and problem.fails for problem in problems)
