"""Pixels as PNG in text, so that a JSON file of a run can hold what its page shows.

Enters: an array of bytes, grey or RGB. Leaves: base64 of a PNG, the same for the same pixels.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np


def png_text(pixels: np.ndarray[Any, Any]) -> str:
    """Return a picture (row, column) or (row, column, 3), uint8, as base64 of a PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, format="PNG")
    return base64.b64encode(stream.getvalue()).decode("ascii")
