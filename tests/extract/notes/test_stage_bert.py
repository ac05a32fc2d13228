"""Notes through a model in a folder: what the entry holds, what it never holds, what makes it another one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from extract.encoders.bert import Bert, BertBlock
from extract.encoders.weights import WeightsSource
from extract.item import ResolvedBlock
from extract.notes.stage import NoteStage
from feature_cache.canonical import sha256_of_file
from feature_cache.card import CohortCard
from feature_cache.cohort import Cohort
from feature_cache.entry import EntryDraft
from feature_cache.errors import RecipeError, SourceError
from feature_cache.origin import version_of
from feature_cache.store import FeatureCache
from feature_cache.tables import CaseRow, NoteRow
from tests.extract.encoders.small_models import edit_config, save_bert, save_roberta

SECRET = "Zyxwolizumab"
BLOCK = {"encoder": "bert", "model": "model", "chunk_tokens": 48, "overlap_tokens": 8}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder as `--weights` names it, with one model."""
    (tmp_path / "models/model").mkdir(parents=True)
    save_bert(tmp_path / "models/model")
    return tmp_path / "models"


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    card = CohortCard.model_validate(
        {
            "schema_version": 1, "name": "mine", "title": "t", "citation": "c", "licence": "l", "sites": [],
            "modalities": ["notes"], "index_event": "discharge", "prediction_day": 0, "undated": {"notes": 0},
        }
    )  # fmt: skip
    (tmp_path / "a.txt").write_text(f"The patient was given {SECRET} 10 mg. " * 20, encoding="utf-8")
    notes = (NoteRow(case_id="1", note_id="n", path="a.txt"),)
    return Cohort(folder=Path(), card=card, cases=(CaseRow(case_id="1"),), notes=notes, clinical={})


def _resolve(cohort: Cohort, models: Path, **changed: object) -> ResolvedBlock:
    return NoteStage().resolve("r", {**BLOCK, **changed}, cohort, WeightsSource(root=models))


def _build(cohort: Cohort, models: Path, **changed: object) -> EntryDraft:
    stage = NoteStage()
    (item,) = stage.items(cohort, models.parent, _resolve(cohort, models, **changed))
    return stage.build(item, stage.sources(item, sha256_of_file))


def test_an_entry_says_what_made_it(cohort: Cohort, models: Path, tmp_path: Path) -> None:
    draft = _build(cohort, models)
    assert draft.arrays["embeddings"].dtype == np.float16
    assert draft.arrays["embeddings"].shape == (len(draft.arrays["char_span"]), 16)
    assert draft.attrs["tokens"] == draft.quality["tokens"]
    assert draft.quality["unknown_tokens"] == 0
    assert draft.used == {
        "reader": "file",
        "encoding": "utf-8",
        "encoder": "bert",
        "algorithm": 1,
        "device": "cpu",
        "compute_dtype": "f32",
        "libraries": {"torch": version_of("torch"), "transformers": version_of("transformers")},
        "weights": {
            name: sha256_of_file(models / "model" / name)
            for name in ("config.json", "model.safetensors", "vocab.txt")
        },
        "weights_origin": "folder",
        "encoder_revision": None,
    }
    cache = FeatureCache.create(tmp_path / "cache")
    cache.commit(draft)
    assert cache.record(draft.key).settings["weights_sha256"] == draft.settings["weights_sha256"]


def test_neither_text_nor_tokens_reach_the_entry(
    cohort: Cohort, models: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    draft = _build(cohort, models)
    captured = capfd.readouterr()
    for said in (repr(draft), caplog.text, captured.out, captured.err):
        for word in (SECRET, SECRET.lower(), "patient", "##olizumab"):
            assert word not in said


def test_what_an_encoder_refuses_is_named(
    cohort: Cohort, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(encoder: Bert, text: str, block: BertBlock) -> None:
        raise SourceError("a note", expected="words", got="no token", remedy="Leave it out.")

    monkeypatch.setattr(Bert, "encode", refuse)
    with pytest.raises(SourceError, match=r"^case 1, note n: expected words; got no token"):
        _build(cohort, models)


def test_other_weights_vocabulary_variant_or_window_make_another_feature_set(
    cohort: Cohort, models: Path
) -> None:
    plain = _resolve(cohort, models).recipe
    hashes = [plain.hash, _resolve(cohort, models, variant="cls").recipe.hash]
    hashes.append(_resolve(cohort, models, overlap_tokens=4).recipe.hash)
    with (models / "model/vocab.txt").open("a", encoding="utf-8") as vocabulary:
        vocabulary.write("more\n")
    hashes.append(_resolve(cohort, models).recipe.hash)
    save_bert(models / "model", hidden=32)
    hashes.append(_resolve(cohort, models).recipe.hash)
    assert len(set(hashes)) == 5


def test_the_same_files_under_the_hubs_name_are_the_same_weights(cohort: Cohort, models: Path) -> None:
    (models / "model").rename(models / "maker--model")
    resolved = _resolve(cohort, models, model="maker/model")
    assert resolved.weights is not None and resolved.weights.origin == "folder"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"chunk_tokens": 64}, "notes.chunk_tokens: expected at most 48, .* got 64. Say chunk_tokens: 48"),
        ({"model": "other"}, "encoder other: weights: expected a local copy; got none"),
        ({"model": "maker/other"}, r"or a pinned revision of maker/other \(40 hex digits\); got neither"),
    ],
)
def test_a_model_that_cannot_be_had_or_used_is_refused_before_a_note_is_read(
    cohort: Cohort, models: Path, changed: dict, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        _resolve(cohort, models, **changed)


def test_a_model_without_tokenizer_config_or_of_another_family_is_refused(
    cohort: Cohort, models: Path
) -> None:
    edit_config(models / "model", model_type="gpt2")
    with pytest.raises(RecipeError, match=r"a model of type bert, distilbert, .*; got type gpt2"):
        _resolve(cohort, models)
    edit_config(models / "model", model_type="bert")
    (models / "model/vocab.txt").unlink()
    with pytest.raises(RecipeError, match=r"tokenizer: expected tokenizer\.json or vocab\.txt"):
        _resolve(cohort, models)
    (models / "model/config.json").unlink()
    with pytest.raises(RecipeError, match=r"expected the model's config\.json beside its weights; got none"):
        _resolve(cohort, models)


def test_a_model_that_does_not_say_its_length_is_refused(cohort: Cohort, models: Path) -> None:
    edit_config(models / "model", max_position_embeddings=None)
    with pytest.raises(RecipeError, match=r"config\.json: expected max_position_embeddings, a whole number"):
        _resolve(cohort, models)


def test_positions_behind_padding_and_the_tokenizers_own_limit_count(cohort: Cohort, models: Path) -> None:
    (models / "roberta").mkdir()
    save_roberta(models / "roberta")
    with pytest.raises(RecipeError, match="at most 48, "):
        _resolve(cohort, models, model="roberta", chunk_tokens=49)
    told = models / "roberta/tokenizer_config.json"
    told.write_text(json.dumps({**json.loads(told.read_text("utf-8")), "model_max_length": 40}), "utf-8")
    with pytest.raises(RecipeError, match="at most 40, "):
        _resolve(cohort, models, model="roberta")
