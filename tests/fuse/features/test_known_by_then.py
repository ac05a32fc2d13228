"""What is known at a moment: columns by their day, the last measurement, items by the day of their table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from feature_cache.cohort import inspect_cohort
from feature_cache.errors import ManifestError
from fuse.cases import Cases
from fuse.features.table import read_cases
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.protocol import read_protocol
from tests.fuse.tiny_cohort import Tiny
from tests.fuse.tiny_moments import PSA, write_moments


@pytest.fixture(scope="module")
def tiny_moments(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return write_moments(tmp_path_factory.mktemp("moments"))


def inspect_at(tiny: Tiny, moment: str | None) -> Inspection:
    protocol = read_protocol(str(tiny.protocol)).model_copy(update={"moment": moment})
    return inspect_inputs(RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=protocol))


def read_at(tiny: Tiny, moment: str | None, scratch: Path) -> Cases:
    inspection = inspect_at(tiny, moment)
    assert [problem for problem in inspection.problems if problem.fails] == []
    return read_cases(inspection.cache, inspection.chosen, inspection.door.case_ids, scratch)


@pytest.mark.parametrize(
    ("moment", "columns", "psa_day"),
    [
        ("before", ("psa",), -5),  # measured after the cell of clinical.csv, before the operation
        ("after", ("psa", "margin"), -5),
        (None, ("psa", "margin"), -5),  # the prediction day, of a cohort that is extracted up to day 100
        ("later", ("psa", "margin"), 90),
    ],
)
def test_values_are_those_of_the_day(
    tiny_moments: Tiny, tmp_path: Path, moment: str | None, columns: tuple[str, ...], psa_day: int
) -> None:
    clinical = read_at(tiny_moments, moment, tmp_path).modalities["clinical"]
    assert clinical.columns == columns
    expected = [
        np.log(PSA[psa_day] + int(case) / 100) for case in inspect_at(tiny_moments, moment).door.case_ids
    ]
    np.testing.assert_allclose(clinical.values[:, 0], expected, rtol=1e-12)


def test_items_are_those_of_the_day(tiny_moments: Tiny, tmp_path: Path) -> None:
    entries = {}
    for moment in ("before", "after", "later"):
        chosen = inspect_at(tiny_moments, moment).chosen
        entries[moment] = {label: {one.item_id[5:] for one in own.records} for label, own in chosen.items()}
    assert "slides" not in entries["before"]
    assert entries["after"]["slides"] == entries["later"]["slides"] == {"0"}
    assert [entries[moment]["notes"] for moment in entries] == [{"-3"}, {"-3"}, {"-3", "50"}]


def test_an_arm_on_what_is_not_known_yet_is_left_out_with_its_reason(
    tiny_moments: Tiny, tmp_path: Path
) -> None:
    protocol = yaml.safe_load(tiny_moments.protocol.read_text(encoding="utf-8"))
    protocol["arms"].append({"model": "mean_mil", "modalities": ["slides"]})
    path = tmp_path / "protocol.yaml"
    path.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    tiny = Tiny(cohort=tiny_moments.cohort, cache=tiny_moments.cache, protocol=path)
    (absent,) = inspect_at(tiny, "before").absent
    assert (absent.reason, absent.declared) == ("nothing of slides is known by day -1", False)
    assert inspect_at(tiny, "after").absent == ()


def test_a_moment_that_the_card_does_not_have(tiny_moments: Tiny) -> None:
    with pytest.raises(ManifestError, match="after, before, later"):
        inspect_at(tiny_moments, "tomorrow")


def test_an_item_without_a_day_is_an_error_where_there_are_moments(
    tiny_moments: Tiny, tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "tiny"
    shutil.copytree(tiny_moments.cohort, folder)
    card = yaml.safe_load((folder / "cohort.yaml").read_text(encoding="utf-8"))
    del card["undated"]["slides"]
    (folder / "cohort.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    tiny = Tiny(cohort=folder, cache=tiny_moments.cache, protocol=tiny_moments.protocol)
    failing = [problem for problem in inspect_at(tiny, "after").problems if problem.fails]
    assert [problem.got for problem in failing] == ["60 without, the first is case 0000, 0000_0"]


def test_the_clock_starts_again_at_a_moment(tiny_moments: Tiny) -> None:
    after, later = inspect_at(tiny_moments, "after").door, inspect_at(tiny_moments, "later").door
    before = dict(zip(after.case_ids, after.strata().time_days, strict=True))
    gone = [case for case, days in before.items() if days <= 100]
    assert len(gone) > 3
    assert later.too_early == tuple(gone)
    assert list(later.case_ids) == [case for case in after.case_ids if case not in gone]
    expected = [before[case] - 100 for case in later.case_ids]
    np.testing.assert_allclose(later.strata().time_days, expected, rtol=1e-12)
    # a day before the index event moves no clock: nobody is followed yet
    np.testing.assert_array_equal(
        inspect_at(tiny_moments, "before").door.strata().time_days, after.strata().time_days
    )


def test_moments_are_days_with_plain_names(tiny_moments: Tiny, tmp_path: Path) -> None:
    card = yaml.safe_load((tiny_moments.cohort / "cohort.yaml").read_text(encoding="utf-8"))
    (tmp_path / "cohort.yaml").write_text(yaml.safe_dump(card | {"moments": {"a/b": 3}}), encoding="utf-8")
    with pytest.raises(ManifestError, match="moments"):
        inspect_cohort(tmp_path)
