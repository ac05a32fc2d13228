"""Notes as a modality: one entry a document, one vector a chunk. Never the text.

Enters: rows of notes.csv. Leaves: `embeddings` (chunk, dim) and `char_span` (chunk, 2) into the note as
decoded. What the note says stays in its file: entry, log and error carry counts and ids.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from extract.encoders.registry import load_encoder
from extract.encoders.weights import WeightsSource
from extract.item import HashFile, ResolvedBlock, WorkItem
from extract.notes.encoder import NoteEncoder, NotesBlock
from extract.notes.reader import NoteText, read_note_cell, read_note_file
from extract.notes.settings import MODALITY, read_settings, resolve_notes
from feature_cache.canonical import Json, canonical_json, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft, EntryKey, Source
from feature_cache.errors import ManifestError, SourceError
from feature_cache.tables import NoteRow


class NoteStage:
    """See `extract.item.Stage`."""

    block = modality = MODALITY

    def resolve(
        self, name: str, block: dict[str, Json], cohort: Cohort, weights: WeightsSource
    ) -> ResolvedBlock:
        """Return the recipe with its encoder's defaults and weights (see `settings.py`)."""
        return resolve_notes(name, block, cohort, weights)

    def items(self, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> list[WorkItem]:
        """Return one item for every row of notes.csv.

        Raises
        ------
        ManifestError
            A note is a column of a table and the card does not name the table's key.
        """
        return [self._item(row, cohort, root, resolved) for row in cohort.notes]

    def _item(self, row: NoteRow, cohort: Cohort, root: Path, resolved: ResolvedBlock) -> WorkItem:
        day = cohort.card.undated_day("notes") if row.day is None else row.day
        facts: dict[str, Json] = {"day": day}
        if row.column is not None:
            if cohort.card.note_key is None:
                raise ManifestError(
                    "cohort.yaml: note_key",
                    expected="the column of the notes' table that holds the case id",
                    got="none",
                    remedy="Declare it: notes.csv names a column.",
                )
            facts |= {"column": row.column, "key_column": cohort.card.note_key}
        return WorkItem(
            block=self.block,
            key=EntryKey.of(cohort.name, resolved.recipe, row.case_id, row.note_id),
            recipe=resolved.recipe,
            root=root,
            files={"note": row.path},
            facts=facts,
            weights=resolved.weights,
        )

    def sources(self, item: WorkItem, hash_file: HashFile) -> tuple[Source, ...]:
        """Return the hash of the note's file, or of its cell alone, and of its day.

        The rest of a table does not touch the note; a day that was mended makes it another one.
        """
        day = item.facts["day"]
        dated = Source(role="manifest_day", sha256=sha256_of_json(day), bytes=len(canonical_json(day)))
        if "column" in item.facts:
            data = _read(item).text.encode("utf-8")
            return (Source(role="note_cell", sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)), dated)
        path = item.path_of("note")
        return (Source(role="note", sha256=hash_file(path), bytes=path.stat().st_size), dated)

    def build(self, item: WorkItem, sources: tuple[Source, ...]) -> EntryDraft:
        """Read, cut and encode the note.

        Raises
        ------
        SourceError
            The note is later than the prediction day or has no known day, cannot be read, or is empty.
        """
        _refuse_late(item)
        note = _read(item)
        card, block = read_settings(item.recipe)
        encoder: NoteEncoder[NotesBlock] = load_encoder(card, item.weights)
        try:
            encoded = encoder.encode(note.text, block)
        except SourceError as error:
            raise SourceError(
                str(item), expected=error.expected, got=error.got, remedy=error.remedy
            ) from error
        return EntryDraft(
            key=item.key,
            kind="note",
            sources=sources,
            arrays={
                "embeddings": encoded.embeddings.astype(card.stored_dtype),
                "char_span": encoded.char_span,
            },
            settings=item.recipe.settings,
            attrs={"day": item.facts["day"], "characters": len(note.text), "tokens": encoded.tokens},
            used={
                "reader": "table" if "column" in item.facts else "file",
                "encoding": note.encoding,
                "encoder": block.encoder,
                "algorithm": card.algorithm,
                **encoder.used,
                **item.weights_used,
            },
            quality={"chunks": len(encoded.char_span), "tokens": encoded.tokens, **encoded.quality},
            warnings=encoded.warnings,
        )

    def cost(self, item: WorkItem) -> dict[str, int]:
        """Return the bytes of the note's file; a note in a table counts for nothing of its own."""
        return {"bytes": 0 if "column" in item.facts else item.path_of("note").stat().st_size}


def _read(item: WorkItem) -> NoteText:
    path, where = item.path_of("note"), str(item)
    if "column" not in item.facts:
        return read_note_file(path, where)
    key_column, column = str(item.facts["key_column"]), str(item.facts["column"])
    return read_note_cell(path, key_column, item.key.case_id, column, where)


def _refuse_late(item: WorkItem) -> None:
    day, last_day = item.facts["day"], item.recipe.settings["prediction_day"]
    assert isinstance(last_day, int)
    if not isinstance(day, int):
        raise SourceError(
            str(item),
            expected="a day",
            got="none",
            remedy="Give notes.csv a day, or cohort.yaml `undated: {notes: <day>}`.",
        )
    if day > last_day:
        raise SourceError(
            str(item),
            expected=f"a day up to the prediction day {last_day}",
            got=f"day {day}",
            remedy="Take it out of notes.csv: it is not known when the prediction is made.",
        )
