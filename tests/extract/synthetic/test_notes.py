from __future__ import annotations

import re
import zlib
from typing import Any

import numpy as np
import pytest

from extract.synthetic import letters, medication
from extract.synthetic.streams import stream


def first_component(texts: list[tuple[str, ...]]) -> np.ndarray:
    """Return the leading component of hashed word counts, one row a case."""
    counts = np.zeros((len(texts), 512))
    for row, notes in enumerate(texts):
        for note in notes:
            for word in re.findall(r"\w+", note.lower()):
                counts[row, zlib.crc32(word.encode()) % 512] += 1.0 / len(notes)
    counts -= counts.mean(axis=0)
    return np.linalg.svd(counts, full_matrices=False)[0][:, 0]


def test_the_constitution_is_the_main_thing_in_which_letters_differ() -> None:
    drawn = [letters.draw_letters(stream(1, "letters", number)) for number in range(150)]
    component = first_component([case.texts for case in drawn])
    assert abs(np.corrcoef(component, [case.reading.z for case in drawn])[0, 1]) > 0.85


def test_the_treatment_is_the_main_thing_in_which_medication_differs() -> None:
    drawn = [medication.draw_medication(stream(1, "medication", number)) for number in range(150)]
    component = first_component([(case.text,) for case in drawn])
    assert abs(np.corrcoef(component, [case.reading.z for case in drawn])[0, 1]) > 0.85


def test_letters_have_80_to_200_words_and_one_or_two_come_per_case(chimera: Any) -> None:
    for case_id in chimera.of_case("notes"):
        notes = sorted((chimera.root / "notes" / case_id).iterdir())
        assert [path.name for path in notes] == [f"{case_id}_{n}.txt" for n in range(1, len(notes) + 1)]
        assert len(notes) in (1, 2)
        assert all(80 <= len(path.read_text(encoding="utf-8").split()) <= 200 for path in notes)


def test_the_reading_is_what_one_counts_in_the_letters() -> None:
    case = letters.draw_letters(stream(2, "letters", 3))
    poor = sum(text.count(pair[0]) for text in case.texts for pair in letters.SENTENCES)
    good = sum(text.count(pair[1]) for text in case.texts for pair in letters.SENTENCES)
    assert poor + good == len(letters.SENTENCES) * len(case.texts)
    assert case.reading.measurements[0] == pytest.approx(poor / (poor + good))


def test_medication_reads_like_the_published_column() -> None:
    texts = [medication.draw_medication(stream(3, "medication", number)).text for number in range(40)]
    assert all(text.startswith("ACEI usage dosage: ") and text.endswith(" ") for text in texts)
    assert any("β" in text for text in texts)
    assert any("from Metoprolol" in text for text in texts)
    assert all("\n" not in text for text in texts)
