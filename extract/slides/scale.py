"""How large a level-0 pixel is: the file's word, the manifest's word, and which of them counts.

Enters: what a file's metadata says and what slides.csv says, um per pixel. Leaves: (x, y) with its
source, or a `SourceError`. A scale is never guessed: not from the objective, not from a 72-dpi tag
(352.8 um per pixel), not from a neighbouring slide.
"""

from __future__ import annotations

from dataclasses import dataclass

from feature_cache.errors import SourceError

#: No microscope scanner is outside this range (um per pixel).
PLAUSIBLE_MPP = (0.05, 20.0)
#: Sides of a pixel differ by some percent at most; a factor of two is a slip.
MOST_ELONGATED = 2.0
#: The manifest and the file may differ by this share before it is worth a warning.
MPP_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Size of a level-0 pixel in um, (x, y), where it comes from, and what is odd about it."""

    mpp: tuple[float, float]
    source: str
    warnings: tuple[str, ...] = ()


def is_plausible(mpp: float) -> bool:
    """Whether a slide can have this many um per level-0 pixel."""
    return PLAUSIBLE_MPP[0] <= mpp <= PLAUSIBLE_MPP[1]


def parse_mpp(x: object, y: object) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Read a file's two values; None where they are absent, no numbers or implausible (then a warning)."""
    if x is None or y is None:
        return None, ()
    try:
        mpp = (float(str(x)), float(str(y)))
    except ValueError:
        return None, ("the file's mpp is no number and is not used",)
    low, high = PLAUSIBLE_MPP
    told = f"the file's mpp {mpp[0]:.4g} x {mpp[1]:.4g} um is"
    if not (is_plausible(mpp[0]) and is_plausible(mpp[1])):
        return None, (f"{told} outside {low} to {high} and is not used",)
    if max(mpp) > MOST_ELONGATED * min(mpp):
        return None, (f"{told} that of no scanner's pixel and is not used",)
    return mpp, ()


def decide_scale(
    where: str,
    in_file: tuple[float, float] | None,
    file_source: str,
    in_manifest: float | None,
    doubts: tuple[str, ...] = (),
) -> Scale:
    """Choose the scale of a slide: the manifest wins over the file; with neither there is none.

    `doubts` are the warnings of the file's reader, told where there is no scale.

    Raises
    ------
    SourceError
        Neither tells, or the manifest's value is outside 0.05 to 20 um per pixel.
    """
    low, high = PLAUSIBLE_MPP
    if in_manifest is None:
        if in_file is None:
            raise SourceError(
                where,
                expected=f"a resolution of {low} to {high} um per pixel in the file or in slides.csv",
                got="; ".join(("none that can be trusted", *doubts)),
                remedy="Give it in the mpp column of slides.csv; ask who scanned the slide, do not guess.",
            )
        return Scale(mpp=in_file, source=file_source)
    if not is_plausible(in_manifest):
        raise SourceError(
            where,
            expected=f"an mpp of {low} to {high} um per pixel in slides.csv",
            got=f"{in_manifest:g}",
            remedy="Mend the mpp column: um per pixel of the finest level.",
        )
    warnings: tuple[str, ...] = ()
    if in_file is not None:
        gap = max(abs(in_manifest / axis - 1) for axis in in_file)
        if gap > MPP_TOLERANCE:
            told = f"{in_file[0]:.4g} x {in_file[1]:.4g}"
            warnings = (f"mpp {in_manifest:g} of the manifest is used; the file says {told}",)
    return Scale(mpp=(in_manifest, in_manifest), source="manifest", warnings=warnings)
