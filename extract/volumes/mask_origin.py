"""Who drew a mask, where it was a segmenter: the file that the column `segmenter` of masks.csv names.

Enters: a JSON file that `python -m extract segment` (or anybody) wrote. Leaves: what an entry keeps of it,
above all the cases that the segmenter learnt from: a case must not be judged by features that its own mask
helped to make, and `python -m fuse check` looks for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from extract.item import WorkItem
from feature_cache.canonical import Json
from feature_cache.errors import SourceError

#: Bytes of such a file: a hundred thousand case ids.
_MOST_BYTES = 2**23
#: How the roles of such files begin; see `extract.volumes.manifest.origin_role`.
_ROLE = "segmenter:"


class MaskOrigin(BaseModel):
    """What is known of a segmenter.

    `segmenter` names it, `weights` are file name -> sha256 of what it computed with. `cohort` is the one it
    was fitted to and `training_case_ids` are its cases, sorted; both None where its makers do not say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    segmenter: str
    weights: dict[str, str]
    cohort: str | None = None
    training_case_ids: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Json]:
        """Return what an entry keeps of it."""
        kept: dict[str, Json] = self.model_dump(mode="json", exclude={"schema_version"})
        return kept

    def doubts(self, case_id: str) -> tuple[str, ...]:
        """Say what a person should know before features of this case are made from its masks."""
        if self.training_case_ids is None:
            return (f"one by {self.segmenter}, of which nobody says what cases it learnt from",)
        if case_id in self.training_case_ids:
            return (f"one by {self.segmenter}, which learnt from this very case",)
        return ()


def read_origin(path: Path, where: str) -> MaskOrigin:
    """Read such a file.

    Raises
    ------
    SourceError
        It is no JSON of this form.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError
        return MaskOrigin.model_validate_json(path.read_bytes())
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        got = f"something else at {'.'.join(map(str, fault['loc'])) or 'the whole file'}"
        raise _no_origin(where, got) from error
    except ValueError as error:
        raise _no_origin(where, f"a file of more than {_MOST_BYTES:,} bytes") from error


def origins_of(item: WorkItem) -> dict[str, MaskOrigin]:
    """Return who drew the masks of a study, by region (and frame); masks drawn by hand are not among them.

    Raises
    ------
    SourceError
        See `read_origin`.
    """
    return {
        role.removeprefix(_ROLE): read_origin(item.path_of(role), item.name_of(role))
        for role in item.files
        if role.startswith(_ROLE)
    }


def drawn_by(item: WorkItem) -> dict[str, Json]:
    """Return what an entry says of its segmenters under `used`: nothing where no mask is a segmenter's."""
    origins = {region: origin.as_json() for region, origin in origins_of(item).items()}
    return {"segmenters": {**origins}} if origins else {}


def origin_doubts(item: WorkItem) -> tuple[str, ...]:
    """Say what a person should know of the segmenters that drew the masks of a study."""
    return tuple(
        f"mask {region}: {doubt}"
        for region, origin in origins_of(item).items()
        for doubt in origin.doubts(item.key.case_id)
    )


def _no_origin(where: str, got: str) -> SourceError:
    return SourceError(
        where,
        expected="JSON with segmenter, weights, cohort and training_case_ids",
        got=got,
        remedy="Take the file that `python -m extract segment` wrote beside the masks.",
    )
