"""Texture of the IBSI's digital phantom against its reference values, all of them (`-s` prints the table).

The values are those of the IBSI's table of reference values for the digital phantom, as MIRP keeps it
(oncoray/mirp, test/data/ibsi_1_reference_values/ibsi_1_dig_phantom.csv): the rows of the 3D forms and of the
intensity histogram. The reference manual prints them too (ibsi.readthedocs.io, "Image features", rows
"dig. phantom"), where some were compared. There is no tolerance: three digits are given.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from extract.volumes.texture.grey_levels import levelled, levels_of_width
from extract.volumes.texture.ibsi import TEXTURE, texture
from tests.extract.volumes import ibsi_phantom

with (Path(__file__).parents[1] / "ibsi_reference_values.csv").open(encoding="utf-8") as stream:
    REFERENCE = {row["tag"]: float(row["value"]) for row in csv.DictReader(stream)}

VALUES = ibsi_phantom.INTENSITY[ibsi_phantom.REGION].astype(float)
PHANTOM = levelled(ibsi_phantom.REGION, levels_of_width(VALUES, 1.0), 6)
MEASURED = dict(zip(TEXTURE, map(float, texture(PHANTOM)), strict=True))


def test_every_reference_value_is_measured() -> None:
    assert set(TEXTURE) == set(REFERENCE)
    assert len(TEXTURE) == len(set(TEXTURE)) == 159


@pytest.mark.parametrize("tag", TEXTURE)
def test_ibsi_reference_values_to_their_three_digits(tag: str) -> None:
    ibsi_phantom.print_row(tag, REFERENCE[tag], MEASURED[tag])
    assert float(f"{MEASURED[tag]:.3g}") == REFERENCE[tag]


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("mirrored", [0, 1, 2])
def test_turning_or_mirroring_a_region_does_not_change_its_texture(
    axes: tuple[int, ...], mirrored: int
) -> None:
    """Also not where it lies, and what lies around it."""
    turned = np.flip(ibsi_phantom.INTENSITY.transpose(axes), mirrored)
    moved = np.pad(turned, ((2, 0), (0, 3), (1, 1)))
    region = levelled(moved > 0, levels_of_width(moved[moved > 0].astype(float), 1.0), 6)
    np.testing.assert_allclose(texture(region), list(MEASURED.values()), rtol=1e-12, atol=1e-14)
