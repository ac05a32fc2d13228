"""Fields of the direct reader: openslide's pixels, every TIFF tile decoded once, a band of them in memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.slides.direct_reader import DirectReader
from extract.slides.fields import FieldBatch, Resampler, read_one_by_one
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.tile_index import TileDecoder
from tests.extract.slides.jpeg_slides import Layout, change_tile, write_jpeg_slide
from tests.extract.slides.pyramids import colour_noise
from tests.extract.slides.test_fields import gather

HEIGHT, WIDTH = 768, 1024


def grid(side: float, offset: float = 0.0, step: float | None = None) -> np.ndarray:
    """Boxes of a grid over the slide, those that lie wholly within it."""
    step = step or side
    x, y = np.meshgrid(*(np.arange(offset, most - side + 1e-3, step) for most in (WIDTH, HEIGHT)))
    corners = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.concatenate([corners, corners + side], axis=1)


@pytest.fixture(scope="module")
def slide_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "slide.tif"
    return write_jpeg_slide(path, colour_noise(HEIGHT, WIDTH), Layout(), steps=(1, 2, 4))


@pytest.fixture(scope="module")
def rounded_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "rounded.tif"
    return write_jpeg_slide(path, colour_noise(HEIGHT + 1, WIDTH + 3), Layout(), steps=(1, 2, 4))


CUTS = {
    "aligned": (grid(128), 0, 128),
    "unaligned": (grid(128, offset=50), 0, 128),
    "overlapping": (grid(128, step=64), 0, 128),
    "two-tiles-wide": (grid(256, offset=31), 0, 256),
    "halved": (grid(256), 0, 128),
    "halved-unaligned": (grid(256, offset=51), 0, 128),
    "fractional": (grid(263.4, offset=0.3), 0, 128),
    "enlarged": (grid(100, offset=3), 0, 128),
    "level-1": (grid(256, offset=50), 1, 128),
    "level-2-fractional": (grid(300, offset=2), 2, 64),
}


@pytest.mark.parametrize(("boxes", "level", "side"), CUTS.values(), ids=CUTS)
def test_fields_are_those_of_openslide(slide_path: Path, boxes: np.ndarray, level: int, side: int) -> None:
    with DirectReader(slide_path) as direct, OpenSlideReader(slide_path) as other:
        found, failed = gather(list(direct.read_fields(boxes, level, (side, side), "area", 5)))
        true, _ = gather(list(other.read_fields(boxes, level, (side, side), "area", 5)))
    assert not failed
    assert sorted(found) == list(range(len(boxes)))
    for row, pixels in found.items():
        np.testing.assert_array_equal(pixels, true[row])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_fields_of_rounded_levels_are_those_of_one_by_one(rounded_path: Path, level: int) -> None:
    boxes = grid(200.3, offset=1.7)
    with DirectReader(rounded_path) as direct:
        found, _ = gather(list(direct.read_fields(boxes, level, (48, 40), "area", 7)))
        true, _ = gather(list(read_one_by_one(direct, boxes, level, (48, 40), 7)))
    for row, pixels in found.items():
        np.testing.assert_array_equal(pixels, true[row])


@given(
    st.lists(
        st.tuples(st.floats(0, WIDTH - 40), st.floats(0, HEIGHT - 40), st.floats(8, 300), st.floats(8, 300)),
        max_size=12,
    ),
    st.sampled_from([(16, 16), (40, 24)]),
)
def test_any_boxes_in_any_order_come_once_and_right(
    slide_path: Path, cuts: list[tuple[float, float, float, float]], size_px: tuple[int, int]
) -> None:
    boxes = np.array([[x, y, min(WIDTH, x + w), min(HEIGHT, y + h)] for x, y, w, h in cuts]).reshape(-1, 4)
    with DirectReader(slide_path) as direct:
        found, failed = gather(list(direct.read_fields(boxes, 0, size_px, "area", 3)))
        true, _ = gather(list(read_one_by_one(direct, boxes, 0, size_px, 3)))
    assert not failed
    assert found.keys() == true.keys()
    for row, pixels in found.items():
        np.testing.assert_array_equal(pixels, true[row])


@pytest.mark.parametrize("resampler", ["area", "jpeg"])
@pytest.mark.parametrize("cut", ["aligned", "unaligned", "overlapping", "halved-unaligned", "fractional"])
def test_each_tile_is_decoded_once(
    slide_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str, resampler: Resampler
) -> None:
    decoded: Counter[int] = Counter()
    decode = TileDecoder.decode

    def count(self: TileDecoder, number: int, pixels: np.ndarray, shrink: int) -> None:
        decoded[number] += 1
        decode(self, number, pixels, shrink)

    monkeypatch.setattr(TileDecoder, "decode", count)
    boxes, level, side = CUTS[cut]
    with DirectReader(slide_path) as slide:
        for _ in slide.read_fields(boxes, level, (side, side), resampler, 4):
            pass
    assert set(decoded.values()) == {1}


@pytest.mark.parametrize("side", [128, 131])
def test_memory_does_not_grow_with_the_height(tmp_path: Path, side: int) -> None:
    """The same width, four times the height: fields that are copied (128) and that are averaged (131)."""
    peaks = []
    for height in (1024, 4096):
        image = np.full((height, 512, 3), 200, np.uint8)
        path = write_jpeg_slide(tmp_path / f"{height}.tif", image, Layout())
        x, y = np.meshgrid(np.arange(30, 350, 128.0), np.arange(30, height - 160, 128.0))
        boxes = np.stack([x.ravel(), y.ravel(), x.ravel() + side, y.ravel() + side], axis=1)
        with DirectReader(path) as slide:
            for _ in slide.read_fields(boxes, 0, (128, 128), "area", 4):
                pass  # what is imported and compiled is not weighed
            tracemalloc.start()
            for _ in slide.read_fields(boxes, 0, (128, 128), "area", 4):
                pass
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 4096 * 512 * 3 / 3  # a third of the slide's pixels


def test_the_same_tile_twice_is_two_fields(slide_path: Path) -> None:
    boxes = np.array([[128.0, 128, 256, 256], [0, 0, 128, 128], [128, 128, 256, 256]])
    with DirectReader(slide_path) as slide:
        found, failed = gather(list(slide.read_fields(boxes, 0, (128, 128), "area", 2)))
        whole = slide.read_region((0, 0), 0, (256, 256))
    assert not failed
    for row, (x, y) in enumerate(((128, 128), (0, 0), (128, 128))):
        np.testing.assert_array_equal(found[row], whole[y : y + 128, x : x + 128])


def test_batches_belong_to_the_receiver(slide_path: Path) -> None:
    """Memory is filled again only when nobody holds a batch, a view of it or anything made of a view."""
    for boxes, level, side in (CUTS["aligned"], CUTS["unaligned"], CUTS["fractional"]):
        with DirectReader(slide_path) as slide:
            kept, copies = [], []
            for found in slide.read_fields(boxes, level, (side, side), "area", 1):
                kept.append(memoryview(found.pixels[-1:, 1:, ::2]))
                copies.append(found.pixels[-1:, 1:, ::2].copy())
        assert len(kept) > 5
        for view, copy in zip(kept, copies, strict=True):
            np.testing.assert_array_equal(np.asarray(view), copy)


class TestDamage:
    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Path:
        path = write_jpeg_slide(tmp_path / "slide.tif", colour_noise(HEIGHT, WIDTH), Layout())
        change_tile(path, 19, lambda data: data[: len(data) // 2])  # column 3, row 2
        change_tile(path, 36, lambda _: b"")  # column 4, row 4
        return path

    @pytest.mark.parametrize("cut", ["aligned", "unaligned", "halved", "fractional"])
    @pytest.mark.parametrize("resampler", ["area", "jpeg"])
    def test_what_touches_it_fails_and_the_rest_is_as_before(
        self, slide_path: Path, damaged: Path, cut: str, resampler: Resampler
    ) -> None:
        boxes, level, side = CUTS[cut]
        with DirectReader(slide_path) as slide:
            before, _ = gather(list(slide.read_fields(boxes, level, (side, side), resampler, 6)))
        with DirectReader(damaged) as slide:
            after, failed = gather(list(slide.read_fields(boxes, level, (side, side), resampler, 6)))
        low, high = boxes[:, :2], boxes[:, 2:]
        reasons = {"truncated JPEG data": (384, 256), "never scanned: the file has no data there": (512, 512)}
        touching = {
            reason: set(np.flatnonzero(((low < np.add(corner, 128)) & (high > corner)).all(axis=1)).tolist())
            for reason, corner in reasons.items()
        }
        assert all(touching.values())
        assert failed.keys() == set.union(*touching.values())
        for row, reason in failed.items():
            assert row in touching[reason]
        assert after
        for place, pixels in after.items():
            np.testing.assert_array_equal(pixels, before[place])

    def test_copied_and_averaged_fields_of_one_read_keep_their_rows(
        self, slide_path: Path, damaged: Path
    ) -> None:
        boxes = np.concatenate([CUTS["aligned"][0], CUTS["fractional"][0]])
        boxes = boxes[np.random.default_rng(0).permutation(len(boxes))]
        with DirectReader(slide_path) as slide:
            before, _ = gather(list(slide.read_fields(boxes, 0, (128, 128), "area", 5)))
        with DirectReader(damaged) as slide:
            after, failed = gather(list(slide.read_fields(boxes, 0, (128, 128), "area", 5)))
        low, high = boxes[:, :2], boxes[:, 2:]
        touching = [
            ((low < np.add(corner, 128)) & (high > corner)).all(axis=1) for corner in ((384, 256), (512, 512))
        ]
        assert set(failed) == set(np.flatnonzero(touching[0] | touching[1]).tolist())
        assert {float(high[row, 0] - low[row, 0]) == 128 for row in failed} == {False, True}
        assert sorted([*after, *failed]) == list(range(len(boxes)))
        for row, pixels in after.items():
            np.testing.assert_array_equal(pixels, before[row])

    def test_the_last_batch_may_hold_failures_alone(self, damaged: Path) -> None:
        with DirectReader(damaged) as slide:
            (batch,) = slide.read_fields(np.array([[384.0, 256, 512, 384]]), 0, (128, 128), "area", 4)
        assert (len(batch.rows), batch.pixels.shape) == (0, (0, 128, 128, 3))
        assert batch.failed == ((0, "truncated JPEG data"),)


class TestJpegTransform:
    @pytest.mark.parametrize(("side", "shrink"), [(256, 2), (512, 4), (264, 2), (250, 2), (240, 1), (128, 1)])
    def test_the_power_of_two_is_taken_that_leaves_the_pixels_fine_enough(
        self, slide_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, shrink: int
    ) -> None:
        seen = set()
        decode = TileDecoder.decode

        def note(self: TileDecoder, number: int, pixels: np.ndarray, times: int) -> None:
            seen.add(times)
            decode(self, number, pixels, times)

        monkeypatch.setattr(TileDecoder, "decode", note)
        with DirectReader(slide_path) as slide:
            for _ in slide.read_fields(grid(side), 0, (128, 128), "jpeg", 8):
                pass
        assert seen == {shrink}

    @pytest.mark.parametrize("cut", ["halved", "halved-unaligned", "fractional"])
    def test_it_is_near_the_exact_area(self, slide_path: Path, cut: str) -> None:
        boxes, level, side = CUTS[cut]
        with DirectReader(slide_path) as slide:
            exact, _ = gather(list(slide.read_fields(boxes, level, (side, side), "area", 8)))
            found, _ = gather(list(slide.read_fields(boxes, level, (side, side), "jpeg", 8)))
        for row, pixels in found.items():
            gap = np.abs(pixels.astype(int) - exact[row])
            assert gap.mean() < 1.5  # a field moved by a pixel is off by 4 and more

    def test_it_is_the_area_where_nothing_is_shrunk(self, slide_path: Path) -> None:
        boxes, level, side = CUTS["unaligned"]
        with DirectReader(slide_path) as slide:
            batches: list[list[FieldBatch]] = [
                list(slide.read_fields(boxes, level, (side, side), resampler, 8))
                for resampler in ("area", "jpeg")
            ]
        for first, second in zip(*batches, strict=True):
            np.testing.assert_array_equal(first.pixels, second.pixels)

    def test_what_pads_the_last_tile_is_no_part_of_a_field(self, tmp_path: Path) -> None:
        """The last pixel of an odd side would be halved with padding, which is black here."""
        layout = Layout(rgb=True, subsampling=None)
        path = write_jpeg_slide(tmp_path / "slide.tif", np.full((515, 773, 3), 200, np.uint8), layout)
        boxes = np.array([[773.0 - 256, 515 - 256, 773, 515]])
        with DirectReader(path) as slide:
            found, _ = gather(list(slide.read_fields(boxes, 0, (128, 128), "jpeg", 8)))
        assert np.abs(found[0].astype(int) - 200).max() < 25

    def test_a_field_lies_where_it_should(self, tmp_path: Path) -> None:
        y, x = np.mgrid[:256, :256].astype(np.uint8)
        coordinates = np.stack([x, y, np.full_like(x, 128)], axis=-1)
        layout = Layout(rgb=True, subsampling=None)
        with DirectReader(write_jpeg_slide(tmp_path / "slide.tif", coordinates, layout)) as slide:
            boxes = np.array(
                [[left, top, left + 128.0, top + 128.0] for left, top in ((0, 0), (37, 91.5), (128, 127))]
            )
            found, _ = gather(list(slide.read_fields(boxes, 0, (32, 32), "jpeg", 8)))
            for row, pixels in found.items():
                centre = pixels[..., :2].mean(axis=(0, 1)) + 0.5
                assert np.abs(centre - (boxes[row, :2] + 64)).max() < 0.7
