"""The published zone network on two real T2W: what grid, mirror images and crop change.

Enters: ProstateX-0000 and -0001 of ../shared/data with the masks of other networks (PI-CAI), and the weights.
Leaves: Dice of the whole gland for a plain centre crop and, one after the other, for what the network was
trained on; zones and millilitres of the last. Two cases: they show that a grid matters, and choose nothing.
`python -m tests.published.zones` runs it alone (half a minute).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int32

from extract.encoders.input_contract import show
from extract.encoders.networks import same_bits
from extract.encoders.prostate_zones import LABELS, ProstateZones
from extract.encoders.prostate_zones_network import zone_logits
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.geometry import VoxelGrid
from extract.volumes.header import open_volume
from extract.volumes.reader import read_labels, read_series
from extract.volumes.resample import resample_linear
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import BraidError
from tests.measurement import Measured, tabulate

DATA = Path(__file__).parents[3] / "shared" / "data"
CASES = ("ProstateX-0000", "ProstateX-0001")
CARD = find_encoder("prostate_zones", "volumes")
#: One step after the other towards what the card says: name, in-plane mm (None: the file's), axes, px.
STEPS = (
    ("as_stored_crop_288", None, "LPS", 288),
    ("grid_0.625_crop_288", 0.625, "LPS", 288),
    ("grid_0.625_crop_224", 0.625, "LPS", 224),
    ("grid_0.625_turned", 0.625, "RAS", 288),
)


def zone_rows() -> list[Measured]:
    """Return the rows of both cases; rows without a value say what is missing here."""
    source = WeightsSource(root=DATA / "weights") if DATA.is_dir() else WeightsSource()
    try:
        network = load_encoder(CARD, find_weights(CARD, source, None))
    except BraidError as error:
        return [_row(case, "gland", None, f"not measured: {error.expected} ({error.got})") for case in CASES]
    return [row for case in CASES for row in _rows_of(case, network)]


def _rows_of(case: str, network: ProstateZones) -> list[Measured]:
    series, gland, zones = _read(case)
    rows = []
    for name, side_mm, orientation, side_px in STEPS:
        found = _once(network, series, side_mm, orientation, side_px)
        rows.append(_row(case, f"gland_{name}", _dice(found > 0, gland), "Dice with the mask Bosma22b"))
    labels = network.segment(series)
    rows.append(_row(case, "gland", _dice(labels > 0, gland), "the card's contract; Dice with Bosma22b"))
    for label, name in LABELS.items():
        rows.append(_row(case, name.lower(), _dice(labels == label, zones == label), "Dice with HeviAI23"))
    voxel_ml = abs(np.linalg.det(series.affine[:3, :3])) / 1000
    said = f"the mask has {gland.sum() * voxel_ml:.1f}"
    return [*rows, _row(case, "gland_ml", float((labels > 0).sum() * voxel_ml), said, "ml")]


def _read(
    case: str,
) -> tuple[SeriesOnGrid, Bool[np.ndarray, "x y z"], Int32[np.ndarray, "x y z"]]:
    folder = DATA / "volumes/prostatex"
    volume = read_series(open_volume(folder / case / f"{case}_t2w.nii.gz", case), case)
    masks = []
    for name in ("whole_gland_AI_Bosma22b", "zonal_pz_tz_AI_HeviAI23"):
        (path,) = (folder / "picai_labels" / case).glob(f"*{name}*")
        masks.append(read_labels(open_volume(path, case, "label"), case))
    series = SeriesOnGrid(sequence="t2w", voxels=volume.voxels, affine=volume.affine, spacing_known=True)
    return series, masks[0] > 0, masks[1]


def _once(
    network: ProstateZones, series: SeriesOnGrid, side_mm: float | None, orientation: str, side_px: int
) -> Float[np.ndarray, "x y z"]:
    """Return labels of one view, no mirror images: what the network says of one grid, axes and crop."""
    assert CARD.contract is not None
    changed = {"spacing_mm": (side_mm, side_mm, None), "orientation": orientation}
    contract = CARD.contract.model_copy(
        update={**changed, "size": (side_px, side_px, None), "least_extent_mm": 0.0}
    )
    shown = show(contract, series, {}, CARD.name)
    with same_bits("cpu", "f32"):
        chances = zone_logits(network._state, network._slices(shown)).softmax(dim=1).cpu().numpy()
    columns, rows, slices = shown.voxels.shape
    seen = VoxelGrid(size=(columns, rows, slices), affine=shown.affine)
    x, y, z = series.voxels.shape
    own = VoxelGrid(size=(x, y, z), affine=series.affine)
    laid = np.stack([resample_linear(one, seen, own) for one in chances.transpose(1, 3, 2, 0)])
    return np.where(np.isfinite(laid[0]), laid.argmax(axis=0), 0)


def _dice(found: Bool[np.ndarray, "x y z"], drawn: Bool[np.ndarray, "x y z"]) -> float:
    return float(2 * (found & drawn).sum() / (found.sum() + drawn.sum()))


def _row(case: str, name: str, value: float | None, source: str, unit: str = "Dice") -> Measured:
    return Measured(
        name=f"volumes/zones_{case[-4:]}_{name}", value=value, unit=unit, bar=None, met=None, input=source
    )


if __name__ == "__main__":
    sys.exit(tabulate(zone_rows()))
