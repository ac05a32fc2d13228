"""Labels of the M-PRTM layout around one planted rehospitalisation: nested, with a time for every event.

Enters: whether and when a patient was readmitted. Leaves: flags, causes and days. Cardiovascular death is a
death, a cardiology readmission is a readmission, MACCES is the first of cardiovascular death and a major
cardiac readmission. Cause 0 = no event. Death ends follow-up; it knows nothing of the risk.
"""

from __future__ import annotations

import numpy as np

DEATH, CV_DEATH, READMITTED = "Death", "Cardiovascular Death", "Rehospitalization"
CARDIOLOGY, MACCES = "Cardiology Rehospitalization", "MACCES Event"
EVENTS = (DEATH, CV_DEATH, READMITTED, CARDIOLOGY, MACCES)
#: the last columns of the published table, in its order
LABELS = (
    DEATH, CV_DEATH, "Cause of Cardiovascular Death", READMITTED, CARDIOLOGY, MACCES, "MACCES Cause",
)  # fmt: skip
DEATH_AT_END, DEATH_AFTER_READMISSION, DEATH_CARDIOVASCULAR = 0.10, 0.20, 0.7
CARDIOLOGY_SHARE, MAJOR_SHARE = 0.65, 0.6
LONGEST_STAY_DAYS = 300


def draw_labels(readmitted: bool, days: float, rng: np.random.Generator) -> dict[str, int]:
    """Return labels and `<event>_days` of one patient; without its event, a label is censored at the end."""
    first = int(days)
    end = first + (int(rng.integers(1, LONGEST_STAY_DAYS)) if readmitted else 0)
    dies = rng.random() < (DEATH_AFTER_READMISSION if readmitted else DEATH_AT_END)
    cardiovascular = dies and rng.random() < DEATH_CARDIOVASCULAR
    cardiology = readmitted and rng.random() < CARDIOLOGY_SHARE
    major = cardiology and rng.random() < MAJOR_SHARE
    major_cause = int(rng.integers(2, 6)) if major else int(cardiovascular)
    return {
        DEATH: int(dies),
        CV_DEATH: int(cardiovascular),
        "Cause of Cardiovascular Death": int(rng.integers(1, 3)) if cardiovascular else 0,
        READMITTED: int(readmitted),
        CARDIOLOGY: int(cardiology),
        MACCES: int(major or cardiovascular),
        "MACCES Cause": major_cause,
        f"{DEATH}_days": end,
        f"{CV_DEATH}_days": end,
        f"{READMITTED}_days": first,
        f"{CARDIOLOGY}_days": first if cardiology else end,
        f"{MACCES}_days": first if major else end,
    }
