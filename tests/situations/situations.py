"""Eight planted situations, and what a verdict has to say in each.

Enters: nothing. Leaves: for each situation how clinical values and imaging come about, how many cases there
are, and for each question of the verdict the answers that are right. A seed counts as right only where every
question that is named here is answered rightly.

nothing (200 cases): neither modality knows anything.
    Better than chance, gain over clinical values, gain over the selected modality: never yes.
clinical_only (200): clinical values know, imaging does not.
    Better than chance, clinical values alone: yes. Imaging alone, both gains: never yes.
imaging_only (200): imaging knows, clinical values do not.
    Better than chance, imaging alone, gain over clinical values: yes. Clinical values alone, gain over the
    selected modality: never yes.
both (360): each knows something of its own.
    Better than chance, both gains: yes.
redundant (200): imaging is a blurred copy of the measured clinical values.
    Better than chance, each alone: yes. Gain over clinical values: never yes.
harmful (360 and 360): imaging knows where it was learned, as scans of the sicker by another protocol do, and
    nothing elsewhere, where the models are applied; clinical values know in both.
    Gain over clinical values: no, and the words say that fusion is worse. Calibration: never yes.
miscalibrated (200 and 200): learned where 1 in 4 has the event, applied where the hazard is four times that.
    Better than chance: yes. Calibration: no.
too_small (60, about 18 events): both know something.
    Both gains, calibration: cannot tell, each with the cases that it would take. Better than chance: never
    no.

In the first five the models are calibrated, so calibration is never no. "Never yes" leaves "no" and "cannot
tell": 200 cases cannot exclude a gain of .02 in every draw, and an answer that they cannot give is not asked
for. How often it was a plain "no" is counted beside, without a bar. To say "cannot tell" always is right in
`nothing` and `too_small` alone; yes always in `both`, no always in `harmful`.

The right answers stood here before any verdict was judged. Sizes and effects were chosen afterwards, so that
as many cases can show them, and `harmful` was planted anew twice: 200 columns of noise did no harm, and of
200 cases with a loss of .07 a fifth left no loss in the interval. That was done on seeds from 1000 on; those
from 0 are judged. Effects are large (a gain of .1 in C where both know, a loss of .1 to .15 where fusion
harms): this shows that a verdict says what is there, not how little it can find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fuse.verdict.words import Answer

Imaging = Literal["own", "copy_of_clinical"]

YES: tuple[Answer, ...] = ("yes",)
NO: tuple[Answer, ...] = ("no",)
OPEN: tuple[Answer, ...] = ("cannot tell",)
NEVER_YES: tuple[Answer, ...] = ("no", "cannot tell")
NEVER_NO: tuple[Answer, ...] = ("yes", "cannot tell")

CHANCE, GAIN, GAIN_SELECTED = "better_than_chance", "adds_to_clinical", "adds_to_selected_single"
CLINICAL_ALONE, IMAGING_ALONE, CALIBRATION = "predicts_clinical", "predicts_slides", "calibration"


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Another cohort to which models are applied: its hazard, as a multiple, and what imaging does there."""

    hazard: float = 1.0
    imaging: float


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One situation.

    `clinical`, `imaging`: change of the log hazard for one standard deviation of what this modality alone
    shows. `events`: share of the cases with an event where the models are learned. `right`: question -> its
    right answers. `says_what_is_needed`, `says_worse`: questions whose words must say so too.
    """

    name: str
    right: Mapping[str, tuple[Answer, ...]]
    cases: int = 200
    clinical: float = 0.0
    imaging: float = 0.0
    from_where: Imaging = "own"
    events: float = 0.4
    elsewhere: Elsewhere | None = None
    says_what_is_needed: tuple[str, ...] = ()
    says_worse: tuple[str, ...] = ()


SITUATIONS = {
    situation.name: situation
    for situation in (
        Situation(
            name="nothing",
            right={
                CHANCE: NEVER_YES,
                GAIN: NEVER_YES,
                GAIN_SELECTED: NEVER_YES,
                CALIBRATION: NEVER_NO,
            },
        ),
        Situation(
            name="clinical_only",
            clinical=1.0,
            right={
                CHANCE: YES,
                CLINICAL_ALONE: YES,
                IMAGING_ALONE: NEVER_YES,
                GAIN: NEVER_YES,
                GAIN_SELECTED: NEVER_YES,
                CALIBRATION: NEVER_NO,
            },
        ),
        Situation(
            name="imaging_only",
            imaging=1.6,
            right={
                CHANCE: YES,
                IMAGING_ALONE: YES,
                CLINICAL_ALONE: NEVER_YES,
                GAIN: YES,
                GAIN_SELECTED: NEVER_YES,
                CALIBRATION: NEVER_NO,
            },
        ),
        Situation(
            name="both",
            cases=360,
            clinical=1.5,
            imaging=1.5,
            right={CHANCE: YES, GAIN: YES, GAIN_SELECTED: YES, CALIBRATION: NEVER_NO},
        ),
        Situation(
            name="redundant",
            clinical=1.0,
            from_where="copy_of_clinical",
            right={
                CHANCE: YES,
                CLINICAL_ALONE: YES,
                IMAGING_ALONE: YES,
                GAIN: NEVER_YES,
                CALIBRATION: NEVER_NO,
            },
        ),
        Situation(
            name="harmful",
            cases=360,
            clinical=1.0,
            imaging=1.8,
            elsewhere=Elsewhere(imaging=0.0),
            right={GAIN: NO, CALIBRATION: NEVER_YES},
            says_worse=(GAIN,),
        ),
        Situation(
            name="miscalibrated",
            clinical=1.0,
            imaging=1.0,
            events=0.25,
            elsewhere=Elsewhere(hazard=4.0, imaging=1.0),
            right={CHANCE: YES, CALIBRATION: NO},
        ),
        Situation(
            name="too_small",
            cases=60,
            clinical=0.5,
            imaging=0.5,
            events=0.3,
            right={CHANCE: NEVER_NO, GAIN: OPEN, GAIN_SELECTED: OPEN, CALIBRATION: OPEN},
            says_what_is_needed=(GAIN, GAIN_SELECTED, CALIBRATION),
        ),
    )
}
