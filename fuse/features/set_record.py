"""What run.json says of one feature set: which encoder, in which form, made what, for how many cases.

Enters: a chosen feature set and the table that was read from it. Leaves: plain JSON. What entries may differ
in (reader, device, precision) is listed with everything that occurs; "" and nothing where it is not told.
"""

from __future__ import annotations

from typing import Any

from fuse.cases import Modality
from fuse.features.feature_sets import ChosenSet


def describe_set(chosen: ChosenSet, table: Modality) -> dict[str, Any]:
    """Return the record; `cases` counts the evaluated cases that have a value in it, of `of_cases`."""
    return {
        "modality": chosen.modality,
        "name": chosen.name,
        "encoder": chosen.encoder,
        "variant": chosen.variant,
        "revisions": _told(chosen, "encoder_revision"),
        "weights_sha256": chosen.weights_sha256,
        "readers": _told(chosen, "reader"),
        "devices": _told(chosen, "device"),
        "compute_dtypes": _told(chosen, "compute_dtype"),
        "cases": int(table.present.sum()),
        "of_cases": len(table.present),
        "columns": len(table.columns),
        "entries": len(chosen.records),
        "entries_with_warnings": sum(bool(record.warnings) for record in chosen.records),
        "entries_sha256": chosen.entries_sha256,
    }


def _told(chosen: ChosenSet, name: str) -> list[str]:
    """Return every value of one word of `used`, sorted."""
    return sorted({str(told) for record in chosen.records if (told := record.used.get(name)) is not None})
