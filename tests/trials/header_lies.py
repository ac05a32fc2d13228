"""B3: headers that lie are refused, and the field that lies is named, by `check` and by `run`.

Enters: a work folder, how many lies, a seed. Leaves: measured rows. All lies stand in one cohort, each as a
case of its own, beside a good case, and beside the same files without a lie, which must come through.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.measurement import Measured
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.lies import LIES, TRUTHS
from tests.trials.trial import Counts, Tally


def header_lies(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Tell `counts.runs` lies, spread over the kinds of file."""
    step = max(1, len(LIES) // counts.runs)
    told = LIES[min(1, step - 1) :: step][: counts.runs]
    tally = Tally("cache/header_lie_", f"B3: {len(told)} lies about scale, size, affine, kind; seed {seed}")
    cohort = HostileCohort(work / "cohort", seed)
    cases = {f"lie{number:02d}": lie for number, lie in enumerate(told)}
    for case, lie in cases.items():
        lie.plant(cohort, case)
    truths = {f"truth{number}": truth for number, truth in enumerate(TRUTHS)}
    for case, truth in truths.items():
        truth.plant(cohort, case)
    cohort.save()
    checked, ran = cohort.check(), cohort.run()
    for case, lie in cases.items():
        what = f"{lie.kind} {lie.fields}"
        said = ran.failed.get(case, "")
        tally.count("not_refused", not said or bool(ran.committed.get(case)), f"{what}: {said!r}")
        unnamed = not re.search(lie.word, said, re.IGNORECASE)
        tally.count("field_not_named", unnamed, f"{what}: {said!r}, and no {lie.word}")
        tally.count("missed_by_check", "error" not in checked.said.get(case, ""), f"{what}: {said!r}")
    for case, truth in truths.items():
        tally.count("truths_refused", not ran.committed.get(case), f"{truth.kind}: {ran.failed.get(case)}")
    tally.count("good_case_lost", not ran.good_is_whole, f"{ran.failed}"[-300:])
    tally.count("tracebacks", "Traceback" in checked.command.said + ran.command.said, ran.command.said[-900:])
    return tally.rows()
