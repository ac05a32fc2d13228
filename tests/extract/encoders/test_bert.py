"""The BERT family with small random models: what transformers itself gives is the oracle."""

from __future__ import annotations

import csv
import json
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from extract.encoders.bert import Bert, BertBlock
from extract.encoders.from_transformers import import_transformers
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from extract.notes.chunks import chunk_spans
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.small_models import (
    edit_config,
    save_bert,
    save_distilbert,
    save_roberta,
    torch,
)

FAMILY = pytest.mark.parametrize("save", [save_bert, save_distilbert, save_roberta])
TEXT = "The patient's history of Ünïcode pain (3.5 mg, b.i.d.) was [SEP] [MASK] and </s> 7 of 10. " * 4
WINDOW = {"chunk_tokens": 40, "overlap_tokens": 9}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model in a folder needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def _folder(tmp_path: Path, save: Callable[[Path], Path]) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    return save(folder)


def _load(folder: Path, variant: str = "mean") -> tuple[Bert, BertBlock]:
    block = BertBlock.model_validate({"model": folder.name, "variant": variant, **WINDOW})
    card = block.name_model(find_encoder("bert", "notes"))
    encoder: Bert = load_encoder(card, WeightsSource(root=folder.parent).find(card))
    return encoder, block


@FAMILY
@pytest.mark.parametrize("variant", ["cls", "mean"])
def test_rows_are_those_of_transformers_own_windows(
    tmp_path: Path, save: Callable[[Path], Path], variant: str
) -> None:
    """Its tokenizer cuts with overlap and pads, its model takes one padded batch: same windows, same rows."""
    folder = _folder(tmp_path, save)
    encoder, block = _load(folder, variant)
    transformers = import_transformers()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    cut = tokenizer(
        TEXT,
        split_special_tokens=True,
        truncation=True,
        max_length=block.chunk_tokens,
        stride=block.overlap_tokens,
        padding=True,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        model = transformers.AutoModel.from_pretrained(folder).eval()
        hidden = model(input_ids=cut["input_ids"], attention_mask=cut["attention_mask"]).last_hidden_state
    own = (cut["special_tokens_mask"] == 0).numpy()
    means = np.stack([rows[mask].mean(axis=0) for rows, mask in zip(hidden.numpy(), own, strict=True)])
    encoded = encoder.encode(TEXT, block)
    assert len(encoded.embeddings) > 4
    expected = means if variant == "mean" else hidden[:, 0].numpy()
    np.testing.assert_allclose(encoded.embeddings, expected, atol=2e-6)
    offsets = cut["offset_mapping"].numpy()
    spans = [(places[mask][0, 0], places[mask][-1, 1]) for places, mask in zip(offsets, own, strict=True)]
    np.testing.assert_array_equal(encoded.char_span, spans)


@pytest.mark.parametrize(
    ("save", "text"),
    [
        (save_bert, "the pain of the patient was and with history of pain " * 12),
        (save_distilbert, "the pain of the patient was and with history of pain " * 12),
        (save_roberta, "paininthechestonexertion" * 6),
    ],
)
def test_a_row_depends_on_its_window_alone_to_the_last_bit(
    tmp_path: Path, save: Callable[[Path], Path], text: str
) -> None:
    """Texts of tokens that stay the same tokens wherever a window cuts."""
    encoder, block = _load(_folder(tmp_path, save))
    whole = encoder.encode(text, block)
    assert len(whole.embeddings) > 2
    for row, (start, stop) in zip(whole.embeddings, whole.char_span, strict=True):
        alone = encoder.encode(text[start:stop], block)
        np.testing.assert_array_equal(alone.embeddings, row[None])


def test_every_token_is_in_a_window_and_windows_overlap_as_stated(tmp_path: Path) -> None:
    encoder, block = _load(_folder(tmp_path, save_bert))
    words = ["the", "patient", "with", "pain"] * 30
    encoded = encoder.encode(" ".join(words), block)
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    windows = chunk_spans(len(words), block.chunk_tokens - 2, block.overlap_tokens)
    assert encoded.tokens == len(words) and len(windows) > 3
    np.testing.assert_array_equal(encoded.char_span[:, 0], starts[windows[:, 0]])
    np.testing.assert_array_equal(encoded.char_span[:, 1], starts[windows[:, 1]] - 1)


def test_brackets_in_a_note_are_text(tmp_path: Path) -> None:
    encoder, block = _load(_folder(tmp_path, save_bert))
    tokens = [encoder.encode(text, block).tokens for text in ("pain [SEP] pain", "pain ( sep ) pain")]
    assert tokens[0] == tokens[1]


@pytest.mark.parametrize(
    ("text", "unknown", "pieces", "warned"),
    [
        ("the patient with pain", 0, 1.0, ""),
        ("the patient with pain of the patient and the 咳", 1, 1.0, ""),
        ("患者 the 胸闷气短", 6, 1.0, "86% of the tokens are unknown to model"),
        ("hypertension dapagliflozin", 0, 12.5, "model needs 12.5 tokens a word"),
    ],
)
def test_a_vocabulary_of_another_language_is_noticed(
    tmp_path: Path, text: str, unknown: int, pieces: float, warned: str
) -> None:
    encoder, block = _load(_folder(tmp_path, save_bert))
    encoded = encoder.encode(text, block)
    assert encoded.quality == {
        "unknown_tokens": unknown,
        "unknown_share": round(unknown / encoded.tokens, 4),
        "tokens_per_word": pieces,
    }
    assert len(encoded.warnings) == bool(warned) and warned in "".join(encoded.warnings)


def test_capitals_that_get_lost_are_noticed(tmp_path: Path) -> None:
    folder = _folder(tmp_path, save_bert)
    vocabulary = (folder / "vocab.txt").read_text("utf-8")
    (folder / "vocab.txt").write_text(vocabulary.replace("|\n", "A\n"), encoding="utf-8")
    encoder, block = _load(folder)
    warned = "model knows capital letters and its tokenizer lowers them: is tokenizer_config.json there?"
    assert encoder.encode("A pain", block).warnings == (warned,)
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}', encoding="utf-8")
    cased, block = _load(folder)
    assert cased.encode("A pain", block).warnings == ()


