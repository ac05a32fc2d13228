"""segmenter.yaml: what a folder of fitted networks holds, who taught them, and how a series is shown to them.

Enters: a folder that `fit-segmenter` wrote. Leaves: a frozen record. The weights lie beside it as safetensors
with their sha256 in here; nothing in the folder is ever unpickled. The record is written last: a folder
without it is a fit that was not finished.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from extract.segment.networks.settings import NetworkSettings
from extract.segment.settings import FitSettings
from feature_cache.errors import RecipeError
from feature_cache.strict_yaml import read_yaml

RECORD_NAME = "segmenter.yaml"

Intensity = Literal["clipped_z", "thousandth"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preparation(_Frozen):
    """How a series becomes what a network sees; `preparation.py` does it.

    Slices as a radiologist sees them, brought to `inplane_mm` (null: pixels as they are), in windows of
    `side_px`. `intensity`: `clipped_z` clips a series at its .5th and 99.5th percentile and takes its mean
    and deviation out; `thousandth` is for ADC, whose numbers mean the same in every patient.
    """

    sequence: str
    inplane_mm: float | None
    side_px: int = Field(ge=32, multiple_of=32)
    intensity: Intensity


class NetworkRecord(_Frozen):
    """What `build_network` is called with, and how many parameters that gives."""

    name: str
    settings: NetworkSettings
    channels: int = 1
    classes: int = Field(ge=2)
    parameters: int


class ModelRecord(_Frozen):
    """One network: the fold whose train part it was fitted on, and that part's cases.

    `training_case_ids` are all cases that had any say in the weights, `early_stopping_case_ids` among them.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    repeat: int
    fold: int
    weights: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    training_case_ids: tuple[str, ...]
    early_stopping_case_ids: tuple[str, ...]
    test_case_ids: tuple[str, ...]
    epochs_run: int
    best_epoch: int
    best_dice: float | None

    @model_validator(mode="after")
    def _inside_the_folder(self) -> ModelRecord:
        if self.weights != f"{self.name}.safetensors":
            raise ValueError("weights that are not beside the record")
        return self


class SegmenterRecord(_Frozen):
    """All of segmenter.yaml. `labels` maps values of its masks to structures; 0 is background."""

    schema_version: Literal[1] = 1
    algorithm: int
    cohort: str
    target: str
    labels: dict[int, str] = Field(min_length=1)
    network: NetworkRecord
    preparation: Preparation
    settings: FitSettings
    device: Literal["cpu", "cuda"]
    folds_from: Literal["made", "file"]
    folds_sha256: str
    #: Of the list of all files that it learnt from, with their hashes.
    sources_sha256: str
    versions: dict[str, str]
    models: tuple[ModelRecord, ...] = Field(min_length=1)

    @property
    def training_case_ids(self) -> tuple[str, ...]:
        """Every case that any of its networks learnt from, sorted."""
        return tuple(sorted({case for model in self.models for case in model.training_case_ids}))

    def unseen(self, case_id: str) -> tuple[ModelRecord, ...]:
        """Return the networks that did not learn from a case: one or a few in its cohort, all elsewhere."""
        return tuple(model for model in self.models if case_id not in model.training_case_ids)


def read_record(folder: Path) -> SegmenterRecord:
    """Return the record of a fitted segmenter.

    Raises
    ------
    RecipeError
        No folder of `fit-segmenter`, one whose fit was not finished, or a record that makes no sense.
    """
    where = f"segmenter {folder.name}"
    if not (folder / RECORD_NAME).is_file():
        raise RecipeError(
            where,
            expected=f"a folder with {RECORD_NAME}",
            got="no such folder" if not folder.is_dir() else "none in it: no fit, or one not finished",
            remedy="Run `python -m extract fit-segmenter`: it goes on where it stopped.",
        )
    try:
        return SegmenterRecord.model_validate(read_yaml(folder / RECORD_NAME))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise _odd_record(where, f"something else at {'.'.join(map(str, fault['loc']))}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _odd_record(where, f"no YAML ({type(error).__name__})") from error


def record_text(record: SegmenterRecord) -> str:
    """Return segmenter.yaml: the same bytes for the same fit."""
    document = record.model_dump(mode="json") | {"labels": dict(record.labels)}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return text


def _odd_record(where: str, got: str) -> RecipeError:
    return RecipeError(
        f"{where}: {RECORD_NAME}",
        expected="a record as `fit-segmenter` writes it",
        got=got,
        remedy="Fit it again, or fetch the folder again.",
    )
