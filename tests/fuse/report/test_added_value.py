"""Added value on the page: rungs side by side, decision curves inside their frame, and what is not there."""

from __future__ import annotations

import re
from pathlib import Path

from fuse.report.added_value_table import build_added_value
from fuse.report.decision_plot import place_decisions
from fuse.report.documents import AddedValueRow, DecisionRow
from fuse.report.page import write_report
from tests.fuse.report.conftest import write_table

SCORE, CLINICAL, LATE = "capra_s__clinical", "ridge_cox__clinical", "late__clinical+slides"
WORDS = {SCORE: "published risk score", CLINICAL: "clinical values", LATE: "slides + clinical values"}
COLUMNS = (
    "rung",
    "words",
    "modalities",
    "against",
    "metric",
    "threshold",
    "estimate",
    "low",
    "high",
    "method",
)


def rows() -> list[AddedValueRow]:
    found = []
    for place, rung in enumerate(WORDS):
        for metric, threshold in (("c_index", None), ("ipa", None), ("net_benefit", 0.1)):
            found.append(row(rung, "", metric, threshold, 0.6 + place / 10))
            for against in list(WORDS)[: min(place, 2)]:
                found.append(row(rung, against, metric, threshold, 0.01 * place))
        for against in list(WORDS)[: min(place, 2)]:
            found.append(row(rung, against, "moved_up_per_100", 0.1, 7.25, interval=False))
            found.append(row(rung, against, "moved_down_per_100", 0.1, 3.0, interval=False))
            found.append(row(rung, against, "event_share_of_moved_up", 0.1, 0.31, interval=False))
            found.append(row(rung, against, "event_share_of_moved_down", 0.1, None, interval=False))
    return found


def row(rung, against, metric, threshold, estimate, *, interval=True) -> AddedValueRow:
    return AddedValueRow(
        rung=rung,
        words=WORDS[rung],
        modalities="clinical",
        against=against,
        metric=metric,
        threshold=threshold,
        estimate=estimate,
        low=estimate - 0.05 if interval else None,
        high=estimate + 0.05 if interval else None,
        method=f"method of {metric}" if interval else "",
    )


def decisions() -> list[DecisionRow]:
    return [
        DecisionRow(curve=curve, words=WORDS.get(curve, "treat all"), threshold=risk / 100, net_benefit=value)
        for curve, slope in ((CLINICAL, 0.4), (LATE, 0.3), ("treat_all", 2.0))
        for risk in range(1, 41)
        for value in (0.2 - slope * risk / 100,)
    ]


def test_rungs_stand_side_by_side_with_their_differences() -> None:
    table = build_added_value(rows(), "c_index")
    assert table is not None
    assert table.references == ("published risk score", "clinical values")
    score, clinical, late = table.lines
    assert (score.is_reference, late.is_reference) == (True, False)
    assert score.order_gained == (None, None)
    assert clinical.order_gained[0] is not None and clinical.order_gained[1] is None
    assert [gained.estimate for gained in late.order_gained if gained] == [0.02, 0.02]
    assert late.order is not None and late.order.estimate == 0.8
    (at,) = table.thresholds
    assert at.threshold == 0.1
    assert at.lines[2].moved["moved_up_per_100"] == 7.25
    assert at.lines[0].benefit_gained is None
    assert build_added_value([], "c_index") is None


def test_curves_stay_inside_their_frame_and_keep_their_order() -> None:
    plot = place_decisions(decisions(), (0.1, 0.9))
    assert plot is not None
    for curve in plot.curves:
        points = [tuple(map(float, pair)) for pair in re.findall(r"[ML]([\d.]+) ([\d.]+)", curve.path)]
        assert all(plot.left <= x <= plot.right and plot.top <= y <= plot.bottom for x, y in points)
    assert [curve.place for curve in plot.curves] == [0, 1, None]
    clinical, late, everybody = (curve.path for curve in plot.curves)
    # what leaves the plot below is not drawn on along its edge
    assert everybody.count("L") < late.count("L") == clinical.count("L")
    assert [text for _, text in plot.guides] == ["10 %"]
    assert plot.top < plot.zero_y < plot.bottom
    assert place_decisions([], ()) is None


def test_a_curve_of_many_modalities_is_named_by_how_many_there_are() -> None:
    words = "slides + volumes + notes + clinical values"
    long = [row.model_copy(update={"words": words}) for row in decisions() if row.curve == LATE]
    plot = place_decisions(long, ())
    assert plot is not None
    assert (plot.curves[0].label, plot.curves[0].words) == ("4 modalities together", words)


def test_the_page_has_tables_curves_and_the_caution(run_folder: Path) -> None:
    lines = [tuple(getattr(one, name) for name in COLUMNS) for one in rows()]
    write_table(run_folder / "added_value.csv", COLUMNS, lines)
    curves = [(one.curve, one.words, one.threshold, one.net_benefit) for one in decisions()]
    write_table(run_folder / "decision_curves.csv", ("curve", "words", "threshold", "net_benefit"), curves)
    page = write_report(run_folder).read_text(encoding="utf-8")
    section = page[page.index('<section id="added-value">') : page.index('<section id="cases">')]
    assert "Acting from a predicted risk of 10&nbsp;% on" in section
    assert section.count("<svg") == 1
    assert "Prognostic is not predictive of treatment effect." in section
    assert "31 %" in section and "7.2" in section
    assert "method of net_benefit" in section
    assert "fixed before anything was fitted" in section


def test_without_thresholds_or_files_the_page_says_so(run_folder: Path) -> None:
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert "There is no table of added value in this run: none was written." in page
    lines = [tuple(getattr(one, name) for name in COLUMNS) for one in rows() if one.threshold is None]
    write_table(run_folder / "added_value.csv", COLUMNS, lines)
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert "declares no <code>thresholds</code>" in page
    assert "Acting from" not in page


def test_of_one_step_it_is_not_said_that_nothing_ran(run_folder: Path) -> None:
    alone = [one for one in rows() if one.rung == rows()[0].rung and not one.against]
    write_table(
        run_folder / "added_value.csv",
        COLUMNS,
        [tuple(getattr(one, name) for name in COLUMNS) for one in alone],
    )
    page = write_report(run_folder).read_text(encoding="utf-8")
    assert "There is one step only: there is nothing to add to" in page
    assert "clinical values ran" not in page