def test_a_text_without_a_token_is_refused_without_quoting(tmp_path: Path) -> None:
    encoder, block = _load(_folder(tmp_path, save_bert))
    with pytest.raises(SourceError, match="expected words of the model's vocabulary; got no token"):
        encoder.encode("\u200b\x07", block)


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    folder = _folder(tmp_path, save_bert)
    mark = tmp_path / "ran"
    (folder / "evil.py").write_text(f"open({str(mark)!r}, 'w').close()\n", encoding="utf-8")
    edit_config(folder, auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"})
    told = {
        "auto_map": {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]},
        "tokenizer_class": "BertTokenizer",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    encoder, block = _load(folder)
    assert np.isfinite(encoder.encode("pain", block).embeddings).all()
    assert not mark.exists()


def test_an_old_checkpoint_gives_the_same_rows(tmp_path: Path) -> None:
    """As the first ones were published: pytorch_model.bin, a prefix, gamma and beta, a head, positions."""
    from safetensors.torch import load_file

    folder = _folder(tmp_path, save_bert)
    encoder, block = _load(folder)
    before = encoder.encode(TEXT, block).embeddings
    old_names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {"cls.predictions.bias": torch.zeros(9), "bert.embeddings.position_ids": torch.arange(48)[None]}
    for name, tensor in load_file(folder / "model.safetensors").items():
        for new, old in old_names.items():
            name = name.replace(new, old)
        state[f"bert.{name}"] = tensor
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    again, _ = _load(folder)
    np.testing.assert_array_equal(again.encode(TEXT, block).embeddings, before)


def test_a_missing_tensor_is_refused_and_not_left_random(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = _folder(tmp_path, save_bert)
    state = load_file(folder / "model.safetensors")
    left_out = {"encoder.layer.1.output.dense.weight", "pooler.dense.weight"}
    kept = {name: tensor for name, tensor in state.items() if name not in left_out}
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(RecipeError, match=r"every tensor of a BertModel; got 1 missing .*layer\.1\.output"):
        _load(folder)
    save_file({**state, "embeddings.LayerNorm.bias": torch.zeros(3)}, folder / "model.safetensors")
    with pytest.raises(RecipeError, match=r"or of another shape, embeddings\.LayerNorm\.bias the first"):
        _load(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path, save_bert)
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "NoSuch"}', encoding="utf-8")
    with pytest.raises(RecipeError, match="got files of which none can be made"):
        _load(folder)
    (folder / "tokenizer_config.json").unlink()
    with (folder / "vocab.txt").open("a", encoding="utf-8") as vocabulary:
        vocabulary.write("more\n")
    with pytest.raises(RecipeError, match=r"of at most the 119 tokens of the model; got .* with 120 tokens"):
        _load(folder)


def test_real_notes_among_them_the_longest(tmp_path: Path, shared_data: Path) -> None:
    with (shared_data / "text/mtsamples_500.csv").open(newline="", encoding="utf-8") as stream:
        texts = sorted((row["text"] for row in csv.DictReader(stream)), key=len)
    encoder, _ = _load(save_bert_of(tmp_path, 512))
    block = BertBlock(model="model")
    for text in (texts[0], texts[250], texts[-1]):
        encoded = encoder.encode(text, block)
        assert len(encoded.embeddings) == len(chunk_spans(encoded.tokens, 510, 64))
        assert np.isfinite(encoded.embeddings).all()
        assert encoded.char_span[0, 0] == 0 and encoded.char_span[-1, 1] == len(text.rstrip())
        assert encoded.quality["unknown_share"] < 0.01
    assert len(encoded.embeddings) > 10


def save_bert_of(tmp_path: Path, longest: int) -> Path:
    return _folder(tmp_path, lambda folder: save_bert(folder, longest=longest))
