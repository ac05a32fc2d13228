"""The attentions of the DAE-Former against their formulae written out with the maps they never build."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from extract.segment.networks.attention import (  # noqa: E402
    HEADS,
    CrossAttention,
    EfficientAttention,
    TransposeAttention,
    attend,
)


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def test_efficient_attention_is_a_map_between_all_tokens_that_is_never_built() -> None:
    queries, keys, values = _random(2, 30, 5), _random(2, 30, 5) + 1, _random(2, 30, 7)
    between = torch.softmax(queries, 2) @ torch.softmax(keys, 1).transpose(1, 2)  # (batch, token, token)
    assert torch.allclose(between.sum(2), torch.ones(2, 30, dtype=torch.float64))
    assert torch.allclose(attend(queries, keys, values), between @ values, atol=1e-12)


def test_efficient_attention_does_not_know_where_a_token_lies() -> None:
    layer, tokens = EfficientAttention(6).double(), _random(1, 20, 6)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer(tokens)[:, order], layer(tokens[:, order]), atol=1e-12)


def test_transpose_attention_of_one_head_by_hand() -> None:
    width = 2 * HEADS
    layer, tokens = TransposeAttention(width).double(), _random(1, 11, width)
    layer.sharpness.data[3] = 2.5
    layer.output = torch.nn.Identity()
    queries, keys, values = layer.queries_keys_values(tokens)[0].split(width, dim=1)
    own = slice(6, 8)  # head 3 has the channels 6 and 7
    query, key = (part[:, own] / part[:, own].norm(dim=0) for part in (queries, keys))
    map_ = torch.softmax(2.5 * query.T @ key, dim=1)
    assert torch.allclose(layer(tokens)[0, :, own], values[:, own] @ map_.T, atol=1e-12)


def test_transpose_attention_is_no_sharper_for_more_tokens() -> None:
    """Twice the same tokens give twice the same answer: queries and keys have length 1 over them."""
    layer, tokens = TransposeAttention(HEADS).double(), _random(1, 9, HEADS)
    twice = layer(torch.cat([tokens, tokens], dim=1))
    assert torch.allclose(twice[:, :9], layer(tokens), atol=1e-12)


def test_cross_attention_takes_the_decoders_values_where_the_encoder_looks() -> None:
    layer = CrossAttention(4).double()
    below, skip = _random(1, 12, 4), _random(1, 12, 4) + 3
    layer.norm = torch.nn.Identity()
    between = torch.softmax(skip, 2) @ torch.softmax(skip, 1).transpose(1, 2)
    assert torch.allclose(layer(below, skip), layer.output(between @ below), atol=1e-12)
