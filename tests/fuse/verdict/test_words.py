"""What a sentence calls modalities and fusions, and in which order."""

from __future__ import annotations

from fuse.verdict.words import name_fusion, name_modality, sort_modalities


def test_words_and_order_of_modalities() -> None:
    assert sort_modalities(("zeta", "clinical", "notes", "omics", "slides", "volumes")) == [
        "slides",
        "volumes",
        "notes",
        "clinical",
        "omics",
        "zeta",
    ]
    assert name_fusion("early__notes+slides").text == "early fusion of slides and notes"
    assert name_modality("zeta").text == "the zeta"
    assert sort_modalities(("slides:b", "volumes", "slides", "slides:a")) == [
        "slides",
        "slides:a",
        "slides:b",
        "volumes",
    ]
    assert name_fusion("late__slides+slides:uni").text == "late fusion of slides and slides (uni)"
