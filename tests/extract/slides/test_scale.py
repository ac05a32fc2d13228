"""Whose word on the resolution counts, and what is nobody's word."""

from __future__ import annotations

import pytest

from extract.slides.scale import decide_scale, parse_mpp
from feature_cache.errors import SourceError

FILE = (0.25, 0.2527)


@pytest.mark.parametrize(
    ("in_file", "in_manifest", "mpp", "source", "warnings"),
    [
        (FILE, None, FILE, "file (aperio metadata)", ()),
        (None, 0.263, (0.263, 0.263), "manifest", ()),
        (FILE, 0.25, (0.25, 0.25), "manifest", ()),
        (
            FILE,
            0.5,
            (0.5, 0.5),
            "manifest",
            ("mpp 0.5 of the manifest is used; the file says 0.25 x 0.2527",),
        ),
        ((0.25, 0.25), 0.2624, (0.2624, 0.2624), "manifest", ()),  # 5 % are let pass
        (
            (0.25, 0.25),
            0.2626,
            (0.2626, 0.2626),
            "manifest",
            ("mpp 0.2626 of the manifest is used; the file says 0.25 x 0.25",),
        ),
    ],
)
def test_the_manifest_wins_and_says_so_where_it_differs(
    in_file: tuple[float, float] | None,
    in_manifest: float | None,
    mpp: tuple[float, float],
    source: str,
    warnings: tuple[str, ...],
) -> None:
    scale = decide_scale("slide a", in_file, "file (aperio metadata)", in_manifest)
    assert (scale.mpp, scale.source, scale.warnings) == (mpp, source, warnings)


def test_with_neither_there_is_none() -> None:
    with pytest.raises(SourceError) as caught:
        decide_scale("case 1, slide a", None, "file", None)
    assert str(caught.value) == (
        "case 1, slide a: expected a resolution of 0.05 to 20.0 um per pixel in the file or in slides.csv; "
        "got none that can be trusted. "
        "Give it in the mpp column of slides.csv; ask who scanned the slide, do not guess."
    )


@pytest.mark.parametrize("mpp", [0.0, -0.25, 0.049, 20.1, 352.8, float("nan"), float("inf")])
def test_an_implausible_manifest_is_refused_even_where_the_file_knows(mpp: float) -> None:
    with pytest.raises(SourceError, match=r"an mpp of 0\.05 to 20\.0 um per pixel in slides\.csv"):
        decide_scale("slide a", FILE, "file", mpp)


@pytest.mark.parametrize(
    ("x", "y", "mpp", "warning"),
    [
        ("0.25", "0.2527", (0.25, 0.2527), None),
        (0.499, 0.499, (0.499, 0.499), None),
        (None, None, None, None),
        ("0.25", None, None, None),
        ("twenty", "0.25", None, "the file's mpp is no number and is not used"),
        ("nan", "nan", None, "outside 0.05 to 20.0"),
        ("352.8", "352.8", None, "the file's mpp 352.8 x 352.8 um is outside 0.05 to 20.0 and is not used"),
        ("0.25", "0", None, "outside"),
        ("0.25", "0.5", (0.25, 0.5), None),
        ("0.25", "0.51", None, "0.25 x 0.51 um is that of no scanner's pixel"),
    ],
)
def test_what_a_file_says(x: object, y: object, mpp: tuple[float, float] | None, warning: str | None) -> None:
    found, warnings = parse_mpp(x, y)
    assert found == mpp
    assert len(warnings) == (warning is not None)
    if warning is not None:
        assert warning in warnings[0]


def test_where_there_is_no_scale_the_doubts_about_the_file_are_told() -> None:
    mpp, doubts = parse_mpp(0.25, 9.0)
    assert mpp is None
    with pytest.raises(SourceError, match=r"trusted; the file's mpp 0\.25 x 9 um is that of no scanner"):
        decide_scale("slide a", mpp, "file", None, doubts)
