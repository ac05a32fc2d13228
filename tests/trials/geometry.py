"""G1: a printed pattern is found at its true size and place in every slide that is accepted.

Enters: a work folder, how many slides, a seed. Leaves: measured rows. Pyramids are rounded either way,
averaged or resized, lack levels, have cut ones; pixels are off-nominal and not square; masks have a spacing
of their own. Every dot of every tile is looked for where the recipe's um say it is; a refusal says why.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np

from extract.slides.grid import Grid, choose_level, usable_downsamples
from extract.slides.reader import SlideReader, open_slide
from extract.slides.scale import decide_scale
from extract.slides.tiling import ChosenTiles, choose_tiles, tissue_from_image
from extract.slides.tissue import box_fractions
from extract.slides.tissue_mask import TissueMask, read_mask
from feature_cache.errors import SourceError
from tests.measurement import Measured
from tests.trials.printed_slides import BASE, DEPTH, DOT_UM, LUMA, Printed, Printer
from tests.trials.trial import Counts, Tally, told

#: Of an output pixel: the bar for place, and for the distance of two dots.
MOST_OFF_PX = 0.5
#: Why a slide has to be refused, and what the refusal has to say.
REFUSED = {
    "no mpp": r"a resolution of 0\.05 to 20",
    "72 dpi": r"352\.8",
    "far from square": r"no scanner's pixel",
    "too coarse": r"level-0 pixels as fine as the recipe's mpp",
    "another shape": r"in the shape of level 0",
    "mask of another slide": r"a mask of the slide's field",
}
#: What no file here can prove, and what stands in for it.
UNPROVEN = {
    "MRXS": "bounds and transparency are tested as logic (test_bounds.py)",
    "NDPI": "levels of 2^k with cut edges are among the printed ones",
}
ACCEPTED = (
    *("",) * 8, "cut along x", "cut on both sides", "filled up", "2.5 times smaller", *("mask",) * 4
)  # fmt: skip


def geometry(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Print `counts.runs` slides, a fifth of them to be refused, and look for their dots."""
    printer = Printer(work, seed)
    tally = Tally("slides/geometry_", f"G1: {counts.runs} pyramids, seed {seed}")
    worst: dict[str, float] = {"place": 0.0, "distance": 0.0, "mask_edge": 0.0}
    seen: Counter[str] = Counter()
    with told("G1", counts.runs) as advance:
        for number in range(counts.runs):
            wrong = printer.choose(*REFUSED) if number % 5 == 4 else ""
            slide = _print(printer, number, wrong)
            target = 0.5 if wrong else printer.choose(*(mpp for mpp in (0.5, 1.0) if max(slide.mpp) <= mpp))
            try:
                found = measure(slide, target, printer.choose(224, 256), printer.choose(0, 0, 60))
            except SourceError as error:
                tally.count("refused_without_cause", not wrong, f"{slide.what}: {error}")
                tally.count(
                    "refused_without_reason",
                    bool(wrong and not re.search(REFUSED[wrong], str(error))),
                    f"{error}",
                )
                seen["refused"] += 1
            else:
                tally.count("accepted_all_the_same", bool(wrong), f"{wrong}: {slide.what}")
                tally.count("misplaced", found["place"] > MOST_OFF_PX, f"{found} {slide.what}")
                tally.count("of_another_size", found["distance"] > MOST_OFF_PX, f"{found} {slide.what}")
                tally.count("mask_misplaced", found["mask_edge"] > MOST_OFF_PX, f"{found} {slide.what}")
                tally.count("without_a_dot", found["dots"] < 4, f"{found} {slide.what}")
                seen["accepted"] += 1
                seen["dots"] += int(found["dots"])
                worst = {key: max(value, found[key]) for key, value in worst.items()}
            for path in (slide.path, slide.mask):
                if path is not None:
                    path.unlink()
            advance()
    source = f"{seen['accepted']} accepted, {seen['refused']} refused, {seen['dots']} dots, seed {seed}"
    return [
        *tally.rows(),
        *(
            Measured(
                name=f"slides/geometry_worst_{key}",
                value=value,
                unit="px",
                bar=f"<= {MOST_OFF_PX}",
                met=value <= MOST_OFF_PX,
                input=source,
            )
            for key, value in worst.items()
        ),
        *(
            Measured(
                name=f"slides/geometry_of_real_{name}",
                value=None,
                unit="px",
                bar=f"<= {MOST_OFF_PX}",
                met=None,
                input=f"no {name} file is at hand: {tested}",
            )
            for name, tested in UNPROVEN.items()
        ),
    ]


