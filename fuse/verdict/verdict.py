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
from fuse.verdict.calibration import IDENTITY, METRICS, Probabilities, judge_calibration
from fuse.verdict.needed import Size, needed_for_gain
from fuse.verdict.question import Answered, Question, build_question
from fuse.verdict.rules import NOTES_INSIDE, NOTES_ON_GROUPS, NOTES_OUTSIDE, chance_rule, gain_rule
from fuse.verdict.words import (
    C_MEASURE,
    NOT_MEASURED,
    SMALLEST_GAIN,
    WEAK,
    WIDER,
    Answer,
    Measure,
    Measured,
    Subject,
    counted,
    describe_gain,
    describe_pairs,
    describe_singles,
    name_fusion,
    name_modality,
    sort_modalities,
)

#: Ids of the questions whether one modality predicts alone begin with this.
ALONE = "predicts_"


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

    @property
    def counts(self) -> Size:
        """The size in numbers."""
        return Size(cases=self.n_cases, events=self.n_events)

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
    beats_chance = chance.answer == "yes"
    calibration = () if evidence.n_events is None else (_calibration(evidence, beats_chance=beats_chance),)
    questions = (chance, *gains, *singles, *calibration)
    # without groups that are drawn, nobody is told what groups do not mean
    on_groups = () if evidence.horizon is None else NOTES_ON_GROUPS
    notes = (*on_groups, *(NOTES_OUTSIDE if evidence.external else NOTES_INSIDE))
    return Verdict(questions=questions, top=_top(evidence, questions), horizon=evidence.horizon, notes=notes)


def decide(measured: Measured, chance: float) -> Answer:
    """Return the answer that an interval allows; `chance` is the value at which nothing was gained.

    A gain that is surely there and surely too small to matter is a "no", as the rules say.
    """
    if not (math.isfinite(measured.low) and math.isfinite(measured.high)):
        return "cannot tell"
    if measured.high < chance + SMALLEST_GAIN:
        return "no"
    return "yes" if measured.low > chance else "cannot tell"


def _better_than_chance(evidence: Evidence) -> Question:
    arm, subject = evidence.judged, evidence.subject
    measured = evidence.value(arm, evidence.measure.metric)
    text = f"{subject.asks} {subject.text} predict better than chance?" if arm else "Does anything predict?"
    return build_question(("better_than_chance", text), _above_chance(evidence, measured))


def _above_chance(evidence: Evidence, measured: Measured, more: str = "") -> Answered:
    answer = decide(measured, 0.5)
    return Answered(
        answer=answer,
        measured=measured,
        rule=chance_rule(evidence.measure),
        words=describe_pairs(measured, answer, evidence.size, evidence.measure.pairs) + more,
        needed=needed_for_gain(measured, 0.5, evidence.counts),
    )


def _predicts_alone(evidence: Evidence, modality: str) -> Question:
    row = evidence.alone.get(modality)
    measured, wider = _measured(row) if row else NOT_MEASURED, ""
    if len(evidence.alone) > 1 and math.isfinite(measured.low):
        of_sets = len({modality_of(label) for label in evidence.alone}) < len(evidence.alone)
        wider = WIDER.format(len(evidence.alone), "feature sets" if of_sets else "modalities")
    identity = (f"{ALONE}{modality}", f"Do {name_modality(modality).text} predict alone?")
    return build_question(identity, _above_chance(evidence, measured, wider))


def _adds(evidence: Evidence, identity: str, text: str, second: str) -> Question:
    measured = evidence.compare(evidence.roles.fusion, second)
    answer = decide(measured, 0.0)
    answered = Answered(
        answer=answer,
        measured=measured,
        rule=gain_rule(evidence.measure),
        words=describe_gain(measured, answer, evidence.size, evidence.measure.pairs)
        + (_weakness(evidence) if second == evidence.roles.selected_single else ""),
        needed=needed_for_gain(measured, 0.0, evidence.counts),
    )
    return build_question((identity, text), answered)


def _weakness(evidence: Evidence) -> str:
    """Return a sentence where the selected modality did worse than each of those it is selected from."""
    metric, roles = evidence.measure.metric, evidence.roles
    selected = evidence.value(roles.selected_single, metric).estimate
    alone = [evidence.value(arm, metric).estimate for arm in roles.singles.values()]
    known = [estimate for estimate in alone if math.isfinite(estimate)]
    if len(known) < 2 or not selected < min(known):
        return ""
    return WEAK.format(evidence.measure.short, selected, min(known), max(known))


def _calibration(evidence: Evidence, *, beats_chance: bool) -> Question:
    in_the_large, slope = (evidence.value(evidence.judged, metric) for metric in METRICS)
    said = Probabilities(
        in_the_large=in_the_large,
        slope=slope,
        beats_chance=beats_chance,
        has_horizon=evidence.horizon is not None,
    )
    return build_question(IDENTITY, judge_calibration(said, evidence.counts))


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
    sentences = f"{'; '.join(clauses)}, from {evidence.size}.{describe_singles(alone)}"
    return sentences + _top_calibration(by_id.get("calibration"))


def _top_calibration(question: Question | None) -> str:
    """Return a sentence where it can be told, "" where not: what cannot is said below."""
    if question is None or question.answer == "cannot tell":
        return ""
    said = "are right at low and at high risk" if question.answer == "yes" else "are not right"
    return f" The predicted probabilities {said}."


def _clause(question: Question, verb: str, denied: str, other: str) -> str:
    if question.high is not None and question.high < 0:
        return f"it is worse than {other}"
    return {
        "yes": f"it {verb} {other}",
        "no": f"it {denied} {other}",
        "cannot tell": f"whether it {verb} {other} cannot be told",
    }[question.answer]


def _limits_of(question: Question) -> str:
    if question.low is None or question.high is None:
        return "no interval"
    return f"{question.low:.2f} to {question.high:.2f}"


def _measured(row: MetricRow) -> Measured:
    return Measured(estimate=row.estimate, low=row.low, high=row.high, method=row.method)
