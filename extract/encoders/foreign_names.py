"""Tensors under the names of another library, brought under those of timm: the same numbers, computed alike.

Enters: the tensors of a checkpoint by name, and whose names they are (`names` of a card's architecture).
Leaves: the same by timm's names. What a checkpoint holds beyond the image network (a text tower, the mask
token of pretraining) is left out by name; a name that nobody knows stays, and is refused where it is loaded.

dinov2   of facebookresearch/dinov2. timm adds no position to class token and registers: theirs is added here.
swin     of Swin before timm 0.9: a stage ended, not began, with the halving of its map.
openai   of CLIP as OpenAI and open_clip write it, image tower alone.
keep     of KEEP, whose layer scales have another name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from extract.encoders.card import EncoderCard

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]

_CLIP = (
    ("conv1.", "patch_embed.proj."),
    ("ln_pre.", "norm_pre."),
    ("ln_post.", "norm."),
    ("transformer.resblocks.", "blocks."),
    (".ln_1.", ".norm1."),
    (".ln_2.", ".norm2."),
    (".attn.in_proj_", ".attn.qkv."),
    (".attn.out_proj.", ".attn.proj."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
)


def under_our_names(card: EncoderCard, state: State) -> State:
    """Return the tensors that the card's network is made of, by the names of its modules."""
    names = card.architecture.get("names")
    renamed = state if names is None else _RENAME[str(names)](state)
    unused = card.architecture.get("unused", [])
    assert isinstance(unused, list)
    beginnings = tuple(str(beginning) for beginning in unused)
    return {name: tensor for name, tensor in renamed.items() if not name.startswith(beginnings)}


def _dinov2(state: State) -> State:
    renamed = {_gated(name): tensor for name, tensor in state.items() if name != "mask_token"}
    if "register_tokens" in renamed:
        renamed["reg_token"] = renamed.pop("register_tokens")
        positions = renamed["pos_embed"]
        renamed["cls_token"] = renamed["cls_token"] + positions[:, :1]
        renamed["pos_embed"] = positions[:, 1:]
    return renamed


def _gated(name: str) -> str:
    return re.sub(r"\.mlp\.w3\.", ".mlp.fc2.", re.sub(r"\.mlp\.w12\.", ".mlp.fc1.", name))


def _swin(state: State) -> State:
    def one_later(stage: re.Match[str]) -> str:
        return f"layers.{int(stage[1]) + 1}.downsample."

    computed = (".attn_mask", ".relative_position_index")
    return {
        re.sub(r"^layers\.(\d+)\.downsample\.", one_later, name): tensor
        for name, tensor in state.items()
        if not name.endswith(computed)
    }


def _openai(state: State) -> State:
    return dict(_openai_tensors(state))


def _openai_tensors(state: State) -> Iterator[tuple[str, Tensor]]:
    import torch

    for name, tensor in state.items():
        inner = name.removeprefix("visual.")
        if inner == name:
            continue
        if inner == "proj":
            yield "head.weight", tensor.T
            yield "head.bias", torch.zeros(tensor.shape[1], device=tensor.device)
        elif inner == "class_embedding":
            yield "cls_token", tensor.reshape(1, 1, -1)
        elif inner == "positional_embedding":
            yield "pos_embed", tensor[None]
        else:
            for theirs, ours in _CLIP:
                inner = inner.replace(theirs, ours)
            yield inner, tensor


def _keep(state: State) -> State:
    return {re.sub(r"\.(ls[12])\.weight$", r".\1.gamma", name): tensor for name, tensor in state.items()}


_RENAME: dict[str, Callable[[State], State]] = {
    "dinov2": _dinov2,
    "swin": _swin,
    "openai": _openai,
    "keep": _keep,
}
