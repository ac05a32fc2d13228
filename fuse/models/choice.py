"""Which feature set of a modality a model reads, chosen inside each train part like any other setting.

Enters: a learner on labels of which some stand for a choice (`slides:best`), and the sets that there are.
Leaves: a learner whose candidates are every set with every setting of its own. The learner inside sees a
plain modality of that label; what lies under it is the set that the candidate names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases, Modality
from fuse.labels import candidates_of, is_choice
from fuse.models.learner import Learner, Scorer, Setting, TrainOutcome
from fuse.outcomes.calibrated import Calibration
from fuse.outcomes.outcomes import Outcome


@dataclass(frozen=True)
class ChosenSets(Setting):
    """A setting of the learner inside, and the set that each choice stands for: label -> label of a set."""

    sets: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return the sets before the setting."""
        sets = [f"{label}={name}" for label, name in self.sets]
        return ", ".join([*sets, *([super().__str__()] if self.values else [])])


@dataclass(frozen=True, kw_only=True)
class SetScorer:
    """A fitted model with the sets that it reads."""

    scorer: Scorer
    sets: Mapping[str, str]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return what the model says of the cases, shown the sets that were chosen."""
        return self.scorer.risk(show_sets(cases, self.sets))

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case *classes"]]:
        """Return what each modality adds, of models that tell it."""
        told: dict[str, Float[np.ndarray, " case *classes"]] = self.scorer.contributions(  # type: ignore[attr-defined]  # see above
            show_sets(cases, self.sets)
        )
        return told


class SetChoice(Learner):
    """A learner that also chooses which set each of its choices stands for."""

    def __init__(self, learner: Learner, choices: Mapping[str, tuple[str, ...]]) -> None:
        self.name = learner.name
        self.modalities = learner.modalities
        self._learner = learner
        self._choices = dict(choices)

    def candidates(self) -> tuple[Setting, ...]:
        """Return every set with every setting, the first set of each modality first."""
        several = [[(label, name) for name in names] for label, names in self._choices.items()]
        return tuple(
            ChosenSets(values=setting.values, sets=sets)
            for sets in product(*several)
            for setting in self._learner.candidates()
        )

    def shares(self, gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
        """Return 0 but for the settings of one combination of sets: that of the highest likelihood.

        Settings of one combination count as those of the learner inside: its best, or all by their gain.
        """
        of_sets = np.reshape(np.asarray(gains), (-1, len(self._learner.candidates())))
        inside = [self._learner.shares(list(row)) for row in of_sets]
        reached = [float(share @ row) for share, row in zip(inside, of_sets, strict=True)]
        best = int(np.argmax(reached))
        shares = np.zeros_like(of_sets)
        shares[best] = inside[best]
        return shares.reshape(-1)

    def gain(self, risk: Float[np.ndarray, " case *classes"], outcome: TrainOutcome) -> float:
        """Return what the learner inside says of out-of-fold risks."""
        return self._learner.gain(risk, outcome)

    def calibrate(self, oof_risk: Float[np.ndarray, " case *classes"], outcome: TrainOutcome) -> Calibration:
        """Return the calibration of the learner inside."""
        return self._learner.calibrate(oof_risk, outcome)

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit the settings of each combination of sets together."""
        chosen = [setting.sets for setting in settings if isinstance(setting, ChosenSets)]
        scorers: dict[int, Scorer] = {}
        for sets in dict.fromkeys(chosen):
            rows = [row for row, own in enumerate(chosen) if own == sets]
            inside = tuple(Setting(settings[row].values) for row in rows)
            fitted = self._learner.fit_path(show_sets(cases, dict(sets)), outcome, inside, seed)
            for row, scorer in zip(rows, fitted, strict=True):
                scorers[row] = SetScorer(scorer=scorer, sets=dict(sets))
        return tuple(scorers[row] for row in range(len(settings)))


def choosing_sets(learner: Learner, labels: Collection[str]) -> Learner:
    """Return the learner itself, or one that chooses among the sets of each choice that it reads."""
    choices = {label: candidates_of(label, labels) for label in learner.modalities if is_choice(label)}
    return SetChoice(learner, choices) if choices else learner


def add_choices(cases: Cases, labels: Collection[str]) -> Cases:
    """Return the cases with an empty modality for each choice: who has one of its sets has it."""
    added = {}
    for label in labels:
        sets = [cases.modalities[name].present for name in candidates_of(label, cases.modalities)]
        added[label] = Modality(
            name=label,
            feature_set="",
            present=np.asarray(np.any(sets, axis=0)),
            columns=(),
            values=np.zeros((len(cases), 0)),
        )
    return replace(cases, modalities={**cases.modalities, **added})


def show_sets(cases: Cases, sets: Mapping[str, str]) -> Cases:
    """Return the cases with a set under the label of each choice; who is masked there stays masked."""
    shown = {label: _under(cases.modalities[label], cases.modalities[name]) for label, name in sets.items()}
    return replace(cases, modalities={**cases.modalities, **shown})


def _under(choice: Modality, chosen: Modality) -> Modality:
    hidden = chosen.present & ~choice.present
    if not hidden.any():
        return replace(chosen, name=choice.name)
    bags = chosen.bags
    return replace(
        chosen,
        name=choice.name,
        present=chosen.present & choice.present,
        values=np.where(hidden[:, None], np.nan, chosen.values),
        bags=bags and replace(bags, stop=np.where(hidden, bags.start, bags.stop)),
    )
