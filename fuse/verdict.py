"""What the numbers allow one to say: yes, no, or cannot tell, question by question.

Enters: the evidence of a run. Leaves: one answer per question with its estimate, interval, method and rule,
in words for a clinician, and one sentence on top. Pure: no file, no fit. "No" needs an interval that excludes
a gain worth having; a wide interval is no evidence of absence and says "cannot tell".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow
from fuse.metrics.kaplan_meier import PROGNOSTIC_NOT_PREDICTIVE
from fuse.verdict_words import (
    NOT_MEASURED,
    SMALLEST_GAIN,
    Answer,
    Measured,
    describe_gain,
    describe_pairs,
    limits,
)

EVENTS_FOR_CALIBRATION = 100

CHANCE_RULE = (
    f"yes if the lower limit of C is above 0.50; no if the upper limit is below {0.5 + SMALLEST_GAIN:.2f}; "
    "otherwise cannot tell"
)
GAIN_RULE = (
    "yes if the lower limit of the difference in C is above 0; no if the upper limit is below "
    f"{SMALLEST_GAIN:+.2f}, the smallest gain that would matter; otherwise cannot tell"
)
CALIBRATION_RULE = (
    f"cannot tell under {EVENTS_FOR_CALIBRATION} events; from there on observed against expected events at "
    "the horizon, and nothing finer"
)
NOTES = (
    PROGNOSTIC_NOT_PREDICTIVE,
    "Every interval is nominally 95 %. Measured in simulation at 95 cases and 27 events, the Nadeau-Bengio "
    "interval held the truth in 91 to 92 % and the out-of-fold bootstrap in 83 to 85 % of cohorts.",
    "All numbers are internal: cross-validation in one cohort does not show what holds in another hospital.",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question and its answer; numbers are None where there are none."""

    id: str
    question: str
    answer: Answer
    estimate: float | None
    low: float | None
    high: float | None
    method: str
    rule: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verdict.json holds."""

    questions: tuple[Question, ...]
    top: str
    notes: tuple[str, ...] = NOTES

    def as_dict(self) -> dict[str, object]:
        """Return the verdict as JSON types."""
        return asdict(self) | {
            "questions": [asdict(question) for question in self.questions],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the verdict looks at. `titles` gives readable names of arms."""

    roles: Roles
    metrics: Mapping[str, Sequence[MetricRow]]
    comparisons: Sequence[ComparisonRow]
    n_cases: int
    n_events: int
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def judged(self) -> str:
        """The arm the first question is about: fusion, else the selected single modality, else clinical."""
        named = (self.roles.fusion, self.roles.selected_single, self.roles.clinical)
        return next((arm for arm in named if arm in self.metrics), "")

    @property
    def size(self) -> str:
        """How much there was to learn from."""
        return f"{self.n_cases} cases with {self.n_events} events"

    def title(self, arm: str) -> str:
        """Return the readable name of an arm."""
        return self.titles.get(arm, arm)

    def measure(self, arm: str, metric: str) -> Measured:
        """Return one metric of an arm, NOT_MEASURED where it is absent."""
        for row in self.metrics.get(arm, ()):
            if row.metric == metric:
                return Measured(estimate=row.estimate, low=row.low, high=row.high, method=row.method)
        return NOT_MEASURED

    def compare(self, first: str, second: str) -> Measured:
        """Return the difference in C of two arms; only a comparison named before evaluation counts."""
        for row in self.comparisons:
            if (row.first, row.second, row.metric, row.named_before) == (first, second, "c_index", True):
                return Measured(estimate=row.difference, low=row.low, high=row.high, method=row.method)
        return NOT_MEASURED


def judge(evidence: Evidence) -> Verdict:
    """Answer every question that this run can be asked."""
    roles = evidence.roles
    chance = _better_than_chance(evidence)
    gains = [
        _adds(evidence, identity, text, second)
        for identity, text, second in (
            ("beats_published_score", "Does fusion beat the published risk score?", roles.published_score),
            ("adds_to_clinical", "Does fusion add to the clinical values?", roles.clinical),
            (
                "adds_to_selected_single",
                "Does fusion add to the single modality selected inside training?",
                roles.selected_single,
            ),
        )
        if roles.fusion and second
    ]
    singles = [_predicts_alone(evidence, modality, arm) for modality, arm in roles.singles.items()]
    questions = (chance, *gains, *singles, _calibration(evidence))
    return Verdict(questions=questions, top=_top(evidence, questions))


