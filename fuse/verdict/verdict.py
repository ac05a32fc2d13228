"""What the numbers allow one to say: yes, no, or cannot tell, question by question.

Enters: the evidence of a run. Leaves: one answer per question with its estimate, interval, method and rule,
in words for a clinician, and one sentence on top. Pure: no file, no fit. "No" needs an interval that excludes
a gain worth having; a wide interval is no evidence of absence and says "cannot tell".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from fuse.labels import modality_of
from fuse.metrics.censoring import Horizon
from fuse.metrics.comparison import ComparisonRow, Roles
from fuse.metrics.evaluation import MetricRow
from fuse.verdict.rules import (
    EVENTS_FOR_CALIBRATION,
    NOTES_INSIDE,
    NOTES_ON_GROUPS,
    NOTES_OUTSIDE,
    calibration_rule,
    chance_rule,
    gain_rule,
)
from fuse.verdict.words import (
    C_MEASURE,
    NOT_MEASURED,
    SMALLEST_GAIN,
    WIDER,
    Answer,
    Measure,
    Measured,
    Subject,
    counted,
    describe_gain,
    describe_pairs,
    describe_singles,
    limits,
    name_fusion,
    name_modality,
    sort_modalities,
)

#: Ids of the questions whether one modality predicts alone begin with this.
ALONE = "predicts_"


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
    """What verdict.json holds; `horizon` is the last day that was evaluated, None without times."""

    questions: tuple[Question, ...]
    top: str
    horizon: Horizon | None
    notes: tuple[str, ...] = (*NOTES_ON_GROUPS, *NOTES_INSIDE)

    def as_dict(self) -> dict[str, object]:
        """Return the verdict as JSON types."""
        return asdict(self) | {
            "questions": [asdict(question) for question in self.questions],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the verdict looks at; numbers of cases and events are those that were tested.

    `measure` is the metric that questions are answered by; `alone` that metric of each single modality, with
    intervals that hold together; `titles` are names of arms. `classes` counts the cases of each class;
    `external` says that these are of another cohort than what was learned from.
    """

    roles: Roles
    metrics: Mapping[str, Sequence[MetricRow]]
    comparisons: Sequence[ComparisonRow]
    n_cases: int
    n_events: int | None
    horizon: Horizon | None
    alone: Mapping[str, MetricRow] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    measure: Measure = C_MEASURE
    classes: Mapping[str, int] = field(default_factory=dict)
    external: bool = False

    @property
    def judged(self) -> str:
        """The arm the first question is about: the first there is of those named before evaluation.

        Fusion, the selected single modality, the clinical values, the only single modality, the score.
        """
        roles = self.roles
        only = tuple(roles.singles.values()) if len(roles.singles) == 1 else ()
        named = (roles.fusion, roles.selected_single, roles.clinical, *only, roles.published_score)
        return next((arm for arm in named if arm in self.metrics), "")

    @property
    def subject(self) -> Subject:
        """The judged arm in a sentence."""
        arm, roles = self.judged, self.roles
        if arm == roles.fusion:
            return name_fusion(arm)
        if arm == roles.selected_single:
            return Subject(text="the single modality selected in each train part")
        modality = next((name for name, single in roles.singles.items() if single == arm), "")
        if not modality:
            return Subject(text=self.titles.get(arm, arm).split(":")[0])
        return Subject(text=f"{name_modality(modality).text} alone", plural=True)

    @property
    def size(self) -> str:
        """How much there was to learn from."""
        if self.n_events is None:
            of_each = ", ".join(f"{count} {name}" for name, count in self.classes.items())
            return f"{counted(self.n_cases, 'case')} of {len(self.classes)} classes ({of_each})"
        return f"{counted(self.n_cases, 'case')} with {counted(self.n_events, 'event')}"

    def value(self, arm: str, metric: str) -> Measured:
        """Return one metric of an arm, NOT_MEASURED where it is absent."""
        for row in self.metrics.get(arm, ()):
            if row.metric == metric:
                return _measured(row)
        return NOT_MEASURED

    def compare(self, first: str, second: str) -> Measured:
        """Return the difference of two arms; only a comparison named before evaluation counts."""
        wanted = self.measure.metric
        for row in self.comparisons:
            if (row.first, row.second, row.metric, row.named_before) == (first, second, wanted, True):
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
    singles = [_predicts_alone(evidence, modality) for modality in sort_modalities(tuple(roles.singles))]
    calibration = () if evidence.n_events is None else (_calibration(evidence, evidence.n_events),)
    questions = (chance, *gains, *singles, *calibration)
    # without groups that are drawn, nobody is told what groups do not mean
    on_groups = () if evidence.horizon is None else NOTES_ON_GROUPS
    notes = (*on_groups, *(NOTES_OUTSIDE if evidence.external else NOTES_INSIDE))
    return Verdict(questions=questions, top=_top(evidence, questions), horizon=evidence.horizon, notes=notes)


