"""Feature files as each neighbour's own program lays them down, written here without Braid's writers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

#: A slide of .25 um per pixel in tiles of 224 px at .5 um: 448 level-0 pixels a side.
SLIDE_MPP, MPP, TILE_PX, TILE_PX0 = 0.25, 0.5, 224, 448


@dataclass(frozen=True, kw_only=True)
class Features:
    """What is in the files of one slide."""

    stem: str
    values: np.ndarray
    xy_px0: np.ndarray


def features(stem: str, seed: int, dtype: str = "float32", tiles: int = 6, dim: int = 8) -> Features:
    rng = np.random.default_rng(seed)
    xy = np.stack(np.meshgrid(np.arange(tiles), [3]), axis=-1).reshape(-1, 2) * TILE_PX0
    return Features(stem=stem, values=rng.normal(size=(tiles, dim)).astype(dtype), xy_px0=xy.astype(np.int64))


def write_trident(folder: Path, one: Features) -> None:
    with h5py.File(folder / f"{one.stem}.h5", "w") as file:
        rows = file.create_dataset(
            "features", data=one.values, chunks=(1, one.values.shape[1]), maxshape=(None, one.values.shape[1])
        )
        rows.attrs.update({"name": one.stem, "savetodir": "features_x", "encoder": "uni_v1"})
        coords = file.create_dataset("coords", data=one.xy_px0, chunks=(1, 2), maxshape=(None, 2))
        coords.attrs.update(
            {
                "patch_size": TILE_PX,
                "patch_size_level0": TILE_PX0,
                "level0_magnification": 40,
                "target_magnification": 20,
                "overlap": 0,
                "name": one.stem,
                "savetodir": "20x_224px_0px_overlap",
                "level0_width": 4000,
                "level0_height": 3000,
            }
        )


def write_clam(folder: Path, one: Features) -> None:
    for name in ("h5_files", "pt_files", "patches"):
        (folder / name).mkdir(exist_ok=True)
    with h5py.File(folder / "patches" / f"{one.stem}.h5", "w") as file:
        coords = file.create_dataset("coords", data=one.xy_px0, chunks=(1, 2), maxshape=(None, 2))
        coords.attrs.update(
            {
                "patch_size": TILE_PX,
                "patch_level": 1,
                "downsample": (2.0, 2.0),
                "downsampled_level_dim": (2000, 1500),
                "level_dim": (2000, 1500),
                "name": one.stem,
                "save_path": "patches",
            }
        )
    with h5py.File(folder / "h5_files" / f"{one.stem}.h5", "w") as file:
        file["features"], file["coords"] = one.values, one.xy_px0.astype(np.int32)
    torch.save(torch.from_numpy(one.values), folder / "pt_files" / f"{one.stem}.pt")


def write_stamp(folder: Path, one: Features) -> None:
    with h5py.File(folder / f"{one.stem}.h5", "w") as file:
        file["coords"] = (one.xy_px0 * SLIDE_MPP).astype(np.float32)
        file["feats"] = one.values
        file.attrs.update(
            {
                "stamp_version": "2.2.0",
                "extractor": "mahmood-uni",
                "unit": "um",
                "tile_size_um": MPP * TILE_PX,
                "tile_size_px": TILE_PX,
                "code_hash": "0badcafe",
                "feat_type": "tile",
            }
        )


def write_slide2vec(folder: Path, one: Features) -> None:
    for name in ("tile_embeddings", "tiles"):
        (folder / name).mkdir(exist_ok=True)
    count, dim = one.values.shape
    np.savez(
        folder / "tiles" / f"{one.stem}.coordinates.npz",
        x=one.xy_px0[:, 0],
        y=one.xy_px0[:, 1],
        tile_index=np.arange(count, dtype=np.int32),
        tissue_fractions=np.ones(count, dtype=np.float32),
    )
    tiling = {
        "slide": {"dimensions": [4000, 3000], "base_spacing_um": SLIDE_MPP},
        "tiling": {"n_tiles": count},
    }
    (folder / "tiles" / f"{one.stem}.coordinates.meta.json").write_text(json.dumps(tiling), encoding="utf-8")
    torch.save(torch.from_numpy(one.values), folder / "tile_embeddings" / f"{one.stem}.pt")
    said = {
        "sample_id": one.stem,
        "artifact_type": "tile_embeddings",
        "encoder_name": "uni",
        "feature_dim": dim,
        "num_tiles": count,
        "requested_tile_size_px": TILE_PX,
        "requested_spacing_um": MPP,
        "tile_size_lv0": TILE_PX0,
        "compatibility": {"output_variant": "default"},
    }
    (folder / "tile_embeddings" / f"{one.stem}.meta.json").write_text(json.dumps(said), encoding="utf-8")


def write_chimera(folder: Path, one: Features) -> None:
    for name in ("features", "coordinates"):
        (folder / name).mkdir(exist_ok=True)
    fields = [
        ("x", int), ("y", int), ("tile_size_resized", int), ("tile_level", int), ("resize_factor", float),
        ("tile_size_lv0", int), ("target_spacing", float),
    ]  # fmt: skip
    rows = [(x, y, int(TILE_PX * 1.03), 1, 1.03, TILE_PX0, MPP) for x, y in one.xy_px0.tolist()]
    np.save(folder / "coordinates" / f"{one.stem}.npy", np.array(rows, dtype=fields))
    torch.save(torch.from_numpy(one.values), folder / "features" / f"{one.stem}.pt")


WRITERS = {
    "trident": write_trident,
    "clam": write_clam,
    "stamp": write_stamp,
    "slide2vec": write_slide2vec,
    "chimera": write_chimera,
}
