"""slide2vec: `tile_embeddings/<slide>.pt|npz` with `tiles/<slide>.coordinates.npz` of clemsgrs/slide2vec 5.

Enters: its output folder, or an entry's tiles. Leaves: tiles, or such files. As `slide2vec/artifacts.py`,
`docs/output-layout.rst` and hs2p's `docs/artifacts.md` say: (tile, dim) features, `x` and `y` level-0
pixels in the same order, and a sidecar with encoder, tile size, spacing and counts, which is the mark that
a slide is done.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from extract.interchange.array_files import read_json, read_npz, read_pt, write_json
from extract.interchange.bag import IncomingBag, OutgoingBag, Told
from extract.interchange.h5_file import as_rows, number
from extract.interchange.layout import Part
from feature_cache.array_format import AnyArray
from feature_cache.errors import SourceError

NAME = "slide2vec"
PARTS = (
    Part(role="sidecar", pattern="tile_embeddings/*.meta.json", ending=".meta.json"),
    Part(role="features", pattern="tile_embeddings/*.pt", ending=".pt", needed=False),
    Part(role="features", pattern="tile_embeddings/*.npz", ending=".npz", needed=False),
    Part(role="positions", pattern="tiles/*.coordinates.npz", ending=".coordinates.npz", needed=False),
    Part(
        role="tiling", pattern="tiles/*.coordinates.meta.json", ending=".coordinates.meta.json", needed=False
    ),
)


def look(files: dict[str, Path], where: str) -> Told:
    """Return what the sidecar says; `SourceError` where it is of something else than tiles, or of none."""
    said = read_json(files["sidecar"], where)
    if said.get("artifact_type") != "tile_embeddings" or not {"features", "positions"} <= files.keys():
        raise _unlike(where, "the features and positions of at least one tile", str(said.get("num_tiles")))
    encoder, identity = said.get("encoder_name"), said.get("compatibility")
    variant = identity.get("output_variant") if isinstance(identity, dict) else None
    tile_px = number(said.get("requested_tile_size_px"))
    return Told(
        encoder=encoder if isinstance(encoder, str) else None,
        maker=f"variant {variant}" if isinstance(variant, str) else None,
        tile_px=None if tile_px is None else round(tile_px),
        mpp=number(said.get("requested_spacing_um")),
    )


def read(files: dict[str, Path], slide_mpp: float | None, where: str) -> IncomingBag:
    """Return the tiles of one slide; `SourceError` where files are damaged or contradict their sidecar."""
    told, said = look(files, where), read_json(files["sidecar"], where)
    features = as_rows(_features(files["features"], where), "features", where)
    if [said.get("num_tiles"), said.get("feature_dim")] != list(features.shape):
        got = f"{features.shape[0]} of {features.shape[1]}"
        raise _unlike(where, f"{said.get('num_tiles')} tiles of {said.get('feature_dim')} numbers", got)
    placed = read_npz(files["positions"], where)
    if not {"x", "y"} <= placed.keys() or placed["x"].ndim != 1 or placed["x"].shape != placed["y"].shape:
        raise _unlike(where, "positions x and y, one of each a tile", ", ".join(sorted(placed)) or "none")
    slide = read_json(files["tiling"], where).get("slide") if "tiling" in files else None
    base = number(slide.get("base_spacing_um")) if isinstance(slide, dict) else None
    return IncomingBag(
        embeddings=features,
        xy_px0=np.stack([placed["x"], placed["y"]], axis=1),
        tile_px0=number(said.get("tile_size_lv0")),
        slide_mpp=base if slide_mpp is None else slide_mpp,
        told=told,
    )


def write(folder: Path, bag: OutgoingBag, where: str) -> None:
    """Write one slide as .npz, which slide2vec reads as it reads .pt; the sidecar last."""
    for name in ("tile_embeddings", "tiles"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    count, dim = bag.embeddings.shape
    index = np.arange(count, dtype=np.int32)
    tissue = np.full(count, np.nan, dtype=np.float32) if bag.tissue is None else bag.tissue
    np.savez(
        folder / "tiles" / f"{bag.stem}.coordinates.npz",
        x=bag.xy_px0[:, 0].astype(np.int64),
        y=bag.xy_px0[:, 1].astype(np.int64),
        tile_index=index,
        tissue_fractions=tissue.astype(np.float32),
    )
    tiling = {
        "requested_tile_size_px": bag.tile_px,
        "requested_spacing_um": bag.mpp,
        "tile_size_lv0": round(bag.tile_px0),
        "n_tiles": count,
    }
    slide = {"dimensions": bag.size_px0, "base_spacing_um": bag.slide_mpp}
    sidecar = folder / "tiles" / f"{bag.stem}.coordinates.meta.json"
    write_json(sidecar, {"provenance": {"sample_id": bag.stem}, "slide": slide, "tiling": tiling})
    np.savez(folder / "tile_embeddings" / f"{bag.stem}.npz", features=bag.embeddings, tile_index=index)
    said = {
        "sample_id": bag.stem,
        "artifact_type": "tile_embeddings",
        "encoder_level": "tile",
        "encoder_name": bag.encoder,
        "feature_dim": dim,
        "feature_dtype": {"float16": "fp16", "float32": "fp32"}.get(bag.embeddings.dtype.name),
        "format": "npz",
        "num_tiles": count,
        "requested_tile_size_px": bag.tile_px,
        "requested_spacing_um": bag.mpp,
        "tile_size_lv0": round(bag.tile_px0),
    }
    write_json(folder / "tile_embeddings" / f"{bag.stem}.meta.json", said)


def _features(path: Path, where: str) -> AnyArray:
    if path.suffix == ".pt":
        return read_pt(path, where)
    arrays = read_npz(path, where)
    if "features" not in arrays:
        raise _unlike(where, "an array features", ", ".join(sorted(arrays)) or "none")
    return arrays["features"]


def _unlike(where: str, expected: str, got: str) -> SourceError:
    remedy = "Let slide2vec finish this slide, or take its files from one run."
    return SourceError(where, expected=expected, got=got, remedy=remedy)
