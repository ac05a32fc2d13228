"""Which feature set of each modality a run uses, and whether its entries agree with each other.

Enters: a cache, a cohort and the protocol's `feature_sets`. Leaves: one `ChosenSet` a modality, or as many as
the protocol names, with the records of the entries that the manifest lists; and a problem for all that does
not fit: several sets and no choice, a damaged entry.json, entries that are not listed or are contradicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from feature_cache.canonical import sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryRecord
from feature_cache.errors import DamagedEntryError, Level, Problem, table_error
from feature_cache.store import FeatureCache
from feature_cache.value_names import NAMES, unpack_names
from fuse.features.declared import contradictions, excluded_names, listed_items
from fuse.features.known_by_then import split_by_day
from fuse.labels import label_sets

#: Kinds of entries that become a table (and bags): what a modality may be made of so far.
KINDS = ("bag", "note", "vector", "volume")

#: What a protocol may say: for each modality one feature set or several, or that there is nothing to choose.
WantedSets = Literal["auto"] | Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class ChosenSet:
    """One feature set of one modality: its records, sorted by case and item.

    `label` is what arms call it: the modality where it is the first set of it, else `<modality>:<recipe>`.
    `until_day` is there where entries may hold values of later days: nothing after it may be read.
    """

    modality: str
    label: str
    name: str
    records: tuple[EntryRecord, ...]
    until_day: int | None = None

    @property
    def kind(self) -> str:
        """The kind that all entries share."""
        return self.records[0].kind

    @property
    def encoder(self) -> str:
        """The encoder that made the entries, with its model where the recipe names one."""
        name = self._card.get("name") or self._encoding.get("encoder") or "unknown"
        model = self._encoding.get("model")
        return f"{name}: {model}" if model else str(name)

    @property
    def variant(self) -> str:
        """Which output of the encoder was taken, "" where it has but one."""
        return str(self._card.get("variant") or self._encoding.get("variant") or "")

    @property
    def weights_sha256(self) -> str:
        """The hash of the weights that are part of the settings, "" without weights."""
        return str(self._encoding.get("weights_sha256") or "")

    @property
    def _card(self) -> Mapping[str, Any]:
        encoder = self._encoding.get("encoder")
        return encoder if isinstance(encoder, dict) else {}

    @property
    def _encoding(self) -> Mapping[str, Any]:
        """The settings of what was encoded: pooled slides keep those of the bags that were pooled."""
        settings = self.records[0].settings
        bags = settings.get("slides")
        return bags if isinstance(bags, dict) else settings

    @property
    def by_network(self) -> bool:
        """Whether a network made it: its settings say with which weights, or that it was imported."""
        return bool(self.weights_sha256) or self._encoding.get("origin") == "imported"

    @property
    def entries_sha256(self) -> str:
        """One hash over the self-hashes of all entries: the identity of what the run has read."""
        return sha256_of_json([[str(record.key), record.entry_sha256] for record in self.records])


def choose_feature_sets(
    cache: FeatureCache,
    cohort: Cohort,
    wanted: WantedSets,
    several: Level = "error",
) -> tuple[dict[str, ChosenSet], list[Problem]]:
    """Return the feature sets by their labels, and what stands against using them.

    `several` is the level of the problem that a modality has several sets and `wanted` does not choose: the
    first of them that the card does not contradict stands for it then.
    """
    by_modality: dict[str, list[str]] = defaultdict(list)
    for feature_set in cache.feature_sets(cohort.name):
        by_modality[feature_set.modality].append(feature_set.name)
    problems: list[Problem] = []
    if wanted == "auto":
        names: dict[str, tuple[str, ...]] = {
            modality: (_first_that_fits(cache, cohort, modality, sets),)
            for modality, sets in sorted(by_modality.items())
        }
        problems.extend(_undecided(by_modality, names, several))
    else:
        names = _named(by_modality, wanted, problems)
    chosen = {}
    for modality, sets in names.items():
        for label, name in label_sets(modality, sets).items():
            found = _read_records(cache, cohort, (modality, name), problems)
            where = f"cache: {cohort.name}/{modality}/{name}"
            problems.extend(contradictions(found, cohort, where) if found else ())
            records, until_day = _by_then(found, cohort, where, problems)
            if records:
                chosen[label] = ChosenSet(
                    modality=modality, label=label, name=name, records=records, until_day=until_day
                )
                problems.extend(_disagreements(chosen[label]))
                problems.extend(_excluded(cache, records[0], cohort, where))
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


def later_modalities(cache: FeatureCache, cohort: Cohort, chosen: Mapping[str, ChosenSet]) -> dict[str, int]:
    """Return the modalities of which the cache has entries, none of them known yet -> the prediction day."""
    day = cohort.card.prediction_day
    if not cohort.card.moments or not isinstance(day, int):
        return {}
    others: dict[str, list[str]] = defaultdict(list)
    for feature_set in cache.feature_sets(cohort.name):
        if feature_set.modality not in {one.modality for one in chosen.values()}:
            others[feature_set.modality].append(feature_set.name)
    found: dict[str, int] = {}
    for modality, names in others.items():
        sets = [_read_records(cache, cohort, (modality, name), []) for name in names]
        splits = [split_by_day(records, cohort, day) for records in sets]
        # entries that no table lists are of no day: they are missing, not later
        if any(one.later for one in splits) and not any(one.known for one in splits):
            found[modality] = day
    return found


def _by_then(
    records: tuple[EntryRecord, ...], cohort: Cohort, where: str, problems: list[Problem]
) -> tuple[tuple[EntryRecord, ...], int | None]:
    """Return the entries that were known on the prediction day, and up to which day they may be read."""
    day = cohort.card.prediction_day
    if not cohort.card.moments or not isinstance(day, int):
        return records, None
    split = split_by_day(records, cohort, day)
    if split.dateless:
        first = split.dateless[0]
        problems.append(
            table_error(
                where,
                "a day for every item: the cohort has moments, and each uses what was known by then",
                f"{len(split.dateless)} without, the first is case {first.case_id}, {first.item_id}",
                "Give the tables a day, or cohort.yaml `undated`.",
            )
        )
    return split.known, day


def _excluded(cache: FeatureCache, first: EntryRecord, cohort: Cohort, where: str) -> list[Problem]:
    """Return the excluded columns of a set whose values are named in an array."""
    if NAMES not in first.arrays:
        return []
    try:
        names = unpack_names(cache.arrays(first)[NAMES])
    except DamagedEntryError as error:
        return [error.as_problem()]
    return list(excluded_names(names, cohort.card, where))


def names_of(chosen: Mapping[str, ChosenSet]) -> dict[str, str | tuple[str, ...]]:
    """Return what `feature_sets` of a protocol says to choose these sets again."""
    names: dict[str, list[str]] = defaultdict(list)
    for feature_set in chosen.values():
        names[feature_set.modality].append(feature_set.name)
    return {modality: own[0] if len(own) == 1 else tuple(own) for modality, own in names.items()}


def _named(
    by_modality: Mapping[str, Sequence[str]],
    wanted: Mapping[str, str | tuple[str, ...]],
    problems: list[Problem],
) -> dict[str, tuple[str, ...]]:
    """Return the sets that a protocol names and the cache has."""
    named = {}
    for modality, several in wanted.items():
        there = by_modality.get(modality, ())
        names = (several,) if isinstance(several, str) else several
        for name in names:
            if name not in there:
                where = f"protocol: feature_sets.{modality}"
                expected = f"one of: {', '.join(there) or 'none'}"
                problems.append(table_error(where, expected, name, "Mend the name."))
        named[modality] = tuple(name for name in names if name in there)
    return named


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
    by_modality: Mapping[str, Sequence[str]], names: Mapping[str, Sequence[str]], level: Level
) -> Iterator[Problem]:
    """Yield a problem for each modality of several sets, with what to write into a protocol."""
    mapping = ", ".join(f"{modality}: {first}" for modality, (first, *_) in names.items())
    for modality in (modality for modality in names if len(by_modality[modality]) > 1):
        yield Problem(
            level=level,
            where=f"protocol: feature_sets.{modality}",
            expected="one feature set, or a choice",
            got=f"{len(by_modality[modality])}: {', '.join(by_modality[modality])}",
            remedy=f"Choose in a protocol, for every modality: `feature_sets: {{{mapping}}}`; a list in "
            "[brackets] takes several of one modality.",
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
