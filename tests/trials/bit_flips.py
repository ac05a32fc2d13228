"""R8: one bit of one file of the cache turned over: found and named by `verify`, and on reading.

Enters: a work folder, how many flips, a seed. Leaves: measured rows. The flips go in turn to Zarr chunks and
metadata, to HDF5 files, to entry.json, and to arrays that live inside entry.json.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from feature_cache.entry import EntryDraft
from tests.measurement import Measured
from tests.trials.spoiled_cache import DRAFTS, SpoiledCache, make_spoilable
from tests.trials.trial import Counts, Tally, told

BAGS = tuple(draft for draft in DRAFTS if draft.kind != "vector")
VECTORS = tuple(draft for draft in DRAFTS if draft.kind == "vector")


def bit_flips(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Flip `counts.runs` single bits, one after the other, each put back afterwards."""
    caches = make_spoilable(work)
    generator = random.Random(seed)
    targets = (_zarr_chunk, _zarr_metadata, _hdf5, _document, _inline)
    tally = Tally("cache/bit_flip_", f"R8: {counts.runs} flips, {len(targets)} kinds of file; seed {seed}")
    with told("R8: bit flips", counts.runs) as advance:
        for number in range(counts.runs):
            spoiled, draft, path, bit = targets[number % len(targets)](caches, generator)
            whole = path.read_bytes()
            altered = bytearray(whole)
            altered[bit // 8] ^= 1 << bit % 8
            path.write_bytes(altered)
            spoiled.judge([draft], f"bit {bit} of {path.relative_to(spoiled.root)}", tally)
            path.write_bytes(whole)
            advance()
    return tally.rows()


Flip = tuple[SpoiledCache, EntryDraft, Path, int]


def _zarr_chunk(caches: dict[str, SpoiledCache], generator: random.Random) -> Flip:
    return _in_files(caches["zarr"], generator, metadata=False)


def _zarr_metadata(caches: dict[str, SpoiledCache], generator: random.Random) -> Flip:
    return _in_files(caches["zarr"], generator, metadata=True)


def _hdf5(caches: dict[str, SpoiledCache], generator: random.Random) -> Flip:
    return _in_files(caches["hdf5"], generator, metadata=False)


def _document(caches: dict[str, SpoiledCache], generator: random.Random) -> Flip:
    spoiled, draft = caches[generator.choice(sorted(caches))], generator.choice(DRAFTS)
    path = spoiled.folder(draft) / "entry.json"
    return spoiled, draft, path, generator.randrange(8 * path.stat().st_size)


def _inline(caches: dict[str, SpoiledCache], generator: random.Random) -> Flip:
    """A bit of the base64 text of an array inside entry.json."""
    spoiled, draft = caches[generator.choice(sorted(caches))], generator.choice(VECTORS)
    path = spoiled.folder(draft) / "entry.json"
    raw = path.read_bytes()
    text = generator.choice([array["data"] for array in json.loads(raw)["arrays"].values()]).encode()
    return spoiled, draft, path, 8 * raw.index(text) + generator.randrange(8 * len(text))


def _in_files(spoiled: SpoiledCache, generator: random.Random, *, metadata: bool) -> Flip:
    draft = generator.choice(BAGS)
    files = sorted(
        path
        for path in spoiled.folder(draft).rglob("*")
        if path.is_file() and path.name != "entry.json" and (path.name == "zarr.json") == metadata
    )
    path = generator.choice(files)
    return spoiled, draft, path, generator.randrange(8 * path.stat().st_size)
