"""A segmenter that was fitted here, as an encoder of other cohorts: the tokens at the bottom of its network.

Enters: a folder of `fit-segmenter`, a series on its study's grid, regions. Leaves: tokens with their places
in RAS mm, and their means in regions. What the network is shown is what it was fitted on: slices in
radiological view, at its pixel side, in its windows, with its grey values (percentiles are those of the
study's crop).

* It has seen the masks of its cases. For its own cohort, or one with any of its cases, it is refused: such
  tokens know what was drawn. The same patients under other ids cannot be told.
* The networks of a fit have nothing in common but their task: their tokens cannot be averaged. The first
  network of the folder is used, not the best. Fit with `folds: 1` to have one that has seen all cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from extract.encoders.card import EncodedSeries, EncoderCard
from extract.encoders.computing import Computing, numbered
from extract.encoders.input_contract import InputContract, check_contract
from extract.encoders.networks import refuse_unstorable
from extract.encoders.radiological_view import place, view
from extract.segment.networks.build import import_requirements
from extract.segment.networks.settings import find_network
from extract.segment.record import RECORD_NAME, Preparation, SegmenterRecord, read_record
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json, sha256_of_file
from feature_cache.cohort import Cohort
from feature_cache.errors import RecipeError
from feature_cache.origin import version_of

if TYPE_CHECKING:
    from extract.encoders.weights import Weights
    from extract.segment.networks.network import SegmentationNetwork
    from extract.segment.preparation import PreparedSeries

CARD = EncoderCard(
    name="segmenter",
    title="The bottom of a network that `fit-segmenter` made, for cohorts that it has not seen",
    modality="volumes",
    dim=None,
    normalisation="as it was fitted",
    variant="bottom of the first network",
    licence="of the fit",
    weight_file=RECORD_NAME,
    companions=("*.safetensors",),
    loader="extract.encoders.segmenter:load",
    source="segmenter.yaml beside the weights says who taught it and how",
    weights_needed=True,
    requires=("torch", "safetensors"),
)


class SegmenterBottom:
    """A loaded network; it holds nothing of a series."""

    def __init__(self, network: SegmentationNetwork, record: SegmenterRecord, card: EncoderCard) -> None:
        model, kind = record.models[0], find_network(record.network.name)
        self._computing = Computing.of(card)
        self.used: dict[str, Json] = {
            **self._computing.used,
            "libraries": {name: version_of(name) for name in (*card.requires, *kind.requires)},
            "segmenter": {
                "cohort": record.cohort,
                "target": record.target,
                "network": record.network.name,
                "model": model.name,
                "training_case_ids": [*record.training_case_ids],
            },
        }
        self._network = network.to(self._computing.device)
        self._preparation, self._name = record.preparation, card.name
        self._contract = contract_of(record.preparation)
        self.feature_names = numbered(network.dim)

    def encode(
        self, series: SeriesOnGrid, regions: Mapping[str, Bool[np.ndarray[Any, Any], "x y z"]]
    ) -> EncodedSeries:
        """Encode one series; tokens whose centre is outside the field of view are left out.

        Raises
        ------
        SourceError
            Another sequence than the network was fitted on, no spacing where it needs one, a series without
            contrast, or numbers that cannot be stored.
        """
        from extract.segment.bottleneck import bottleneck_tokens
        from extract.segment.preparation import prepare

        check_contract(self._contract, series, regions, self._name)
        preparation, known = self._preparation, series.spacing_known
        prepared = prepare(series.voxels, series.affine, preparation, spacing_known=known)
        with self._computing.same_bits():
            tokens, centres = bottleneck_tokens(
                self._network.features,
                prepared.images,
                preparation.side_px,
                self._network.stride,
                self._computing.device,
            )
        refuse_unstorable(tokens, self._name)
        centres = centres - (0, *prepared.margins)
        inside = ((centres >= -0.5) & (centres < np.array(prepared.grid.size) - 0.5)).all(axis=1)
        shown = view(series)
        seen = prepared.shown.indices(prepared.grid.centres(centres[inside]))
        encoded = place(tokens[inside], seen, shown, series, regions)
        return replace(encoded, shown=_told(prepared, series, preparation))


def contract_of(preparation: Preparation) -> InputContract:
    """Return what the networks of a fit must be shown."""
    side = preparation.inplane_mm
    return InputContract(
        sequences=(preparation.sequence,),
        channels="one slice",
        spacing_mm=(side, side, None),
        intensity=preparation.intensity,
    )


def load(card: EncoderCard, weights: Weights) -> SegmenterBottom:
    """Return the first network of a fit.

    Raises
    ------
    RecipeError
        The folder is not the one that was hashed, or its weights are not those of its record.
    """
    from extract.segment.fitted import LoadedNetworks

    record = read_record(weights.folder)
    hashed = {file.name: file.sha256 for file in weights.files}
    now = sha256_of_file(weights.folder / RECORD_NAME)
    if now != hashed.get(RECORD_NAME) or hashed.get(record.models[0].weights) != record.models[0].sha256:
        raise RecipeError(
            f"encoder {card.name}: {weights.folder.name}",
            expected="the folder of one fit, as it was hashed",
            got="another record, or weights that are not the record's",
            remedy="Let the fit or the copy finish, then run again.",
        )
    loaded = LoadedNetworks(folder=weights.folder, record=record, device="cpu")
    return SegmenterBottom(loaded.network(record.models[0]), record, card)


def check(card: EncoderCard, weights: Weights) -> None:
    """Read the record; whether the weights are its own is told when they are loaded.

    Raises
    ------
    RecipeError
        No fit, one that was not finished, or a network that cannot be built here.
    """
    import_requirements(read_record(weights.folder).network.name)


def refuse_cohort(card: EncoderCard, weights: Weights, cohort: Cohort) -> None:
    """Refuse a cohort that the segmenter learnt from.

    Raises
    ------
    RecipeError
        The cohort has the name of that of the fit, or a case with the id of one that it learnt from.
    """
    record = read_record(weights.folder)
    shared = sorted({row.case_id for row in cohort.cases} & set(record.training_case_ids))
    if record.cohort != cohort.name and not shared:
        return
    got = f"its own cohort {cohort.name}" if record.cohort == cohort.name else f"cohort {cohort.name}"
    if shared:
        got += f", with {len(shared)} of its training cases, {shared[0]} the first"
    raise RecipeError(
        f"encoder {card.name}: {weights.folder.name}",
        expected="a cohort whose masks the segmenter has not seen",
        got=got,
        remedy="Use its masks out of fold (`python -m extract segment`), or a segmenter of another cohort.",
    )


def _told(prepared: PreparedSeries, series: SeriesOnGrid, preparation: Preparation) -> dict[str, Json]:
    """Return what an entry keeps of how the series was shown."""
    own, used = prepared.shown.spacing[1:], prepared.grid.spacing[1:]
    return {
        "orientation": "radiological view",
        "inplane_mm": [round(float(side), 6) for side in used] if series.spacing_known else None,
        "resampled_from_mm": None if np.allclose(own, used) else [round(float(side), 6) for side in own],
        "window_px": preparation.side_px,
        "air_px": [int(n) for n in np.array(prepared.images.shape[1:]) - prepared.grid.size[1:]],
        "intensity": preparation.intensity,
    }
