"""A wide table of numbers becomes a feature set of vectors: one entry a case, the names as a small array.

Enters: a table, a cohort, what a user says of the columns. Leaves: entries, the record of the run, a summary.
Nothing is fitted and nothing left out for what it holds: a constant column stays, a case without a row is
missing, a missing value too. The columns are the set's identity, the file is its source: a set is of one
table, and another table replaces it as a whole or is refused.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from extract.interchange.importing import namesakes
from extract.interchange.table_columns import ChosenColumns, ColumnChoice, choose_columns, refuse_texts
from extract.interchange.table_file import NotNumericError, OpenTable, open_table, parse_numbers
from extract.ledger import Ledger
from extract.progress import progress
from extract.run import Receipt
from feature_cache import origin
from feature_cache.cohort import Cohort
from feature_cache.entry import MISSING, OBSERVED, EntryDraft, EntryKey, Source
from feature_cache.errors import ManifestError, SourceError
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.value_names import NAMES, pack_names

#: Modalities that come as wide tables. Clinical values come through the manifest, which declares each one.
MODALITIES = ("omics",)
#: Entries that are brought to the disk at the same time: nearly all of the time goes into waiting for it.
AT_ONCE = 8
#: Bumped by hand when the same table gives other numbers.
TABLE_ALGORITHM = 1

Row = Float[np.ndarray, " column"]


@dataclass(frozen=True, kw_only=True)
class TableRequest:
    """What a user asks of `import TABLE`: the file, its modality, its columns, and what the set is called.

    `day` counts from the index event: when what was measured was taken.
    """

    table: Path
    modality: str
    name: str
    choice: ColumnChoice = field(default_factory=ColumnChoice)
    day: int = 0


@dataclass(frozen=True, kw_only=True)
class TableSummary:
    """What became of an import; `others` are cases of the table alone, `without` those of the cohort."""

    feature_set: str
    columns: int
    outcomes: Mapping[str, int]
    others: int
    without: int
    unmatched: tuple[str, ...]
    namesakes: tuple[str, ...]

    def describe(self) -> str:
        """Return the lines that `import` prints at its end."""
        made = self.outcomes.get("committed", 0) + self.outcomes.get("replaced", 0)
        done = self.outcomes.get("already_there", 0)
        lines = f"{made} made, {done} were there; {self.feature_set}, {self.columns} columns\n"
        if self.others:
            lines += f"{self.others} case(s) of the table are not in the cohort and were left\n"
        if self.without:
            lines += f"{self.without} case(s) of the cohort have no row: missing\n"
        for pattern in self.unmatched:
            lines += f"no column fits {pattern}\n"
        if self.namesakes:
            lines += f"not the set that was there, as the columns are others: {', '.join(self.namesakes)}\n"
        return lines


def import_table(request: TableRequest, cohort: Cohort, cache: FeatureCache) -> TableSummary:
    """Import the rows of all cases of the cohort.

    Raises
    ------
    ManifestError
        The cohort does not have the modality, the table is of a later day than its prediction day, or a
        chosen column is an outcome by cohort.yaml.
    SourceError
        The table cannot be read, a chosen column is not numeric, a case has two rows that differ, a value is
        infinite, no case is of the cohort; or entries of another table would stay in the set.
    CacheError
        The disk did not take an entry. What was committed stays; the same import again finishes.
    """
    _refuse_request(request, cohort)
    sha256 = cache.hash_file(request.table)
    with open_table(request.table) as table:
        columns = choose_columns(table.name, table.columns, request.choice, cohort.card)
        rows, others = _read_rows(table, columns, frozenset(cohort.case_ids))
    if not rows:
        raise SourceError(
            request.table.name,
            expected=f"rows of cases of {cohort.name} in the column {request.choice.case_column}",
            got=f"{others} other case(s)",
            remedy="Ids are compared letter by letter: name the right column, or mend cases.csv.",
        )
    recipe = _resolve(request, columns)
    source = Source(role="table", sha256=sha256, bytes=request.table.stat().st_size)
    _refuse_a_mixed_set(cache, cohort, recipe, source, rows)
    drafting = _Drafting(cohort=cohort.name, recipe=recipe, source=source, names=pack_names(columns.names))
    cases = [(case_id, rows[case_id]) for case_id in cohort.case_ids if case_id in rows]
    return TableSummary(
        feature_set=recipe.folder,
        columns=len(columns.names),
        outcomes=_commit(cases, drafting, cache),
        others=others,
        without=len(cohort.case_ids) - len(rows),
        unmatched=columns.unmatched,
        namesakes=namesakes(cache, cohort.name, recipe),
    )


@dataclass(frozen=True, kw_only=True)
class _Drafting:
    """What all entries of an import share."""

    cohort: str
    recipe: ResolvedRecipe
    source: Source
    names: UInt8[np.ndarray, " byte"]

    def draft(self, case_id: str, values: Row) -> EntryDraft:
        """Return the entry of one case."""
        missing = np.isnan(values)
        return EntryDraft(
            key=EntryKey.of(self.cohort, self.recipe, case_id, self.recipe.modality),
            kind="vector",
            sources=(self.source,),
            arrays={
                "values": values.astype("<f8"),
                "state": np.where(missing, MISSING, OBSERVED).astype(np.uint8),
                NAMES: self.names,
            },
            settings=self.recipe.settings,
            used={"reader": "wide_table", "braid": origin.own_version(), "commit": origin.commit()},
            quality={"observed": int((~missing).sum()), "variables": len(values)},
        )


def _commit(cases: Sequence[tuple[str, Row]], drafting: _Drafting, cache: FeatureCache) -> Counter[str]:
    """Commit the entries and count what became of them; what was committed before a failure stays."""

    def commit(case: tuple[str, Row]) -> Receipt:
        draft = drafting.draft(*case)
        return Receipt(key=draft.key, outcome=cache.commit(draft))

    outcomes: Counter[str] = Counter()
    ledger, disk = Ledger(cache.runs_folder), ThreadPoolExecutor(AT_ONCE)
    try:
        with progress("importing", len(cases)) as advance:
            for receipt in disk.map(commit, cases):
                ledger.add(receipt)
                outcomes[receipt.outcome] += 1
                advance()
    finally:
        disk.shutdown(cancel_futures=True)
        ledger.close(len(cases) - outcomes.total())
    return outcomes


def _refuse_request(request: TableRequest, cohort: Cohort) -> None:
    if request.modality not in MODALITIES:
        raise ManifestError(
            f"--modality {request.modality}",
            expected=f"one of {', '.join(MODALITIES)}",
            got="another modality",
            remedy="Clinical values stand in clinical.csv of the cohort, each declared in cohort.yaml.",
        )
    if request.modality not in cohort.card.modalities:
        raise ManifestError(
            f"{cohort.name}: cohort.yaml: modalities",
            expected=f"{request.modality} among them",
            got=", ".join(cohort.card.modalities) or "none",
            remedy=f"Add {request.modality} to them.",
        )
    last = cohort.card.last_day
    if request.day > last:
        raise ManifestError(
            f"--day {request.day}",
            expected=f"a day up to the prediction day {last}",
            got="a later one",
            remedy="What is measured later is not known when the prediction is made.",
        )


def _read_rows(
    table: OpenTable, columns: ChosenColumns, wanted: frozenset[str]
) -> tuple[dict[str, Row], int]:
    """Return the values of each wanted case, and how many other cases there are."""
    rows: dict[str, Row] = {}
    others, texts = set(), set()
    refused: list[tuple[int, bool]] = []
    for number, cells in table.rows:
        case_id = cells[columns.case_place]
        if case_id not in wanted:
            others.add(case_id)
            continue
        try:
            values = parse_numbers([cells[place] for place in columns.places])
        except NotNumericError as error:
            texts.update(error.places)
            refused.append((number, error.decimal_comma))
            continue
        _refuse_infinite(table.name, number, columns, values)
        if not np.array_equal(rows.setdefault(case_id, values), values, equal_nan=True):
            raise SourceError(
                f"{table.name} line {number}: case {case_id}",
                expected="the same values in all rows of a case",
                got="a row that differs from the one before",
                remedy="Keep one row a case: several are no one's values, and are not averaged here.",
            )
    if refused:
        names = [columns.names[place] for place in sorted(texts)]
        commas = all(decimal_comma for _, decimal_comma in refused)
        refuse_texts(table.name, names, refused[0][0], decimal_comma=commas)
    return rows, len(others)


def _refuse_infinite(table: str, number: int, columns: ChosenColumns, values: Row) -> None:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise SourceError(
            f"{table} line {number}: {columns.names[infinite[0]]}",
            expected="finite values",
            got="an infinite one",
            remedy="Mend what made it (a log of 0, say), or leave the cell empty where the value is missing.",
        )


def _resolve(request: TableRequest, columns: ChosenColumns) -> ResolvedRecipe:
    """Return the recipe: which columns, in which order, of which day."""
    packed = pack_names(columns.names)
    return ResolvedRecipe(
        name=request.name,
        modality=request.modality,
        settings={
            "origin": "table",
            "encoder": "values",
            "algorithm": TABLE_ALGORITHM,
            "day": request.day,
            "columns": len(columns.names),
            "columns_sha256": hashlib.sha256(packed.tobytes()).hexdigest(),
        },
    )


def _refuse_a_mixed_set(
    cache: FeatureCache, cohort: Cohort, recipe: ResolvedRecipe, source: Source, rows: Mapping[str, Row]
) -> None:
    """Refuse a table that would replace a part of the entries: two tables may be of two scales."""
    staying = [
        record.case_id
        for record in cache.records(cohort.name, recipe.modality, recipe.folder)
        if record.sources != (source,) and record.case_id in cohort.case_ids and record.case_id not in rows
    ]
    if staying:
        raise SourceError(
            f"cache: {cohort.name}/{recipe.modality}/{recipe.folder}",
            expected="one table for all cases of a set",
            got=f"{len(staying)} case(s) of another table without a row here, the first is {staying[0]}",
            remedy="Give this table a --name of its own, or join both into one.",
        )
