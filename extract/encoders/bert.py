"""Any model of the BERT family as an encoder of notes: transformers code, weights from a folder or the hub.

Enters: a text. Leaves: one vector for each window of its tokens. The windows are as long as the recipe says,
special tokens included, and never longer than the model was trained for; each shares the stated number of
tokens with the one before, so that no token is lost. Windows go through the model one at a time and without
padding: a row cannot depend on the windows beside it. Neither text nor tokens leave this file.

A vocabulary of another language gives vectors without a complaint. How many tokens it does not know, and how
many pieces it needs for a word, is therefore counted, and told where it is much.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float32
from pydantic import Field, model_validator

from extract.encoders.card import OF_THE_MODEL, EncoderCard
from extract.encoders.from_transformers import import_transformers, load_network, read_config
from extract.encoders.networks import computed_with, refuse_unstorable, same_bits
from extract.notes.chunks import char_spans, chunk_spans, token_spans
from extract.notes.encoder import EncodedNote, NotesBlock
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError, SourceError

if TYPE_CHECKING:
    from extract.encoders.weights import Weights

#: Model types whose first position is 0, and those whose positions start behind that of padding.
FROM_ZERO = ("bert", "distilbert", "electra")
BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")
#: Padding's position where config.json does not say: the default of all of `BEHIND_PADDING`.
PADDING = 1
#: Tokenizers that are data, one of which must be there: the whole one as JSON, or its vocabulary.
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json")

#: Above these the entry warns. Measured with an English vocabulary on 500 English notes: no unknown token;
#: 1.3 to 2.1 pieces a word in 99 of 100 notes. The same vocabulary does not know 74 % of a Chinese sentence.
MOST_UNKNOWN = 0.1
MOST_PIECES = 3.0


class BertBlock(NotesBlock):
    """The `notes` block of this encoder; tokens are the model's.

    `model` is a folder under `--weights` or a hub id, `revision` the hub's, 40 hex digits. `variant` is the
    first token's vector (cls) or the mean of all but the special ones.
    """

    encoder: Literal["bert"] = "bert"
    model: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
    revision: str | None = Field(default=None, pattern="^[0-9a-f]{40}$")
    variant: Literal["cls", "mean"] = "mean"
    chunk_tokens: int = Field(default=512, ge=16)
    overlap_tokens: int = Field(default=64, ge=0)

    @model_validator(mode="after")
    def _overlap_leaves_room(self) -> BertBlock:
        if 2 * self.overlap_tokens > self.chunk_tokens:
            raise ValueError("overlap_tokens must be at most half of chunk_tokens")
        return self

    def name_model(self, card: EncoderCard) -> EncoderCard:
        """Return the card with the model of this block: where its weights are, and which output."""
        named = {"name": self.model.replace("/", "--"), "variant": self.variant}
        return card.model_copy(update={**named, "hub_id": self.model if "/" in self.model else None})


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The special tokens that the model wants before and behind a text."""

    before: list[int]
    behind: list[int]


