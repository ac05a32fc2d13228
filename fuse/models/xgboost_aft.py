"""Boosted trees that predict the time itself: an accelerated failure time model, censored times as bounds.

Enters: the values of one modality, NaN where not observed. Leaves: minus the predicted log time, in units of
its spread in the train part. Hazards need not be proportional.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from fuse.models.card import ModelCard
from fuse.models.heads.aft import fit_log_normal
from fuse.models.xgboost_cox import Labels, XgboostCox, most_rounds
from fuse.outcomes.outcomes import Survival


class XgboostAft(XgboostCox):
    """The same trees, the same rounds to choose from, under the log-normal likelihood."""

    name = "xgboost_aft"
    objective: ClassVar[Mapping[str, object]] = {
        "objective": "survival:aft",
        "aft_loss_distribution": "normal",
        "aft_loss_distribution_scale": 1.0,
        "base_score": 1.0,
    }
    sign: ClassVar[float] = -1.0

    def labels(self, outcome: Survival) -> Labels:
        """Return bounds of each time; log times are standardised as the train part's are spread."""
        log_time = np.log(outcome.time_days)
        mean, scale = fit_log_normal(log_time, outcome.event)
        low = np.exp((log_time - mean) / scale)
        return {
            "label_lower_bound": low,
            "label_upper_bound": np.where(outcome.event, low, np.inf),
        }


CARD = ModelCard(
    name="xgboost_aft",
    title="Boosted trees, accelerated failure time",
    reads="values",
    modalities="one",
    needs=("xgboost",),
    source="Barnwal, Cho, Hocking 2022, doi 10.1080/10618600.2022.2067548; objective survival:aft",
    options=("rounds",),
    build=lambda modalities, options: XgboostAft(modalities, most_rounds(options)),
)
