"""TRIDENT: `features_<encoder>/<slide>.h5` of mahmoodlab/TRIDENT 0.2 and 0.3.

Enters: such a folder, or an entry's tiles. Leaves: tiles, or such files. As `trident/IO.py` (save_h5,
coords_to_h5) and `wsi_objects/WSI.py` (extract_patch_features) write them: `features` (tile, dim) in the
network's precision, `coords` (tile, 2) int64 level-0 pixels, with the attributes of the tiling on `coords`.
There is no mpp in it, but a magnification rounded to what objectives have, which .3 um and .2 um share.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.h5_file import attribute, dataset, number, opened_h5, read_rows, write_h5
from extract.interchange.layout import Part
from feature_cache.errors import SourceError

NAME = "trident"
PARTS = (Part(role="features", pattern="*.h5", ending=".h5"),)

#: What an objective of 1x shows of a scanner's sensor, as the field counts it: 40x is .25 um per pixel.
_UM_AT_1X = 10.0
#: A magnification stands for any mpp that is rounded to it.
_MAGNIFICATION_SLACK = 0.25
_OBJECTIVES = (1.25, 2.5, 5, 10, 20, 40, 80)


def look(files: dict[str, Path], where: str) -> Told:
    """Return what a file says of its making; `SourceError` where it is another kind of file."""
    lock = files["features"].with_name(files["features"].name + ".lock")
    if lock.exists():
        raise SourceError(
            where,
            expected="a file that is finished",
            got=f"one that is being written ({lock.name} is there)",
            remedy="Let TRIDENT finish; after a crash its --clear_dead_locks removes the lock.",
        )
    with opened_h5(files["features"], where) as file:
        features, coords = dataset(file, "features", where), dataset(file, "coords", where)
        encoder, tile_px = attribute(features, "encoder"), number(attribute(coords, "patch_size"))
        magnification = number(attribute(coords, "target_magnification"))
    return Told(
        encoder=encoder if isinstance(encoder, str) else None,
        tile_px=None if tile_px is None else round(tile_px),
        mpp=None if magnification is None else _UM_AT_1X / magnification,
        mpp_slack=_MAGNIFICATION_SLACK,
    )


def read(files: dict[str, Path], slide_mpp: float | None, where: str) -> IncomingBag:
    """Return the tiles of one slide; `SourceError` where the file is damaged or another kind of file."""
    told = look(files, where)
    with opened_h5(files["features"], where) as file:
        coords = dataset(file, "coords", where)
        return IncomingBag(
            embeddings=read_rows(file, "features", where),
            xy_px0=read_rows(file, "coords", where),
            tile_px0=number(attribute(coords, "patch_size_level0")),
            slide_mpp=slide_mpp,
            told=told,
        )


def write(folder: Path, bag: OutgoingBag, where: str) -> None:
    """Write one slide; a magnification is the nearest that an objective has, as TRIDENT itself rounds it."""
    scanned = None if bag.slide_mpp is None else _magnification(bag.slide_mpp)
    coords: dict[str, object] = {
        "patch_size": bag.tile_px,
        "patch_size_level0": round(bag.tile_px0),
        "level0_magnification": "None" if scanned is None else scanned,
        "target_magnification": _magnification(bag.mpp),
        "name": bag.stem,
        "savetodir": "None",
    }
    if bag.overlap_px is not None:
        coords["overlap"] = bag.overlap_px
    if bag.size_px0 is not None:
        coords |= {"level0_width": bag.size_px0[0], "level0_height": bag.size_px0[1]}
    features = {"name": bag.stem, "savetodir": "None", "encoder": bag.encoder}
    write_h5(
        folder / f"{bag.stem}.h5",
        {"features": bag.embeddings, "coords": bag.xy_px0.astype(np.int64)},
        {"features": features, "coords": coords},
    )


def _magnification(mpp: float) -> float | int:
    nearest = min(_OBJECTIVES, key=lambda objective: abs(math.log(objective * mpp / _UM_AT_1X)))
    return int(nearest) if nearest == int(nearest) else nearest
