"""The table of models that a protocol may name.

Enters: a name, modalities and options, as the protocol has them. Leaves: a learner. A new model is one file
with one card, and one line here.
"""

from __future__ import annotations

from feature_cache.errors import OutcomeError
from fuse.fusion import (
    bilinear,
    concat_network,
    cross_attention,
    dynamic_attention,
    early,
    early_boosted,
    early_competing,
    early_logistic,
    early_products,
    gated_units,
    late,
    modality_transformer,
    residual,
)
from fuse.models import (
    additive_mil,
    attention_mil,
    capra_s,
    cause_specific_cox,
    clam,
    elastic_net_cox,
    fine_gray,
    gradient_boosting,
    maggic,
    max_mil,
    mean_mil,
    null,
    prototypes,
    ridge_cox,
    ridge_logistic,
    survival_forest,
    top_k_mil,
    transmil,
    value_network,
    xgboost_aft,
    xgboost_cox,
)
from fuse.models.card import ModelCard, Options
from fuse.models.learner import Learner

MODEL_CARDS: dict[str, ModelCard] = {
    card.name: card
    for card in (
        null.CARD,
        capra_s.CARD,
        maggic.CARD,
        ridge_cox.CARD,
        elastic_net_cox.CARD,
        xgboost_cox.CARD,
        xgboost_aft.CARD,
        gradient_boosting.CARD,
        survival_forest.CARD,
        cause_specific_cox.CARD,
        fine_gray.CARD,
        ridge_logistic.CARD,
        value_network.CARD,
        mean_mil.CARD,
        max_mil.CARD,
        top_k_mil.CARD,
        attention_mil.CARD,
        additive_mil.CARD,
        clam.CARD,
        transmil.CARD,
        prototypes.CARD,
        early.CARD,
        early_logistic.CARD,
        early_products.CARD,
        early_boosted.CARD,
        early_competing.CAUSE_SPECIFIC_CARD,
        early_competing.FINE_GRAY_CARD,
        late.CARD,
        late.STACK_CARD,
        residual.CARD,
        concat_network.CARD,
        gated_units.CARD,
        dynamic_attention.CARD,
        bilinear.CARD,
        cross_attention.CARD,
        modality_transformer.CARD,
    )
}


def card_of(model: str) -> ModelCard:
    """Return the card of a model (`OutcomeError` where there is none of that name)."""
    if model not in MODEL_CARDS:
        raise OutcomeError(
            "protocol",
            expected=f"a model among: {', '.join(MODEL_CARDS)}",
            got=model,
            remedy="Correct the name of the model in the protocol.",
        )
    return MODEL_CARDS[model]


def build_learner(model: str, modalities: tuple[str, ...], options: Options | None = None) -> Learner:
    """Build a model of the table.

    Parameters
    ----------
    model
        A name of `MODEL_CARDS`.
    modalities
        What it reads; none for the null model, two or more for early fusion.
    options
        What the protocol sets; the card says which names there are.

    Raises
    ------
    OutcomeError
        Unknown model or option, a number of modalities that the model does not take, or a model that is
        fitted from other arms (late fusion: `fuse.fusion.late.fit_late`).
    """
    card = card_of(model)
    card.check_options(options or {})
    card.check_modalities(modalities)
    if card.build is None:
        raise OutcomeError(
            f"model {model}",
            expected="a model that learns from cases",
            got="one that is fitted from other arms",
            remedy="Fit the arms first, then call fit_late.",
        )
    return card.build(modalities, options or {})
