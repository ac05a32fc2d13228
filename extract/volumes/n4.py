"""N4 bias field correction (Tustison et al., 2010), where a recipe asks for it: half a minute a series.

Enters: a series as read, on its own grid. Leaves: the series divided by the field, and what an entry keeps.
SimpleITK on one thread: on several, sums would be added in another order from run to run. The field is fitted
to a smaller copy inside Otsu's foreground and evaluated at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from jaxtyping import Float32
from pydantic import Field, field_validator

from extract.volumes.adc import is_adc
from extract.volumes.optional_block import OptionalBlock
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

Voxels = Float32[np.ndarray[Any, Any], "x y z"]


class N4(OptionalBlock):
    """`sequences` to correct; `shrink` along the axes of fine spacing; `iterations` by level of the field."""

    algorithms: ClassVar[dict[str, int]] = {"n4": 1}

    sequences: tuple[str, ...] = Field(min_length=1)
    shrink: int = Field(default=4, ge=1, le=8)
    iterations: tuple[Annotated[int, Field(ge=1, le=200)], ...] = Field(
        default=(50, 50, 30, 20), min_length=1, max_length=6
    )

    @field_validator("sequences")
    @classmethod
    def _no_quantity(cls, sequences: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(sorted({sequence.strip().lower() for sequence in sequences}))
        if any(is_adc(sequence) for sequence in plain):
            raise ValueError("adc: a quotient of images has no bias field, and a quantity is not corrected")
        return plain


def correct_bias(
    voxels: Voxels, spacing: Sequence[float], asked: N4, where: str
) -> tuple[Voxels, dict[str, Json]]:
    """Return a series divided by its bias field.

    Parameters
    ----------
    voxels
        What is not finite is left out of the fit and stays as it is.
    spacing
        Along x, y, z: mm, or 1 each.

    Raises
    ------
    SourceError
        There is no foreground: all voxels have one value.
    """
    sitk = _simpleitk()
    finite = np.isfinite(voxels)
    filled = np.where(finite, np.maximum(voxels, 0), np.float32(0))
    if filled.max() <= filled.min():
        raise SourceError(
            where,
            expected="a series of more than one intensity, as the recipe wants its bias field (n4)",
            got="one intensity",
            remedy="Look at the series, or take its sequence out of `n4` in the recipe.",
        )
    image = sitk.GetImageFromArray(np.ascontiguousarray(filled.T))
    image.SetSpacing([float(side) for side in spacing])
    foreground = sitk.OtsuThreshold(image, 0, 1)
    factors = [
        min(asked.shrink, max(1, int(size // 8))) if side < 2 * min(spacing) else 1
        for side, size in zip(spacing, voxels.shape, strict=True)
    ]
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(list(asked.iterations))
    corrector.Execute(sitk.Shrink(image, factors), sitk.Shrink(foreground, factors))
    log_field = sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(image)).T
    field = np.exp(log_field.astype(np.float64))
    corrected: Voxels = np.where(finite, voxels / field, voxels).astype(np.float32)
    low, high = (float(limit) for limit in np.percentile(field, (1, 99)))
    return corrected, {
        "shrink": [*factors],
        "foreground_voxels": int(sitk.GetArrayViewFromImage(foreground).sum()),
        "field_p1": round(low, 4),
        "field_p99": round(high, 4),
        "simpleitk": str(sitk.Version_VersionString()),
    }


def _simpleitk() -> Any:
    """Return the library, whose functions have no types, on one thread.

    The filters inside N4 listen to nothing but the global number. It is not put back: with several readers in
    one process another series may be under correction, and would end on several threads.
    """
    import SimpleITK

    library: Any = SimpleITK
    library.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    return library
