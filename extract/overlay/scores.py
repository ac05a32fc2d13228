"""Scores of tiles that somebody computed: a table by position, or the attention of a run of stage 2.

Enters: a CSV (case_id, slide_id, x_px0, y_px0 and a column for each score) or a run's attention.json, and
an entry. Leaves: for each name a score a tile, NaN where there is none. A score for a tile that the entry
does not have is an error: it belongs to other tiles.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from extract.limits import MOST_NOTE_TABLE_BYTES, refuse_large_file
from feature_cache.csv_lines import as_given
from feature_cache.entry import EntryRecord
from feature_cache.errors import Problem, SourceError
from feature_cache.store import Entry
from feature_cache.tables import read_table

KEYS = ("case_id", "slide_id", "x_px0", "y_px0")
#: A run draws its squares in pixels of a thumbnail; this much of a level-0 pixel is lost on the way.
_AWAY_PX0 = 0.01

Values = Float[np.ndarray[Any, Any], " tile"]
_Row = tuple[int, int, dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores by (case, slide): rows of a table, or weights in the order of an entry's valid tiles."""

    tables: Mapping[tuple[str, str], Sequence[_Row]]
    attention: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]

    def of(self, entry: Entry) -> dict[str, Values]:
        """Return a score a tile by name, {} for a slide without scores.

        Raises
        ------
        SourceError
            A score of a tile that the entry does not have, or two of one tile.
        """
        key = entry.record.case_id, entry.record.item_id
        found: dict[str, Values] = {}
        if key in self.attention:
            found["attention"] = _attention(entry, self.attention[key])
        places = {(x, y): row for row, (x, y) in enumerate(entry.arrays["xy_px0"].tolist())}
        for x, y, scores in self.tables.get(key, ()):
            if (x, y) not in places:
                raise _others(entry.record, f"one at {x}, {y}")
            for name, score in scores.items():
                if name not in found:
                    found[name] = np.full(len(entry.arrays["xy_px0"]), np.nan)
                if np.isfinite(found[name][places[x, y]]):
                    raise _others(entry.record, f"two of the tile at {x}, {y}", "Leave one row a tile.")
                found[name][places[x, y]] = score
        return found

    def refuse_unknown(self, records: Sequence[EntryRecord]) -> None:
        """Raise `SourceError` where scores are of a slide that none of the records is of."""
        unknown = (self.tables.keys() | self.attention.keys()) - {
            (one.case_id, one.item_id) for one in records
        }
        if unknown:
            case_id, slide_id = min(unknown)
            raise SourceError(
                f"--scores: case {case_id}, slide {slide_id}",
                expected="slides of this feature set",
                got=f"{len(unknown)} that it does not have",
                remedy="Name the feature set that was scored.",
            )


NO_SCORES = Scores(tables={}, attention={})


def read_scores(path: Path) -> Scores:
    """Read a table of scores, or a run's attention.json.

    Raises
    ------
    SourceError
        The file cannot be read, has not these columns, or holds something else than numbers.
    """
    if not path.is_file():
        raise _unlike(path, "a file", "no such file")
    refuse_large_file(path, f"--scores {path.name}", MOST_NOTE_TABLE_BYTES)
    if path.suffix == ".json":
        return Scores(tables={}, attention=_read_attention(path))
    problems: list[Problem] = []
    columns, rows = read_table(path, problems)
    if problems:
        raise _unlike(path, f"{problems[0].expected} ({problems[0].where})", problems[0].got)
    names = [column for column in columns if column not in KEYS]
    if not set(KEYS) <= set(columns) or not names:
        raise _unlike(path, f"columns {', '.join(KEYS)} and a score", ", ".join(columns) or "none")
    tables: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        try:
            place = int(row["x_px0"]), int(row["y_px0"])
            scores = {name: _finite(row[name]) for name in names if row[name] != ""}
        except ValueError as error:
            where = f"case {row['case_id']}, slide {row['slide_id']}"
            raise _unlike(path, "whole pixels and numbers", f"something else ({where})") from error
        tables[as_given(row["case_id"]), as_given(row["slide_id"])].append((*place, scores))
    return Scores(tables=dict(tables), attention={})


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no score is infinite; one that is missing is an empty cell")
    return number


def _read_attention(path: Path) -> dict[tuple[str, str], Sequence[Mapping[str, float]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if "reason" in content:
            raise _unlike(path, "the attention of a slide", f"none: {content['reason']}")
        tiles = [{name: float(tile[name]) for name in ("x", "y", "w", "weight")} for tile in content["tiles"]]
        return {(str(content["case_id"]), str(content["item_id"])): tiles}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        got = f"something else ({type(error).__name__})"
        raise _unlike(path, "attention.json of a run of `python -m fuse benchmark`", got) from error


def _attention(entry: Entry, tiles: Sequence[Mapping[str, float]]) -> Values:
    """Put the weights of the valid tiles in their places, after comparing every position."""
    valid = np.flatnonzero(entry.arrays["valid"])
    downsample = np.broadcast_to(np.asarray(entry.record.attrs.get("thumbnail_downsample", 1.0), float), 2)
    there = np.array([[tile["x"], tile["y"]] for tile in tiles]).reshape(-1, 2) * downsample
    if len(there) != len(valid):
        raise _others(entry.record, f"{len(there)} for {len(valid)} valid tiles")
    if np.abs(there - entry.arrays["xy_px0"][valid]).max(initial=0) > _AWAY_PX0:
        raise _others(entry.record, "weights of tiles that stand elsewhere")
    weights = np.full(len(entry.arrays["valid"]), np.nan)
    weights[valid] = [tile["weight"] for tile in tiles]
    return weights


def _others(
    record: EntryRecord, got: str, remedy: str = "Name the feature set that was scored."
) -> SourceError:
    return SourceError(
        f"--scores: case {record.case_id}, slide {record.item_id}",
        expected="a score of each tile of this entry, or of some",
        got=got,
        remedy=remedy,
    )


def _unlike(path: Path, expected: str, got: str) -> SourceError:
    return SourceError(f"--scores {path.name}", expected=expected, got=got, remedy="Mend the file.")
