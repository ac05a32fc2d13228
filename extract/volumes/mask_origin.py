"""Who drew a mask, where it was a segmenter: the file that the column `segmenter` of masks.csv names.

Enters: a JSON file that `python -m extract segment` (or anybody) wrote. Leaves: what an entry keeps of it,
above all the cases that the segmenter learnt from: a case must not be judged by features that its own mask
helped to make, and `python -m fuse check` looks for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from feature_cache.canonical import Json
from feature_cache.errors import SourceError

#: Bytes of such a file: a hundred thousand case ids.
_MOST_BYTES = 2**23


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
            return (f"by {self.segmenter}, of which nobody says what cases it learnt from",)
        if case_id in self.training_case_ids:
            return (f"by {self.segmenter}, which learnt from this very case",)
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


def _no_origin(where: str, got: str) -> SourceError:
    return SourceError(
        where,
        expected="JSON with segmenter, weights, cohort and training_case_ids",
        got=got,
        remedy="Take the file that `python -m extract segment` wrote beside the masks.",
    )
