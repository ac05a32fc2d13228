"""The card of clinical values; their code lives with the clinical tables (extract/clinical)."""

from __future__ import annotations

from extract.encoders.card import EncoderCard

CARD = EncoderCard(
    name="values",
    title="Clinical values with their states, in the units that the cohort declares",
    modality="clinical",
    dim=None,
    precision="f64",
    licence="Apache-2.0",
    commercial=True,
    loader="extract.clinical.values:load_cell_reader",
    source="DESIGN section 3",
)
