"""A slide becomes one entry as the contract says, or is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.encoders.registry import find_encoder
from extract.slides.quality import QUALITY_MEASURES
from feature_cache.canonical import sha256_of_json
from feature_cache.entry import EntryDraft
from feature_cache.errors import SourceError
from feature_cache.store import FeatureCache
from tests.extract.slides.conftest import STAGE, OneSlide
from tests.extract.slides.pyramids import JPEG_YCBCR, break_tile, paint_tissue, write_pyramid

Write = Callable[..., OneSlide]

#: 3 x 2 tiles of 256 px at .5 um; tissue fills the four at the left (x below 512).
SIZE = (768, 512)
TISSUE = (0, 0, 512, 512)


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    image = paint_tissue(SIZE[1], SIZE[0], TISSUE)
    return write_pyramid(tmp_path / "slide.tif", image, steps=(1, 4), codec=JPEG_YCBCR)


def as_bytes(draft: EntryDraft) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in draft.arrays.items()}


def as_json(draft: EntryDraft) -> str:
    return json.dumps([draft.attrs, draft.used, draft.quality, draft.warnings], sort_keys=True)


def refusal(slide: OneSlide) -> SourceError:
    with pytest.raises(SourceError) as caught:
        slide.build()
    return caught.value


def test_a_real_slide_gives_an_entry_as_the_contract_says(one_slide: Write, shared_data: Path) -> None:
    slide = one_slide(shared_data / "slides/cmu-1-small-region/CMU-1-Small-Region.svs")
    draft = slide.build()
    card = find_encoder("stain_texture_nuclei")
    count = len(draft.arrays["valid"])
    assert draft.kind == "bag"
    assert {name: (array.dtype.str, array.shape) for name, array in draft.arrays.items()} == {
        "embeddings": ("<f4", (count, card.dim)),
        "xy_px0": ("<i4", (count, 2)),
        "valid": ("|b1", (count,)),
        "quality": ("<f2", (count, len(QUALITY_MEASURES))),
        "reason": ("|u1", (count,)),
        "thumbnail": ("|u1", (768, 575, 3)),
        "tissue": ("|u1", (768, 575)),
    }
    assert 45 <= count <= 55  # of 8 x 11; somewhat more than a third of the glass is covered
    assert draft.arrays["valid"].all()
    assert np.isfinite(draft.arrays["embeddings"]).all()
    assert np.isfinite(draft.arrays["quality"]).all()
    assert draft.arrays["quality"][:, 0].min() >= 0.1
    corners = draft.arrays["xy_px0"].astype(float)
    side = 256 * 0.5 / 0.499
    assert np.abs(corners - np.rint(corners / side) * side).max() <= 0.5
    assert len(np.unique(corners, axis=0)) == count
    assert set(np.unique(draft.arrays["tissue"])) == {0, 1}
    names = draft.attrs.pop("feature_names")
    assert isinstance(names, list)
    assert len(names) == card.dim
    assert draft.attrs == {
        "mpp": [0.499, 0.499],
        "mpp_source": "file (aperio metadata)",
        "tile_px": 256,
        "tile_px0": [side, side],
        "step_px0": [side, side],
        "level_read": 0,
        "level_downsample": 1.0,
        "level_doubt_px": 0.0,
        "resampler": "area",
        "quality_measures": list(QUALITY_MEASURES),
        "reasons": [""],
        "slide_size_px0": [2220, 2967],
        "thumbnail_downsample": [2220 / 575, 2967 / 768],
    }
    assert draft.used["reader"] == "direct"
    assert draft.used["encoder"] == "stain_texture_nuclei"
    assert draft.used["tissue_source"] == "image"
    assert draft.quality["tiles"] == draft.quality["tiles_valid"] == count
    assert draft.warnings == ()
    assert list(slide.sources()) == ["slide"]


def test_built_twice_it_is_the_same_entry(one_slide: Write, painted: Path, tmp_path: Path) -> None:
    slide = one_slide(painted)
    first, second = slide.build(), slide.build()
    assert as_bytes(first) == as_bytes(second)
    assert as_json(first) == as_json(second)
    cache = FeatureCache.create(tmp_path / "cache")
    assert cache.commit(first) == "committed"
    assert cache.commit(second) == "already_there"
    np.testing.assert_array_equal(cache.read(first.key).arrays["embeddings"], first.arrays["embeddings"])


def test_tiles_with_tissue_are_kept_and_no_others(one_slide: Write, painted: Path) -> None:
    draft = one_slide(painted).build()
    assert draft.arrays["xy_px0"].tolist() == [[0, 0], [256, 0], [0, 256], [256, 256]]
    assert draft.arrays["quality"][:, 0] == pytest.approx(1.0, abs=0.02)
    tissue = draft.arrays["tissue"]
    assert tissue.shape == SIZE[::-1]  # a small slide's thumbnail is the slide, not an enlargement
    assert tissue[:, :500].mean() > 0.99
    assert tissue[:, 524:].max() == 0


def test_min_tissue_is_the_share_that_makes_a_tile(one_slide: Write, tmp_path: Path) -> None:
    image = paint_tissue(256, 512, (0, 0, 256 + 64, 256))  # the second tile is covered by a quarter
    path = write_pyramid(tmp_path / "slide.tif", image)
    assert len(one_slide(path, min_tissue=0.2).build().arrays["valid"]) == 2
    assert len(one_slide(path, min_tissue=0.3).build().arrays["valid"]) == 1


@pytest.mark.parametrize(("mpp", "level", "downsample"), [(0.25, 1, 2.0), (0.2527, 1, 2.0), (0.3, 0, 1.0)])
def test_the_level_that_was_read_is_told(
    one_slide: Write, tmp_path: Path, mpp: float, level: int, downsample: float
) -> None:
    image = paint_tissue(1024, 1024, (0, 0, 1024, 1024))
    path = write_pyramid(tmp_path / "slide.tif", image, steps=(1, 2, 4), mpp=mpp)
    attrs = one_slide(path).build().attrs
    assert (attrs["level_read"], attrs["level_downsample"]) == (level, downsample)
    assert attrs["tile_px0"] == pytest.approx([128 / mpp] * 2, rel=1e-4)


def test_the_pyramid_changes_the_work_and_hardly_the_features(one_slide: Write, tmp_path: Path) -> None:
    """.25 um with a 2x level and without: the same field, so nearly the same numbers."""
    image = paint_tissue(1024, 1024, (0, 0, 1024, 1024))
    with_level = one_slide(write_pyramid(tmp_path / "a.tif", image, steps=(1, 2, 4), mpp=0.25)).build()
    without = one_slide(write_pyramid(tmp_path / "b.tif", image, steps=(1, 4), mpp=0.25)).build()
    assert (with_level.attrs["level_read"], without.attrs["level_read"]) == (1, 0)
    np.testing.assert_array_equal(with_level.arrays["xy_px0"], without.arrays["xy_px0"])
    # lossless levels, even sizes: the level is the exact mean that is taken otherwise
    assert with_level.arrays["embeddings"].tobytes() == without.arrays["embeddings"].tobytes()


class TestScale:
    def test_a_slide_without_scale_is_refused_with_the_remedy(
        self, one_slide: Write, shared_data: Path
    ) -> None:
        error = refusal(one_slide(shared_data / "slides/tcga-no-mpp/tcga-cr-7395-01a-01-ts1.svs"))
        assert str(error) == (
            "case 007, slide 007_a, tcga-cr-7395-01a-01-ts1.svs: "
            "expected a resolution of 0.05 to 20.0 um per pixel in the file or in slides.csv; "
            "got none that can be trusted. "
            "Give it in the mpp column of slides.csv; ask who scanned the slide, do not guess."
        )

    def test_with_the_manifests_scale_it_is_read(self, one_slide: Write, shared_data: Path) -> None:
        slide = one_slide(shared_data / "slides/tcga-no-mpp/tcga-cr-7395-01a-01-ts1.svs", mpp=0.25)
        draft = slide.build()
        assert draft.attrs["mpp_source"] == "manifest"
        assert draft.attrs["level_read"] == 1
        assert draft.arrays["valid"].sum() > 5
        assert slide.sources()["manifest_mpp"] == sha256_of_json(0.25)

    def test_another_scale_is_another_source(self, one_slide: Write, painted: Path) -> None:
        first, second = one_slide(painted, mpp=0.5).sources(), one_slide(painted, mpp=0.45).sources()
        assert first["slide"] == second["slide"]
        assert first["manifest_mpp"] != second["manifest_mpp"]

    def test_a_manifest_that_contradicts_the_file_wins_with_a_warning(
        self, one_slide: Write, painted: Path
    ) -> None:
        draft = one_slide(painted, mpp=0.4).build()
        assert draft.warnings == ("mpp 0.4 of the manifest is used; the file says 0.5 x 0.5",)
        assert draft.attrs["tile_px0"] == [320, 320]

    def test_a_slide_coarser_than_the_recipe_is_refused(self, one_slide: Write, painted: Path) -> None:
        error = refusal(one_slide(painted, mpp=2.0))
        assert error.got == "pixels 4 times as large"
        assert error.where == "case 007, slide 007_a, slide.tif"


def test_ome_tiff_in_jpeg_is_read_directly(one_slide: Write, shared_data: Path) -> None:
    draft = one_slide(shared_data / "slides/ome-tiff/OS-1-detail.ome.tif").build()
    assert draft.used["reader"] == "direct"
    assert draft.attrs["mpp"] == pytest.approx([0.2271, 0.2271], rel=1e-3)
    assert draft.arrays["valid"].tolist() == [True]  # 1101 px of .2271 um: one tile of 563.6 px0
    assert np.isfinite(draft.arrays["embeddings"]).all()


@pytest.mark.parametrize(
    ("name", "got"),
    [
        ("broken.svs", "openslide says OpenSlideUnsupportedFormatError"),
        ("boxes_0.dcm", "DICOM"),
        ("boxes.tiff", "none that can be trusted"),
        ("large_image_grey10kx5k.tif", "1 channel"),
        ("small.svs", "16 x 16"),
    ],
)
def test_odd_files_are_refused(one_slide: Write, shared_data: Path, name: str, got: str) -> None:
    error = refusal(one_slide(shared_data / "slides/odd" / name))
    assert got in error.got
    assert name in error.where


def test_an_absent_slide_is_refused_before_anything_is_read(one_slide: Write, tmp_path: Path) -> None:
    slide = one_slide(tmp_path / "gone.tif")
    with pytest.raises(
        SourceError, match=r"case 007, slide 007_a, gone\.tif: expected the file gone\.tif; got no such file"
    ):
        slide.sources()


class TestDamage:
    """TIFF tiles are 128 px: breaking number (3, 1) spoils the slide tile at (256, 0) alone."""

    def test_a_broken_tile_keeps_its_row(self, one_slide: Write, painted: Path) -> None:
        whole = one_slide(painted).build()
        break_tile(painted, column=3, row=1)
        draft = one_slide(painted).build()
        np.testing.assert_array_equal(draft.arrays["xy_px0"], whole.arrays["xy_px0"])
        assert draft.arrays["valid"].tolist() == [True, False, True, True]
        assert np.isnan(draft.arrays["embeddings"][1]).all()
        assert np.isnan(draft.arrays["quality"][1, 2:]).all()
        assert draft.arrays["reason"].tolist() == [0, 1, 0, 0]
        reasons = draft.attrs["reasons"]
        assert isinstance(reasons, list)
        assert [bool(reason) for reason in reasons] == [False, True]
        others = [0, 2, 3]
        np.testing.assert_array_equal(draft.arrays["embeddings"][others], whole.arrays["embeddings"][others])
        assert draft.quality["tiles"] == 4
        assert draft.quality["tiles_valid"] == 3
        assert draft.warnings == ("1 of 4 tiles could not be decoded",)

    def test_without_a_pyramid_what_nobody_saw_is_counted_too(self, one_slide: Write, tmp_path: Path) -> None:
        image = paint_tissue(SIZE[1], SIZE[0], TISSUE)
        path = write_pyramid(tmp_path / "slide.tif", image, codec=JPEG_YCBCR)
        for column, row in ((2, 0), (3, 0), (2, 1), (3, 1)):  # the whole of the slide tile at (256, 0)
            break_tile(path, column=column, row=row)
        draft = one_slide(path).build()
        assert draft.arrays["xy_px0"].tolist() == [[0, 0], [256, 0], [0, 256], [256, 256]]
        assert draft.arrays["valid"].tolist() == [True, False, True, True]
        assert np.isnan(draft.arrays["quality"][1]).tolist() == [True, False, True, True, True]
        assert draft.warnings == ("1 of 4 tiles could not be decoded",)
        assert np.all(draft.arrays["thumbnail"][40:200, 300:480] == 128)

    def test_a_broken_overview_level_is_read_from_a_finer_one(self, one_slide: Write, painted: Path) -> None:
        whole = one_slide(painted).build()
        break_tile(painted, column=0, row=0, level=1)  # 128 px of level 1: two thirds of the slide
        draft = one_slide(painted).build()
        assert draft.arrays["valid"].all()
        np.testing.assert_array_equal(draft.arrays["embeddings"], whole.arrays["embeddings"])

    def test_a_slide_that_is_unreadable_everywhere_is_refused(self, one_slide: Write, tmp_path: Path) -> None:
        path = write_pyramid(
            tmp_path / "slide.tif", paint_tissue(512, 512, (0, 0, 512, 512)), codec=JPEG_YCBCR
        )
        for column in range(4):
            for row in range(4):
                break_tile(path, column=column, row=row)
        error = refusal(one_slide(path))
        assert (error.expected, error.got) == ("readable tissue", "4 tiles that cannot be decoded")
        assert error.where == "case 007, slide 007_a, slide.tif"


def test_a_blank_slide_is_refused(one_slide: Write, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", paint_tissue(512, 512, (0, 0, 0, 0)))
    error = refusal(one_slide(path))
    assert (error.expected, error.got) == ("readable tissue", "no tile with enough tissue")
    assert "a blank slide is left out" in error.remedy


class TestMask:
    @staticmethod
    def write(path: Path, mask: np.ndarray, mpp: float) -> Path:
        per_cm = 10_000 / mpp
        tifffile.imwrite(
            path,
            mask.astype(np.uint8),
            resolution=(per_cm, per_cm),
            resolutionunit="centimeter",
            metadata=None,
        )
        return path

    def test_it_decides_which_tiles_there_are(self, one_slide: Write, painted: Path, tmp_path: Path) -> None:
        mask = np.zeros((64, 96))
        mask[:32, 32:] = 1  # 4 um: the two upper tiles at the right, one of them glass
        slide = one_slide(painted, self.write(tmp_path / "mask.tif", mask, 4.0))
        draft = slide.build()
        assert draft.arrays["xy_px0"].tolist() == [[256, 0], [512, 0]]
        assert draft.used["tissue_source"] == "mask"
        assert draft.arrays["tissue"][:256, 256:].all()
        assert draft.arrays["tissue"].mean() == pytest.approx(1 / 3, abs=0.01)
        assert list(slide.sources()) == ["slide", "tissue_mask"]

    def test_of_another_slide_it_is_refused(self, one_slide: Write, painted: Path, tmp_path: Path) -> None:
        error = refusal(one_slide(painted, self.write(tmp_path / "mask.tif", np.ones((64, 128)), 4.0)))
        assert error.where == "case 007, slide 007_a, mask.tif"
        assert (error.expected, error.got) == (
            "a mask of the slide's field, 384 x 256 um",
            "one of 512 x 256 um",
        )


class TestPlan:
    def test_cost_is_known_without_decoding_a_pixel(self, one_slide: Write, painted: Path) -> None:
        for column in range(6):
            for row in range(4):
                break_tile(painted, column=column, row=row)
        item = one_slide(painted).item
        cost = STAGE.cost(item)
        assert (cost["bytes"], cost["tiles_at_most"]) == (painted.stat().st_size, 6)

    def test_an_entry_is_no_larger_than_planned(self, one_slide: Write, painted: Path) -> None:
        slide = one_slide(painted)
        held = sum(array.nbytes for array in slide.build().arrays.values())
        assert 0 < held <= STAGE.cost(slide.item)["cache_bytes_at_most"]

    def test_the_item_carries_what_a_worker_needs(self, one_slide: Write, painted: Path) -> None:
        item = one_slide(painted, mpp=0.5).item
        assert (item.key.case_id, item.key.item_id, item.key.modality) == ("007", "007_a", "slides")
        assert item.path_of("slide") == painted
        assert item.facts == {"mpp": 0.5}
        assert item.key.recipe_hash == item.recipe.hash


def test_tiles_that_overlap_are_encoded_one_by_one(one_slide: Write, tmp_path: Path) -> None:
    path = write_pyramid(tmp_path / "slide.tif", paint_tissue(512, 512, (0, 0, 512, 512)))
    draft = one_slide(path, overlap_px=128).build()
    assert draft.arrays["xy_px0"].tolist() == [[x, y] for y in (0, 128, 256) for x in (0, 128, 256)]
    assert (draft.attrs["tile_px0"], draft.attrs["step_px0"]) == ([256.0, 256.0], [128.0, 128.0])
    alone = one_slide(path).build()
    np.testing.assert_array_equal(draft.arrays["embeddings"][0], alone.arrays["embeddings"][0])
    np.testing.assert_array_equal(draft.arrays["embeddings"][-1], alone.arrays["embeddings"][-1])
