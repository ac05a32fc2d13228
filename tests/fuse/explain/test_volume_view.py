"""volumes.json: the right case, every slice of its preview, and outlines that enclose what the mask has."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from feature_cache.store import FeatureCache
from fuse.cases import Cases, Modality
from fuse.explain.volume_view import NO_ARM, choose_case, outline, write_volumes
from fuse.features.feature_sets import ChosenSet
from fuse.fitting import ArmResult, FoldResult
from fuse.folds.folds import Fold, Folds
from tests.fuse.tiny_volumes import volume

IDS = ("0000", "0001", "0002", "0003")
ARM = {"ridge_cox__volumes": "volumes"}


def filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """Fill a path of horizontal and vertical lines by the even-odd rule."""
    crossings = np.zeros((shape[0], shape[1] + 1), dtype=int)
    for x, y, stop in re.findall(r"M(\d+) (\d+)V(\d+)", path):
        crossings[int(y) : int(stop), int(x)] += 1
    return np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_an_outline_encloses_the_mask(mask: np.ndarray) -> None:
    path = outline(mask)
    assert np.array_equal(filled(path, mask.shape), mask)
    assert np.array_equal(filled(outline(mask.T), mask.T.shape), mask.T)
    assert (path == "") == (not mask.any())
    assert re.fullmatch(r"[MHV\d ]*", path)


def cases_with(present: list[bool]) -> Cases:
    values = np.where(np.array(present)[:, None], 1.0, np.nan)
    modality = Modality(
        name="volumes", feature_set="v", present=np.array(present), columns=("a",), values=values
    )
    return Cases(case_ids=IDS, modalities={"volumes": modality})


def two_folds(risk: list[float]) -> tuple[Folds, list[FoldResult]]:
    """Fold 1 tests the first two cases, fold 2 the others."""
    halves = (np.array([0, 1]), np.array([2, 3]))
    folds = Folds(
        case_ids=IDS,
        folds=tuple(
            Fold(repeat=1, fold=number, train=halves[2 - number], test=halves[number - 1], inner=np.zeros(2))
            for number in (1, 2)
        ),
        source="made",
    )
    results = [
        FoldResult(
            repeat=1,
            fold=fold.fold,
            arms={
                "ridge_cox__volumes": ArmResult(
                    risk=np.array(risk)[fold.test],
                    probability=np.ones((2, 1)),
                    train_median=0.0,
                    chosen="alpha=16",
                    inner_pairs=np.zeros((2, 1, 2)),
                )
            },
        )
        for fold in folds.folds
    ]
    return folds, results


@pytest.mark.parametrize(
    ("present", "case"),
    [
        ([True, True, True, True], "0001"),
        ([True, False, True, True], "0000"),
        ([False, False, True, True], "0002"),
    ],
)
def test_of_the_first_fold_that_tested_one_the_case_of_highest_risk(present: list[bool], case: str) -> None:
    folds, results = two_folds([-1.0, 0.0, 5.0, 4.0])
    shown = choose_case(ARM, results, folds, cases_with(present))
    assert shown is not None
    assert shown.case_id == case
    assert (shown.repeat, shown.fold) == (1, 2 if case == "0002" else 1)


def test_without_an_arm_on_volumes_the_reason_is_given(tmp_path: Path) -> None:
    folds, results = two_folds([0.0] * 4)
    for arms, present in (({}, [True] * 4), (ARM, [False] * 4)):
        shown = choose_case(arms, results, folds, cases_with(present))
        write_volumes(tmp_path / "v.json", shown, FeatureCache.create(tmp_path / "cache"), {})
        assert json.loads((tmp_path / "v.json").read_text()) == {"reason": NO_ARM}


def test_every_slice_of_every_series_is_shown(tmp_path: Path) -> None:
    cache = FeatureCache.create(tmp_path / "cache")
    drafts = [
        volume("0001", study, {("t2w", "gland"): (1.0, 2.0), ("hbv", "gland"): (1.0, 2.0)})
        for study in ("a", "b")
    ]
    for draft in drafts:
        cache.commit(draft)
    records = tuple(cache.records("tiny", "volumes"))
    chosen = {"volumes": ChosenSet(modality="volumes", label="volumes", name="v", records=records)}
    folds, results = two_folds([-1.0, 0.0, 5.0, 4.0])
    shown = choose_case(ARM, results, folds, cases_with([True] * 4))
    write_volumes(tmp_path / "v.json", shown, cache, chosen)
    view = json.loads((tmp_path / "v.json").read_text())
    assert (view["case_id"], view["item_id"], view["studies"]) == ("0001", "a", 2)
    assert view["series_missing"] == ["adc"]
    assert (view["slices"], view["rows"], view["columns"]) == (3, 8, 6)
    assert view["slice_numbers"] == [0, 2, 4]
    for series, images in zip(view["series"], drafts[0].arrays["preview"], strict=True):
        strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(series["strip_png"]))))
        np.testing.assert_array_equal(strip.reshape(images.shape), images)
    (region,) = view["regions"]
    assert region["name"] == "gland"
    for path, mask in zip(region["outlines"], drafts[0].arrays["preview_masks"][0], strict=True):
        np.testing.assert_array_equal(filled(path, mask.shape), mask.astype(bool))
