"""The measured rows of the cohorts with four modalities, and a line about each.

Enters: the answers of the seeds. Leaves: lines and rows. Whether missing MRI files cost no more than MRI is
worth is a mean of paired differences over the seeds; its standard error stands beside it as a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.measurement import Measured
from tests.published.four_modalities import GONE_SHARE, FourAnswer, RowsLeft

#: Of 40 modalities without signal; the verdict's intervals hold together, so that one cohort in 40 errs.
MOST_NAMED_WRONGLY = 1


def describe_four(answer: FourAnswer) -> str:
    """Return one line about one cohort."""
    said = ", ".join(f"{name} {answer.named[name]}" for name in sorted(answer.planted))
    anew = [name for name, word in answer.dealt_anew.items() if word == "yes"]
    missing = f"MRI of {GONE_SHARE:.0%} gone {answer.gone:.3f}, without MRI {answer.without:.3f}"
    return (
        f"seed {answer.seed}, four modalities: {said}; outcomes dealt anew: {', '.join(anew) or 'none'}; "
        f"late fusion {answer.full:.3f}, {missing}"
    )


def rows_of_four(
    answers: Sequence[FourAnswer], left: RowsLeft, large: tuple[int, dict[str, str]]
) -> list[Measured]:
    """Return the rows: what is named, what is not, what missing files cost, what is said about them."""
    cases, named_at_large = large
    source = f"{len(answers)} synthetic CHIMERA cohorts of 200 cases with all four modalities"
    said = [answer.named.get(name, "") for answer in answers for name in answer.planted]
    anew = [word for answer in answers for word in answer.dealt_anew.values()]
    missed = [name for name in answers[0].planted if named_at_large.get(name) != "yes"]
    kept = np.array([answer.gone - answer.without for answer in answers])
    error = float(kept.std(ddof=1) / np.sqrt(len(kept))) if len(kept) > 1 else None

    def row(
        name: str, value: float | None, unit: str, bar: str | None = None, met: bool | None = None
    ) -> Measured:
        return Measured(name=f"fuse/four_{name}", value=value, unit=unit, bar=bar, met=met, input=source)

    return [
        Measured(
            name="fuse/four_planted_not_named",
            value=len(missed),
            unit="of 4",
            bar="0",
            met=not missed,
            input=f"one synthetic CHIMERA cohort of {cases} cases: the answers of verdict.json",
        ),
        row("planted_named_at_200", said.count("yes"), f"of {len(said)}"),
        row("planted_denied_at_200", said.count("no"), f"of {len(said)}", "0", "no" not in said),
        row(
            "named_outcomes_dealt_anew",
            anew.count("yes"),
            f"of {len(anew)}",
            f"<= {MOST_NAMED_WRONGLY}",
            anew.count("yes") <= MOST_NAMED_WRONGLY,
        ),
        row("late_c", float(np.mean([answer.full for answer in answers])), "C"),
        row("late_c_mri_files_gone", float(np.mean([answer.gone for answer in answers])), "C"),
        row("late_c_without_mri", float(np.mean([answer.without for answer in answers])), "C"),
        row("gone_above_without", float(kept.mean()), "C", ">= 0", bool(kept.mean() >= 0)),
        row("gone_above_without_error", error, "C, standard error"),
        Measured(
            name="fuse/four_rows_left_broken_promises",
            value=len(left.broken_promises),
            unit="of 4",
            bar="0",
            met=not left.broken_promises,
            input="; ".join(left.broken_promises)
            or f"files of {len(left.gone)} of {left.studies} studies gone, their rows left in the manifest",
        ),
    ]
