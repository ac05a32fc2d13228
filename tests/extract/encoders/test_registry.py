from __future__ import annotations

import pytest

from extract.encoders.card import EncoderCard
from extract.encoders.registry import encoder_cards, find_encoder, load_encoder
from feature_cache.errors import RecipeError
from feature_cache.recipe import ResolvedRecipe


def test_every_card_is_found_and_its_name_is_its_own() -> None:
    cards = encoder_cards()
    assert {(card.modality, card.name) for card in cards} >= {
        ("slides", "stain_texture_nuclei"),
        ("notes", "hashed_ngrams"),
        ("clinical", "values"),
    }
    assert len({card.name for card in cards}) == len(cards)


@pytest.mark.parametrize("card", encoder_cards(), ids=lambda card: card.name)
def test_the_loader_of_every_card_exists(card: EncoderCard) -> None:
    module, function = card.loader.split(":")
    held = __import__(module, fromlist=[function])
    assert callable(getattr(held, function))
    assert callable(getattr(held, "check", None)) == card.weights_needed


@pytest.mark.parametrize("card", encoder_cards(), ids=lambda card: card.name)
def test_a_pinned_revision_says_where_it_is_from(card: EncoderCard) -> None:
    assert (card.revision is not None) == ("revision as in" in card.source)


WEIGHT_FREE = [card for card in encoder_cards() if not card.weights_needed]


@pytest.mark.parametrize("card", WEIGHT_FREE, ids=lambda card: card.name)
def test_every_card_without_weights_loads_once_a_process(card: EncoderCard) -> None:
    assert load_encoder(card) is load_encoder(card)


def test_a_refusal_is_remembered_like_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand slides must not read the wrong weights a thousand times."""
    calls = []

    def refuse(card: EncoderCard, weights: None) -> None:
        calls.append(card.name)
        raise RecipeError("encoder e", expected="its weights", got="others", remedy="Take its own.")

    monkeypatch.setattr("extract.encoders.stain_texture_nuclei.load", refuse)
    card = find_encoder("stain_texture_nuclei").model_copy(update={"name": "refused"})
    for _ in range(2):
        with pytest.raises(RecipeError, match="got others"):
            load_encoder(card)
    assert calls == ["refused"]


def test_an_unknown_name_lists_the_known_ones_of_its_modality() -> None:
    with pytest.raises(RecipeError) as refusal:
        find_encoder("uni2", "slides")
    assert refusal.value.where == "encoder uni2"
    assert refusal.value.expected == f"one of {', '.join(card.name for card in encoder_cards('slides'))}"
    assert refusal.value.got == "a name that no card has for slides"


def test_an_encoder_of_another_modality_is_unknown() -> None:
    with pytest.raises(RecipeError, match="a name that no card has for slides"):
        find_encoder("hashed_ngrams", "slides")


def test_mending_a_title_keeps_the_feature_set_and_a_new_algorithm_makes_another() -> None:
    card = find_encoder("stain_texture_nuclei")

    def name_of(changed: EncoderCard) -> str:
        return ResolvedRecipe(name="r", modality="slides", settings={"encoder": changed.identity()}).folder

    assert name_of(card.model_copy(update={"title": "mended", "licence": "MIT"})) == name_of(card)
    for field in ({"algorithm": card.algorithm + 1}, {"variant": "other"}, {"precision": "f16"}):
        assert name_of(card.model_copy(update=field)) != name_of(card)


def test_the_card_of_the_tile_encoder_tells_the_truth() -> None:
    card = find_encoder("stain_texture_nuclei")
    encoder = load_encoder(card)
    assert card.dim == len(encoder.feature_names) == len(set(encoder.feature_names))
