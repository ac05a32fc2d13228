"""An encoder that is shown several series together: its rows and tokens in the entry, and who is masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from extract.encoders import registry
from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.first_order_shape import FirstOrderShape
from extract.encoders.input_contract import InputContract
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json
from feature_cache.errors import SourceError
from tests.extract.volumes.studies import ALL, PROSTATE, build, cohort_of, write_study

CHANNELS = ("t2w", "adc", "hbv")


class Together(FirstOrderShape):
    """Each series by its statistics; together the sum of what is there."""

    def encode_jointly(
        self, series: Sequence[SeriesOnGrid], regions: Mapping[str, np.ndarray]
    ) -> EncodedSeries | None:
        there = [one for one in series if one.sequence in CHANNELS]
        summed = replace(there[0], voxels=np.sum([one.voxels for one in there], axis=0, dtype=np.float32))
        masked = [name for name in CHANNELS if name not in [one.sequence for one in there]]
        shown: dict[str, Json] = {"channels": [*CHANNELS], "masked": [*masked]}
        return replace(self.encode(summed, regions), shown=shown)


def load(card: EncoderCard, weights: None) -> Together:
    return Together()


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    together = EncoderCard(
        name="together", title="t", modality="volumes", dim=len(Together.feature_names), licence="l",
        source="s", jointly=CHANNELS, loader="tests.extract.volumes.test_joint_rows:load",
    )  # fmt: skip
    known = registry.encoder_cards("volumes")
    monkeypatch.setattr(registry, "_cards", lambda: (*known, together))
    return write_study(tmp_path / "study")


def test_rows_of_several_series_together_come_last_under_their_names(study: Path) -> None:
    draft = build(cohort_of(ALL, [PROSTATE]), study, {"encoder": "together"})
    named = draft.attrs["region_rows"]
    assert isinstance(named, list) and named[6:] == [
        {"series": "t2w+adc+hbv", "region": "prostate"},
        {"series": "t2w+adc+hbv", "region": "crop"},
    ]
    assert draft.attrs["series"] == ["t2w", "adc", "hbv"]
    assert draft.attrs["jointly"] == {"channels": [*CHANNELS], "masked": []}
    assert set(draft.arrays["token_series"].tolist()) == {0, 1, 2, 3}
    regions, radiomics = draft.arrays["regions"], draft.arrays["radiomics"]
    assert len(regions) == len(radiomics) == 8
    mean = Together.feature_names.index("stat_mean")
    assert regions[6, mean] == pytest.approx(regions[:6:2, mean].sum(), rel=1e-4)
    assert np.isnan(radiomics[6:]).all() and np.isfinite(radiomics[:6, mean]).all()


def test_a_series_that_the_recipe_leaves_out_is_masked_and_its_file_has_no_influence(study: Path) -> None:
    wanted = {"encoder": "together", "sequences": ["t2w", "adc"]}
    first = build(cohort_of(ALL, [PROSTATE]), study, wanted)
    assert first.attrs["jointly"] == {"channels": [*CHANNELS], "masked": ["hbv"]}
    second = build(cohort_of(ALL[:2], [PROSTATE]), study, wanted)
    np.testing.assert_array_equal(first.arrays["regions"], second.arrays["regions"])


def test_other_encoders_have_no_such_rows(study: Path) -> None:
    draft = build(cohort_of(ALL, [PROSTATE]), study)
    assert "jointly" not in draft.attrs and len(draft.arrays["radiomics"]) == 6


def test_a_series_outside_the_contract_is_refused_before_any_is_encoded(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Together, "encode", lambda self, series, regions: asked.append(series.sequence))
    contract = {"contract": InputContract(sequences=("t2w",))}
    strict = tuple(
        one.model_copy(update=contract) if one.name == "together" else one for one in registry._cards()
    )
    monkeypatch.setattr(registry, "_cards", lambda: strict)
    with pytest.raises(
        SourceError, match=r"study s, series adc for encoder together: expected a series of t2w"
    ):
        build(cohort_of(ALL, [PROSTATE]), study, {"encoder": "together"})
    assert asked == []
