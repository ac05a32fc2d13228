"""Volume entries in the form that stage 1 commits, and slides as one vector each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from feature_cache.entry import OBSERVED, EntryDraft
from feature_cache.recipe import ResolvedRecipe
from tests.fuse.tiny_cohort import draft

FEATURES = ("stat_mean", "morph_volume")
REGIONS = ("gland", "crop")
VOLUMES = ResolvedRecipe(
    name="weightfree",
    modality="volumes",
    settings={
        "encoder": {"name": "first_order_shape", "variant": "default", "revision": None},
        "prediction_day": 0,
    },
)
#: A network's: half precision, and its weights are told.
NETWORK = ResolvedRecipe(
    name="medicalnet",
    modality="volumes",
    settings={
        "encoder": {"name": "medicalnet_r10", "variant": "layer4", "revision": "a" * 40},
        "weights_sha256": "b" * 64,
        "prediction_day": 0,
    },
)
VECTORS = ResolvedRecipe(name="tiny_vector", modality="slides", settings={"pooling": "mean"})

Row = tuple[float, float]


def volume(
    case: str,
    study: str,
    rows: Mapping[tuple[str, str], Row],
    recipe: ResolvedRecipe = VOLUMES,
    *,
    day: int = 0,
    preview: tuple[int, int, int] = (3, 8, 6),
) -> EntryDraft:
    """Return a study; `rows` gives two features of each (series, region), `preview` slices, rows, columns.

    A row is valid if any of its features is a number.
    """
    series = list(dict.fromkeys(one for one, _ in rows))
    regions = np.array(list(rows.values()), dtype="<f2" if recipe is NETWORK else "<f4")
    images = np.arange(len(series) * np.prod(preview)).reshape(len(series), *preview) % 251 + 1
    masks = np.zeros((1, *preview), dtype=np.uint8)
    masks[0, 1, 2:5, 1:4] = 1
    weights = {"weights": {"model.safetensors": "c" * 64}, "device": "cpu", "compute_dtype": "float32"}
    return draft(
        recipe,
        case,
        study,
        "volume",
        arrays={
            "embeddings": regions,
            "token_xyz_mm": np.zeros((len(rows), 3), "<f4"),
            "token_series": np.array([series.index(one) for one, _ in rows], "<i2"),
            "regions": regions,
            "region_valid": np.isfinite(regions).any(axis=1),
            "affine": np.eye(4),
            "preview": images.astype(np.uint8),
            "preview_masks": masks,
        },
        attrs={
            "series": series,
            "series_missing": [one for one in ("t2w", "adc") if one not in series],
            "regions": list(dict.fromkeys(region for _, region in rows)),
            "region_rows": [{"series": one, "region": region} for one, region in rows],
            "feature_names": list(FEATURES),
            "spacing_known": True,
            "day": day,
            "preview_regions": ["gland"],
            "preview_slices": [0, 2, 4],
            "preview_spacing_mm": [6.0, 0.5, 0.5],
        },
        used={"reader": "braid", **(weights if recipe is NETWORK else {})},
        warnings=() if "adc" in series else ("adc: not there",),
    )


def slide_vector(case: str, slide: str, values: np.ndarray) -> EntryDraft:
    """Return one slide as a vector, as pooling a bag gives it."""
    return draft(
        VECTORS,
        case,
        slide,
        "vector",
        arrays={"values": values.astype("<f8"), "state": np.full(len(values), OBSERVED, dtype=np.uint8)},
        attrs={"variables": [{"name": name, "kind": "numeric", "scale": "linear"} for name in "abcd"]},
    )
