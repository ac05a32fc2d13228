"""Whether anything is known only after the prediction day: the commonest leak.

Enters: a cohort. Leaves: a problem for every variable, slide, series, note and measurement that is later
than the prediction day (the latest of the card's moments, where it has any), and for every kind of item
without a day.
"""

from __future__ import annotations

from collections.abc import Iterator

from feature_cache.card import CohortCard, UndatedKind
from feature_cache.cohort import Cohort
from feature_cache.errors import Problem, table_error


def day_problems(cohort: Cohort) -> Iterator[Problem]:
    """Yield one row for every item that may not be used; nothing while the prediction day is a gap."""
    yield from declared_day_problems(cohort)
    yield from _late(cohort, _dated_rows(cohort))


def declared_day_problems(cohort: Cohort) -> Iterator[Problem]:
    """Yield those of cohort.yaml alone: a whole variable or kind of item that is late or without a day."""
    card = cohort.card
    for kind in _undated_kinds(cohort):
        if kind not in card.undated:
            yield table_error(
                f"cohort.yaml: undated.{kind}",
                f"the day at which {kind} without a day count as known",
                "none",
                "Declare the assumption, or give each its day.",
            )
    yield from _late(cohort, _declared(card))
    yield from _late(cohort, _dated_slides(cohort))


def _late(cohort: Cohort, dated: Iterator[tuple[str, int]]) -> Iterator[Problem]:
    if not isinstance(cohort.card.prediction_day, int):
        return
    last_day = cohort.card.last_day
    for where, day in dated:
        if day > last_day:
            yield table_error(
                where,
                f"a day up to the prediction day {last_day}",
                f"day {day}",
                "Take it out: it is not known when the prediction is made.",
            )


def _undated_kinds(cohort: Cohort) -> Iterator[UndatedKind]:
    if any(row.day is None for row in cohort.slides):
        yield "slides"
    if any(row.day is None for row in cohort.series):
        yield "series"
    if any(row.day is None for row in cohort.notes):
        yield "notes"


def _declared(card: CohortCard) -> Iterator[tuple[str, int]]:
    for name, variable in card.variables.items():
        yield f"cohort.yaml: variables.{name}.day", variable.day_number
    for kind, assumed in card.undated.items():
        if isinstance(assumed, int):
            yield f"cohort.yaml: undated.{kind}", assumed


def _dated_slides(cohort: Cohort) -> Iterator[tuple[str, int]]:
    """Yield the days of slides: they cost hours, and are refused before the first is opened."""
    for slide in cohort.slides:
        if slide.day is not None:
            yield f"slides.csv: case {slide.case_id}, slide {slide.slide_id}", slide.day


def _dated_rows(cohort: Cohort) -> Iterator[tuple[str, int]]:
    for note in cohort.notes:
        if note.day is not None:
            yield f"notes.csv: case {note.case_id}, note {note.note_id}", note.day
    for series in cohort.series:
        if series.day is not None:
            yield f"series.csv: case {series.case_id}, {series.study_id}/{series.series_id}", series.day
    for row in cohort.measurements:
        yield f"measurements.csv: case {row.case_id}, {row.variable}", row.day
