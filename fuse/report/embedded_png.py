"""A PNG of a run as a data URI, which no viewer has to fetch.

Enters: base64 of a PNG and the size it is said to have. Leaves: the URI: the PNG as it came, or a JPEG where
it is large, so that the page stays small enough to be mailed.
"""

from __future__ import annotations

import base64
import binascii
import io

from fuse.report.run_folder import RunFolderError

REMEDY = "Run `python -m fuse benchmark` again; pictures come from the cache entries."


def embed_png(text: str, size: tuple[int, int], where: str, largest_bytes: int) -> str:
    """Return a PNG as a data URI; above `largest_bytes` it is written again as JPEG.

    Parameters
    ----------
    size
        Width and height in pixels.
    where
        File and field of the run, for the error.

    Raises
    ------
    RunFolderError
        It is not base64, not an image that can be read, or not of the stated size.
    """
    from PIL import Image, UnidentifiedImageError

    expected = f"a PNG of {size[0]} x {size[1]} pixels in base64"
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            found = image.size
            pixels = image.convert("L" if image.mode == "L" else "RGB")
    except (binascii.Error, UnidentifiedImageError, OSError, SyntaxError) as error:
        raise RunFolderError(where, expected=expected, got=type(error).__name__, remedy=REMEDY) from error
    if found != size:
        raise RunFolderError(where, expected=expected, got=f"{found[0]} x {found[1]} pixels", remedy=REMEDY)
    if len(data) <= largest_bytes:
        return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    buffer = io.BytesIO()
    pixels.save(buffer, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
