from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.slides.grid import Grid
from extract.slides.tissue import box_fractions
from extract.slides.tissue_mask import check_mask, read_mask
from feature_cache.errors import SourceError

#: A slide of 2048 x 1024 um.
SIZE_PX0, MPP = (8192, 4096), (0.25, 0.25)
SLIDE_UM = (2048.0, 1024.0)


def write(path: Path, *levels: np.ndarray, mpp: float | None = 4.0, tile: int | None = 16) -> Path:
    """One page a level; `mpp` is the spacing of the first."""
    with tifffile.TiffWriter(path) as writer:
        for number, level in enumerate(levels):
            scale = levels[0].shape[1] / level.shape[1]
            options: dict[str, object] = {}
            if tile is not None:
                options["tile"] = (tile, tile)
            if mpp is not None:
                per_cm = 10_000 / (mpp * scale)
                options |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
            writer.write(
                level, subfiletype=int(number > 0), photometric="minisblack", metadata=None, **options
            )
    return path


def left_half(width: int = 512, height: int = 256, value: int = 1) -> np.ndarray:
    mask = np.zeros((height, width), dtype=np.uint8)
    mask[:, : width // 2] = value
    return mask


def shares(path: Path, xy_px0: list[tuple[int, int]], side_px0: float = 512.0) -> list[float]:
    mask = read_mask(path, "mask", SIZE_PX0, MPP)
    found = box_fractions(mask.mask, mask.px0_per_px, np.array(xy_px0), (side_px0, side_px0))
    return [round(float(share), 6) for share in found]


#: Left of the border, across it by a quarter, right of it.
TILES = [(0, 0), (4096 - 128, 1024), (4096, 0)]


@pytest.mark.parametrize("value", [1, 2, 255])
def test_any_value_above_0_is_tissue(tmp_path: Path, value: int) -> None:
    assert shares(write(tmp_path / "m.tif", left_half(value=value)), TILES) == [1.0, 0.25, 0.0]


@pytest.mark.parametrize(("width", "mpp"), [(128, 16.0), (256, 8.0), (512, 4.0), (2048, 1.0), (8192, 0.25)])
def test_mask_and_slide_meet_in_um_whatever_the_spacing(tmp_path: Path, width: int, mpp: float) -> None:
    path = write(tmp_path / "m.tif", left_half(width, width // 2), mpp=mpp, tile=None)
    assert shares(path, TILES) == [1.0, 0.25, 0.0]


def test_a_large_mask_without_a_pyramid_is_averaged_down_exactly(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    fine = (rng.random((1030, 2055)) < 0.3).astype(np.uint8)  # 1 um/px, and no multiple of the cell
    mask = read_mask(write(tmp_path / "m.tif", fine, mpp=1.0, tile=None), "mask", SIZE_PX0, MPP)
    assert mask.mask.shape == (129, 257) and mask.px0_per_px == (32.0, 32.0)
    share = box_fractions(mask.mask, mask.px0_per_px, np.array([(512, 1024)]), (512.0, 512.0))
    assert share.item() == pytest.approx(fine[256:384, 128:256].mean(), abs=1e-6)
    # the cells of the last row and column are wider than what is left of the mask
    assert mask.mask[:, -1].max() <= 7 / 8 and mask.mask.sum() * 64 == pytest.approx(fine.sum(), rel=1e-6)


def test_the_level_is_coarse_enough_to_be_cheap_and_fine_enough_for_a_tile(tmp_path: Path) -> None:
    levels = [left_half(2048 >> step, 1024 >> step) for step in range(6)]  # 1, 2, 4, 8, 16, 32 um
    mask = read_mask(write(tmp_path / "m.tif", *levels, mpp=1.0), "mask", SIZE_PX0, MPP)
    assert mask.mask.shape == (128, 256)


def test_a_padded_mask_is_not_stretched(tmp_path: Path) -> None:
    padded = np.zeros((258, 518), dtype=np.uint8)  # 1.2 % wider than the slide
    padded[:256, :256] = 1
    assert shares(write(tmp_path / "m.tif", padded), TILES) == [1.0, 0.25, 0.0]


@pytest.mark.parametrize(
    ("shape", "mpp", "got"),
    [
        ((256, 530), 4.0, "one of 2120 x 1024 um"),
        ((256, 512), 4.5, "one of 2304 x 1152 um"),
        ((512, 256), 4.0, "one of 1024 x 2048 um"),
        ((512, 256), None, "another shape, and no resolution"),
        ((512, 256), 352.8, "another shape, and no resolution"),
    ],
)
def test_a_mask_of_another_slide_is_refused_with_both_fields(
    tmp_path: Path, shape: tuple[int, int], mpp: float | None, got: str
) -> None:
    path = write(tmp_path / "m.tif", np.ones(shape, dtype=np.uint8), mpp=mpp)
    for read in (
        lambda: check_mask(path, "case 1, mask m.tif", SLIDE_UM),
        lambda: read_mask(path, "case 1, mask m.tif", SIZE_PX0, MPP),
    ):
        with pytest.raises(SourceError) as refusal:
            read()
        assert refusal.value.expected == "a mask of the slide's field, 2048 x 1024 um"
        assert (refusal.value.where, refusal.value.got) == ("case 1, mask m.tif", got)


def test_a_coarse_mask_may_miss_by_one_of_its_pixels(tmp_path: Path) -> None:
    path = write(tmp_path / "m.tif", np.ones((16, 33), dtype=np.uint8), mpp=64.0)  # 3 % wider, one pixel
    assert check_mask(path, "m", SLIDE_UM) == ()


def test_a_mask_without_resolution_covers_the_slide_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "m.tif", left_half(300, 150), mpp=None)
    assert shares(path, TILES) == [1.0, 0.25, 0.0]
    assert check_mask(path, "m", SLIDE_UM) == ("the mask has no resolution: it is laid over the whole slide",)


def test_a_picture_is_no_mask(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((256, 512, 3), dtype=np.uint8), photometric="rgb")
    with pytest.raises(SourceError, match="expected one channel, 0 outside tissue; got 3 channels"):
        read_mask(tmp_path / "m.tif", "m", SIZE_PX0, MPP)


def test_a_mask_that_does_not_decode_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mask = rng.integers(0, 2, (256, 512), dtype=np.uint8)
    path = tmp_path / "m.tif"
    resolution = {"resolution": (2500, 2500), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(path, mask, compression="zlib", tile=(256, 256), metadata=None, **resolution)
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[0]
    with path.open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"\xff" * 64)
    with pytest.raises(SourceError, match="expected a mask that decodes"):
        read_mask(path, "m", SIZE_PX0, MPP)


def test_real_tiling_of_another_tool(shared_data: Path) -> None:
    """hs2p's golden tiling: its shares are counts in 7 x 7 cells, ours exact areas (data/README.md)."""
    folder = shared_data / "slides" / "hs2p-golden"
    golden = np.load(folder / "test-wsi.coordinates.npz")
    size_px0, mpp = (13824, 12800), (0.252, 0.252)
    mask = read_mask(folder / "test-mask.tif", "golden", size_px0, mpp)
    corners = np.stack([golden["x"], golden["y"]], axis=1)
    found = box_fractions(mask.mask, mask.px0_per_px, corners, (444.0, 444.0))
    assert np.abs(found - golden["tissue_fractions"]).mean() < 0.035
    assert int((found >= 0.1).sum()) in (447, 448)
    # our own grid starts at the slide's corner and has tiles of 444.44 px0: as many tiles, to 2 %
    grid = Grid(slide_size_px0=size_px0, mpp=mpp, target_mpp=0.5, tile_px=224)
    own = box_fractions(mask.mask, mask.px0_per_px, grid.positions_px0(), grid.tile_px0)
    assert int((own >= 0.1).sum()) == pytest.approx(len(corners), rel=0.02)


@pytest.mark.parametrize("content", [b"", b"II*\0", b"no TIFF"])
def test_bytes_that_are_no_mask_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.tif").write_bytes(content)
    with pytest.raises(SourceError, match="m: expected a mask as a TIFF file; got bytes that are none"):
        read_mask(tmp_path / "m.tif", "m", SIZE_PX0, MPP)


def test_a_real_mask_pyramid_on_a_slide_of_another_spacing(shared_data: Path) -> None:
    """3072 x 3968 px of .97237 um in four levels, laid on a slide of .25 um of the same field."""
    path = shared_data / "slides/mask-pyramid/no_dzi.tif"
    size_px0 = (round(3072 * 0.97237 / 0.25), round(3968 * 0.97237 / 0.25))
    mask = read_mask(path, "m", size_px0, MPP)
    assert mask.mask.shape == (3968 // 8, 3072 // 8)  # 7.8 um
    assert mask.px0_per_px == pytest.approx((8 * 0.97237 / 0.25,) * 2, rel=1e-4)
    whole = tifffile.imread(path, level=0) > 0
    assert np.asarray(mask.mask, dtype=float).mean() == pytest.approx(whole.mean(), abs=0.01)
    with pytest.raises(SourceError, match="got one of 2987 x 3858 um"):
        read_mask(path, "m", (size_px0[0] * 2, size_px0[1]), MPP)
