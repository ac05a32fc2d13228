"""ICC profiles: converted as the profile says, left alone by default, refused where they are broken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from extract.slides.colour import Colour, FieldColours
from extract.slides.fields import FieldBatch
from extract.slides.openslide_reader import OpenSlideReader
from extract.slides.reader import SlideReader, open_slide
from extract.slides.tiffslide_reader import TiffSlideReader
from feature_cache.errors import SourceError
from tests.extract.slides.conftest import OneSlide
from tests.extract.slides.jpeg_slides import Layout, write_jpeg_slide
from tests.extract.slides.pyramids import DEFLATE, colour_noise, paint_tissue

GAMMA = 1.4
BOXES = np.array([[0.0, 0, 128, 128], [50, 40, 178, 168]])
#: Primaries of sRGB at D50 (ICC.1:2022 and IEC 61966-2-1): the profile differs from sRGB by its curve alone.
PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}


def profile(gamma: float = GAMMA, space: bytes = b"RGB ") -> bytes:
    """An ICC profile (version 2.1) of three primaries and a power."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 1)
    tags = {
        b"desc": text,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        **{name: xyz(values) for name, values in PRIMARIES.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
    }
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = b"lcms" + struct.pack(">I", 0x02100000) + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    head += bytes(28) + fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    whole = struct.pack(">I", 128 + len(table) + len(body)) + head
    return whole + bytes(128 - len(whole)) + table + body


def expected(stored: np.ndarray) -> np.ndarray:
    """The power of the profile undone, the curve of sRGB put on (IEC 61966-2-1)."""
    linear = (stored / 255.0) ** GAMMA
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def write(path: Path, icc: bytes | None, codec: str = "jpeg") -> Path:
    image = colour_noise(256, 256)
    options: dict[str, object] = {} if icc is None else {"iccprofile": icc}
    if codec == "jpeg":
        return write_jpeg_slide(path, image, Layout(), **options)
    layout: dict[str, object] = {"tile": (128, 128), "photometric": "rgb", "metadata": None}
    tifffile.imwrite(path, image, compression=codec, **layout, **options)
    return path


def read(reader: SlideReader, colour: Colour) -> tuple[FieldColours, list[FieldBatch]]:
    colours = FieldColours(reader, colour, "slide 1")
    return colours, list(colours.read_fields(BOXES, 0, (128, 128), "area", 8))


@pytest.mark.parametrize(
    ("codec", "opener"),
    [("jpeg", open_slide), (DEFLATE.compression, OpenSlideReader), (DEFLATE.compression, TiffSlideReader)],
    ids=["direct", "openslide", "tiffslide"],
)
def test_the_profile_of_any_reader_is_applied_when_asked_for(
    tmp_path: Path, codec: str, opener: type[OpenSlideReader]
) -> None:
    icc = profile()
    with opener(write(tmp_path / "slide.tif", icc, codec)) as slide:
        assert slide.icc_profile == icc
        stored = [found.pixels.copy() for found in slide.read_fields(BOXES, 0, (128, 128), "area", 8)]
        plain, batches = read(slide, "as_stored")
        assert plain.used == {"colour": "as_stored"}
        for before, found in zip(stored, batches, strict=True):
            np.testing.assert_array_equal(found.pixels, before)
        managed, batches = read(slide, "srgb")
        assert managed.used["colour"] == "srgb"
        assert len(managed.used["icc_profile_sha256"]) == 64
        assert managed.warnings == ()
        for before, found in zip(stored, batches, strict=True):
            assert np.abs(found.pixels - expected(before)).max() <= 2
            assert np.abs(found.pixels.astype(int) - before).mean() > 10  # and that is no small change


def test_without_a_profile_colours_stay_and_that_is_told(tmp_path: Path) -> None:
    with open_slide(write(tmp_path / "slide.tif", None)) as slide:
        assert slide.icc_profile is None
        stored = [found.pixels.copy() for found in slide.read_fields(BOXES, 0, (128, 128), "area", 8)]
        colours, batches = read(slide, "srgb")
        assert colours.used == {"colour": "as_stored"}
        assert colours.warnings == ("there is no ICC profile: colours are as stored",)
        for before, found in zip(stored, batches, strict=True):
            np.testing.assert_array_equal(found.pixels, before)


@pytest.mark.parametrize(
    ("icc", "got"),
    [
        (profile(space=b"CMYK"), "another colour space"),
        (profile()[:140], "cannot be used"),
        (b"x", "another"),
    ],
    ids=["cmyk", "cut", "none"],
)
def test_a_profile_that_is_none_is_refused(tmp_path: Path, icc: bytes, got: str) -> None:
    with open_slide(write(tmp_path / "slide.tif", icc)) as slide:
        FieldColours(slide, "as_stored", "slide 1")
        with pytest.raises(SourceError, match=rf"slide 1: expected an ICC profile of RGB; got .*{got}"):
            FieldColours(slide, "srgb", "slide 1")


def test_the_entry_says_which_colours_were_encoded(
    tmp_path: Path, one_slide: Callable[..., OneSlide]
) -> None:
    """The recipe's choice changes its name, the embeddings and the provenance, and not where tissue is."""
    image = paint_tissue(512, 512, (32, 32, 480, 480))
    path = write_jpeg_slide(tmp_path / "slide.tif", image, Layout(), iccprofile=profile())
    stored, managed = one_slide(path), one_slide(path, colour="srgb")
    assert stored.item.recipe.hash != managed.item.recipe.hash
    first, second = stored.build(), managed.build()
    assert first.used["colour"] == "as_stored"
    assert "icc_profile_sha256" not in first.used
    assert second.used["colour"] == "srgb"
    assert len(str(second.used["icc_profile_sha256"])) == 64
    np.testing.assert_array_equal(first.arrays["xy_px0"], second.arrays["xy_px0"])
    assert np.abs(first.arrays["embeddings"] - second.arrays["embeddings"]).max() > 0.01
