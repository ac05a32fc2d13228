"""Flat attention looks flat, and only a PNG of the stated size is shown."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from fuse.report.attention_picture import MOST_OPAQUE, place_attention, read_thumbnail
from fuse.report.documents import Attention, TileWeight
from fuse.report.run_folder import RunFolderError


def png(width: int, height: int, *, noise: bool = False) -> str:
    pixels = np.full((height, width, 3), 200, dtype=np.uint8)
    if noise:
        pixels = np.random.default_rng(0).integers(0, 256, size=pixels.shape, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")


def attention(weights: list[float], thumbnail: str | None = None) -> Attention:
    tiles = tuple(
        TileWeight(x=10 * place, y=0, w=10, h=10, weight=weight) for place, weight in enumerate(weights)
    )
    return Attention(
        case_id="c",
        item_id="s",
        arm="a",
        thumbnail_png=png(100, 20) if thumbnail is None else thumbnail,
        width=100,
        height=20,
        tiles=tiles,
    )


def test_equal_weights_are_equally_opaque_and_none_is_outlined() -> None:
    picture = place_attention(attention([0.25] * 4))
    assert picture is not None
    assert {tile.opacity for tile in picture.tiles} == {MOST_OPAQUE}
    assert not any(tile.outlined for tile in picture.tiles)
    assert picture.effective_tiles == pytest.approx(4.0)


def test_opacity_is_proportional_to_the_weight_from_zero() -> None:
    picture = place_attention(attention([0.0, 1.0, 4.0]))
    assert picture is not None
    assert [tile.opacity for tile in picture.tiles] == pytest.approx([0.0, MOST_OPAQUE / 4, MOST_OPAQUE])
    assert picture.largest == pytest.approx(0.8)


def test_a_large_thumbnail_becomes_a_small_jpeg() -> None:
    large = png(600, 500, noise=True)
    view = attention([1.0, 2.0], large).model_copy(update={"width": 600, "height": 500})
    image = read_thumbnail(view)
    assert image.startswith("data:image/jpeg;base64,")
    assert len(image) < len(large)


@pytest.mark.parametrize(
    ("thumbnail", "got"),
    [
        ("not base64!", "Error"),
        (base64.b64encode(b"<svg onload='alert(1)'/>").decode(), "UnidentifiedImageError"),
        (png(30, 30), "30 x 30 pixels"),
    ],
)
def test_what_is_no_such_png_is_refused(thumbnail: str, got: str) -> None:
    with pytest.raises(RunFolderError, match=f"a PNG of 100 x 20 pixels in base64; got {got}"):
        place_attention(attention([1.0, 2.0], thumbnail))


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [-1.0, 2.0]])
def test_weights_that_are_none_are_refused(weights: list[float]) -> None:
    with pytest.raises(RunFolderError, match="weights of at least 0, one of them above"):
        place_attention(attention(weights))


def test_a_reason_is_no_picture() -> None:
    assert place_attention(Attention(reason="No slides.")) is None