class Bert:
    """A loaded model with its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any, card: EncoderCard) -> None:
        self.used = computed_with(card)
        self._device = str(self.used["device"])
        self._network, self._tokenizer, self._card = network.to(self._device), tokenizer, card
        self._frame, self._warnings = _frame(tokenizer), _case_doubts(tokenizer, card.name)

    def encode(self, text: str, block: BertBlock) -> EncodedNote:
        """Cut a text into windows and encode each: (chunk, dim) float32.

        Raises
        ------
        SourceError
            The tokenizer finds no token in the text, or the model gives something that cannot be stored.
        """
        # Brackets in a note are text: "[SEP]" there must not end it.
        cut = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
            verbose=False,
        )
        ids: list[int] = cut["input_ids"]
        if not ids:
            raise SourceError(
                "a note",
                expected="words of the model's vocabulary",
                got="no token",
                remedy="Take the note out of notes.csv, or another model.",
            )
        room = block.chunk_tokens - len(self._frame.before) - len(self._frame.behind)
        chunks = chunk_spans(len(ids), room, block.overlap_tokens)
        spans = np.array(cut["offset_mapping"], dtype="<i4")
        quality = self._count(ids, text)
        rows = np.stack([self._encode_window(ids[start:stop]) for start, stop in chunks])
        refuse_unstorable(rows, self._card.name)
        return EncodedNote(
            embeddings=rows,
            char_span=char_spans(spans, chunks),
            tokens=len(ids),
            quality=quality,
            warnings=(*self._warnings, *_doubts(quality, self._card.name)),
        )

    def _encode_window(self, ids: list[int]) -> Float32[np.ndarray[Any, Any], " dim"]:
        import torch

        before, behind = self._frame.before, self._frame.behind
        window = torch.tensor([[*before, *ids, *behind]], device=self._device)
        with same_bits(self._device, self._card.precision):
            hidden = self._network(input_ids=window).last_hidden_state[0]
            own = hidden[len(before) : len(before) + len(ids)]
            row = hidden[0] if self._card.variant == "cls" else own.mean(dim=0)
        vector: Float32[np.ndarray[Any, Any], " dim"] = row.float().cpu().numpy()
        return vector

    def _count(self, ids: list[int], text: str) -> dict[str, Json]:
        unknown = ids.count(self._tokenizer.unk_token_id)
        pieces = len(ids) / max(len(token_spans(text)), 1)
        return {
            "unknown_tokens": unknown,
            "unknown_share": round(unknown / len(ids), 4),
            "tokens_per_word": round(pieces, 2),
        }


def check(card: EncoderCard, weights: Weights) -> None:
    """Refuse a model that this encoder cannot run, from the small files beside its weights.

    Raises
    ------
    RecipeError
        It is of another family, or has no tokenizer that is data.
    """
    read_config(card, weights, FROM_ZERO + BEHIND_PADDING)
    held = {file.name for file in weights.files}
    if not held.intersection(TOKENIZERS):
        raise RecipeError(
            f"encoder {card.name}: tokenizer",
            expected=f"{' or '.join(TOKENIZERS)} beside the weights",
            got="none of them",
            remedy="Copy the tokenizer's files too; convert a slow one to tokenizer.json.",
        )


def check_window(card: EncoderCard, block: BertBlock, weights: Weights) -> None:
    """Refuse windows that are longer than the model can take.

    Raises
    ------
    RecipeError
        They are; the message says how long they may be.
    """
    longest = _longest_window(read_config(card, weights, FROM_ZERO + BEHIND_PADDING), weights)
    if block.chunk_tokens > longest:
        raise RecipeError(
            f"encoder {card.name}: notes.chunk_tokens",
            expected=f"at most {longest}, the longest text of this model, special tokens included",
            got=str(block.chunk_tokens),
            remedy=f"Say chunk_tokens: {longest} in the recipe.",
        )


def load(card: EncoderCard, weights: Weights) -> Bert:
    """Return the model of a card that `BertBlock.name_model` has completed.

    Raises
    ------
    RecipeError
        The weights are not all there, or the tokenizer is not one that is data or not the model's.
    """
    network = load_network(card, weights, unused=("pooler.",))
    size = int(network.config.vocab_size)
    try:
        tokenizer = import_transformers().AutoTokenizer.from_pretrained(
            weights.folder, use_fast=True, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise _other_tokenizer(
            card, size, f"files of which none can be made ({type(error).__name__})"
        ) from error
    if not tokenizer.is_fast or len(tokenizer) > size:
        raise _other_tokenizer(card, size, f"{type(tokenizer).__name__} with {len(tokenizer)} tokens")
    return Bert(network, tokenizer, card)


def _other_tokenizer(card: EncoderCard, size: int, got: str) -> RecipeError:
    return RecipeError(
        f"encoder {card.name}: tokenizer",
        expected=f"one as data, of at most the {size} tokens of the model",
        got=got,
        remedy="Take the tokenizer that belongs to the weights, as tokenizer.json.",
    )


def _longest_window(config: dict[str, Any], weights: Weights) -> int:
    """Return the most tokens that the model has positions for, or that its tokenizer was made for."""
    longest = config.get("max_position_embeddings")
    if not isinstance(longest, int):
        raise RecipeError(
            "encoder bert: config.json",
            expected="max_position_embeddings, a whole number",
            got="none",
            remedy="Take the config.json that belongs to the weights.",
        )
    if config["model_type"] in BEHIND_PADDING:
        longest -= int(config.get("pad_token_id", PADDING)) + 1
    told = weights.folder / "tokenizer_config.json"
    if told.is_file():
        longest = min(longest, int(json.loads(told.read_text("utf-8")).get("model_max_length", longest)))
    return longest


def _frame(tokenizer: Any) -> _Frame:
    """Find the special tokens around a text by encoding one letter."""
    example = tokenizer("a", return_special_tokens_mask=True)
    ids, special = example["input_ids"], example["special_tokens_mask"]
    first = special.index(0)
    last = len(special) - special[::-1].index(0)
    return _Frame(before=ids[:first], behind=ids[last:])


def _case_doubts(tokenizer: Any, model: str) -> tuple[str, ...]:
    """Warn where capitals are lost: a vocab.txt alone does not say whether it wants them lowered."""
    capitals = {"A", "B", "C"} & tokenizer.get_vocab().keys()
    if not capitals or "A" in tokenizer.tokenize("A"):
        return ()
    return (f"{model} knows capital letters and its tokenizer lowers them: is tokenizer_config.json there?",)


def _doubts(quality: dict[str, Json], model: str) -> tuple[str, ...]:
    share, pieces = quality["unknown_share"], quality["tokens_per_word"]
    assert isinstance(share, float) and isinstance(pieces, float)
    doubts = []
    if share > MOST_UNKNOWN:
        doubts.append(f"{share:.0%} of the tokens are unknown to {model}: is it of the note's language?")
    if pieces > MOST_PIECES:
        doubts.append(f"{model} needs {pieces:.1f} tokens a word: is it of the note's language?")
    return tuple(doubts)


CARD = EncoderCard(
    name="bert",
    title="Any BERT-family model by folder or hub id, chunks of its own tokens; recipe: model, revision",
    modality="notes",
    dim=None,
    precision="f32",
    variant="mean",
    licence=OF_THE_MODEL,
    gated=None,
    commercial=None,
    companions=(
        "added_tokens.json",
        "config.json",
        "merges.txt",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.json",
        "vocab.txt",
    ),
    loader="extract.encoders.bert:load",
    source="Devlin et al. 2019, BERT (arXiv 1810.04805), and its family in transformers",
    weights_needed=True,
    requires=("torch", "transformers"),
)
