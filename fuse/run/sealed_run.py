"""A run as its record seals it: read back, refused where it was altered, and inspected again.

Enters: a RUN folder, and where its cache and cohort are now. Leaves: the record, and an inspection of the
same inputs, every entry of which is the one that the run has read.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from feature_cache.canonical import sha256_of_file
from feature_cache.errors import OutcomeError
from fuse.inspection.inspection import Inspection, RunInputs, inspect_inputs
from fuse.protocol import read_protocol
from fuse.run.entries_file import compare_entries
from fuse.run.run_record import RECORD

#: Files of a run that a repetition starts from; a record that does not seal them proves nothing.
INPUTS = {"protocol.yaml", "folds.csv", "entries.csv"}


class ValidatedRun(BaseModel):
    """What the record of a validation says of the run that it validates, and where it found its inputs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    cohort_folder: str
    cache: str


class Record(BaseModel):
    """What a repetition needs of run.json; `validation` is there where the run validates another."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    cohort_folder: str
    cache: str
    outputs: dict[str, str]
    versions: dict[str, str]
    validation: ValidatedRun | None = None

    @model_validator(mode="after")
    def _has_outputs(self) -> Record:
        if not self.outputs.keys() >= INPUTS:
            raise ValueError("outputs without the files that a run is repeated from")
        return self


def read_record(run: Path) -> Record:
    """Read run.json.

    Raises
    ------
    OutcomeError
        It is not there, not JSON, or not the record of a run.
    """
    path = run / RECORD
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise OutcomeError(
            f"{run.name}/{RECORD}",
            expected="the record of a run",
            got="no readable file" if isinstance(error, OSError) else "another document",
            remedy="Give the folder that `python -m fuse benchmark --out` wrote.",
        ) from error


def read_sealed(run: Path) -> Record:
    """Read run.json and raise `OutcomeError` where a file of the run is not the one that it seals."""
    record = read_record(run)
    for name, sha256 in sorted(record.outputs.items()):
        path = run / name
        if not path.is_file() or sha256_of_file(path) != sha256:
            raise OutcomeError(
                f"{run.name}/{name}",
                expected="the file as the run wrote it",
                got="another one" if path.is_file() else "no such file",
                remedy="Restore the RUN folder; nothing can be held against what was written then.",
            )
    return record


def inspect_again(run: Path, cache: Path | None, cohort: Path | None) -> tuple[RunInputs, Inspection]:
    """Inspect the inputs of a run again.

    Parameters
    ----------
    cache, cohort
        Where they are now; None where they are still where the record says.

    Raises
    ------
    BraidError
        The RUN folder was altered, an entry is damaged or another one, or the inputs have an error.
    """
    record = read_sealed(run)
    inputs = RunInputs(
        cohort_folder=cohort or (run / record.cohort_folder).resolve(),
        cache=cache or (run / record.cache).resolve(),
        protocol=read_protocol(str(run / "protocol.yaml")),
        folds_file=run / "folds.csv",
    )
    inspection = inspect_inputs(inputs)
    inspection.refuse_errors()
    compare_entries(run / "entries.csv", inspection.chosen)
    return inputs, inspection
