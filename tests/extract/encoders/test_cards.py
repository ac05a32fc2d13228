"""Cards of networks over slides, written down a second time: what a slip in a card would change in silence.

A test that computes with the card's own values cannot see that they are wrong. The rows are those of the
model cards and of the loaders that each card names as its source; `None` is what is not known.
"""

from __future__ import annotations

from typing import Any

import pytest

from extract.encoders.networks import NORMALISATIONS, choose_variant
from extract.encoders.registry import encoder_cards, find_encoder

NC, APACHE, OWKIN, ANY = "CC-BY-NC-ND-4.0", "Apache-2.0", "Owkin non-commercial", ()
MANY = (0.5, 0.25, 1.0, 2.0)
KAIKO = "1aurent/{}.kaiko_ai_towards_large_pathology_fms"

#: hub id, numbers a tile, px, um, normalisation, precision, default output, gated, licence
TILES: dict[str, tuple[Any, ...]] = {
    "uni": ("MahmoodLab/UNI", 1024, 224, (0.5,), "imagenet", "f16", "cls", True, NC),
    "uni2_h": ("MahmoodLab/UNI2-h", 1536, 224, (0.5,), "imagenet", "bf16", "cls", True, NC),
    "conch": ("MahmoodLab/conch", 512, 448, (0.5,), "clip", "f32", "pooled", True, NC),
    "conch_v1_5": ("MahmoodLab/conchv1_5", 768, 512, (0.5,), "imagenet", "f16", "pooled", True, NC),
    "virchow": ("paige-ai/Virchow", 2560, 224, (0.5,), "imagenet", "f16", "cls+mean", True, APACHE),
    "virchow2": ("paige-ai/Virchow2", 2560, 224, MANY, "imagenet", "f16", "cls+mean", True, NC),
    "gigapath": (
        "prov-gigapath/prov-gigapath", 1536, 256, (0.5,), "imagenet", "f16", "cls", True,
        "Apache-2.0 with conditions",
    ),
    "gigapath_flash": (
        "prov-gigapath/prov-gigapath-flash", 384, 256, (0.5,), "imagenet", "f16", "cls", True, APACHE
    ),
    "h_optimus_0": ("bioptimus/H-optimus-0", 1536, 224, (0.5,), "h_optimus", "f16", "cls", False, APACHE),
    "h_optimus_1": ("bioptimus/H-optimus-1", 1536, 224, (0.5,), "h_optimus", "f16", "cls", True, NC),
    "h0_mini": ("bioptimus/H0-mini", 1536, 224, (0.5,), "h_optimus", "f16", "cls+mean", True, NC),
    "phikon": ("owkin/phikon", 768, 224, (0.5,), "imagenet", "f32", "cls", False, OWKIN),
    "phikon_v2": ("owkin/phikon-v2", 1024, 224, (0.5,), "imagenet", "f32", "cls", False, OWKIN),
    "hibou_b": ("histai/hibou-b", 768, 224, (0.5,), "hibou", "f32", "pooled", True, APACHE),
    "hibou_l": ("histai/hibou-L", 1024, 224, (0.5,), "hibou", "f32", "pooled", True, APACHE),
    **{
        f"kaiko_{name}": (
            KAIKO.format(model), dim, 224, ANY, "half", "f32", "cls", False, "of kaiko.ai (unverified)"
        )
        for name, dim, model in (
            ("s8", 384, "vit_small_patch8_224"),
            ("s16", 384, "vit_small_patch16_224"),
            ("b8", 768, "vit_base_patch8_224"),
            ("b16", 768, "vit_base_patch16_224"),
            ("l14", 1024, "vit_large_patch14_reg4_dinov2"),
            ("l14_224", 1024, "vit_large_patch14_reg4_224"),
        )
    },
    "midnight": ("kaiko-ai/midnight", 3072, 224, MANY, "half", "f16", "cls+mean", None, "MIT"),
    "open_midnight": ("SophontAI/OpenMidnight", 1536, 224, ANY, "imagenet", "f16", "cls", True, APACHE),
    "ctranspath": (None, 768, 224, ANY, "imagenet", "f32", "map_mean", False, "GPL-3.0 (weights unverified)"),
    "gpfm": ("majiabo/GPFM", 1024, 224, (0.5,), "imagenet", "f16", "cls", False, NC),
    **{
        f"lunit_s{patch}": (
            f"1aurent/vit_small_patch{patch}_224.lunit_dino", 384, 224, (0.5,), "lunit", "f32", "cls", False,
            "Lunit non-commercial",
        )
        for patch in (8, 16)
    },
    "musk": ("xiangjx/musk", 1024, 384, (0.5, 0.25, 1.0), "half", "f16", "cls", True, NC),
    "keep": ("Astaxanthin/KEEP", 768, 224, ANY, "imagenet", "f32", "projected", False, "MIT"),
    "mstar": ("Wangyh/mSTAR", 1024, 224, (0.5,), "imagenet", "f32", "cls", True, NC),
    "genbio_pathfm": (
        "genbio-ai/genbio-pathfm", 4608, 224, ANY, "genbio", "f32", "pooled", False, "GenBio AI Community"
    ),
    **{
        f"rudolf_v2{suffix.lower().replace('-', '_')}": (
            f"Aignostics/RudolfV-2{suffix}", dim, 224, MANY, "rudolf", "f32", "cls", True, f"{NC} and terms"
        )
        for suffix, dim in (("", 1536), ("-B", 768), ("-S", 384))
    },
    **{
        f"quiltnet_b{patch}": (
            f"wisdomik/QuiltNet-B-{patch}", 512, 224, ANY, "clip", "f32", "projected", False,
            "MIT (unverified)",
        )
        for patch in (16, 32)
    },
    "resnet50": (
        "timm/resnet50.tv_in1k", 1024, 224, ANY, "imagenet", "f32", "layer3_mean", False,
        "of torchvision (unverified)",
    ),
    "mobilenet_v2": (None, 1280, 224, ANY, "half", "f32", "map_mean", False, APACHE),
}  # fmt: skip

