"""The words of a verdict: what an interval of C, or of a difference in C, means to a clinician.

Enters: arms by name, a number with its interval, the answer it allows, and the size of the cohort. Leaves:
sentences that speak of pairs of patients in the right order and never claim more than the answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fuse.labels import modality_of

Answer = Literal["yes", "no", "cannot tell"]

SMALLEST_GAIN = 0.02
"""Smallest difference in C that would matter: 2 more pairs of patients in 100 in the right order."""

MODALITY_WORDS = {
    "slides": "slides",
    "volumes": "volumes",
    "notes": "notes",
    "clinical": "clinical values",
    "omics": "omics values",
    "burden": "burden measures",
}
"""What a sentence calls a modality, in the order in which modalities are always listed."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """The metric that the questions of a run are answered by, and what its pairs are pairs of."""

    metric: str
    short: str
    pairs: str


C_MEASURE = Measure(metric="c_index", short="C", pairs="pairs of patients")
AUROC_MEASURE = Measure(
    metric="auroc", short="AUROC", pairs="pairs of a patient with the event and one without"
)
MEAN_AUROC_MEASURE = Measure(
    metric="auroc_macro",
    short="mean AUROC",
    pairs="pairs of a patient of one class and one of the others, on average over classes",
)

PRIMARY = {measure.metric: measure.short for measure in (C_MEASURE, AUROC_MEASURE, MEAN_AUROC_MEASURE)}

WEAK = (
    " A weak comparator here: what training picked reached {} {:.2f}, less than each modality alone "
    "({:.2f} to {:.2f}, below). Beating it says nothing of the best of them."
)
WIDER = " This interval is wider than in the table of arms: those of all {} {} shall hold together."


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number with its interval."""

    estimate: float
    low: float
    high: float
    method: str


NOT_MEASURED = Measured(estimate=math.nan, low=math.nan, high=math.nan, method="none")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a sentence is about; `text` has its article and `plural` decides the verb."""

    text: str
    plural: bool = False

    @property
    def capitalised(self) -> str:
        """The text at the start of a sentence."""
        return self.text[:1].upper() + self.text[1:]

    @property
    def asks(self) -> str:
        """The first word of a question about it."""
        return "Do" if self.plural else "Does"

    @property
    def predicts(self) -> str:
        """The verb of a statement about it."""
        return "predict" if self.plural else "predicts"


def sort_modalities(names: Iterable[str]) -> list[str]:
    """Return modalities in the order of MODALITY_WORDS, others by name after them."""
    known = list(MODALITY_WORDS)

    def place(label: str) -> tuple[int, str]:
        modality = modality_of(label)
        return known.index(modality) if modality in known else len(known), label

    return sorted(names, key=place)


def modality_words(label: str) -> str:
    """Return what a sentence calls a feature set.

    >>> modality_words("clinical"), modality_words("slides:uni")
    ('clinical values', 'slides (uni)')
    """
    modality = modality_of(label)
    words = MODALITY_WORDS.get(modality, modality)
    return words if label == modality else f"{words} ({label.removeprefix(f'{modality}:')})"


def name_modality(label: str) -> Subject:
    """Return one feature set as the subject of a sentence."""
    return Subject(text=f"the {modality_words(label)}", plural=True)


def name_fusion(arm: str) -> Subject:
    """Return a fusion arm, named ``<model>__<modality>+<modality>…``, as the subject of a sentence.

    >>> name_fusion("late__clinical+slides+notes").text
    'late fusion of slides, notes and clinical values'
    """
    model, _, modalities = arm.partition("__")
    words = [modality_words(name) for name in sort_modalities(modalities.split("+"))]
    how = "stacked" if model == "stack" else model.replace("_", " ")
    return Subject(text=f"{how} fusion of {join_words(words)}")


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number of things.

    >>> counted(1, "case"), counted(0, "event"), counted(2, "entry", "entries")
    ('1 case', '0 events', '2 entries')
    """
    return f"{count} {one}" if count == 1 else f"{count} {several or one + 's'}"


def join_words(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def describe_pairs(measured: Measured, answer: Answer, size: str, pairs: str = C_MEASURE.pairs) -> str:
    """Say how many pairs were put in the right order and whether that differs from chance."""
    if not math.isfinite(measured.estimate):
        return "It was not evaluated in this run."
    words = (
        f"Of 100 {pairs}, {100 * measured.estimate:.0f} were put in the right order "
        f"({limits(measured, 100.0, '.0f')}; chance is 50)."
    )
    if answer == "yes":
        return words
    if answer == "no":
        return f"{words} The interval leaves no room for an order that would be of use."
    if not math.isfinite(measured.low):
        return f"{words} Without an interval this cannot be told from chance."
    return f"{words} {size} are too few to tell this from chance."


def describe_gain(measured: Measured, answer: Answer, size: str, pairs: str = C_MEASURE.pairs) -> str:
    """Say how many more pairs fusion put in the right order, and what that leaves open."""
    if not math.isfinite(measured.estimate):
        return "The two were not compared in this run."
    direction = "more" if measured.estimate >= 0 else "fewer"
    words = (
        f"Of 100 {pairs}, fusion put {100 * abs(measured.estimate):.1f} {direction} in the right "
        f"order ({limits(measured, 100.0, '+.1f')})."
    )
    if answer == "yes":
        return words
    if answer == "no":
        if measured.high < 0:
            return f"{words} Fusion is worse."
        small = "There is a gain, too small to matter: a" if measured.low > 0 else "A"
        return f"{words} {small} gain of 2 or more is excluded."
    if not math.isfinite(measured.low):
        return f"{words} Without an interval a gain is neither shown nor excluded."
    return f"{words} No gain and a gain worth having both fit; {size} cannot decide between them."


def describe_singles(answers: Mapping[str, Answer]) -> str:
    """Return a sentence on what each of several modalities does alone, "" for less than two.

    >>> describe_singles({"slides": "yes", "notes": "yes", "volumes": "cannot tell"})
    ' Predict on their own: slides, notes; cannot tell: volumes.'
    """
    said: tuple[tuple[Answer, str], ...] = (
        ("yes", "predict on their own"),
        ("no", "do not usefully predict on their own"),
        ("cannot tell", "cannot tell"),
    )
    parts = []
    for answer, words in said:
        named = [modality_words(label) for label, own in answers.items() if own == answer]
        if named:
            parts.append(f"{words}: {', '.join(named)}")
    if set(answers.values()) == {"cannot tell"}:
        parts = [f"which predict on their own cannot be told: {', '.join(map(modality_words, answers))}"]
    sentence = "; ".join(parts)
    return f" {sentence[0].upper()}{sentence[1:]}." if len(answers) > 1 else ""


def limits(measured: Measured, scale: float, form: str) -> str:
    """Write the limits, scaled and in a number format."""
    if not math.isfinite(measured.low):
        return "no interval"
    words = f"95 % interval {scale * measured.low:{form}} to {scale * measured.high:{form}}"
    return words.replace("-", "−")
