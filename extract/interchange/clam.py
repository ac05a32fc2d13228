"""CLAM: `h5_files/<slide>.h5` and `pt_files/<slide>.pt` of mahmoodlab/CLAM, tiling in `patches/<slide>.h5`.

Enters: its folder of features (and that of its tiling), or an entry's tiles. Leaves: tiles, or such files.
As `extract_features_fp.py` and `wsi_core/WholeSlideImage.py` write them: float32 `features` and int
`coords` in level-0 pixels without an attribute; on the `coords` of the tiling `patch_size`, `patch_level`,
`downsample`. The .h5 grows batch by batch and the .pt comes last, so an .h5 without its .pt, or of another
length, is a torn one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.interchange.array_files import read_pt, write_pt
from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.h5_file import as_rows, attribute, dataset, number, opened_h5, read_rows, write_h5
from extract.interchange.layout import Part
from feature_cache.errors import SourceError

NAME = "clam"
PARTS = (
    Part(role="features", pattern="h5_files/*.h5", ending=".h5"),
    Part(role="marker", pattern="pt_files/*.pt", ending=".pt"),
    Part(role="tiling", pattern="*.h5", ending=".h5", needed=False, beside=True),
)


def look(files: dict[str, Path], where: str) -> Told:
    """Return that nothing is told: `patch_size` is what was cut at a level, not what the network saw."""
    return Told()


def read(files: dict[str, Path], slide_mpp: float | None, where: str) -> IncomingBag:
    """Return the tiles of one slide; `SourceError` where the files are damaged, torn or disagree."""
    with opened_h5(files["features"], where) as file:
        embeddings, xy_px0 = read_rows(file, "features", where), read_rows(file, "coords", where)
    marker = as_rows(read_pt(files["marker"], where), "the .pt", where)
    if marker.shape != embeddings.shape or not np.array_equal(marker, embeddings, equal_nan=True):
        raise _torn(where, "the .pt with the features of the .h5", f"{len(marker)} rows, or other numbers")
    tile_px0 = None
    if "tiling" in files:
        with opened_h5(files["tiling"], where) as file:
            coords = dataset(file, "coords", where)
            size, factor = number(attribute(coords, "patch_size")), number(attribute(coords, "downsample"))
            tile_px0 = size * factor if size is not None and factor is not None else None
            if not np.array_equal(read_rows(file, "coords", where), xy_px0):
                raise _torn(where, f"the {len(coords)} positions of the tiling", f"{len(xy_px0)}, or others")
    return IncomingBag(
        embeddings=embeddings, xy_px0=xy_px0, tile_px0=tile_px0, slide_mpp=slide_mpp, told=look(files, where)
    )


def write(folder: Path, bag: OutgoingBag, where: str) -> None:
    """Write one slide: the .pt last, as CLAM does; in float32, which its networks expect."""
    for name in ("h5_files", "pt_files", "patches"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    xy_px0, features = bag.xy_px0.astype(np.int32), bag.embeddings.astype(np.float32)
    coords: dict[str, object] = {
        "patch_size": round(bag.tile_px0 / bag.downsample),
        "patch_level": bag.level,
        "downsample": (bag.downsample, bag.downsample),
        "name": bag.stem,
        "save_path": "None",
    }
    write_h5(folder / "patches" / f"{bag.stem}.h5", {"coords": xy_px0}, {"coords": coords})
    write_h5(folder / "h5_files" / f"{bag.stem}.h5", {"features": features, "coords": xy_px0})
    write_pt(folder / "pt_files" / f"{bag.stem}.pt", features, where)


def _torn(where: str, expected: str, got: str) -> SourceError:
    remedy = "A crash leaves such files behind: let CLAM make this slide's features again."
    return SourceError(where, expected=expected, got=got, remedy=remedy)
