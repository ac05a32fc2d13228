"""CHIMERA: `features/<case>_<n>.pt` and `coordinates/<case>_<n>.npy` as the challenge gives them out.

Enters: the folder that holds both, or an entry's tiles. Leaves: tiles, or such files. As the baseline
(DIAGNijmegen/CHIMERA `common/src/features/pathology/main.py`) writes them: a tensor (tile, 1024) of UNI,
and a structured array with `x`, `y` in level-0 pixels, `tile_size_resized`, `resize_factor`,
`tile_size_lv0` and `target_spacing` for every tile. Nothing in it says which revision of UNI. Its radiology
features are no tiles.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from extract.interchange.array_files import read_npy, read_pt, write_pt
from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.h5_file import as_rows, number
from extract.interchange.layout import Part
from feature_cache.array_format import AnyArray
from feature_cache.errors import SourceError

NAME = "chimera"
PARTS = (
    Part(role="features", pattern="features/*.pt", ending=".pt"),
    Part(role="positions", pattern="coordinates/*.npy", ending=".npy"),
)
_FIELDS = [
    ("x", np.int64),
    ("y", np.int64),
    ("tile_size_resized", np.int64),
    ("tile_level", np.int64),
    ("resize_factor", np.float64),
    ("tile_size_lv0", np.int64),
    ("target_spacing", np.float64),
]


def look(files: dict[str, Path], where: str) -> Told:
    """Return the tile's pixels and mpp; `SourceError` where the positions are no structured array."""
    placed = _positions(files, where)
    resized, factor = _constant(placed, "tile_size_resized", where), _constant(placed, "resize_factor", where)
    # the size was cut to a whole number after the factor: below a factor of 1 it cannot be told any more
    known = resized is not None and factor is not None and factor >= 1
    return Told(
        tile_px=math.ceil(resized / factor - 1e-9) if known else None,  # type: ignore[operator]
        mpp=_constant(placed, "target_spacing", where),
    )


def read(files: dict[str, Path], slide_mpp: float | None, where: str) -> IncomingBag:
    """Return the tiles of one slide; `SourceError` where the files are damaged."""
    placed = _positions(files, where)
    return IncomingBag(
        embeddings=as_rows(read_pt(files["features"], where), "features", where),
        xy_px0=np.stack([placed["x"], placed["y"]], axis=1),
        tile_px0=_constant(placed, "tile_size_lv0", where),
        slide_mpp=slide_mpp,
        told=look(files, where),
    )


def write(folder: Path, bag: OutgoingBag, where: str) -> None:
    """Write one slide; in float32, which the baseline's networks expect."""
    for name in ("features", "coordinates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    placed = np.zeros(len(bag.xy_px0), dtype=_FIELDS)
    placed["x"], placed["y"] = bag.xy_px0[:, 0], bag.xy_px0[:, 1]
    factor = bag.tile_px0 / bag.downsample / bag.tile_px
    placed["tile_size_resized"] = int(bag.tile_px * factor)
    placed["tile_level"] = bag.level
    placed["resize_factor"] = factor
    placed["tile_size_lv0"] = round(bag.tile_px0)
    placed["target_spacing"] = bag.mpp
    np.save(folder / "coordinates" / f"{bag.stem}.npy", placed)
    write_pt(folder / "features" / f"{bag.stem}.pt", bag.embeddings.astype(np.float32), where)


def _positions(files: dict[str, Path], where: str) -> AnyArray:
    placed = read_npy(files["positions"], where)
    if placed.ndim != 1 or not {"x", "y"} <= set(placed.dtype.names or ()):
        raise _unlike(where, "a structured array with x and y", f"dtype {placed.dtype}, shape {placed.shape}")
    return placed


def _constant(placed: AnyArray, name: str, where: str) -> float | None:
    """Return what all tiles of a slide share; `SourceError` where they do not."""
    if name not in (placed.dtype.names or ()) or len(placed) == 0:
        return None
    if (placed[name] != placed[name][0]).any():
        raise _unlike(where, f"one {name} for all tiles", "several")
    return number(placed[name][0].item())


def _unlike(where: str, expected: str, got: str) -> SourceError:
    return SourceError(
        where, expected=expected, got=got, remedy="Take the .pt and the .npy of one run of the baseline."
    )