def decide(measured: Measured, chance: float) -> Answer:
    """Return the answer that an interval allows; `chance` is the value at which nothing was gained."""
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        return "cannot tell"
    if measured.low > chance:
        return "yes"
    return "no" if measured.high < chance + SMALLEST_GAIN else "cannot tell"


def _better_than_chance(evidence: Evidence) -> Question:
    arm, subject = evidence.judged, evidence.subject
    measured = evidence.value(arm, evidence.measure.metric)
    text = f"{subject.asks} {subject.text} predict better than chance?" if arm else "Does anything predict?"
    answer = decide(measured, 0.5)
    words = describe_pairs(measured, answer, evidence.size, evidence.measure.pairs)
    return _question(("better_than_chance", text), answer, measured, chance_rule(evidence.measure), words)


def _predicts_alone(evidence: Evidence, modality: str) -> Question:
    row = evidence.alone.get(modality)
    measured = _measured(row) if row else NOT_MEASURED
    answer = decide(measured, 0.5)
    words = describe_pairs(measured, answer, evidence.size, evidence.measure.pairs)
    if len(evidence.alone) > 1 and math.isfinite(measured.low):
        of_sets = len({modality_of(label) for label in evidence.alone}) < len(evidence.alone)
        words += WIDER.format(len(evidence.alone), "feature sets" if of_sets else "modalities")
    identity = (f"{ALONE}{modality}", f"Do {name_modality(modality).text} predict alone?")
    return _question(identity, answer, measured, chance_rule(evidence.measure), words)


def _adds(evidence: Evidence, identity: str, text: str, second: str) -> Question:
    measured = evidence.compare(evidence.roles.fusion, second)
    answer = decide(measured, 0.0)
    words = describe_gain(measured, answer, evidence.size, evidence.measure.pairs)
    return _question((identity, text), answer, measured, gain_rule(evidence.measure), words)


def _calibration(evidence: Evidence, n_events: int) -> Question:
    measured = evidence.value(evidence.judged, "observed_expected")
    by_horizon = " by the horizon" if evidence.horizon else ""
    identity = ("calibration", "Are the predicted probabilities right (calibration)?")
    words = "Observed and expected numbers of events were not compared in this run."
    if math.isfinite(measured.estimate):
        words = (
            f"Events{by_horizon}: {measured.estimate:.2f} observed for each one predicted "
            f"({limits(measured, 1.0, '.2f')})."
        )
        words += (
            " That is calibration in the large: it does not show whether the probabilities are right for "
            "patients at low and at high risk."
        )
    if n_events < EVENTS_FOR_CALIBRATION:
        words += f" {n_events} events cannot show it; that takes {EVENTS_FOR_CALIBRATION} or more."
    return _question(
        identity, "cannot tell", measured, calibration_rule(has_horizon=evidence.horizon is not None), words
    )


def _top(evidence: Evidence, questions: Sequence[Question]) -> str:
    chance, subject = questions[0], evidence.subject
    if not evidence.judged and evidence.metrics.keys() - {evidence.roles.null}:
        return f"No arm was named before the evaluation to be judged as a whole, on {evidence.size}."
    if chance.estimate is None:
        return f"Nothing can be said: no arm was evaluated on {evidence.size}."
    shown = f"({evidence.measure.short} {chance.estimate:.2f}, {_limits_of(chance)})"
    first = {
        "yes": f"{subject.capitalised} {subject.predicts} better than chance {shown}",
        "no": f"{subject.capitalised} {subject.asks.lower()} not usefully predict better than chance {shown}",
        "cannot tell": f"Whether {subject.text} {subject.predicts} better than chance cannot be told {shown}",
    }[chance.answer]
    by_id = {question.id: question for question in questions}
    alone = {name.removeprefix(ALONE): one.answer for name, one in by_id.items() if name.startswith(ALONE)}
    published = by_id.get("beats_published_score")
    added = by_id.get("adds_to_clinical") or by_id.get("adds_to_selected_single")
    clauses = [first]
    if published:
        clauses.append(_clause(published, "beats", "does not usefully beat", "the published risk score"))
    if added:
        clinical = added.id == "adds_to_clinical"
        other = "the clinical values" if clinical else "the single modality selected in training"
        clauses.append(_clause(added, "adds to", "adds nothing that matters to", other))
    return f"{'; '.join(clauses)}, from {evidence.size}.{describe_singles(alone)}"


def _clause(question: Question, verb: str, denied: str, other: str) -> str:
    return {
        "yes": f"it {verb} {other}",
        "no": f"it {denied} {other}",
        "cannot tell": f"whether it {verb} {other} cannot be told",
    }[question.answer]


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


def _measured(row: MetricRow) -> Measured:
    return Measured(estimate=row.estimate, low=row.low, high=row.high, method=row.method)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
