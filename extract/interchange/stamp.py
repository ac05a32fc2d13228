"""STAMP: `<extractor>[-<code hash>]/<slide>.h5` of KatherLab/STAMP 2.

Enters: such a folder, or an entry's tiles. Leaves: tiles, or such files. As `preprocessing/__init__.py`
writes them: `feats` (tile, dim) float16, `coords` (tile, 2) float32 um from the slide's corner, and on the
file `unit` um, `tile_size_um`, `tile_size_px`, `extractor`, `code_hash`, `feat_type` tile. Micrometres
become pixels by the mpp that STAMP had, so the slide's must be known; positions inside its larger reads are
no whole pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.h5_file import attribute, dataset, number, opened_h5, read_rows, write_h5
from extract.interchange.layout import Part
from feature_cache.errors import SourceError

NAME = "stamp"
PARTS = (Part(role="features", pattern="**/*.h5", ending=".h5"),)


def look(files: dict[str, Path], where: str) -> Told:
    """Return what a file says of its making; `SourceError` where it holds no tiles in micrometres."""
    with opened_h5(files["features"], where) as file:
        dataset(file, "feats", where)
        unit, kind = attribute(file, "unit"), attribute(file, "feat_type")
        if unit != "um" or kind not in (None, "tile"):
            raise SourceError(
                where,
                expected="features of tiles with positions in um",
                got=f"unit {unit}, feat_type {kind}",
                remedy="Take the files that `stamp preprocess` of version 2 writes.",
            )
        side_um = number(attribute(file, "tile_size_um")) or number(attribute(file, "tile_size"))
        side_px = number(attribute(file, "tile_size_px"))
        encoder, code = attribute(file, "extractor"), attribute(file, "code_hash")
    return Told(
        encoder=encoder if isinstance(encoder, str) else None,
        maker=f"code {code}" if isinstance(code, str) else None,
        tile_px=None if side_px is None else round(side_px),
        mpp=None if side_um is None or side_px is None else side_um / side_px,
    )


def read(files: dict[str, Path], slide_mpp: float | None, where: str) -> IncomingBag:
    """Return the tiles of one slide; `SourceError` without its mpp, and where the file is damaged."""
    told = look(files, where)
    if slide_mpp is None:
        raise SourceError(
            where,
            expected="the slide's mpp, by which um become level-0 pixels",
            got="none",
            remedy="Give mpp in slides.csv, or --root with the slides themselves.",
        )
    with opened_h5(files["features"], where) as file:
        side_um = number(attribute(file, "tile_size_um")) or number(attribute(file, "tile_size"))
        return IncomingBag(
            embeddings=read_rows(file, "feats", where),
            xy_px0=read_rows(file, "coords", where).astype(np.float64) / slide_mpp,
            tile_px0=None if side_um is None else side_um / slide_mpp,
            slide_mpp=slide_mpp,
            told=told,
        )


def write(folder: Path, bag: OutgoingBag, where: str) -> None:
    """Write one slide; `SourceError` where nobody knows its mpp."""
    if bag.slide_mpp is None:
        raise SourceError(
            where,
            expected="the slide's mpp, by which pixels become um",
            got="none: it was not known at the import",
            remedy="Import it again with mpp in slides.csv.",
        )
    attrs = {
        "extractor": bag.encoder,
        "unit": "um",
        "tile_size_um": bag.tile_px0 * bag.slide_mpp,
        "tile_size_px": bag.tile_px,
        "feat_type": "tile",
    }
    coords = (bag.xy_px0 * bag.slide_mpp).astype(np.float32)
    write_h5(folder / f"{bag.stem}.h5", {"feats": bag.embeddings, "coords": coords}, {"": attrs})
