from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from extract.encoders.registry import find_encoder
from extract.encoders.weights import WeightsSource
from extract.notes.chunks import normalise, token_spans
from extract.notes.hashed_ngrams import hashed_ngrams
from extract.notes.stage import NoteStage
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.errors import ManifestError, RecipeError, SourceError
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, NoteRow

SECRET = "Dapagliflozin"


def _cohort(*notes: NoteRow, note_key: str | None = "ID", undated: dict | None = None) -> Cohort:
    card = CohortCard.model_validate(
        {
            "schema_version": 1, "name": "mine", "title": "t", "citation": "c", "licence": "l", "sites": [],
            "modalities": ["notes"], "index_event": "discharge", "prediction_day": 0,
            "undated": {"notes": 0} if undated is None else undated, "note_key": note_key,
        }
    )  # fmt: skip
    cases = tuple(CaseRow(case_id=case_id) for case_id in sorted({note.case_id for note in notes}))
    return Cohort(folder=Path(), card=card, cases=cases, notes=notes, clinical={})


def _build(cohort: Cohort, root: Path, block: dict | None = None) -> list:
    stage = NoteStage()
    items = stage.items(cohort, root, stage.resolve("weightfree", block or {}, cohort, WeightsSource()))
    return [stage.build(item, stage.sources(item, sha256_of_file)) for item in items]


