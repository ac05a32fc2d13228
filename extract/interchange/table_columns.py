"""Which columns of a wide table become values: chosen by name, none of them an outcome in disguise.

Enters: the header, what a user chose, the cohort's card. Leaves: the columns, in the order of the table. A
name that usually holds an outcome is refused where a pattern chose it: a person who means the gene BCR, and
not the recurrence, names the column in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from feature_cache.card import CohortCard
from feature_cache.errors import ManifestError, SourceError
from feature_cache.outcome_names import looks_like_outcome

#: So many names an error tells; the others it counts.
MOST_NAMES = 8


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """What a user says of the columns: names or patterns with * and ?, all columns where none is given."""

    case_column: str = "case_id"
    columns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChosenColumns:
    """The columns that become values: `places` are their indices; `unmatched` patterns fit no column."""

    case_place: int
    places: tuple[int, ...]
    names: tuple[str, ...]
    unmatched: tuple[str, ...]


def choose_columns(
    table: str, header: Sequence[str], choice: ColumnChoice, card: CohortCard
) -> ChosenColumns:
    """Choose the columns of a table.

    Raises
    ------
    SourceError
        There is no column of case ids, or no chosen one; a chosen column has no name or one that is there
        twice; or a name that usually holds an outcome was chosen by a pattern.
    ManifestError
        A chosen column is one that cohort.yaml excludes, or an endpoint of it.
    """
    if choice.case_column not in header:
        raise SourceError(
            table,
            expected=f"a column {choice.case_column} with the ids of cases",
            got=f"{len(header)} others: {name_some(header)}",
            remedy="Name it: --case-column NAME.",
        )
    wanted = choice.columns or ("*",)
    places = tuple(
        place
        for place, name in enumerate(header)
        if name != choice.case_column and _fits(name, wanted) and not _fits(name, choice.without)
    )
    names = tuple(header[place] for place in places)
    unmatched = tuple(
        pattern
        for pattern in (*wanted, *choice.without)
        if not any(_fits(name, [pattern]) for name in header)
    )
    missing = [pattern for pattern in unmatched if not set(pattern) & set("*?[")]
    if missing or not names:
        raise SourceError(
            f"{table}: --columns, --without",
            expected="columns that the table has",
            got=f"none of it fits {name_some(missing or wanted)}",
            remedy=f"Its columns are {name_some(header)}.",
        )
    _refuse_names(table, header, names)
    _refuse_declared(table, names, card)
    _refuse_suspects(table, [name for name in names if name not in choice.columns])
    return ChosenColumns(
        case_place=list(header).index(choice.case_column), places=places, names=names, unmatched=unmatched
    )


def refuse_texts(table: str, names: Sequence[str], line: int, *, decimal_comma: bool) -> None:
    """Raise `SourceError`: chosen columns have cells that are no numbers, the first of them in a line."""
    leave_out = (
        "Choose the columns of numbers (--columns '*_rnaseq'), or leave these out (--without): "
        "what has levels belongs in clinical.csv."
    )
    raise SourceError(
        f"{table}: {name_some(names)}",
        expected="numbers, or empty, NA or nan where a value is missing",
        got=f"{'decimal commas' if decimal_comma else 'other texts'} in {len(names)} column(s), "
        f"the first in line {line}",
        remedy="Export it again with points in numbers." if decimal_comma else leave_out,
    )


def name_some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    shown = ", ".join(repr(name) if not name.strip() else name for name in names[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _refuse_names(table: str, header: Sequence[str], names: Sequence[str]) -> None:
    counts = Counter(header)
    _refuse(
        table,
        [name for name in names if not name.strip() or "\n" in name],
        "columns with names of one line",
        "Choose columns by --columns, or leave it out by --without: a column without a name is often a "
        "number of the row.",
    )
    _refuse(
        table,
        [name for name in dict.fromkeys(names) if counts[name] > 1],
        "columns whose names are there once",
        "Rename all but one, or leave them out by --without.",
    )


def _refuse_suspects(table: str, names: Sequence[str]) -> None:
    suspects = [name for name in names if looks_like_outcome(name)]
    _refuse(
        table,
        suspects,
        "columns that hold no outcome and no time of one",
        f"Leave them out: --without {suspects[0] if suspects else ''}. If one is a measurement (BCR is "
        "also a gene), name it in full beside the patterns: --columns NAME.",
    )


def _refuse_declared(table: str, names: Sequence[str], card: CohortCard) -> None:
    declared = {**{name: "an endpoint" for name in card.endpoints}, **card.excluded}
    for name in (name for name in names if name in declared):
        raise ManifestError(
            f"{table}: {name}",
            expected="no column that cohort.yaml names as an outcome or a treatment in disguise",
            got=f"one that it excludes ({declared[name]})",
            remedy=f"Leave it out: --without {name}.",
        )


def _refuse(table: str, names: Sequence[str], expected: str, remedy: str) -> None:
    if names:
        raise SourceError(table, expected=expected, got=name_some(names), remedy=remedy)
