"""Which feature set of each modality a run uses, and whether its entries agree with each other.

Enters: a cache, a cohort and the protocol's `feature_sets`. Leaves: one `ChosenSet` a modality with the
records of those entries that the manifest lists, and a problem for all that does not fit: several sets and no
choice, a damaged entry.json, entries that the manifest does not list, or that contradict its declarations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from feature_cache.canonical import sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryRecord
from feature_cache.errors import DamagedEntryError, Level, Problem, table_error
from feature_cache.store import FeatureCache
from fuse.declared import contradictions, listed_items

#: Kinds of entries that become a table (and bags): what a modality may be made of so far.
KINDS = ("bag", "note", "vector")


@dataclass(frozen=True, kw_only=True)
class ChosenSet:
    """The feature set of one modality: its records, sorted by case and item."""

    modality: str
    name: str
    records: tuple[EntryRecord, ...]

    @property
    def kind(self) -> str:
        """The kind that all entries share."""
        return self.records[0].kind

    @property
    def encoder(self) -> str:
        """The id of the encoder that made the entries."""
        encoder = self.records[0].settings.get("encoder", "unknown")
        return str(encoder.get("id", encoder.get("name"))) if isinstance(encoder, dict) else str(encoder)

    @property
    def entries_sha256(self) -> str:
        """One hash over the self-hashes of all entries: the identity of what the run has read."""
        return sha256_of_json([[str(record.key), record.entry_sha256] for record in self.records])


def choose_feature_sets(
    cache: FeatureCache,
    cohort: Cohort,
    wanted: Literal["auto"] | Mapping[str, str],
    several: Level = "error",
) -> tuple[dict[str, ChosenSet], list[Problem]]:
    """Return the feature set of every modality, and what stands against using them.

    `several` is the level of the problem that a modality has several sets and `wanted` does not choose: the
    first of them that the card does not contradict stands for it then.
    """
    by_modality: dict[str, list[str]] = defaultdict(list)
    for feature_set in cache.feature_sets(cohort.name):
        by_modality[feature_set.modality].append(feature_set.name)
    problems: list[Problem] = []
    if wanted == "auto":
        names = {
            modality: _first_that_fits(cache, cohort, modality, sets)
            for modality, sets in sorted(by_modality.items())
        }
        problems.extend(_undecided(by_modality, names, several))
    else:
        names = _named(by_modality, wanted, problems)
    chosen = {}
    for modality, name in names.items():
        records = _read_records(cache, cohort, (modality, name), problems)
        if records:
            chosen[modality] = ChosenSet(modality=modality, name=name, records=records)
            problems.extend(_disagreements(chosen[modality]))
            problems.extend(contradictions(records, cohort, f"cache: {cohort.name}/{modality}/{name}"))
    if not by_modality:
        problems.append(
            table_error(
                f"cache: cohort {cohort.name}",
                "a feature set",
                "none",
                "Run `python -m extract run` on this cohort first.",
            )
        )
    return chosen, problems


def _named(
    by_modality: Mapping[str, Sequence[str]], wanted: Mapping[str, str], problems: list[Problem]
) -> dict[str, str]:
    """Return the sets that a protocol names and the cache has."""
    for modality, name in wanted.items():
        if name not in by_modality.get(modality, ()):
            there = ", ".join(by_modality.get(modality, ())) or "none"
            where = f"protocol: feature_sets.{modality}"
            problems.append(table_error(where, f"one of: {there}", name, "Mend the name."))
    return {modality: name for modality, name in wanted.items() if name in by_modality.get(modality, ())}


def _first_that_fits(cache: FeatureCache, cohort: Cohort, modality: str, sets: Sequence[str]) -> str:
    """Return the only set, or of several the first whose first entry the card does not contradict."""
    for name in sets if len(sets) > 1 else ():
        try:
            first = next(cache.records(cohort.name, modality, name))
        except DamagedEntryError:
            continue  # it is named where the set is read
        if not any(contradictions([first], cohort, name)):
            return name
    return sets[0]


def _undecided(
    by_modality: Mapping[str, Sequence[str]], names: Mapping[str, str], level: Level
) -> Iterator[Problem]:
    """Yield a problem for each modality of several sets, with what to write into a protocol."""
    mapping = ", ".join(f"{modality}: {name}" for modality, name in names.items())
    for modality in (modality for modality in names if len(by_modality[modality]) > 1):
        yield Problem(
            level=level,
            where=f"protocol: feature_sets.{modality}",
            expected="one feature set, or a choice",
            got=f"{len(by_modality[modality])}: {', '.join(by_modality[modality])}",
            remedy=f"Choose in a protocol, for every modality: `feature_sets: {{{mapping}}}`.",
        )


def _read_records(
    cache: FeatureCache, cohort: Cohort, which: tuple[str, str], problems: list[Problem]
) -> tuple[EntryRecord, ...]:
    modality, name = which
    table, listed = listed_items(cohort, modality)
    others, records = [], []
    try:
        for record in cache.records(cohort.name, modality, name):
            if listed & {(record.case_id, record.item_id), (record.case_id, "")}:
                records.append(record)
            else:
                others.append((record.case_id, record.item_id))
    except DamagedEntryError as error:
        problems.append(error.as_problem())
    if others:
        case, item = min(others)
        problems.append(
            Problem(
                level="warning",
                where=f"cache: {cohort.name}/{modality}/{name}",
                expected=f"entries of what {table} lists",
                got=f"{len(others)} other(s), the first is case {case}, {item}",
                remedy="They are not used. `python -m extract forget` removes a case from the cache.",
            )
        )
    return tuple(sorted(records, key=lambda record: (record.case_id, record.item_id)))


def _disagreements(chosen: ChosenSet) -> Iterator[Problem]:
    """Yield a problem where entries cannot be used; that a set has one recipe, the cache proves."""
    first = chosen.records[0]
    if first.kind not in KINDS:
        yield table_error(
            f"cache: {first.key}",
            f"a kind that can be evaluated: {', '.join(KINDS)}",
            first.kind,
            "Leave the modality out: name the others under feature_sets in a protocol.",
        )
    for record in chosen.records[1:]:
        if record.kind != first.kind:
            yield table_error(
                f"cache: {record.key}",
                f"kind {first.kind}, as {first.key} has it",
                f"kind {record.kind}",
                "Extract these cases again.",
            )
