"""How a segmenter is fitted: few numbers, all with a default, all of them kept beside the weights.

Enters: a YAML file, or nothing. Leaves: frozen settings. What a cohort decides where nothing is set (the
sequence, the pixel size, the window) is decided in `plan.py` from headers alone and written down complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from extract.segment.networks.settings import NetworkSettings
from feature_cache.errors import RecipeError
from feature_cache.strict_yaml import read_yaml

#: Bumped by hand when the same settings, files and folds give other weights.
FIT_ALGORITHM = 1


class FitSettings(BaseModel):
    """What a user may choose.

    Attributes
    ----------
    network
        Widths and blocks; what is left out is as the network's makers have it.
    seed
        Of the weights, the folds, the early stopping cases, the order of slices and the augmentation.
    folds
        How many are made where no --folds are given. 1: one network of all cases, nothing out of fold.
    epochs, batch, learning_rate
        Passes over all slices of the train part, slices a step, AdamW's first rate (it falls to 0 as
        (1 - epoch / epochs) ** .9, as DAE-Former's own schedule does).
    patience
        Epochs without a better Dice on the early stopping cases before a fit ends; null: no such cases,
        all epochs, last weights.
    early_stopping_share
        Share of the train part's cases that is kept for that, at least one case.
    augment
        Random turns (15 degrees), sizes (15 %), shifts (5 %) and grey values (20 %) of train slices.
    threads
        Of the CPU; another number may give other bits.
    sequence
        Of series.csv; left out: the one that all masks were drawn on.
    inplane_mm
        Pixel side that slices are brought to; `native`: as they are. Left out: the median of the cohort's
        where every spacing is known, native where none is.
    side_px
        Side of the square window a network sees, a multiple of 32; left out: what holds every slice, at most
        320.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkSettings = NetworkSettings()
    seed: int = Field(default=0, ge=0)
    folds: int = Field(default=5, ge=1, le=50)
    epochs: int = Field(default=100, ge=1, le=10_000)
    batch: int = Field(default=8, ge=1, le=512)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    patience: int | None = Field(default=20, ge=1)
    early_stopping_share: float = Field(default=0.2, gt=0, lt=1)
    augment: bool = True
    threads: int = Field(default=1, ge=1, le=256)
    sequence: str | None = None
    inplane_mm: float | Literal["native"] | None = None
    side_px: int | None = Field(default=None, ge=32, le=1024, multiple_of=32)

    @field_validator("sequence")
    @classmethod
    def _in_lower_case(cls, sequence: str | None) -> str | None:
        return None if sequence is None else sequence.strip().lower()

    @field_validator("inplane_mm")
    @classmethod
    def _plausible(cls, side: float | Literal["native"] | None) -> float | Literal["native"] | None:
        if isinstance(side, float) and not 0.1 <= side <= 20:
            raise ValueError("a pixel side from 0.1 to 20 mm")
        return side


def read_settings(path: Path | None) -> FitSettings:
    """Return the settings of a file; all defaults where None.

    Raises
    ------
    RecipeError
        No such file, no YAML, or an unknown key or value; the message names it.
    """
    if path is None:
        return FitSettings()
    remedy = "The settings of a fit are listed in docs/segmenters.md."
    try:
        document = read_yaml(path)
        return FitSettings.model_validate({} if document is None else document)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = f"{path.name}: {'.'.join(map(str, fault['loc'])) or 'settings'}"
        raise RecipeError(where, expected="a setting of a fit", got=fault["msg"], remedy=remedy) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else f"none ({type(error).__name__})"
        raise RecipeError(path.name, expected="YAML in UTF-8", got=got, remedy=remedy) from error