def _print(printer: Printer, number: int, wrong: str) -> Printed:
    if wrong == "no mpp":
        return printer.print_slide(number, told_mpp=None)
    if wrong == "72 dpi":
        return printer.print_slide(number, told_mpp=(25_400 / 72, 25_400 / 72))
    if wrong == "far from square":
        return printer.print_slide(number, told_mpp=(0.25, 0.55))
    if wrong == "too coarse":
        return printer.print_slide(number, mpp=(0.53, 0.53))
    if wrong == "another shape":
        return printer.print_slide(number, odd_level=wrong)
    if wrong:
        return printer.print_slide(number, mask="other")
    kind = printer.choose(*ACCEPTED)
    return (
        printer.print_slide(number, mask=kind)
        if kind == "mask"
        else printer.print_slide(number, odd_level=kind)
    )


def measure(slide: Printed, target_mpp: float, tile_px: int, overlap_px: int = 0) -> dict[str, float]:
    """Read all tiles as a run does and return the worst errors in output pixels."""
    with open_slide(slide.path) as reader:
        scale = decide_scale(slide.path.name, reader.mpp, reader.mpp_source, None, reader.warnings)
        grid = Grid(
            slide_size_px0=reader.size_px0,
            mpp=scale.mpp,
            target_mpp=target_mpp,
            tile_px=tile_px,
            overlap_px=overlap_px,
        )
        level = choose_level(slide.path.name, usable_downsamples(reader), grid.wanted_downsample)
        if slide.mask is None:
            tissue = tissue_from_image(reader, scale.mpp)
        else:
            tissue = read_mask(slide.mask, slide.mask.name, reader.size_px0, scale.mpp)
        chosen = choose_tiles(grid, level, "area", tissue, 0.01)
        return {"mask_edge": _mask_error(slide, tissue, target_mpp), **_dot_errors(slide, reader, chosen)}


def _mask_error(slide: Printed, tissue: TissueMask, target_mpp: float) -> float:
    """Return how far the worst edge of the mask's rectangle is from where it was drawn (output pixels).

    An edge is found by the share of tissue between the slide's edge and the rectangle's middle.
    """
    if slide.region_um is None:
        return 0.0
    mpp, worst = np.array(slide.mpp), 0.0
    low, high = np.array(slide.region_um[:2]) / mpp, np.array(slide.region_um[2:]) / mpp
    size_px0 = np.array(tissue.mask.shape[::-1]) * tissue.px0_per_px
    middle = np.floor((low + high) / 2).astype(np.int64)
    for axis in (0, 1):
        for start, end, edge in ((0, middle[axis], low[axis]), (middle[axis], size_px0[axis], high[axis])):
            corner, side = middle.copy(), np.full(2, 40.0)  # a strip across the rectangle's middle
            corner[axis], side[axis] = start, end - start
            share = box_fractions(tissue.mask, tissue.px0_per_px, corner[None], (side[0], side[1]))[0]
            found = end - share * side[axis] if edge == low[axis] else start + share * side[axis]
            worst = max(worst, abs(found - edge) * mpp[axis] / target_mpp)
    return worst


def _dot_errors(slide: Printed, reader: SlideReader, chosen: ChosenTiles) -> dict[str, float]:
    grid = chosen.grid
    boxes = grid.boxes_px0(chosen.xy_px0)
    size_px = (grid.tile_px, grid.tile_px)
    place, distance, dots = 0.0, 0.0, 0
    for batch in reader.read_fields(boxes, chosen.level, size_px, "area", 16):
        if batch.failed:
            raise AssertionError(f"{slide.what}: {batch.failed}")
        for row, pixels in zip(batch.rows.tolist(), batch.pixels, strict=True):
            expected = _expected_px(slide, grid, chosen.xy_px0[row])
            if not len(expected):
                continue
            found = np.array([_found_px(pixels, dot, DOT_UM / grid.target_mpp) for dot in expected])
            place = max(place, float(np.abs(found - expected).max()))
            distance = max(distance, float(np.ptp(found - expected, axis=0).max()))
            dots += len(expected)
    return {"place": place, "distance": distance, "dots": dots}


def _expected_px(slide: Printed, grid: Grid, corner_px0: np.ndarray) -> np.ndarray:
    """Return where in a tile its dots are (x, y), those at its border left out."""
    border_px = 4 * DOT_UM / grid.target_mpp
    along = []
    for axis in (0, 1):
        px = (slide.dots[axis].centres_um - corner_px0[axis] * slide.mpp[axis]) / grid.target_mpp
        along.append(px[(px > border_px) & (px < grid.tile_px - border_px)])
    return np.stack(np.meshgrid(*along), axis=-1).reshape(-1, 2)


def _found_px(pixels: np.ndarray, expected_px: np.ndarray, dot_px: float) -> np.ndarray:
    """Return the centre of mass of a dot, looked for around where it should be and then around itself."""
    darkness = np.clip((BASE - pixels.astype(np.float64)) @ LUMA / (DEPTH @ LUMA), 0, None)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    centre = expected_px.astype(np.float64)
    for _ in range(6):
        weight = darkness * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * dot_px**2))
        shift = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum() - centre
        centre = centre + 2 * shift  # the mean of two equal bells lies halfway between them
    return centre
