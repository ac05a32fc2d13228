"""The rules against the same by hand or by torch's own layers, and what a mask does in each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fuse.fusion.bilinear import Bilinear
from fuse.fusion.concat_network import Concatenation
from fuse.fusion.cross_attention import CrossAttention
from fuse.fusion.dynamic_attention import DynamicAttention
from fuse.fusion.fusion_rule import TileTokens, Tokens, masked_softmax
from fuse.fusion.gated_units import GatedUnits
from fuse.fusion.modality_steps import drop_modalities
from fuse.fusion.modality_transformer import HEADS, ModalityTransformer
from fuse.models.aggregators.packing import Packing

WIDTH = 8


def make_tokens(seed: int = 0, tiles: bool = False) -> Tokens:
    """Make 6 cases of 3 modalities; the third one has tiles where they are asked for."""
    torch.manual_seed(seed)
    present = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 0]]).bool()
    values = torch.randn(6, 3, WIDTH) * present[:, :, None]
    bags = {}
    if tiles:
        rows = torch.nonzero(present[:, 2])[:, 0]
        sizes = (4, 1, 7)
        bags[2] = TileTokens(values=torch.randn(sum(sizes), WIDTH), packing=Packing(sizes=sizes), rows=rows)
    return Tokens(values=values, present=present, tiles=bags)


def test_masked_softmax_is_softmax_over_what_is_there():
    tokens = make_tokens()
    weights = masked_softmax(torch.randn(6, 3), tokens.present)
    assert (weights[~tokens.present] == 0.0).all()
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0] * 6)


def test_concatenation_is_a_layer_over_the_joined_tokens():
    rule, tokens = Concatenation(), make_tokens()
    layers = rule.layers(3, WIDTH)
    linear = layers["join"][0]
    expected = torch.relu(tokens.values.reshape(6, -1) @ linear.weight.T + linear.bias)
    fused = rule.fuse(layers, tokens).vector.detach().numpy()
    assert fused == pytest.approx(expected.detach().numpy(), abs=1e-6)


def test_dynamic_attention_is_the_weighted_sum():
    rule, tokens = DynamicAttention(), make_tokens()
    fused = rule.fuse(rule.layers(3, WIDTH), tokens)
    expected = torch.einsum("nm,nmw->nw", fused.weights, tokens.values)
    assert fused.vector.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-6)
    # a case with one modality is that token, whatever the network thinks
    assert (fused.vector[3] == tokens.values[3, 2]).all()


def test_gates_are_sigmoids_of_all_tokens():
    rule, tokens = GatedUnits(), make_tokens()
    layers = rule.layers(3, WIDTH)
    fused = rule.fuse(layers, tokens)
    gate = torch.sigmoid(layers["gate"](tokens.values.reshape(6, -1))).reshape(6, 3, WIDTH)
    expected = torch.zeros(6, WIDTH)
    for place in range(3):
        content = torch.tanh(layers["content"][place](tokens.values[:, place]))
        expected += gate[:, place] * content * tokens.present[:, [place]]
    assert fused.vector.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-6)
    assert (fused.weights[~tokens.present] == 0.0).all()


def test_bilinear_is_the_sum_over_pairs():
    rule, tokens = Bilinear(), make_tokens()
    layers = rule.layers(3, WIDTH)
    alone = [layers["alone"][place](tokens.values[:, place]) for place in range(3)]
    factor = [layers["factors"][place](tokens.values[:, place]) for place in range(3)]
    expected = sum(alone) + factor[0] * factor[1] + factor[0] * factor[2] + factor[1] * factor[2]
    fused = rule.fuse(layers, tokens).vector
    assert fused.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-5)
    # one modality alone passes, and multiplies nothing
    assert fused[3].detach().numpy() == pytest.approx(alone[2][3].detach().numpy(), abs=1e-6)


def test_a_block_of_the_transformer_is_torchs():
    rule, tokens = ModalityTransformer(), make_tokens()
    layers = rule.layers(3, WIDTH)
    rows = torch.cat([torch.zeros(6, 1, WIDTH), tokens.values], dim=1) + layers["places"].weight
    absent = torch.cat([torch.zeros(6, 1, dtype=torch.bool), ~tokens.present], dim=1)
    with torch.no_grad():
        for block in layers["blocks"]:
            theirs = nn.TransformerEncoderLayer(
                WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            theirs.norm1.load_state_dict(block["query_key_value"][0].state_dict())
            theirs.self_attn.in_proj_weight.copy_(block["query_key_value"][1].weight)
            theirs.self_attn.in_proj_bias.copy_(block["query_key_value"][1].bias)
            theirs.self_attn.out_proj.load_state_dict(block["out"].state_dict())
            theirs.norm2.load_state_dict(block["think"][0].state_dict())
            theirs.linear1.load_state_dict(block["think"][1].state_dict())
            theirs.linear2.load_state_dict(block["think"][3].state_dict())
            rows = theirs(rows, src_key_padding_mask=absent)
        assert rule.fuse(layers, tokens).vector.numpy() == pytest.approx(rows[:, 0].numpy(), abs=1e-5)


def test_one_modality_is_attended_beside_the_case_token():
    """Self-attention over one token is the identity; here a single one still changes what is attended to."""
    rule, tokens = ModalityTransformer(), make_tokens()
    layers = rule.layers(3, WIDTH)
    changed = Tokens(values=tokens.values * 2.0, present=tokens.present)
    one, other = (rule.fuse(layers, given).vector[3] for given in (tokens, changed))
    assert (one != other).any()


def test_answers_of_a_bag_are_scaled_dot_product_attention():
    rule, tokens = CrossAttention(), make_tokens(tiles=True)
    layers = rule.layers(3, WIDTH)
    bag, slots = tokens.tiles[2], tokens.values.clone()
    slots[:, 2] = 0.0
    start = 0
    for row, size in zip(bag.rows.tolist(), bag.packing.sizes, strict=True):
        tiles = bag.values[start : start + size]
        start += size
        asking = [layers["asked_always"].weight[0]]
        asking += [tokens.values[row, place] for place in (0, 1) if tokens.present[row, place]]
        answers = nn.functional.scaled_dot_product_attention(
            layers["query"](torch.stack(asking)), layers["key"](tiles), layers["value"](tiles)
        )
        slots[row, 2] = answers.mean(dim=0)
    expected = layers["join"](slots.reshape(6, -1))
    fused = rule.fuse(layers, tokens).vector
    assert fused.detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-5)


@pytest.mark.parametrize(
    "rule",
    [Concatenation(), DynamicAttention(), GatedUnits(), Bilinear(), ModalityTransformer(), CrossAttention()],
    ids=lambda rule: type(rule).__name__,
)
def test_no_gradient_reaches_what_is_absent(rule):
    tokens = make_tokens(tiles=rule.tiles)
    leaf = tokens.values.clone().requires_grad_(True)
    given = Tokens(values=leaf * tokens.present[:, :, None], present=tokens.present, tiles=tokens.tiles)
    rule.fuse(rule.layers(3, WIDTH), given).vector.sum().backward()
    assert (leaf.grad[~tokens.present] == 0.0).all() and (leaf.grad[tokens.present] != 0.0).any()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_modality_dropout_drops_its_share_and_never_the_last(share):
    rng = np.random.default_rng(0)
    present = rng.random((4000, 4)) < 0.6
    present[~present.any(axis=1), 0] = True
    kept = drop_modalities(present, share, rng)
    assert not (kept & ~present).any() and kept.any(axis=1).all()
    alone = present.sum(axis=1) == 1
    assert (kept[alone] == present[alone]).all()
    if share == 0.0:
        assert (kept == present).all()
    if share == 0.3:
        full = present.all(axis=1)
        # of four, all would be dropped in .3 ** 4, and one of them stays then
        assert kept[full].mean() == pytest.approx(0.7 + 0.3**4 / 4, abs=0.03)
    if share == 0.99:
        # who would lose all keeps any of them alike
        full = present.all(axis=1)
        assert kept[full].mean(axis=0) == pytest.approx([0.25] * 4, abs=0.08)
