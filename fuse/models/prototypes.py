"""Prototypes of tiles: each case as its mixture of kinds of tiles, then a ridge regression. No network.

Enters: the bags of one modality. Leaves: a risk of each case that is one weighted sum of how much of each
kind its tiles are and how they differ from it. What is rare but of its own kind keeps columns of its own,
which a mean over all tiles would dilute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from feature_cache.errors import OutcomeError
from fuse.cases import Bags, Cases, Modality
from fuse.models.card import CLASSES, TIMES, ModelCard, Options
from fuse.models.learner import Learner, Scorer, Setting, is_learnable, null_scorer
from fuse.models.ridge_cox import RidgeCox
from fuse.models.ridge_logistic import RidgeLogistic
from fuse.models.tile_mixture import TileMixture, fit_tile_mixture
from fuse.models.tile_scale import bags_of
from fuse.outcomes.outcomes import Classes, Outcome

NAME = "prototypes"
KINDS = 16


@dataclass(frozen=True, kw_only=True)
class PrototypeScorer:
    """A mixture, the weight of shares beside differences, and a regression on both."""

    modality: str
    mixture: TileMixture
    share_factor: float
    regression: Scorer

    def risk(self, cases: Cases) -> Float[np.ndarray, " case *classes"]:
        """Return the regression's risk; 0.0 for cases without tiles. Each bag is described alone."""
        bags = bags_of(cases, self.modality, NAME)
        described = _described(bags, self.mixture)
        return self.regression.risk(
            _as_table(cases, self.modality, described, self.mixture, self.share_factor)
        )


@dataclass(frozen=True, kw_only=True)
class Prototypes(Learner):
    """A mixture of `kinds` Gaussians fitted on the train part's tiles, ridge regression on its summaries."""

    modalities: tuple[str, ...]
    kinds: int = KINDS
    name: str = NAME

    def candidates(self) -> tuple[Setting, ...]:
        """Return the penalties, the strongest first."""
        return RidgeCox(self.modalities).candidates()

    def fit_path(
        self, cases: Cases, outcome: Outcome, settings: tuple[Setting, ...], seed: int
    ) -> tuple[Scorer, ...]:
        """Fit the mixture once and the regression for each penalty."""
        name = self.modalities[0]
        bags = bags_of(cases, name, NAME)
        rows = np.flatnonzero(bags.stop > bags.start)
        seen = outcome.take(rows)
        if not is_learnable(seen):
            return tuple(null_scorer(seen) for _ in settings)
        train, own = cases.take(rows), bags.take(rows).ordered()
        mixture = fit_tile_mixture(own, self.kinds, seed)
        described = _described(own, mixture)
        factor = _share_factor(described, len(mixture.gaussians.mean))
        table = _as_table(train, name, described, mixture, factor)
        ridge: Learner = RidgeLogistic((name,)) if isinstance(seen, Classes) else RidgeCox((name,))
        return tuple(
            PrototypeScorer(modality=name, mixture=mixture, share_factor=factor, regression=regression)
            for regression in ridge.fit_path(table, seen, settings, seed)
        )


def _described(bags: Bags, mixture: TileMixture) -> Float[np.ndarray, "case value"]:
    rows = np.full((len(bags.start), len(mixture.names())), np.nan)
    for row in np.flatnonzero(bags.stop > bags.start):
        rows[row] = mixture.describe(bags.of(int(row)))
    return rows


def _share_factor(described: Float[np.ndarray, "case value"], kinds: int) -> float:
    """Return what makes all shares vary as much as all differences do, over the train part."""
    shares, differences = described[:, :kinds].var(axis=0).sum(), described[:, kinds:].var(axis=0).sum()
    return float(np.sqrt(differences / shares)) if shares > 0 else 0.0


def _as_table(
    cases: Cases,
    name: str,
    described: Float[np.ndarray, "case value"],
    mixture: TileMixture,
    share_factor: float,
) -> Cases:
    """Return the cases with the descriptions as the modality's values: one scale, which carries meaning."""
    values = described.copy()
    values[:, : len(mixture.gaussians.mean)] *= share_factor
    table = Modality(
        name=name,
        feature_set=cases.modalities[name].feature_set,
        present=np.isfinite(described).any(axis=1),
        columns=mixture.names(),
        values=values,
        scale_columns=False,
    )
    return replace(cases, modalities={**cases.modalities, name: table})


def build(modalities: tuple[str, ...], options: Options) -> Prototypes:
    """Return the learner with the number of kinds that a protocol sets."""
    kinds = options.get("kinds", KINDS)
    if isinstance(kinds, bool) or not isinstance(kinds, int | float) or kinds < 1 or kinds != int(kinds):
        raise OutcomeError(
            f"model {NAME}",
            expected="kinds: a number of prototypes",
            got=str(kinds),
            remedy="Correct the options of this arm.",
        )
    return Prototypes(modalities=modalities, kinds=int(kinds))


CARD = ModelCard(
    name=NAME,
    title="Prototypes of tiles, ridge regression",
    reads="tiles",
    modalities="one",
    needs=(),
    source="Song et al. 2024, PANTHER, arXiv 2405.11643 (mixture summaries; here with a ridge regression)",
    options=("kinds",),
    endpoints=(*TIMES, *CLASSES),
    build=build,
)
