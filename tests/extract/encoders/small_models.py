"""Small random models of the BERT family and DINOv2, saved to a folder as their makers save them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from extract.encoders.from_transformers import import_transformers  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
#: Words and their pieces: every ASCII word can be spelled, no other letter is known.
WORD_PIECES = [
    *SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *".,:;/()%-+*'\"&?#!$@=<>_~`^|{}[]\\",
    "the", "patient", "with", "pain", "history", "of", "and", "was", "##ing", "##ed",
]  # fmt: skip
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16}


def save_bert(folder: Path, *, longest: int = 48, hidden: int = 16) -> Path:
    """BertModel with a WordPiece vocabulary in vocab.txt, as the first BERTs came."""
    transformers = import_transformers()
    torch.manual_seed(0)
    config = transformers.BertConfig(
        **{**SIZES, "hidden_size": hidden},
        vocab_size=len(WORD_PIECES), intermediate_size=32, max_position_embeddings=longest,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORD_PIECES) + "\n", encoding="utf-8")
    return folder


def save_distilbert(folder: Path) -> Path:
    """DistilBertModel as saved for masked words, each name with a prefix, and a head: with tokenizer.json."""
    transformers = import_transformers()
    torch.manual_seed(1)
    config = transformers.DistilBertConfig(
        vocab_size=len(WORD_PIECES), n_layers=2, n_heads=2, dim=16, hidden_dim=32, max_position_embeddings=48
    )
    transformers.DistilBertForMaskedLM(config).save_pretrained(folder)
    vocabulary = {piece: number for number, piece in enumerate(WORD_PIECES)}
    transformers.DistilBertTokenizerFast(vocab=vocabulary).save_pretrained(folder)
    return folder


def save_roberta(folder: Path) -> Path:
    """RobertaModel, whose positions start behind padding, with a byte-level vocabulary of single bytes."""
    from tokenizers import pre_tokenizers

    transformers = import_transformers()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    torch.manual_seed(2)
    config = transformers.RobertaConfig(
        **SIZES, vocab_size=len(vocabulary), intermediate_size=32, max_position_embeddings=50,
        pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    transformers.RobertaModel(config).save_pretrained(folder)
    transformers.RobertaTokenizerFast(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def save_dinov2(folder: Path) -> Path:
    """Dinov2Model with patches of 14 px."""
    transformers = import_transformers()
    torch.manual_seed(3)
    config = transformers.Dinov2Config(**SIZES, image_size=56, patch_size=14)
    transformers.Dinov2Model(config).save_pretrained(folder)
    return folder


def edit_config(folder: Path, **fields: object) -> None:
    """Change fields of config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **fields}), encoding="utf-8")
