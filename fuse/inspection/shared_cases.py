"""Cases that two cohorts share: a validation on them would be one on the train part.

Enters: the cohorts' cases and the entries that are used of them. Leaves: nothing, or a refusal with the first
case of both. Known by the id, by the content of what an entry was made from, and by the values of omics.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from feature_cache.errors import OutcomeError
from fuse.features.feature_sets import ChosenSet

#: Two cases may well share a short text ("no residual tumour"), but hardly this many bytes.
FEWEST_TELLING_BYTES = 200
#: How the roles of sources begin that two patients may share: what was drawn in their images (nothing, for
#: one), and the file that says which segmenter drew it.
DRAWN = ("mask", "tissue", "segmenter")


def refuse_shared_cases(
    inside: tuple[Collection[str], Mapping[str, ChosenSet]],
    outside: tuple[Collection[str], Mapping[str, ChosenSet]],
) -> None:
    """Refuse a case of both cohorts.

    Parameters
    ----------
    inside, outside
        The ids of the cases that are used, and the feature sets, of the cohort that is learned from and of
        the one that is predicted.

    Raises
    ------
    OutcomeError
        An id is in both, or a file that one case of each was made from, or all its values of a table of
        omics. Clinical values are not compared: two patients may have the same. Neither is what several
        cases of a cohort share, such as a table.
    """
    same = sorted(set(inside[0]) & set(outside[0]))
    if same:
        raise _shared(f"case {same[0]}", f"{len(same)} case(s) of both cohorts by their id")
    theirs = _case_of_sources(*outside)
    for sha256, case in sorted(_case_of_sources(*inside).items(), key=lambda item: item[1]):
        if sha256 in theirs:
            raise _shared(
                f"case {theirs[sha256]}", f"what case {case} of the run is made from, sha256 {sha256[:12]}"
            )


def _case_of_sources(case_ids: Collection[str], chosen: Mapping[str, ChosenSet]) -> dict[str, str]:
    cases_of: dict[str, set[str]] = defaultdict(set)
    used = set(case_ids)
    for sha256, case in _sources(chosen):
        if case in used:
            cases_of[sha256].add(case)
    return {sha256: next(iter(cases)) for sha256, cases in cases_of.items() if len(cases) == 1}


def _sources(chosen: Mapping[str, ChosenSet]) -> Iterator[tuple[str, str]]:
    for feature_set in chosen.values():
        for record in feature_set.records if feature_set.modality != "clinical" else ():
            for source in record.sources:
                told = not source.role.startswith(("manifest", *DRAWN))
                if source.bytes >= FEWEST_TELLING_BYTES and told:
                    yield source.sha256, record.case_id
            # a table is the source of all its cases: their own content is their values
            values = record.arrays["values"] if feature_set.modality == "omics" else None
            if values is not None and math.prod(values.shape) * 8 >= FEWEST_TELLING_BYTES:
                yield values.sha256, record.case_id


def _shared(where: str, got: str) -> OutcomeError:
    return OutcomeError(
        where,
        expected="a cohort without a case of the run's",
        got=got,
        remedy="Take these cases out of the other cohort, or give them ids of their own if they are others.",
    )
