"""The leaks that are looked for, each with a short name that stands in the text of its problem.

Enters: where a leak is and what was found. Leaves: a `Problem` that begins with the leak's name, so that a
person reads which one it is and a program finds it in `--json`. What is an error and what a warning, and
why: docs/decisions/0019-leak-lint.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from feature_cache.errors import Level, Problem

Leak = Literal[
    "outcome-as-feature",
    "follow-up-as-feature",
    "missing-by-outcome",
    "value-after-prediction-day",
    "post-operative-psa",
    "mri-after-prediction-day",
    "case-in-two-parts",
    "duplicate-case",
    "segmenter-saw-test-case",
    "identical-label-vectors",
    "too-good",
]

#: What each name means, for the decision record, the page and the reader of a table.
MEANINGS: dict[Leak, str] = {
    "outcome-as-feature": "a feature equals the event, or is there where the event is",
    "follow-up-as-feature": "a feature equals or orders like the time of follow-up",
    "missing-by-outcome": "whether a value is missing tells the outcome",
    "value-after-prediction-day": "a value that is not known on the prediction day",
    "post-operative-psa": "a PSA after the operation, in a model that predicts from the operation on",
    "mri-after-prediction-day": "an imaging study acquired after the prediction day",
    "case-in-two-parts": "one case in the train part and in the test part of a fold",
    "duplicate-case": "two cases made from one file, or with embeddings that are all but the same",
    "segmenter-saw-test-case": "features by a segmenter that was trained on the case's own mask",
    "identical-label-vectors": "one vector of labels stands for two",
    "too-good": "a result above the reported ceiling, with a field that may derive from the outcome",
}


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A column that may derive from the outcome, said or not said by an error: `too-good` asks for these."""

    modality: str
    column: str


def leak(name: Leak, where: str, words: tuple[str, str, str], level: Level = "error") -> Problem:
    """Return a problem of a named leak; `words` are what was expected, what came, and the remedy."""
    expected, got, remedy = words
    return Problem(level=level, where=where, expected=expected, got=f"{name}: {got}", remedy=remedy)


def leak_of(problem: Problem) -> Leak | None:
    """Return which leak a problem names, None where it is about something else.

    >>> leak_of(leak("too-good", "metrics.csv", ("a", "b", "c")))
    'too-good'
    """
    return next((name for name in MEANINGS if problem.got.startswith(f"{name}: ")), None)


def named(problems: Iterable[Problem]) -> Iterator[tuple[Leak, Problem]]:
    """Yield the problems that name a leak, with its name."""
    for problem in problems:
        name = leak_of(problem)
        if name is not None:
            yield name, problem


def rename(problem: Problem, name: Leak) -> Problem:
    """Return a problem that was found elsewhere under the name of a leak."""
    return problem if leak_of(problem) else replace(problem, got=f"{name}: {problem.got}")