def decide(measured: Measured, chance: float) -> Answer:
    """Return the answer that an interval allows; `chance` is the value at which nothing was gained."""
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        return "cannot tell"
    if measured.low > chance:
        return "yes"
    return "no" if measured.high < chance + SMALLEST_GAIN else "cannot tell"


def _better_than_chance(evidence: Evidence) -> Question:
    arm = evidence.judged
    measured = evidence.measure(arm, "c_index")
    text = f"Does {evidence.title(arm)} predict better than chance?" if arm else "Does anything predict?"
    answer = decide(measured, 0.5)
    words = describe_pairs(measured, answer, evidence.size)
    return _question(("better_than_chance", text), answer, measured, CHANCE_RULE, words)


def _predicts_alone(evidence: Evidence, modality: str, arm: str) -> Question:
    gain = evidence.compare(arm, evidence.roles.null)
    # The null arm gives everybody one risk, so its C is exactly one half.
    measured = Measured(
        estimate=gain.estimate + 0.5, low=gain.low + 0.5, high=gain.high + 0.5, method=gain.method
    )
    answer = decide(measured, 0.5)
    words = describe_pairs(measured, answer, evidence.size)
    identity = (f"predicts_{modality}", f"Does the modality {modality} predict by itself?")
    return _question(identity, answer, measured, CHANCE_RULE, words)


def _adds(evidence: Evidence, identity: str, text: str, second: str) -> Question:
    measured = evidence.compare(evidence.roles.fusion, second)
    answer = decide(measured, 0.0)
    words = describe_gain(measured, answer, evidence.size)
    return _question((identity, text), answer, measured, GAIN_RULE, words)


def _calibration(evidence: Evidence) -> Question:
    measured = evidence.measure(evidence.judged, "observed_expected")
    identity = ("calibration", "Can calibration be judged?")
    enough = evidence.n_events >= EVENTS_FOR_CALIBRATION and math.isfinite(measured.estimate)
    words = "Observed and expected numbers of events were not compared in this run."
    if math.isfinite(measured.estimate):
        words = (
            f"Events by the horizon: {measured.estimate:.2f} observed for each one predicted "
            f"({limits(measured, 1.0, '.2f')})."
        )
    if not enough:
        words += (
            f" {evidence.n_events} events do not show whether the predicted probabilities are right for "
            f"patients at low and at high risk; that takes {EVENTS_FOR_CALIBRATION} or more."
        )
    answer: Answer = "yes" if enough else "cannot tell"
    return _question(identity, answer, measured, CALIBRATION_RULE, words)


def _top(evidence: Evidence, questions: Sequence[Question]) -> str:
    chance = questions[0]
    title = evidence.title(evidence.judged)
    if chance.estimate is None:
        return f"Nothing can be said: no arm was evaluated on {evidence.size}."
    shown = f"(C {chance.estimate:.2f}, {_limits_of(chance)})"
    first = {
        "yes": f"{title} predicts better than chance {shown}",
        "no": f"{title} does not usefully predict better than chance {shown}",
        "cannot tell": f"Whether {title} predicts better than chance cannot be told {shown}",
    }[chance.answer]
    by_id = {question.id: question for question in questions}
    added = by_id.get("adds_to_clinical") or by_id.get("adds_to_selected_single")
    if added is None:
        return f"{first}, from {evidence.size}."
    other = (
        "the clinical values" if added.id == "adds_to_clinical" else "the single modality chosen in training"
    )
    second = {
        "yes": f"it adds to {other}",
        "no": f"it adds nothing that matters to {other}",
        "cannot tell": f"whether it adds to {other} cannot be told",
    }[added.answer]
    return f"{first}; {second}, from {evidence.size}."


def _limits_of(question: Question) -> str:
    if question.low is None or question.high is None:
        return "no interval"
    return f"{question.low:.2f} to {question.high:.2f}"


def _question(
    identity: tuple[str, str], answer: Answer, measured: Measured, rule: str, words: str
) -> Question:
    return Question(
        id=identity[0],
        question=identity[1],
        answer=answer,
        estimate=_number(measured.estimate),
        low=_number(measured.low),
        high=_number(measured.high),
        method=measured.method,
        rule=rule,
        words=words,
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
