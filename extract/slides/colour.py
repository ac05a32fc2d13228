"""Colours as the scanner stored them, or converted to sRGB by the ICC profile that it embedded.

Enters: a reader and the choice of a recipe. Leaves: a reader whose fields have that colour. As stored is the
default: encoders were trained on pixels as openslide gives them, which converts nothing. sRGB makes scanners
alike as far as their profiles are right. Tissue is always found in the colours as stored.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import UInt8

from feature_cache.errors import SourceError

if TYPE_CHECKING:
    from extract.slides.fields import Boxes, FieldBatch, Resampler
    from extract.slides.reader import SlideReader

Colour = Literal["as_stored", "srgb"]

#: The colour space of pixels in the header of an ICC profile (ICC.1:2022, 7.2.8).
_SPACE, _RGB = slice(16, 20), b"RGB "


class FieldColours:
    """Reads fields of a slide in the colours of a recipe."""

    def __init__(self, reader: SlideReader, colour: Colour, where: str) -> None:
        """Prepare the conversion.

        Raises
        ------
        SourceError
            The slide's profile is none of RGB, or broken.
        """
        self._reader = reader
        profile = reader.icc_profile if colour == "srgb" else None
        self._transform = None if profile is None else _to_srgb(profile, where)
        #: For the entry: what was done, by which profile and library.
        self.used: dict[str, str] = {"colour": "as_stored" if profile is None else "srgb"}
        if profile is not None:
            self.used |= {"icc_profile_sha256": hashlib.sha256(profile).hexdigest(), "littlecms": _version()}
        no_profile = colour == "srgb" and profile is None
        self.warnings = ("there is no ICC profile: colours are as stored",) if no_profile else ()

    def read_fields(
        self, boxes_px0: Boxes, level: int, size_px: tuple[int, int], resampler: Resampler, batch: int
    ) -> Iterator[FieldBatch]:
        """Read many fields (see `SlideReader`)."""
        for found in self._reader.read_fields(boxes_px0, level, size_px, resampler, batch):
            if self._transform is None or not len(found.rows):
                yield found
            else:
                yield replace(found, pixels=_convert(found.pixels, self._transform))


def _convert(
    pixels: UInt8[np.ndarray[Any, Any], "tile height width 3"], transform: Any
) -> UInt8[np.ndarray[Any, Any], "tile height width 3"]:
    from PIL import Image, ImageCms

    count, height, width, _ = pixels.shape
    image = Image.fromarray(pixels.reshape(count * height, width, 3))
    ImageCms.applyTransform(image, transform, inPlace=True)
    return np.array(image).reshape(pixels.shape)


def _to_srgb(profile: bytes, where: str) -> Any:
    from PIL import ImageCms

    if profile[_SPACE] != _RGB:
        raise _refusal(where, "one of another colour space")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent = ImageCms.Intent(ImageCms.getDefaultIntent(source))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "RGB", "RGB", intent)
    except (OSError, ImageCms.PyCMSError) as error:
        raise _refusal(where, f"one that cannot be used ({type(error).__name__})") from error


def _refusal(where: str, got: str) -> SourceError:
    remedy = "Set colour: as_stored in the recipe, or embed the scanner's profile again."
    return SourceError(where, expected="an ICC profile of RGB", got=got, remedy=remedy)


def _version() -> str:
    from PIL import features

    return str(features.version("littlecms2"))
