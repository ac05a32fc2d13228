"""The note that an export leaves beside its files: which feature set they are, and in which precision it was.

Enters: records of entries. Leaves: `braid_export.json`, and on an import the precision of each slide's
numbers: some neighbours take float32 alone, and half-precision numbers should come back as what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from extract.interchange.array_files import read_json, write_json
from feature_cache.entry import EntryRecord
from feature_cache.errors import SourceError
from feature_cache.names import encode_name

NOTE = "braid_export.json"


def write_note(folder: Path, target: str, records: Sequence[EntryRecord]) -> None:
    """Write the note; called last, so that a folder without one is an export that was cut short."""
    first = records[0]
    note = {
        "format": target,
        "feature_set": first.key.feature_set,
        "recipe_hash": first.recipe_hash,
        "settings": first.settings,
        "slides": [
            {
                "case_id": record.case_id,
                "slide_id": record.item_id,
                "file": encode_name(record.item_id),
                "dtype": record.arrays["embeddings"].dtype,
                "entry_sha256": record.entry_sha256,
            }
            for record in records
        ],
    }
    write_json(folder / NOTE, note)


def exported_dtypes(folder: Path) -> dict[str, str]:
    """Return the numpy type of the embeddings by slide id, {} for a folder without a note.

    Raises
    ------
    SourceError
        The note is damaged.
    """
    if not (folder / NOTE).is_file():
        return {}
    note = read_json(folder / NOTE, NOTE)
    try:
        return {str(slide["slide_id"]): str(slide["dtype"]) for slide in note["slides"]}
    except (KeyError, TypeError) as error:
        raise SourceError(
            NOTE,
            expected="the note of an export",
            got=f"something else ({type(error).__name__})",
            remedy="Export it again, or take the note away.",
        ) from error