def test_500_real_notes_as_a_column_of_a_table(shared_data: Path, tmp_path: Path) -> None:
    with (shared_data / "text/mtsamples_500.csv").open(newline="", encoding="utf-8") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    with (tmp_path / "notes.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["ID", "text"])
        writer.writerows(enumerate(texts))
    rows = [NoteRow(case_id=str(i), note_id="n", path="notes.csv", column="text") for i in range(len(texts))]
    drafts = _build(_cohort(*rows), tmp_path)
    assert len(drafts) == 500
    by_text: dict[str, bytes] = {}
    for text, draft in zip(texts, drafts, strict=True):
        embeddings, spans = draft.arrays["embeddings"], draft.arrays["char_span"]
        assert embeddings.shape == (len(spans), 512) and embeddings.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
        assert spans[0, 0] >= 0 and spans[-1, 1] <= len(text) and np.all(spans[1:, 0] < spans[:-1, 1])
        assert by_text.setdefault(text, embeddings.tobytes()) == embeddings.tobytes()
    assert len(by_text) == 491  # 9 texts are there twice
    assert len({*by_text.values()}) == 491


def test_the_source_is_the_cell_and_no_other_column(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    row = NoteRow(case_id="1", note_id="n", path="t.csv", column="text")
    table.write_text("ID,text,Death\n1,well,0\n", encoding="utf-8")
    before = _build(_cohort(row), tmp_path)[0]
    table.write_text("ID,text,Death,More\n1,well,1,x\n", encoding="utf-8")
    after = _build(_cohort(row), tmp_path)[0]
    assert before.sources == after.sources
    assert before.sources[0].sha256 == hashlib.sha256(b"well").hexdigest()
    assert before.used == after.used == {
        "reader": "table", "encoding": "utf-8", "encoder": "hashed_ngrams", "algorithm": 1,
        "encoder_revision": None,
    }  # fmt: skip


def test_no_text_reaches_the_entry(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{SECRET} 10 mg once daily", encoding="utf-8")
    draft = _build(_cohort(NoteRow(case_id="1", note_id="n", path="a.txt")), tmp_path)[0]
    assert SECRET.lower() not in repr(draft).lower()
    assert draft.attrs == {"day": 0, "characters": 30, "tokens": 5}
    assert draft.sources[0].sha256 == sha256_of_file(tmp_path / "a.txt")


def test_the_recipe_is_the_identity() -> None:
    stage, cohort = NoteStage(), _cohort()
    plain = stage.resolve("weightfree", {}, cohort, WeightsSource())
    assert plain == stage.resolve(
        "weightfree", {"encoder": "hashed_ngrams", "dim": 512}, cohort, WeightsSource()
    )
    assert (
        plain.recipe.hash
        != stage.resolve("weightfree", {"overlap_tokens": 0}, cohort, WeightsSource()).recipe.hash
    )


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"dims": 512}, "notes.dims"),
        ({"dim": 1}, "notes.dim"),
        ({"chunk_tokens": 32, "overlap_tokens": 32}, "overlap_tokens must be less"),
        ({"encoder": "gpt"}, "encoder gpt: expected one of bert, hashed_ngrams"),
        (
            {"model": "m"},
            "notes.model: expected keys among encoder, chunk_tokens, overlap_tokens, dim, longest",
        ),
        ({"variant": "cls"}, "notes.variant"),
        ({"encoder": "bert"}, "notes.model: .* got none"),
        ({"encoder": "bert", "model": "m", "dim": 64}, "notes.dim: expected keys among encoder, .* variant;"),
        ({"encoder": "bert", "model": "m", "longest": 2}, "notes.longest"),
        ({"encoder": "bert", "model": "m", "variant": "max"}, "notes.variant"),
        ({"encoder": "bert", "model": "../m"}, "notes.model"),
        ({"encoder": "bert", "model": "org/m", "revision": "main"}, "notes.revision"),
        (
            {"encoder": "bert", "model": "m", "chunk_tokens": 64, "overlap_tokens": 33},
            "at most half of chunk",
        ),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(block: dict, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        NoteStage().resolve("weightfree", block, _cohort(), WeightsSource())


def test_a_note_after_the_prediction_day_or_without_a_day_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("well", encoding="utf-8")
    late = NoteRow(case_id="1", note_id="n", path="a.txt", day=3)
    with pytest.raises(SourceError, match="case 1, note n: expected a day up to the prediction day 0; got"):
        _build(_cohort(late), tmp_path)
    undated = late.model_copy(update={"day": None})
    with pytest.raises(SourceError, match="expected a day; got none"):
        _build(_cohort(undated, undated={}), tmp_path)


def test_a_note_without_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("--- ...", encoding="utf-8")
    with pytest.raises(SourceError, match="got no word at all"):
        _build(_cohort(NoteRow(case_id="1", note_id="n", path="a.txt")), tmp_path)


def test_an_absent_file_is_refused_before_it_is_hashed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected the file a\.txt; got no such file"):
        _build(_cohort(NoteRow(case_id="1", note_id="n", path="a.txt")), tmp_path)


def test_a_table_without_a_declared_key_is_refused(tmp_path: Path) -> None:
    row = NoteRow(case_id="1", note_id="n", path="t.csv", column="text")
    with pytest.raises(ManifestError, match="note_key"):
        _build(_cohort(row, note_key=None), tmp_path)


def test_a_note_with_another_day_is_another_note(tmp_path: Path) -> None:
    """What was built before the day was mended is not up to date, and what is late now is refused."""
    (tmp_path / "a.txt").write_text("well", encoding="utf-8")
    (tmp_path / "t.csv").write_text("ID,text\n1,well\n", encoding="utf-8")
    cache = FeatureCache.create(tmp_path / "cache")
    stage = NoteStage()
    for row in (
        NoteRow(case_id="1", note_id="file", path="a.txt"),
        NoteRow(case_id="1", note_id="cell", path="t.csv", column="text"),
    ):
        before = _cohort(row)
        cache.commit(_build(before, tmp_path)[0])
        resolved = stage.resolve("weightfree", {}, before, WeightsSource())
        (item,) = stage.items(before, tmp_path, resolved)
        assert cache.is_done(item.key, stage.sources(item, sha256_of_file))
        for after in (_cohort(row.model_copy(update={"day": 200})), _cohort(row, undated={"notes": 200})):
            (late,) = stage.items(after, tmp_path, resolved)
            assert late.key == item.key
            assert not cache.is_done(late.key, stage.sources(late, sha256_of_file))
            with pytest.raises(SourceError, match="got day 200"):
                stage.build(late, stage.sources(late, sha256_of_file))


@pytest.mark.parametrize("column", [None, "text"])
def test_nothing_outside_the_root_is_read(tmp_path: Path, column: str | None) -> None:
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside.csv"
    outside.write_text("ID,text\n1,well\n", encoding="utf-8")
    (root / "link.csv").symlink_to(outside)
    for path in ("../outside.csv", str(outside), "link.csv", "a\0b"):
        with pytest.raises(SourceError, match="expected a path below the root"):
            _build(_cohort(NoteRow(case_id="1", note_id="n", path=path, column=column)), root)
    (root / "inside.csv").write_bytes(outside.read_bytes())
    (root / "link.csv").unlink()
    (root / "link.csv").symlink_to("inside.csv")
    assert _build(_cohort(NoteRow(case_id="1", note_id="n", path="link.csv", column=column)), root)


def test_the_length_is_the_card_s_unless_the_recipe_gives_another(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("well", encoding="utf-8")
    cohort = _cohort(NoteRow(case_id="1", note_id="n", path="a.txt"))
    assert _build(cohort, tmp_path)[0].arrays["embeddings"].shape == (1, find_encoder("hashed_ngrams").dim)
    assert _build(cohort, tmp_path, {"dim": 64})[0].arrays["embeddings"].shape == (1, 64)
    recipe = NoteStage().resolve("weightfree", {}, cohort, WeightsSource()).recipe
    assert recipe.hash.startswith("fe4b2d1179a0")  # as released: caches are found again


def test_the_numbers_are_those_of_the_words_of_each_chunk(tmp_path: Path) -> None:
    """The parts put together by hand, as they were before there was another encoder: bit for bit."""
    text = "PSA 7.1 ng/mL, pT3a; " * 60
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    draft = _build(_cohort(NoteRow(case_id="1", note_id="n", path="a.txt")), tmp_path)[0]
    spans = token_spans(text)
    words = [normalise(text[start:stop]) for start, stop in spans]
    rows = [hashed_ngrams(words[start:stop], 512, 2) for start, stop in [(0, 256), (224, 420)]]
    assert draft.arrays["embeddings"].tobytes() == np.stack(rows).tobytes()
    assert draft.arrays["char_span"].dtype == np.dtype("<i4")
    assert draft.arrays["char_span"].tolist() == [[0, spans[255, 1]], [spans[224, 0], spans[-1, 1]]]
    assert draft.quality == {"chunks": 2, "tokens": 420} and draft.warnings == ()
