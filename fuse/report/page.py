"""The page itself: a RUN folder in, one HTML file out that needs nothing else to be read.

Enters: a RUN folder. Leaves: RUN/report.html, replaced in one step. The policy in its head forbids every
request and every script, and all text from files passes jinja2's escaping: an id cannot become markup.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from markupsafe import Markup

from fuse.files import write_text
from fuse.report import numerals
from fuse.report.added_value_table import build_added_value
from fuse.report.arms_table import build_arms_forest, build_arms_table
from fuse.report.attention_picture import place_attention
from fuse.report.attention_table import average_attention
from fuse.report.calibration_plot import place_calibration
from fuse.report.checklist_table import build_checklists
from fuse.report.chosen_table import count_choices
from fuse.report.cohort_flow import count_patterns, draw_flow
from fuse.report.comparison_tables import build_comparisons
from fuse.report.decision_plot import place_decisions
from fuse.report.documents import Curves
from fuse.report.endpoint_kind import kind_of
from fuse.report.environment import TEMPLATES, page_environment
from fuse.report.interval_tables import build_intervals
from fuse.report.replicate_tables import build_tests
from fuse.report.run_folder import REPORT_NAME, RunFolder, read_run
from fuse.report.survival_plot import place_survival
from fuse.report.verdict_numbers import write_estimate
from fuse.report.volume_picture import place_volumes
from fuse.report.weights_plot import place_weights


def write_report(run: Path) -> Path:
    """Write the report of a run from what lies in its folder, and from nothing else.

    Parameters
    ----------
    run
        A RUN folder; only `report.html` in it is written. The same folder gives the same bytes.

    Returns
    -------
    Path
        ``run / "report.html"``.

    Raises
    ------
    RunFolderError
        A file is absent, damaged or not of its form.
    """
    page = render(read_run(run))
    path = run / REPORT_NAME
    # Half a surrogate pair is legal in JSON and not in UTF-8: it is shown as its escape.
    write_text(path, page.encode("utf-8", errors="backslashreplace").decode("utf-8"))
    return path


def render(folder: RunFolder) -> str:
    """Return the page as HTML."""
    document, kind = folder.document, kind_of(folder.document.endpoint)
    horizon = folder.verdict.horizon
    weights = place_weights(folder.weights)
    added = build_added_value(folder.added_value, kind.measure.metric)
    not_run = tuple(arm for arm in document.arms if arm.status == "not_run")
    template = page_environment().get_template("page.html.j2")
    return template.render(
        run=folder,
        document=document,
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        arms=build_arms_table(document, folder.metrics),
        kind=kind,
        question_number=lambda question: write_estimate(question, kind.measure.short),
        arms_forest=build_arms_forest(document, folder.metrics),
        named=build_comparisons(folder.comparisons, document, named_before=True),
        described=build_comparisons(folder.comparisons, document, named_before=False),
        outlook=folder.curves.outlook,
        outlook_methods=_methods_of(folder.curves),
        calibration_plot=place_calibration(folder.curves.calibration),
        survival=place_survival(folder.curves, horizon.days if horizon else document.endpoint.horizon_days),
        horizon=horizon,
        added=added,
        decisions=place_decisions(
            folder.decisions, [table.threshold for table in added.thresholds] if added else []
        ),
        invented=document.cohort.title.startswith("Synthetic"),
        labels=document.labels,
        weights=weights,
        looked_at=average_attention(folder.attention_weights),
        patterns=count_patterns(weights.cases) if weights else (),
        attention=place_attention(folder.attention),
        volumes=place_volumes(folder.volumes),
        choices=count_choices(folder.chosen, document),
        interval_tables=build_intervals(folder.intervals, folder.comparisons, document),
        tests=build_tests(folder.tests, document),
        checklists=build_checklists(folder.tripod, folder.probast),
        flow=draw_flow(document.flow),
        not_run=not_run,
        silent=tuple(arm for arm in not_run if not any(arm.name in part.what for part in document.failures)),
        rerun=rerun_command(document.folder or folder.name),
        events=_count_events(folder, kind.measure.metric),
        span=numerals.span,
        nothing=numerals.NOTHING,
    )


def rerun_command(folder: str) -> str:
    """Return the command that makes the same numbers again from the checkout, quoted for a shell."""
    return shlex.join([".venv/bin/python", "-m", "fuse", "rerun", folder])


def _methods_of(curves: Curves) -> tuple[str, ...]:
    """Return how the numbers of the outlook were made, each method once."""
    numbers = [at for line in curves.outlook for at in (*line.event_probability, line.restricted_mean_days)]
    return tuple(dict.fromkeys(at.method for at in numbers if at.estimate is not None))


def _count_events(folder: RunFolder, primary: str) -> int | None:
    """Return the events among the evaluated cases: those that the metrics of most cases were computed on."""
    counted = [row for row in folder.metrics if row.n_events is not None and row.metric == primary]
    return max((row.n_events or 0 for row in counted), default=None)
