"""CineMA with small random weights: the numbers by modules, what it is shown, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.encoders.cinema_network import CinemaForm, frame_tokens, shapes_needed
from extract.encoders.cinema_sax import CinemaSax
from extract.encoders.registry import find_encoder, find_weights, load_encoder
from extract.encoders.weights import WeightsSource
from extract.volumes.volume import SeriesOnGrid
from feature_cache.errors import RecipeError, SourceError
from tests.extract.encoders.vit_oracle import block, random_state, torch

CARD = find_encoder("cinema_sax", "volumes")
FORM = CinemaForm(frame=(64, 48, 4), width=24, depth=2, heads=3, stages=(4, 6), blocks_per_stage=1)
SMALL = CARD.model_copy(
    update={
        "dim": 24,
        "architecture": FORM.model_dump(mode="json"),
        "contract": CARD.contract.model_copy(update={"size": (64, 48, None), "least_extent_mm": 0.0})
        if CARD.contract
        else None,
    }
)
AFFINE = np.array([[-1.25, 0, 0, 40.0], [0, -1.25, 0, 30], [0, 0, 8, -9], [0, 0, 0, 1]])


def _series(voxels: np.ndarray, sequence: str = "cine") -> SeriesOnGrid:
    return SeriesOnGrid(
        sequence=sequence, voxels=voxels.astype(np.float32), affine=AFFINE, spacing_known=True
    )


def _cavity() -> np.ndarray:
    mask = np.zeros((60, 50, 4), dtype=bool)
    mask[28:33, 23:28, 1:3] = True
    return mask


def _voxels() -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 50, size=(60, 50, 4))


@pytest.fixture(scope="module")
def network() -> CinemaSax:
    return CinemaSax(random_state(shapes_needed(FORM)), SMALL)


def test_the_card_is_the_base_size_of_the_paper() -> None:
    form = CinemaForm.model_validate(CARD.architecture)
    shapes = shapes_needed(form)
    assert shapes["enc_down_dict.sax.pos_embed"] == (1, 12 * 12 * 16, 768)
    assert shapes["enc_fusion_dict.sax.down_convs.0.weight"] == (768, 64, 4, 4, 1)
    assert shapes["enc_fusion_dict.sax.down_convs.1.weight"] == (768, 128, 2, 2, 1)
    assert shapes["enc_down_dict.sax.patch_embed.proj.weight"] == (768, 512)
    assert sum(name.startswith("encoder.blocks.") for name in shapes) == 12 * 14


def test_tokens_are_those_of_modules() -> None:
    """Convolutions, norms and attention of torch.nn, put together from the published description."""
    from torch import nn

    state = random_state(shapes_needed(FORM))
    down = "enc_down_dict.sax"

    def filled(module: nn.Module, name: str) -> nn.Module:
        module.load_state_dict({part: state[f"{name}.{part}"] for part in ("weight", "bias")})
        return module.eval()

    def normed(x: torch.Tensor, name: str) -> torch.Tensor:
        norm = filled(nn.LayerNorm(x.shape[1], eps=1e-6), name)
        return norm(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)

    frame = torch.rand(FORM.frame, generator=torch.Generator().manual_seed(1))
    x, skips = frame[None, None], []
    with torch.inference_mode():
        for number, (channels, width, step) in enumerate([(1, 4, (4, 4, 1)), (4, 6, (2, 2, 1))]):
            stage = f"{down}.conv_blocks.{number}"
            x = filled(nn.Conv3d(channels, width, step, step), f"{stage}.patch_embed.conv")(x)
            x = nn.GELU()(normed(x, f"{stage}.patch_embed.norm"))
            name = f"{stage}.conv.0"
            inner = filled(nn.Conv3d(width, width, 1), f"{name}.conv1")(normed(x, f"{name}.norm1"))
            around = nn.Conv3d(width, width, 5, padding="same", groups=width)
            inner = filled(around, f"{name}.dw_conv")(inner)
            x = x + filled(nn.Conv3d(width, width, 1), f"{name}.conv2")(inner)
            inner = filled(nn.Conv3d(width, 4 * width, 1), f"{name}.mlp.fc1")(normed(x, f"{name}.norm2"))
            x = x + filled(nn.Conv3d(4 * width, width, 1), f"{name}.mlp.fc2")(nn.GELU()(inner))
            skips.append(x)
        patches = torch.stack(
            [
                x[0, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, k].permute(1, 2, 0).flatten()
                for i in range(4)
                for j in range(3)
                for k in range(4)
            ]
        )[None]
        tokens = filled(nn.Linear(24, 24), f"{down}.patch_embed.proj")(patches)
        tokens = filled(nn.Linear(24, 24), f"{down}.linear")(tokens) + state[f"{down}.pos_embed"]
        tokens = torch.cat([state["encoder.cls_token"], tokens], dim=1)
        for number in range(2):
            tokens = block(state, f"encoder.blocks.{number}", 3, 1e-5)(tokens)
        tokens = filled(nn.LayerNorm(24, eps=1e-5), "encoder.norm")(tokens)[:, 1:]
        for number, (skip, step) in enumerate(zip(skips, [(4, 4, 1), (2, 2, 1)], strict=True)):
            fused = nn.Conv3d(skip.shape[1], 24, step, step)
            seen = filled(fused, f"enc_fusion_dict.sax.down_convs.{number}")(skip)
            tokens = tokens + seen.flatten(2).transpose(1, 2)
        expected = filled(nn.LayerNorm(24, eps=1e-5), "enc_fusion_dict.sax.norm")(tokens)[0]
        torch.testing.assert_close(frame_tokens(state, FORM, frame), expected, rtol=1e-4, atol=1e-4)


def test_a_frame_is_encoded_around_the_cavity_and_the_same_twice(network: CinemaSax) -> None:
    regions = {"LV": _cavity()}
    first, second = (network.encode(_series(_voxels()), regions) for _ in range(2))
    assert first.shown is not None and first.shown["resampled_from_mm"] == [1.25, 1.25, 8.0]
    assert first.shown["centred_on"] == "lv_cavity" and first.shown["size"] == [64, 48, 3]
    assert first.embeddings.shape == (4 * 3 * 3, 24)  # three slices of 10 mm, the fourth is empty
    centre = AFFINE @ [30, 25, 1.5, 1]
    assert np.linalg.norm(first.token_xyz_mm.mean(axis=0) - centre[:3]) < 1
    for name in ("embeddings", "token_xyz_mm", "regions", "coverage"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize(
    ("sequence", "regions", "words"),
    [
        ("lge", {"LV": _cavity()}, "expected a series of cine or sax or cine_sax"),
        ("cine", {"myocardium": _cavity()}, "a mask of the lv_cavity that is not empty"),
        ("cine", {"LV": np.zeros_like(_cavity())}, "a mask of the lv_cavity that is not empty"),
    ],
)
def test_what_it_was_not_made_for_is_refused(
    network: CinemaSax, sequence: str, regions: dict[str, np.ndarray], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        network.encode(_series(_voxels(), sequence), regions)


def test_more_slices_than_it_takes_and_blank_frames_are_refused(network: CinemaSax) -> None:
    cavity = np.concatenate([_cavity()] * 2, axis=2)
    with pytest.raises(SourceError, match=r"at most 4 slices of 10 mm; got 6"):
        network.encode(_series(np.concatenate([_voxels()] * 2, axis=2)), {"LV": cavity})
    with pytest.raises(SourceError, match="nearly all of one intensity"):
        network.encode(_series(np.full((60, 50, 4), 7.0)), {"LV": _cavity()})


def test_weights_of_another_network_are_refused_and_other_views_are_left_out(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "cinema_sax"
    folder.mkdir()
    state = random_state(shapes_needed(FORM))
    lax = {"enc_down_dict.lax_2c.pos_embed": torch.zeros(1), "decoder.norm.weight": torch.zeros(1)}
    save_file(state | lax, folder / "cinema.safetensors")
    source = WeightsSource(root=tmp_path)
    assert isinstance(load_encoder(SMALL, find_weights(SMALL, source, None)), CinemaSax)
    with pytest.raises(RecipeError, match=r"\d+ missing .*of another shape"):
        find_weights(CARD, source, None)
    save_file(state | {"surprise": torch.zeros(1)}, folder / "cinema.safetensors")
    with pytest.raises(RecipeError, match=r"1 unknown \(surprise"):
        find_weights(SMALL, source, None)
