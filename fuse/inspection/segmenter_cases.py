"""Whether a segmenter has seen the mask of a case that it is to be tested on.

Enters: the records of the chosen feature sets, which say on which cases the segmenter that made them was
trained (`training_case_ids`, anywhere in what an entry says of its making), and the folds. Leaves: a problem
for entries of such cases. Features of a case by a segmenter that has not seen it, out of fold, are as they
should be, whatever others it has seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from feature_cache.entry import EntryRecord
from feature_cache.errors import Level, Problem
from fuse.features.feature_sets import ChosenSet
from fuse.inspection.leaks import leak
from fuse.verdict.words import counted

#: The key under which an entry lists the cases on whose masks its segmenter was trained.
TRAINING_CASES = "training_case_ids"


def segmenter_cases(chosen: Mapping[str, ChosenSet], tested: Collection[str]) -> Iterator[Problem]:
    """Yield one problem a feature set whose entries are of cases that its segmenter was trained on.

    Parameters
    ----------
    tested
        The cases that stand in a test part of any fold: theirs is an error. Of a case of train parts alone it
        is a warning: what is learned there looks better than it will be.
    """
    for feature_set in chosen.values():
        own = sorted({record.case_id for record in feature_set.records if _saw_itself(record)})
        in_test = [case for case in own if case in tested]
        for cases, level, part in ((in_test, "error", "test"), (own, "warning", "train")):
            if not cases:
                continue
            stands: Level = "error" if level == "error" else "warning"
            got = f"the masks of {counted(len(cases), 'case')} of a {part} part were in its training, "
            got += f"the first is case {cases[0]}"
            remedy = "Segment these cases with a segmenter that has not seen them (out of fold)."
            where = f"cache: {feature_set.modality}/{feature_set.name}"
            words = ("features by a segmenter that has not seen the case", got, remedy)
            yield leak("segmenter-saw-test-case", where, words, stands)
            break


def training_cases(record: EntryRecord) -> set[str]:
    """Return the cases that whatever made an entry was trained on, as the entry says."""
    return set(_listed(record.used)) | set(_listed(record.settings)) | set(_listed(record.attrs))


def _saw_itself(record: EntryRecord) -> bool:
    return record.case_id in training_cases(record)


def _listed(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == TRAINING_CASES and isinstance(inner, list):
                yield from map(str, inner)
            else:
                yield from _listed(inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, Mapping):
                yield from _listed(inner)
