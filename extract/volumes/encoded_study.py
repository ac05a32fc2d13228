"""What encoders make of a study, in the form in which an entry keeps it.

Enters: an encoder, a study on its grid. Leaves: every series encoded, and several together where the encoder
can; tokens, their places and rows of regions as arrays of the stored type, and the names of the rows. What is
refused is named by its study.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from extract.encoders.card import EncodedSeries, EncoderCard, JointEncoder, VolumeEncoder
from extract.encoders.input_contract import check_contract
from extract.volumes.study import Study
from extract.volumes.time.over_time import OverTime
from feature_cache.canonical import Json
from feature_cache.errors import SourceError


def refuse_unfit(card: EncoderCard, study: Study, where: str) -> None:
    """Hold every series against the card's contract before the first is encoded: networks take long."""
    if card.contract is None:
        return
    with _named(where):
        for one in study.series:
            check_contract(card.contract, one, study.regions, card.name)


def encode_series(encoder: VolumeEncoder, study: Study, where: str) -> list[EncodedSeries]:
    """Encode every series; what an encoder refuses is named by its study."""
    with _named(where):
        return [encoder.encode(one, study.regions) for one in study.series]


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Name the study in what is refused inside."""
    try:
        yield
    except SourceError as error:
        raise SourceError(
            f"{where}, {error.where}", expected=error.expected, got=error.got, remedy=error.remedy
        ) from error


def token_arrays(
    encoded: list[EncodedSeries], study: Study, dtype: str, where: str
) -> dict[str, np.ndarray[Any, Any]]:
    """Return tokens with their places, and the rows of all series and regions. NaN mm where none is known."""
    places = np.concatenate([one.token_xyz_mm for one in encoded]).astype(np.float64)
    regions = np.concatenate([one.regions for one in encoded])
    counts = [len(one.embeddings) for one in encoded]
    return {
        "embeddings": _stored(np.concatenate([one.embeddings for one in encoded]), dtype, where),
        "token_xyz_mm": (places if study.spacing_known else np.full_like(places, np.nan)).astype("<f4"),
        "token_voxel": study.grid.indices(places).astype("<f4"),
        "token_series": np.repeat(np.arange(len(encoded)), counts).astype("<i2"),
        "regions": _stored(regions, dtype, where),
        "region_valid": np.isfinite(regions).any(axis=1),
    }


def time_arrays(over_time: OverTime | None, dtype: str, where: str) -> dict[str, np.ndarray[Any, Any]]:
    """Return the frames of all series over time; nothing for a study without one."""
    if over_time is None:
        return {}
    return {"time_embeddings": _stored(over_time.embeddings, dtype, where), **over_time.arrays}


def _stored(values: np.ndarray[Any, Any], dtype: str, where: str) -> np.ndarray[Any, Any]:
    """Return values as they are stored; `SourceError` for one that the type cannot hold."""
    with np.errstate(over="ignore"):
        stored = values.astype(dtype)
    lost = int((np.isinf(stored)).sum())
    if lost:
        raise SourceError(
            where,
            expected=f"features that {stored.dtype.name} can hold",
            got=f"{lost:,} that it cannot",
            remedy="Look at the weights of the encoder; are they those of its card?",
        )
    return stored


def encode_together(
    encoder: VolumeEncoder, study: Study, encoded: list[EncodedSeries], where: str
) -> dict[str, Json]:
    """Add what an encoder makes of several series together, and say which and what was masked."""
    if not isinstance(encoder, JointEncoder):
        return {}
    with _named(where):
        joint = encoder.encode_jointly(study.series, study.regions)
    if joint is None:
        return {}
    encoded.append(joint)
    assert joint.shown is not None
    return {"jointly": joint.shown}


def rows_beyond(together: dict[str, Json], study: Study) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows to add to statistics of single series, so that rows go on meaning the same."""
    return (0, len(study.regions) if together else 0), (0, 0)


def name_rows(study: Study, together: dict[str, Json]) -> dict[str, Json]:
    """Name series, regions, and what each row of `regions` and `radiomics` is about.

    Tokens and rows of several series together come last, under their names joined by `+`.
    """
    sequences, regions = [one.sequence for one in study.series], list(study.regions)
    named = list(sequences)
    if together:
        joint = together["jointly"]
        assert isinstance(joint, dict) and isinstance(joint["channels"], list)
        named.append("+".join(map(str, joint["channels"])))
    rows: list[Json] = [{"series": sequence, "region": region} for sequence in named for region in regions]
    return {"series": [*sequences], "regions": [*regions], "region_rows": rows, **together}


def name_shown(encoded: list[EncodedSeries], study: Study) -> dict[str, Json]:
    """Say of each series what an encoder with an input contract was shown; nothing of other encoders."""
    shown = zip(study.series, encoded[: len(study.series)], strict=True)
    said: dict[str, Json] = {one.sequence: of.shown for one, of in shown if of.shown is not None}
    return {"shown": said} if said else {}


def rounded(numbers: object) -> list[Json]:
    """Return numbers as JSON can hold them: NaN is null."""
    values = np.asarray(numbers, dtype=np.float64)
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
