"""What the runs of stage 1 wrote down about a case, taken out again when the case is withdrawn.

Enters: the folder `_runs` and a case id. Leaves: the same tables (CSV), logs (JSON lines) and reports
(JSON) without the rows, lines and items that speak of the case. Each file is replaced in one step.
"""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from feature_cache.canonical import Json
from feature_cache.csv_lines import as_given, csv_line
from feature_cache.names import encode_name

#: Columns and keys whose whole value is a case id.
ID_FIELDS = frozenset(["case_id", "case"])


@dataclass(frozen=True)
class _Case:
    """A case, and what a free text must hold to speak of it."""

    case_id: str
    named: re.Pattern[str]

    def is_in(self, field: str, text: str) -> bool:
        """Whether the text of a column or key is the id, or holds `case <id>` or `/<id>/`."""
        return (field in ID_FIELDS and text == self.case_id) or self.named.search(text) is not None


def remove_traces(runs: Path, case_id: str) -> int:
    """Remove every row, line and item that names the case; return how many.

    The case is named where a column or key `case_id` (or `case`) is the id, and where a text holds it as
    `case <id>` or as a step of a path (`/<id>/`, also in the form it has on disk). `a` is not `A`.
    """
    ids = "|".join(re.escape(form) for form in {case_id, encode_name(case_id)})
    case = _Case(case_id, re.compile(rf"/(?:{ids})/|\bcase (?:{ids})(?![\w%-]|\.\w)"))
    forms = {".csv": _without_rows, ".jsonl": _without_lines, ".json": _without_items}
    removed = 0
    for path in sorted(runs.rglob("*")) if runs.is_dir() else []:
        if path.suffix in forms and path.is_file():
            text, count = forms[path.suffix](path.read_text(encoding="utf-8", errors="surrogateescape"), case)
            removed += count
            if count:
                fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
                fresh.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
                fresh.replace(path)
    return removed


def _without_rows(text: str, case: _Case) -> tuple[str, int]:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    header = rows[0] if rows else []
    kept = [
        row
        for row in rows
        if not any(case.is_in(name, as_given(cell)) for name, cell in zip_longest(header, row, fillvalue=""))
    ]
    return "".join(map(csv_line, kept)), len(rows) - len(kept)


def _without_lines(text: str, case: _Case) -> tuple[str, int]:
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not _names("", _parsed(line), case)]
    return "".join(kept), len(lines) - len(kept)


def _without_items(text: str, case: _Case) -> tuple[str, int]:
    pruned, count = _pruned(_parsed(text), case)
    return json.dumps(pruned, indent=2, ensure_ascii=False) + "\n", count


def _parsed(text: str) -> Json:
    """Return the JSON of a text; a line that a kill cut short stays the text it is."""
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value


def _names(field: str, value: Json, case: _Case) -> bool:
    if isinstance(value, dict):
        return any(_names(key, item, case) for key, item in value.items())
    if isinstance(value, list):
        return any(_names(field, item, case) for item in value)
    return isinstance(value, str) and case.is_in(field, value)


def _pruned(value: Json, case: _Case) -> tuple[Json, int]:
    """Return the value without the list items, and the fields, that name the case, and their number."""
    if isinstance(value, list):
        parts = [_pruned(item, case) for item in value if not _flatly(item, case)]
        gone = len(value) - len(parts)
        return [part for part, _ in parts], gone + sum(count for _, count in parts)
    if isinstance(value, dict):
        fields = {
            key: _pruned(item, case)
            for key, item in value.items()
            if not (isinstance(item, str) and case.is_in(key, item))
        }
        gone = len(value) - len(fields)
        return {key: part for key, (part, _) in fields.items()}, gone + sum(n for _, n in fields.values())
    return value, 0


def _flatly(item: Json, case: _Case) -> bool:
    """Whether a list item names the case itself, not only in something nested deeper."""
    fields = item if isinstance(item, dict) else {"": item}
    return any(isinstance(text, str) and case.is_in(field, text) for field, text in fields.items())
