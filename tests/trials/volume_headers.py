"""B5: damaged and lying headers of volumes, of every format: a reason each, no crash, no hang, no gigabytes.

Enters: a work folder, how many lies, a seed. Leaves: measured rows. All stand in one cohort, each as a case
of its own, beside a good case, beside the same files without a lie, and beside files with noise in their
headers, which may be refused or taken. A quarter of the lies are about time. What only a cap on memory or
time ends was not refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from tests.measurement import ROOT, Measured
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.size_bombs import ENDED, MOST_GB
from tests.trials.time_lies import TIME_LIES, TIME_TRUTHS
from tests.trials.trial import Counts, Tally
from tests.trials.volume_lies import LIES, NOISE, TRUTHS


def volume_headers(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Tell `counts.runs` lies, and `counts.each` of noise."""
    generator = np.random.default_rng(seed)
    in_time = min(len(TIME_LIES), counts.runs // 4)
    of_time = [TIME_LIES[place] for place in sorted(generator.permutation(len(TIME_LIES))[:in_time])]
    still = generator.permutation(len(LIES))[: counts.runs - in_time]
    told = [*(LIES[place] for place in sorted(still)), *of_time]
    noise = [NOISE[place] for place in sorted(generator.permutation(len(NOISE))[: counts.each])]
    source = f"B5: {len(told)} lies and {len(noise)} noisy headers of volumes of 7 kinds; seed {seed}"
    tally = Tally("cache/volume_header_", source)
    cohort = HostileCohort(work / "cohort", seed)
    cohort.words = ("--recipe", _recipe_over_time(work / "over_time.yaml"))
    named = {
        **{f"lie{number:03d}": lie for number, lie in enumerate(told)},
        **{f"noise{number:03d}": one for number, one in enumerate(noise)},
        **{f"truth{number}": truth for number, truth in enumerate((*TRUTHS, *TIME_TRUTHS))},
    }
    for case, one in named.items():
        one.plant(cohort, case)
    cohort.save()
    checked, ran = cohort.check(), cohort.run()
    for case, one in named.items():
        said, committed = ran.failed.get(case, ""), bool(ran.committed.get(case))
        what = f"{one.name}: {said!r}"
        if case.startswith("lie"):
            tally.count("not_refused", not said or committed, what)
        elif case.startswith("truth"):
            tally.count("truths_refused", not committed, what)
        tally.count("neither_refused_nor_taken", committed == bool(said), what)
        tally.count("ended_by_a_cap", bool(ENDED.search(said)), what)
        tally.count("ended_by_a_cap", bool(ENDED.search(checked.said.get(case, ""))), what)
    tally.count("good_case_lost", not ran.good_is_whole, f"{ran.failed}"[-300:])
    tally.count("tracebacks", "Traceback" in checked.command.said + ran.command.said, ran.command.said[-900:])
    peak_gb = max(checked.command.peak_bytes, ran.command.peak_bytes) / 1e9
    return [
        *tally.rows(),
        Measured(
            name="cache/volume_header_peak",
            value=round(peak_gb, 3),
            unit="GB",
            bar=f"<= {MOST_GB}",
            met=peak_gb <= MOST_GB,
            input=source,
        ),
    ]


def _recipe_over_time(path: Path) -> Path:
    """Write the shipped recipe with a block for series over time."""
    recipe = yaml.safe_load((ROOT / "extract/recipes/weightfree.yaml").read_text(encoding="utf-8"))
    recipe["name"], recipe["volumes"]["time"] = "over_time", {}
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path