#: hub id, numbers a slide, precision, the encoder of its tiles, its output, px of a tile
SLIDES: dict[str, tuple[Any, ...]] = {
    "titan": ("MahmoodLab/TITAN", 768, "f16", "conch_v1_5", "pooled", 512),
    "prism": ("paige-ai/Prism", 1280, "f16", "virchow", "cls+mean", 224),
    "feather": ("MahmoodLab/abmil.base.conch_v15.pc108-24k", 512, "f32", "conch_v1_5", "pooled", 512),
    "feather_uni2": ("MahmoodLab/abmil.base.uni_v2.pc108-24k", 512, "f32", "uni2_h", "cls", 224),
    "gigapath_slide": ("prov-gigapath/prov-gigapath", 768, "f16", "gigapath", "cls", 256),
    "gigapath_flash_slide": ("prov-gigapath/prov-gigapath-flash", 384, "f16", "gigapath_flash", "cls", 256),
}


def test_every_network_over_slides_is_written_down_here() -> None:
    assert TILES.keys() == {card.name for card in encoder_cards("slides") if card.weights_needed}
    assert SLIDES.keys() == {card.name for card in encoder_cards("slide_vector") if card.weights_needed}


@pytest.mark.parametrize("name", TILES)
def test_a_tile_encoder_is_what_its_makers_say(name: str) -> None:
    card = find_encoder(name, "slides")
    said = (card.hub_id, card.dim, card.input_px, card.mpp, card.normalisation, card.precision, card.variant)
    assert (*said, card.gated, card.licence) == TILES[name]
    if "NC" in card.licence or "non-commercial" in card.licence:
        assert card.commercial is False


@pytest.mark.parametrize("name", SLIDES)
def test_a_slide_encoder_is_given_the_tiles_that_it_was_trained_on(name: str) -> None:
    card = find_encoder(name, "slide_vector")
    hub_id, dim, precision, tiles, variant, tile_px = SLIDES[name]
    assert (card.hub_id, card.dim, card.precision) == (hub_id, dim, precision)
    wanted = {"name": tiles, "variant": variant, "mpp": 0.5, "tile_px": tile_px, "overlap_px": 0}
    assert card.architecture["tiles"] == wanted
    of_tiles = choose_variant(find_encoder(tiles, "slides"), variant)
    assert (of_tiles.input_px, of_tiles.mpp) == (tile_px, (0.5,))
    if card.architecture["call"] == "gigapath":
        assert card.architecture["in_chans"] == of_tiles.dim


def test_normalisations_are_those_of_the_model_cards() -> None:
    assert NORMALISATIONS == {
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "h_optimus": ((0.707223, 0.578729, 0.703617), (0.211883, 0.230117, 0.177517)),
        "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        "hibou": ((0.7068, 0.5755, 0.722), (0.195, 0.2316, 0.1816)),
        "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        "genbio": ((0.697, 0.575, 0.728), (0.188, 0.240, 0.187)),
        "lunit": ((0.70322989, 0.53606487, 0.66096631), (0.21716536, 0.26081574, 0.20723464)),
        "rudolf": ((0.7072, 0.5787, 0.7036), (0.2119, 0.2301, 0.1775)),
    }


@pytest.mark.parametrize(
    ("name", "variant", "dim"),
    [
        ("uni", "cls+mean", 2048),
        ("virchow", "cls", 1280),
        ("virchow2", "cls", 1280),
        ("h0_mini", "cls", 768),
        ("midnight", "cls", 1536),
        ("musk", "multiscale", 2048),
        ("conch", "projected", 512),
    ],
)
def test_another_output_has_its_own_length(name: str, variant: str, dim: int) -> None:
    assert choose_variant(find_encoder(name, "slides"), variant).dim == dim
