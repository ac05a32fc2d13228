"""A modality that is absent is told apart from one that carries nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuse.report.cohort_flow import count_patterns
from fuse.report.documents import WeightRow
from fuse.report.weights_plot import BAR_LEFT, BAR_RIGHT, MOST_BARS, place_weights


def rows(case: str, parts: dict[str, tuple[float, float | None] | None]) -> list[WeightRow]:
    found = []
    for modality, pair in parts.items():
        contribution, share = pair if pair is not None else (None, None)
        found.append(WeightRow(case_id=case, modality=modality, contribution=contribution, share=share))
    return found


def test_absent_is_marked_and_zero_is_not() -> None:
    plot = place_weights(
        rows("a", {"slides": None, "clinical": (0.4, 1.0)})
        + rows("b", {"slides": (0.0, 0.0), "clinical": (0.2, 1.0)})
    )
    assert plot is not None
    lacking, having = plot.bars
    assert [modality for _, modality in lacking.absent] == ["slides"]
    assert having.absent == ()
    assert [segment.modality for segment in having.segments] == ["slides", "clinical"]
    slides = plot.summaries[0]
    assert (slides.present, slides.absent, slides.mean_share) == (1, 1, 0.0)


def test_without_any_weight_modalities_are_present_and_have_no_share() -> None:
    plot = place_weights(rows("a", {"clinical": (0.0, None), "notes": (0.0, None)}))
    assert plot is not None
    assert plot.bars[0].segments == ()
    assert plot.bars[0].absent == ()
    assert [summary.mean_share for summary in plot.summaries] == [None, None]


@given(st.lists(st.floats(0.01, 5), min_size=2, max_size=5))
def test_the_pieces_fill_the_bar_in_proportion(sizes: list[float]) -> None:
    shares = [size / sum(sizes) for size in sizes]
    parts = {
        f"m{place}": (size, share) for place, (size, share) in enumerate(zip(sizes, shares, strict=True))
    }
    plot = place_weights(rows("a", dict(parts)))
    assert plot is not None
    segments = plot.bars[0].segments
    assert segments[0].x == BAR_LEFT
    assert sum(segment.width for segment in segments) == pytest.approx(BAR_RIGHT - BAR_LEFT)
    for segment, share in zip(segments, shares, strict=True):
        assert segment.width == pytest.approx(share * (BAR_RIGHT - BAR_LEFT))


def test_many_cases_are_thinned_evenly_and_all_stay_in_the_table() -> None:
    cases = [row for place in range(200) for row in rows(f"{place:03d}", {"clinical": (-place / 100, 1.0)})]
    plot = place_weights(cases)
    assert plot is not None
    shown = [bar.case.case_id for bar in plot.bars]
    assert len(shown) == len(set(shown)) == MOST_BARS
    assert (shown[0], shown[-1]) == ("000", "199")
    assert len(plot.cases) == 200


def test_patterns_count_every_case_once() -> None:
    plot = place_weights(
        rows("a", {"clinical": (1.0, 1.0), "slides": None})
        + rows("b", {"clinical": (1.0, 0.5), "slides": (1.0, 0.5)})
        + rows("c", {"clinical": (1.0, 0.5), "slides": (1.0, 0.5)})
    )
    assert plot is not None
    patterns = count_patterns(plot.cases)
    assert [(pattern.absent, pattern.cases) for pattern in patterns] == [((), 2), (("slides",), 1)]


def test_no_late_fusion_no_plot() -> None:
    assert place_weights([]) is None
