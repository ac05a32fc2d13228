"""A neighbour's tiles as an entry of the cache: checked, rounded to pixels, packed into arrays of one piece.

Enters: the tiles of one slide and the recipe that was claimed for them. Leaves: a draft to commit, or a
`SourceError`. Rows that no encoder makes (zeros of a write that was cut short) refuse the file; a row that is
not finite stays as an invalid tile.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int32

from extract.interchange.bag import IncomingBag
from extract.interchange.claim import FIELD_TOLERANCE
from extract.limits import MOST_SLIDE_SIDE_PX
from feature_cache import origin
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import SourceError
from feature_cache.recipe import ResolvedRecipe


def draft_entry(
    bag: IncomingBag,
    recipe: ResolvedRecipe,
    key: EntryKey,
    sources: tuple[Source, ...],
    mpp_source: str | None,
    doubts: tuple[str, ...] = (),
) -> EntryDraft:
    """Return the entry of one slide.

    Parameters
    ----------
    mpp_source
        Who told `bag.slide_mpp`: manifest, or the slide's own file; None where it was the neighbour or
        nobody.

    doubts
        What is to be said of every entry of the set.

    Raises
    ------
    SourceError
        Rows, length, positions or field of view are not what was claimed, or no row can be used.
    """
    where = f"case {key.case_id}, slide {key.item_id}"
    embeddings = _embeddings(bag, recipe, where)
    xy_px0, rounded = _positions(bag, where)
    tile_px0, effective = _field(bag, recipe, where)
    valid = np.isfinite(embeddings).all(axis=1)
    if not valid.any():
        raise _refused(where, "a tile with numbers", "none that is finite", "Make its features again.")
    embeddings[~valid] = np.nan
    encoder, told = recipe.settings["encoder"], recipe.settings["told"]
    assert isinstance(encoder, dict) and isinstance(told, dict)
    named_by = mpp_source or (str(recipe.settings["source"]) if bag.slide_mpp is not None else None)
    return EntryDraft(
        key=key,
        kind="bag",
        sources=sources,
        settings=recipe.settings,
        arrays={"embeddings": embeddings, "xy_px0": xy_px0, "valid": valid},
        attrs={
            "mpp": None if bag.slide_mpp is None else [bag.slide_mpp, bag.slide_mpp],
            "mpp_source": named_by,
            "tile_px": recipe.settings["tile_px"],
            "tile_px0": None if tile_px0 is None else [tile_px0, tile_px0],
            "mpp_of_tiles": effective,
            "positions_rounded_by_px0": rounded,
            "feature_names": [f"{encoder['name']}_{number}" for number in range(embeddings.shape[1])],
        },
        used={
            "origin": "imported",
            "source": recipe.settings["source"],
            "encoder": encoder["name"],
            "encoder_as_told": told["encoder"],
            "encoder_revision": encoder["revision"],
            "braid": origin.own_version(),
            "commit": origin.commit(),
        },
        quality={"tiles": len(valid), "tiles_valid": int(valid.sum())},
        warnings=(*doubts, *_warnings(valid, xy_px0, tile_px0), *_unproven(effective)),
    )


def refuse_other_slide(bag: IncomingBag, size_px0: tuple[int, int], where: str) -> None:
    """Raise `SourceError` where a tile begins beyond the edge of the slide: it is of another one."""
    farthest = bag.xy_px0.max(axis=0, initial=0)
    if bag.xy_px0.shape[1:] == (2,) and (farthest >= size_px0).any():
        raise _refused(
            where,
            f"positions on a slide of {size_px0[0]} x {size_px0[1]} pixels",
            f"tiles that begin at up to {farthest[0]:g}, {farthest[1]:g}",
            "They are of another slide: mend the file's name, or path in slides.csv.",
        )


def _embeddings(
    bag: IncomingBag, recipe: ResolvedRecipe, where: str
) -> Float[np.ndarray[Any, Any], "tile dim"]:
    encoder = recipe.settings["encoder"]
    assert isinstance(encoder, dict)
    rows, dim = bag.embeddings.shape
    if len(bag.xy_px0) != rows or rows == 0:
        got = f"{rows} rows of features and {len(bag.xy_px0)} positions"
        raise _refused(where, "as many features as positions", got, "Make its features again.")
    if dim != encoder["dim"]:
        remedy = "Name the encoder (or its --variant) that made them."
        raise _refused(where, f"embeddings of {encoder['dim']} numbers", f"{dim}", remedy)
    if bag.embeddings.dtype.kind != "f":
        raise _refused(where, "floating-point embeddings", str(bag.embeddings.dtype), "Name the right files.")
    empty = int((~bag.embeddings.any(axis=1)).sum())
    if empty:
        got = f"{empty} of {rows} rows that are zeros throughout"
        remedy = "Its writing was cut short: make its features again."
        raise _refused(where, "the output of an encoder in every row", got, remedy)
    return np.array(bag.embeddings, dtype=bag.embeddings.dtype.newbyteorder("<"), order="C")


def _positions(bag: IncomingBag, where: str) -> tuple[Int32[np.ndarray[Any, Any], "tile 2"], float]:
    """Return positions as whole pixels, and by how much the farthest was moved."""
    if bag.xy_px0.shape[1:] != (2,):
        shape = bag.xy_px0.shape
        raise _refused(where, "an x and a y a tile", f"positions of shape {shape}", "Name the right files.")
    exact = bag.xy_px0.astype(np.float64)
    if not np.isfinite(exact).all() or exact.min() < -0.5 or exact.max() > MOST_SLIDE_SIDE_PX:
        got = "positions that are negative, unknown or beyond any slide"
        raise _refused(where, "positions in level-0 pixels of the slide", got, "Make its features again.")
    whole = np.rint(exact)
    return np.abs(whole).astype("<i4"), round(float(np.abs(whole - exact).max()), 4)


def _field(bag: IncomingBag, recipe: ResolvedRecipe, where: str) -> tuple[float | None, float | None]:
    """Return a tile's side in level-0 pixels and the um of its own pixels, None where they cannot be known.

    Where only the files' side or only the slide's mpp is known, nothing can be compared.
    """
    mpp, tile_px = recipe.settings["mpp"], recipe.settings["tile_px"]
    assert isinstance(mpp, float) and isinstance(tile_px, int)
    if bag.slide_mpp is None:
        return bag.tile_px0, None
    if bag.tile_px0 is None:
        return tile_px * mpp / bag.slide_mpp, None
    effective = bag.tile_px0 * bag.slide_mpp / tile_px
    if abs(effective / mpp - 1) > FIELD_TOLERANCE:
        raise _refused(
            where,
            f"tiles of {tile_px} px at {mpp:g} um, to {FIELD_TOLERANCE:.0%}",
            f"{bag.tile_px0:g} level-0 pixels of {bag.slide_mpp:g} um, which is {effective:.4g} um per pixel",
            "Mend mpp in slides.csv if it is wrong; else it was encoded at another scale: leave it out.",
        )
    return bag.tile_px0, effective


def _warnings(
    valid: np.ndarray[Any, Any], xy_px0: np.ndarray[Any, Any], tile_px0: float | None
) -> tuple[str, ...]:
    found = []
    if not valid.all():
        found.append(f"{int((~valid).sum())} of {len(valid)} tiles are not finite")
    twice = len(xy_px0) - len(np.unique(xy_px0, axis=0))
    if twice:
        found.append(f"{twice} tiles stand where another one stands")
    if tile_px0 is None:
        found.append("the side of a tile in level-0 pixels is unknown")
    return tuple(found)


def _unproven(effective: float | None) -> tuple[str, ...]:
    return () if effective is not None else ("nothing tells the true field of view: mpp is as claimed",)


def _refused(where: str, expected: str, got: str, remedy: str) -> SourceError:
    return SourceError(where, expected=expected, got=got, remedy=remedy)
