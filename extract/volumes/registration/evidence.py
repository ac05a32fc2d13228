"""What speaks for a registration, each piece with its number and its limit, all of which must hold.

Enters: a transform that was found, one found independently the other way, the gland. Leaves: pieces of
evidence. "Accepted because mutual information rose" would be circular: it was optimised. The limits are
Braid's own: shift and angle as asked for; a voxel for the way there and back; the first two of the
gland's edge were set on two real studies, in which wrong patients stay below them; the third is the usual two
standard errors: where the edge is as clear at the headers' place, there is no reason to move anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extract.volumes.registration.gland_edge import GlandEdge
from extract.volumes.registration.rigid import Matrix, Places, apart_mm, degrees_of, moved
from extract.volumes.registration.sampling import Image
from extract.volumes.registration.settings import Registration
from feature_cache.canonical import Json

#: Standard deviations between inside and outside of the gland's edge.
LEAST_SEPARATION = 0.5
#: Share of glands laid 6 mm away that must be separated less.
LEAST_SHARE_WORSE = 0.75
#: Standard errors by which the found place must separate better than the headers'.
LEAST_GAIN = 2.0
GAIN = "gland_edge_gain_over_headers_in_standard_errors"
_WAY_BACK_PERCENTILE = 95


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A number and the limit that it must keep: `at_most`, or at least."""

    name: str
    value: float
    limit: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the limit is kept; a number that is none keeps none."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def as_json(self) -> dict[str, Json]:
        """Return what an entry keeps."""
        return {
            "name": self.name,
            "value": round(self.value, 4) if np.isfinite(self.value) else None,
            "limit": f"{'at most' if self.at_most else 'at least'} {self.limit:.4g}",
            "holds": self.holds,
        }

    def __str__(self) -> str:
        """Say it for a warning."""
        return f"{self.name} {self.value:.3g}, {'at most' if self.at_most else 'at least'} {self.limit:.3g}"


def shift_mm(matrix: Matrix, centre: Places) -> float:
    """Return how far a transform moves the gland's centre, (1, 3) in RAS mm."""
    return float(np.linalg.norm(moved(centre, matrix) - centre))


def way_back_mm(there: Matrix, back: Matrix, gland: Places) -> float:
    """Return how far places of the gland end from where they began: the 95th percentile."""
    return float(np.percentile(apart_mm(back @ there, np.eye(4), gland), _WAY_BACK_PERCENTILE))


def limits_kept(matrix: Matrix, centre: Places, asked: Registration) -> list[Evidence]:
    """Return shift and angle with the recipe's limits."""
    return [
        Evidence(name="shift_mm", value=shift_mm(matrix, centre), limit=asked.most_shift_mm, at_most=True),
        Evidence(name="degrees", value=degrees_of(matrix), limit=asked.most_degrees, at_most=True),
    ]


def edge_evidence(edge: GlandEdge, moving: Sequence[Image], matrix: Matrix) -> list[Evidence]:
    """Return what the gland's edge says in the moving series: where it was laid, and against the headers."""
    gain, error = edge.gain(moving, matrix, np.eye(4))
    return [
        Evidence(name="gland_edge_separation", value=edge.separation(moving, matrix), limit=LEAST_SEPARATION),
        Evidence(
            name="gland_edge_share_of_places_6mm_away_that_are_worse",
            value=edge.share_worse(moving, matrix),
            limit=LEAST_SHARE_WORSE,
        ),
        Evidence(name=GAIN, value=gain / error if error > 0 else 0.0, limit=LEAST_GAIN),
    ]
