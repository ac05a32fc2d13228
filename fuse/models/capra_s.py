"""CAPRA-S: the published score for recurrence after prostatectomy, with no parameter to fit.

Enters: seven clinical columns, under the names that the protocol gives. Leaves: the score, 0 to 12, as a
range: an input that is not known may take any of its values, so the score lies between a low and a high
end and the risk is their middle. Only the nodes are different: a case without dissection (Nx) counts 0, as in
the paper, and so does a missing value of that variable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from feature_cache.errors import OutcomeError
from fuse.cases import Cases, Modality
from fuse.models.card import ModelCard, Options
from fuse.models.learner import Learner, Scorer, Setting
from fuse.models.published_score import PublishedScorer, centre
from fuse.outcomes.outcomes import Survival

#: What the options name a column for; lymph nodes are positive, negative or unknown (Nx).
INPUTS = (
    "psa",
    "primary_gleason",
    "secondary_gleason",
    "surgical_margins",
    "seminal_vesicle_invasion",
    "extracapsular_extension",
    "lymph_nodes",
)

Values = Float[np.ndarray, " case"]


@dataclass(frozen=True, kw_only=True)
class CapraRange:
    """The least and the most that the score of each case can be; equal where all inputs are known."""

    low: Float[np.ndarray, " case"]
    high: Float[np.ndarray, " case"]

    @property
    def middle(self) -> Float[np.ndarray, " case"]:
        """Return the middle of the range, which is what cases are ranked by."""
        return np.asarray((self.low + self.high) / 2)


def psa_points(psa_ng_ml: Values) -> CapraRange:
    """Return 0 for PSA <= 6 ng/mL, 1 to 10, 2 to 20, 3 above; 0 to 3 where it is missing."""
    points = np.digitize(psa_ng_ml, [6.0, 10.0, 20.0], right=True).astype(np.float64)
    return _range(points, np.isnan(psa_ng_ml), most=3.0)


def gleason_points(primary: Values, secondary: Values) -> CapraRange:
    """Return 0 for a sum <= 6, 1 for 3+4, 2 for 4+3, 3 for a sum >= 8; 0 to 3 where one is missing."""
    total = primary + secondary
    seven = np.where(primary <= 3, 1.0, 2.0)
    points = np.where(total <= 6, 0.0, np.where(total <= 7, seven, 3.0))
    return _range(points, np.isnan(total), most=3.0)


def yes_no_points(value: Values, points: float) -> CapraRange:
    """Return the points of a finding (value > 0), or the range up to them where it is missing."""
    return _range(np.where(value > 0, points, 0.0), np.isnan(value), most=points)


def node_points(value: Values) -> CapraRange:
    """Return 1 for a positive node; 0 for none, for Nx (no dissection) and for a missing value."""
    points = np.where(np.nan_to_num(value, nan=0.0) > 0, 1.0, 0.0)
    return CapraRange(low=points, high=points)


def add_points(parts: list[CapraRange]) -> CapraRange:
    """Return the sum of ranges."""
    return CapraRange(
        low=np.sum([p.low for p in parts], axis=0), high=np.sum([p.high for p in parts], axis=0)
    )


def _range(points: Values, missing: Bool[np.ndarray, " case"], most: float) -> CapraRange:
    return CapraRange(low=np.where(missing, 0.0, points), high=np.where(missing, most, points))


@dataclass(frozen=True, kw_only=True)
class CapraScorer(PublishedScorer):
    """The score minus its mean in the train part."""

    psa_scale: str

    def points(self, modality: Modality) -> CapraRange:
        """Return the range of the score for each case that has the modality."""
        rows = modality.present
        column = {name: modality.columns.index(title) for name, title in self.columns.items()}

        def read(name: str) -> Values:
            return np.asarray(modality.values[rows, column[name]])

        # rounded, so that a PSA of exactly 6 is still 6 after the way through its logarithm
        psa = np.round(np.exp(read("psa")), 6) if self.psa_scale == "log" else read("psa")
        return add_points(
            [
                psa_points(psa),
                gleason_points(read("primary_gleason"), read("secondary_gleason")),
                yes_no_points(read("surgical_margins"), 2.0),
                yes_no_points(read("seminal_vesicle_invasion"), 2.0),
                yes_no_points(read("extracapsular_extension"), 1.0),
                node_points(read("lymph_nodes")),
            ]
        )


class CapraS(Learner):
    """The score as an arm: the train part gives only the mean that it is centred by."""

    name = "capra_s"

    def __init__(self, modalities: tuple[str, ...], options: Options) -> None:
        self.modalities = modalities
        self.psa_scale = str(options.get("psa_scale", "linear"))
        self.columns = {name: str(title) for name, title in options.items() if name != "psa_scale"}
        self._check_names()

    def fit_path(
        self, cases: Cases, outcome: Survival, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Centre the score on the train cases that have clinical values; outcomes are not looked at."""
        plain = CapraScorer(modality=self.modalities[0], columns=self.columns, psa_scale=self.psa_scale)
        scorer = centre(plain, cases, self.name)
        return tuple(scorer for _ in settings)

    def _check_names(self) -> None:
        lacking = [name for name in INPUTS if name not in self.columns]
        if lacking:
            raise OutcomeError(
                "model capra_s",
                expected=f"a column for each of: {', '.join(INPUTS)}",
                got=f"none for {', '.join(lacking)}",
                remedy="Name them under risk_scores in cohort.yaml, or in the options of this arm.",
            )
        if self.psa_scale not in ("linear", "log"):
            raise OutcomeError(
                "model capra_s",
                expected="psa_scale linear (ng/mL) or log (its natural logarithm)",
                got=self.psa_scale,
                remedy="Use the scale that cohort.yaml declares for PSA.",
            )


CARD = ModelCard(
    name="capra_s",
    title="CAPRA-S (published score)",
    reads="values",
    modalities="one",
    needs=(),
    source="Cooperberg, Hilton, Carroll 2011, Cancer 117:5039",
    options=(*INPUTS, "psa_scale"),
    build=CapraS,
    late_entry=True,
)
