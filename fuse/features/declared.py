"""What the manifest allows of a feature set: the items it lists, the columns and the day it declares.

Enters: a cohort as it is now, and entries that were made when its manifest may have said something else.
Leaves: which entries may be used, and a problem for every declaration that the entries contradict. The
manifest tables are enough; no raw file is looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryRecord
from feature_cache.errors import Problem, table_error

AGAIN = "Run `python -m extract run` again, or mend cohort.yaml."

#: What one item and several of a dated modality are called, and the table that says of which day they are.
DATED = {
    "notes": ("note", "notes", "notes.csv"),
    "volumes": ("study", "studies", "series.csv"),
    "burden": ("study", "studies", "series.csv"),
}


def listed_items(cohort: Cohort, modality: str) -> tuple[str, set[tuple[str, str]]]:
    """Return the table that lists a modality's items, and each item as (case id, item id).

    Of modalities whose items no table names one by one, every item of a case of cases.csv is listed: the
    item id is "" then.
    """
    if modality == "slides":
        return "slides.csv", {(row.case_id, row.slide_id) for row in cohort.slides}
    if modality == "notes":
        return "notes.csv", {(row.case_id, row.note_id) for row in cohort.notes}
    if modality in ("volumes", "burden"):
        return "series.csv", {(row.case_id, row.study_id) for row in cohort.series}
    if modality == "clinical":
        measured = {row.case_id for row in cohort.measurements}
        return "clinical.csv", {(case, "") for case in measured | cohort.clinical.keys()}
    return "cases.csv", {(case, "") for case in cohort.case_ids}


def contradictions(records: Sequence[EntryRecord], cohort: Cohort, where: str) -> Iterator[Problem]:
    """Yield an error for everything in the entries of one feature set that the card does not allow."""
    card, first = cohort.card, records[0]
    last = _last_day(card)
    made_for = first.settings.get("prediction_day", last)
    if made_for != last:
        which = "the latest moment" if card.moments else "the prediction day"
        yield table_error(
            f"{where}: prediction_day",
            f"entries made for day {last}, {which} of cohort.yaml",
            f"entries made for day {made_for}",
            AGAIN,
        )
    if first.modality in ("clinical", "burden"):
        yield from _columns(first, card, where)
    if first.settings.get("origin") == "table":
        yield from _table(records, card, where)
    if first.modality in DATED:
        yield from _days(records, cohort)


def _last_day(card: CohortCard) -> int | str:
    """Return the day up to which values are extracted, the gap where the card has one."""
    return card.last_day if isinstance(card.prediction_day, int) else card.prediction_day


def _columns(record: EntryRecord, card: CohortCard, where: str) -> Iterator[Problem]:
    """Yield the columns that are excluded or unknown by now, or declared in another way."""
    # a burden is made of studies and of one clinical value, which its settings declare
    of_case = record.attrs if record.modality == "clinical" else record.settings
    described = of_case.get("variables", ())
    names = (str(one["name"]).removesuffix(f"={one.get('level', '')}") for one in described)
    for name in dict.fromkeys(names):
        if name not in card.variables:
            excluded = f"excluded ({card.excluded[name]})" if name in card.excluded else "not declared"
            yield table_error(
                f"{where}: column {name}",
                "columns that cohort.yaml lists under variables",
                f"one that is {excluded}",
                AGAIN,
            )
    for then in record.settings.get("variables", ()):
        name = str(then["name"])
        if name not in card.variables:
            continue
        now = card.variables[name].model_dump(mode="json")
        changed = [key for key, value in then.items() if key in now and now[key] != value]
        if changed:
            yield table_error(
                f"{where}: column {name}",
                "the declaration in cohort.yaml",
                f"entries made with another {', '.join(changed)}",
                AGAIN,
            )


def _table(records: Sequence[EntryRecord], card: CohortCard, where: str) -> Iterator[Problem]:
    """Yield what speaks against entries that were imported from a wide table."""
    day, last = records[0].settings.get("day", 0), _last_day(card)
    if isinstance(last, int) and day > last:
        yield table_error(
            f"{where}: day",
            f"a table of a day up to the prediction day {last}",
            f"one of day {day}",
            "Leave the modality out, or mend cohort.yaml.",
        )
    other = next((record for record in records if record.sources != records[0].sources), None)
    if other is not None:
        yield table_error(
            f"{where}: case {other.case_id}",
            f"the table that case {records[0].case_id} is from: two may be of two scales",
            "another one, as an import that was stopped leaves it",
            "Import the table again; it finishes what is left.",
        )


def excluded_names(names: Sequence[str], card: CohortCard, where: str) -> Iterator[Problem]:
    """Yield the named values of a vector that cohort.yaml excludes by now, or that are endpoints of it."""
    declared = {**{name: "an endpoint" for name in card.endpoints}, **card.excluded}
    for name in (name for name in names if name in declared):
        yield table_error(
            f"{where}: column {name}",
            "no column that cohort.yaml names as an outcome or a treatment in disguise",
            f"one that it excludes ({declared[name]})",
            "Import the table again without it.",
        )


def _days(records: Sequence[EntryRecord], cohort: Cohort) -> Iterator[Problem]:
    """Yield the first item later than the prediction day, or of another day than its table says, counted."""
    last, (word, words, table) = _last_day(cohort.card), DATED[records[0].modality]
    days_of = listed_days(cohort, records[0].modality)
    wrong, any_late = [], False
    for record in records:
        day = record.attrs.get("day")
        listed = days_of.get((record.case_id, record.item_id), {})
        # of a study count the series that it was made of: a recipe may have left a later one out
        told = known_day(listed[name] for name in record.attrs.get("series", listed) if name in listed)
        late = isinstance(last, int) and any(isinstance(one, int) and one > last for one in (day, told))
        any_late |= late
        if late or (day is not None and listed and told != day):
            wrong.append((record, told, day))
    if wrong:
        record, told, day = wrong[0]
        named = "mri" if record.modality in ("volumes", "burden") else "value"  # as the lint names what leaks
        yield table_error(
            f"cache: {record.key}",
            f"a {word} of day {told}, as {table} has it, and none after the prediction day {last}",
            f"{named + '-after-prediction-day: ' if any_late else ''}a {word} that was made as of day {day} "
            f"({len(wrong)} such {words})",
            AGAIN,
        )


def listed_days(cohort: Cohort, modality: str) -> dict[tuple[str, str], dict[str, int | None]]:
    """Return (case, item) -> series -> its day; a note and a slide are made of nothing but themselves."""
    days: dict[tuple[str, str], dict[str, int | None]] = defaultdict(dict)
    if modality == "slides":
        undated = cohort.card.undated_day("slides")
        for slide in cohort.slides:
            days[slide.case_id, slide.slide_id][""] = undated if slide.day is None else slide.day
    elif modality == "notes":
        undated = cohort.card.undated_day("notes")
        for note in cohort.notes:
            days[note.case_id, note.note_id][""] = undated if note.day is None else note.day
    else:
        undated = cohort.card.undated_day("series")
        for row in cohort.series:
            sequence = row.sequence.strip().lower()  # as an entry names its series
            day, of_study = undated if row.day is None else row.day, days[row.case_id, row.study_id]
            # a series over time may have a row a frame: it is known with its last
            of_study[sequence] = known_day([day, of_study.get(sequence, day)])
    return days


def known_day(days: Iterable[int | None]) -> int | None:
    """Return the day from which all is known; None where one has no day."""
    last: int | None = None
    for day in days:
        if day is None:
            return None
        last = day if last is None else max(last, day)
    return last
