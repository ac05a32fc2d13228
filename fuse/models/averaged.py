"""Several settings of one model at once, each counted as much as its likelihood on inner folds.

Enters: the scorers of all settings and what each gained out of fold. Leaves: one scorer, their weighted
mean. With some 20 events an inner fold the best of three penalties is mostly chance, and a mean of risks that
hardly differ loses nothing; where they do differ, by several units of log likelihood, it is a choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from fuse.cases import Cases
from fuse.models.learner import NullScorer, Scorer

#: A setting with less than this share is left out: it would cost a scoring and change nothing.
LEAST_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class AveragedScorer:
    """A weighted mean of scorers; `shares` sum to 1."""

    scorers: tuple[Scorer, ...]
    shares: tuple[float, ...]

    def risk(self, cases: Cases) -> Float[np.ndarray, " case"]:
        """Return the log relative hazard; 0.0 where every scorer says so."""
        parts = [share * one.risk(cases) for one, share in zip(self.scorers, self.shares, strict=True)]
        return np.asarray(np.sum(parts, axis=0))

    def contributions(self, cases: Cases) -> dict[str, Float[np.ndarray, " case"]]:
        """Return what each modality adds, of models that tell it."""
        total: dict[str, Float[np.ndarray, " case"]] = {}
        for one, share in zip(self.scorers, self.shares, strict=True):
            for name, part in one.contributions(cases).items():  # type: ignore[attr-defined]  # see above
                total[name] = total.get(name, 0.0) + share * part
        return total


def shares_of(gains: Sequence[float]) -> Float[np.ndarray, " setting"]:
    """Return the share of each setting: its likelihood among all, small ones left out.

    Pseudo-Bayesian model averaging (Yao, Vehtari, Simpson and Gelman 2018) with folds in place of single
    cases.
    """
    likelihood = np.exp(np.asarray(gains) - np.max(gains))
    shares = likelihood / likelihood.sum()
    shares[shares < LEAST_SHARE] = 0.0
    return np.asarray(shares / shares.sum())


def averaged(scorers: Sequence[Scorer], shares: Sequence[float]) -> Scorer:
    """Return the mean of the scorers that have a share; one alone is itself."""
    counted = [(one, share) for one, share in zip(scorers, shares, strict=True) if share > 0]
    if len(counted) == 1 or all(isinstance(one, NullScorer) for one, _ in counted):
        return counted[0][0]
    return AveragedScorer(
        scorers=tuple(one for one, _ in counted), shares=tuple(share for _, share in counted)
    )
