"""What an encoder is shown of a series' intensities: by a rule for each sequence, told in the entry.

Enters: the series of a study on its grid, its regions, an encoder's card, the recipe's rules. Leaves: the
series for the encoder, and what was done to each. ADC is a quantity: it is divided by 1000, the same number
in every patient, and never standardised by image. T2W and high b have no unit: the median and the median
absolute deviation of the gland, or of the body where no gland was drawn, make patients comparable. What is
measured (`radiomics`, `measures`) is of the values before: as read, or after N4 where a recipe asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Bool
from pydantic import Field, field_validator, model_validator

from extract.encoders.card import EncoderCard
from extract.volumes.adc import is_adc
from extract.volumes.optional_block import OptionalBlock
from extract.volumes.region_names import Meaning, names_of_gland
from extract.volumes.texture.bins import Bins
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import Json
from feature_cache.errors import RecipeError, SourceError

Policy = Literal["fixed", "robust_z", "raw"]
Mask = Bool[np.ndarray[Any, Any], "x y z"]

_ADC_DIVISOR = 1000.0
#: The median absolute deviation of a normal distribution times this is its standard deviation.
_MAD_TO_SD = 1.4826
#: Body: where the reference is above this share of its 99th percentile in the crop. Own definition.
_BODY_SHARE = 0.05
#: What takes a window of values to [0, 1] takes this one: ADC in 1e-3 mm2/s, and standard deviations.
WINDOWS: dict[Policy, tuple[float, float]] = {"fixed": (0.0, 3.0), "robust_z": (-3.0, 5.0)}
_SHOWN = "shown to the encoder; radiomics and measures are of the values before (as read, or after n4)"


class Intensity(OptionalBlock):
    """Sequence -> rule, as in `intensity: {adc: fixed, t2w: robust_z}`. A sequence that is not named is raw.

    `fixed` is for ADC and `robust_z` for anything else.
    """

    algorithms: ClassVar[dict[str, int]] = {"intensity": 1}

    policies: dict[str, Policy] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _by_sequence(cls, written: object) -> object:
        return {"policies": written} if isinstance(written, dict) and "policies" not in written else written

    @field_validator("policies")
    @classmethod
    def _suits_the_sequence(cls, policies: dict[str, Policy]) -> dict[str, Policy]:
        plain = {sequence.strip().lower(): policy for sequence, policy in policies.items()}
        for sequence, policy in plain.items():
            if policy != "raw" and is_adc(sequence) != (policy == "fixed"):
                raise ValueError(
                    f"{sequence}: {policy} (ADC is a quantity: fixed or raw; anything else robust_z or raw)"
                )
        return dict(sorted(plain.items()))


def refuse_intensity(recipe: str, asked: Intensity | None, bins: Bins | None, timed: Collection[str]) -> None:
    """Refuse rules that contradict another part of a recipe's volumes block.

    Raises
    ------
    RecipeError
        A sequence has bins of a width in its own unit, or is a series in time, and is to be prepared.
    """
    changed = [name for name, policy in (asked.policies if asked else {}).items() if policy != "raw"]
    for name in changed:
        wide = bins is not None and bins.width_of(name) is not None
        if wide or name in timed:
            raise RecipeError(
                f"recipe {recipe}: volumes.intensity.{name}",
                expected="raw for a sequence "
                + ("whose bins have a width in its own unit" if wide else "that is read over time"),
                got=f"{name}: {asked.policies[name] if asked else 'raw'}",
                remedy=f"Take {name} out of `intensity`" + (", or bin it by count." if wide else "."),
            )


def prepare_series(
    series: Sequence[SeriesOnGrid],
    regions: Mapping[str, Mask],
    card: EncoderCard,
    asked: Intensity | None,
    said: Mapping[Meaning, Collection[str]],
) -> tuple[tuple[SeriesOnGrid, ...], dict[str, Json]]:
    """Return the series as the encoder is shown them, and what an entry keeps; {} where nothing is asked.

    Parameters
    ----------
    series
        On the study's grid, as read.
    regions
        On the same grid.
    card
        A network whose card has an intensity of its own (`contract.intensity`) that the recipe's may not
        replace (`contract.prepared`) is shown the series as read.
    said
        Names of regions that the recipe gives a meaning.

    Raises
    ------
    SourceError
        Half of the gland or body has one value.
    """
    if asked is None:
        return tuple(series), {}
    contract = card.contract
    if contract is not None and not contract.prepared:
        kept: dict[str, Json] = {"policies": "not applied", "by_the_encoder": contract.intensity}
        return tuple(series), {"intensity": kept}
    shown, described = [], {}
    for one in series:
        policy = asked.policies.get(one.sequence, "raw")
        inside = _where(one, series, regions, said) if policy == "robust_z" else None
        prepared, told = _prepare(one, policy, inside)
        shown.append(prepared)
        described[one.sequence] = told
    return tuple(shown), {"intensity": {"policies": _SHOWN, **described}}


def _prepare(one: SeriesOnGrid, policy: Policy, where: tuple[Mask, str] | None) -> tuple[SeriesOnGrid, Json]:
    if policy == "raw":
        return one, {"policy": "raw"}
    if where is None:
        told: dict[str, Json] = {"policy": "fixed", "divided_by": _ADC_DIVISOR, "unit": "1e-3 mm2/s"}
        centre, spread = 0.0, _ADC_DIVISOR
    else:
        inside, name = where
        centre, spread = _robust(one.voxels[inside], one.sequence, name)
        told = {"policy": "robust_z", "region": name, "voxels": int(inside.sum())}
        told |= {"median": round(centre, 6), "mad_sd": round(spread, 6)}
    voxels = ((one.voxels.astype(np.float64) - centre) / spread).astype(np.float32)
    return replace(one, voxels=voxels, window=WINDOWS[policy]), told


def _where(
    one: SeriesOnGrid,
    series: Sequence[SeriesOnGrid],
    regions: Mapping[str, Mask],
    said: Mapping[Meaning, Collection[str]],
) -> tuple[Mask, str]:
    """Return the gland where the series shows any of it, else the body, and what it is called.

    The body is seen on the reference, whose air is dark: at high b air is no darker than fat.
    """
    covered = np.isfinite(one.voxels)
    chosen = names_of_gland(list(regions), said, f"series {one.sequence}")
    if chosen:
        gland: Mask = np.any([regions[name] for name in chosen], axis=0) & covered
        if gland.any():
            return gland, " and ".join(chosen)
    seen_on = next((other for other in series if other.is_reference), one)
    seen = seen_on.voxels[np.isfinite(seen_on.voxels)]
    with np.errstate(invalid="ignore"):
        body: Mask = covered & (seen_on.voxels > _BODY_SHARE * float(np.percentile(seen, 99)))
    share = f"{100 * _BODY_SHARE:g} % of the crop's 99th percentile"
    return body, f"body: where {seen_on.sequence} is above {share}"


def _robust(values: np.ndarray[Any, Any], sequence: str, region: str) -> tuple[float, float]:
    inside = values.astype(np.float64)
    centre = float(np.median(inside)) if len(inside) else 0.0
    spread = _MAD_TO_SD * float(np.median(np.abs(inside - centre))) if len(inside) else 0.0
    if spread == 0:
        raise SourceError(
            f"series {sequence}",
            expected=f"voxels of many intensities in {region}",
            got="half of them or more of one intensity" if len(inside) else "none",
            remedy="Look at the series; take a blank one out of series.csv.",
        )
    return centre, spread
