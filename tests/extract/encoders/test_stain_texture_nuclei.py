from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.encoders.stain_texture_nuclei import (
    FEATURE_NAMES,
    STAIN_VECTORS,
    StainTextureNuclei,
    describe_tile,
    separate_stains,
)

MPP = 0.5


def column(rows: np.ndarray, name: str) -> np.ndarray:
    return rows[..., FEATURE_NAMES.index(name)]


def tissue_like(seed: int, size: int = 256) -> np.ndarray:
    """Random nuclei on random stroma, as RGB."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    haematoxylin = np.full((size, size), 0.15)
    for _ in range(rng.integers(5, 60)):
        centre = rng.uniform(0, size, 2)
        haematoxylin[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < rng.uniform(4, 9) ** 2] = 0.9
    eosin = 0.4 + 0.05 * rng.standard_normal((size, size))
    density = haematoxylin[..., None] * STAIN_VECTORS[0] + eosin[..., None] * STAIN_VECTORS[1]
    return np.clip(256 * np.exp(-density) - 1, 0, 255).astype(np.uint8)


@given(st.tuples(*[st.floats(0, 3)] * 3))
def test_stains_that_were_mixed_are_separated_again(amounts: tuple[float, float, float]) -> None:
    density = np.array(amounts) @ STAIN_VECTORS
    found = separate_stains(density.reshape(1, 1, 3).astype(np.float32))
    np.testing.assert_allclose([plane.item() for plane in found], amounts, atol=2e-5)


def test_the_stain_vectors_are_the_published_ones() -> None:
    # Ruifrok and Johnston 2001, table 1
    for row, published in zip(STAIN_VECTORS, [(0.65, 0.70, 0.29), (0.07, 0.99, 0.11)], strict=False):
        np.testing.assert_allclose(row, published, atol=0.01)
    np.testing.assert_allclose(STAIN_VECTORS @ STAIN_VECTORS[2], [0, 0, 1], atol=1e-12)


def test_a_plain_tile_has_density_and_nothing_else() -> None:
    tile = np.full((256, 256, 3), (200, 140, 190), dtype=np.uint8)
    row = describe_tile(tile, MPP)
    expected = -np.log((np.array([200, 140, 190]) + 1) / 256)
    assert column(row, "density_mean") == pytest.approx(expected.mean(), rel=1e-5)
    for name in FEATURE_NAMES:
        if name.endswith("_sd") or "gradient" in name or "laplacian" in name or name.startswith("nuclei"):
            assert column(row, name) == pytest.approx(0, abs=1e-5), name
    assert column(row, "haematoxylin_p10") == column(row, "haematoxylin_p90")


def test_white_glass_is_zero_density() -> None:
    row = describe_tile(np.full((256, 256, 3), 255, dtype=np.uint8), MPP)
    np.testing.assert_allclose(row, 0, atol=1e-6)


def test_gradient_of_a_ramp_is_its_slope() -> None:
    # density falls by a fixed step a column: every neighbour differs by it, none does down a column
    step = 0.01
    values = np.round(256 * np.exp(-step * np.arange(256)) - 1).clip(0, 255).astype(np.uint8)
    tile = np.repeat(np.repeat(values[None, :64], 256, axis=0)[..., None], 3, axis=2)
    row = describe_tile(np.ascontiguousarray(tile), MPP)
    unmixed = separate_stains(np.full((1, 1, 3), step, dtype=np.float32))
    for scale in (1, 2, 4):
        slope = column(row, f"haematoxylin_gradient_{scale}px")
        assert slope == pytest.approx(abs(unmixed[0].item()) * scale, rel=0.05)


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_a_row_depends_on_its_tile_alone(order: list[int], cut: int) -> None:
    tiles = np.stack([tissue_like(seed, size=64) for seed in range(6)])
    encoder = StainTextureNuclei()
    whole = encoder.encode(tiles, MPP)
    assert whole.dtype == np.float32 and whole.shape == (6, len(FEATURE_NAMES))
    shuffled = encoder.encode(tiles[order], MPP)
    assert shuffled.tobytes() == whole[order].tobytes()
    parts = [encoder.encode(tiles[:cut], MPP), encoder.encode(tiles[cut:], MPP)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_more_nuclei_are_more_haematoxylin() -> None:
    rows = StainTextureNuclei().encode(np.stack([tissue_like(seed) for seed in range(12)]), MPP)
    assert np.isfinite(rows).all()
    counts, stain = column(rows, "nuclei_area_fraction"), column(rows, "haematoxylin_mean")
    assert np.corrcoef(counts, stain)[0, 1] > 0.95


def test_real_tiles_order_as_a_pathologist_orders_them(shared_data: Path) -> None:
    from PIL import Image

    def encoded(name: str) -> np.ndarray:
        with Image.open(shared_data / "tiles" / "qc" / f"{name}.png") as picture:
            tile = np.asarray(picture.convert("RGB"))[:256, :256]
        return StainTextureNuclei().encode(tile[None], MPP)[0]

    glass, fat, tissue = (
        encoded(name) for name in ("almost-white-1", "low-nuclei-score-level1", "tcga-lung-rgb")
    )
    assert column(glass, "density_mean") < column(fat, "density_mean") < column(tissue, "density_mean")
    assert column(glass, "nuclei_per_mm2") == 0
    assert column(glass, "haematoxylin_entropy") < column(tissue, "haematoxylin_entropy")


def test_quantiles_and_entropy_of_four_even_stripes() -> None:
    """Haematoxylin .35, .65, .95, 1.25, each on a quarter of the tile: ln 4, in bins of .1."""
    amounts = np.repeat([0.35, 0.65, 0.95, 1.25], 64)
    density = np.broadcast_to(amounts[:, None], (256, 256))[..., None] * STAIN_VECTORS[0]
    tile = np.rint(256 * np.exp(-density) - 1).astype(np.uint8)
    row = describe_tile(tile, MPP)
    assert column(row, "haematoxylin_entropy") == pytest.approx(np.log(4), rel=1e-6)
    for name, amount in (("p10", 0.35), ("p50", 0.65), ("p90", 1.25)):
        assert column(row, f"haematoxylin_{name}") == pytest.approx(amount, abs=0.03)
    assert column(row, "haematoxylin_mean") == pytest.approx(0.8, abs=0.02)
    assert column(row, "eosin_p90") == pytest.approx(0, abs=0.03)
