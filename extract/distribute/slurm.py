"""Workers as SLURM jobs, through dask-jobqueue: one worker a job, one GPU a worker.

Enters: a YAML file that says what a job asks for. Leaves: the words for dask-jobqueue. What the file does not
say comes from dask's own jobqueue.yaml, where a site has one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from feature_cache.errors import RecipeError
from feature_cache.strict_yaml import read_yaml

#: A line of the job script is one line.
Line = Annotated[str, Field(pattern=r"^[^\r\n]+$")]


class SlurmJob(BaseModel):
    """What one job asks SLURM for. `directives` are further words after #SBATCH, `prologue` shell lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: int = Field(default=4, ge=1)
    memory_gb: float = Field(default=32, ge=1)
    walltime: Line = "1-00:00:00"
    gpu: bool = False
    partition: Line | None = None
    account: Line | None = None
    interface: Line | None = None
    directives: tuple[Line, ...] = ()
    prologue: tuple[Line, ...] = ()

    def words(self, certificates: Path) -> dict[str, Any]:
        """Return what `dask_jobqueue.SLURMCluster` is called with.

        `certificates` is a folder that all machines see; what is written there is for its owner alone.
        """
        return {
            "cores": 1,  # threads of the worker: one task at a time
            "processes": 1,
            "job_cpu": self.cores,
            "memory": f"{self.memory_gb:g}GB",
            "walltime": self.walltime,
            "queue": self.partition,
            "account": self.account,
            "interface": self.interface,
            "job_extra_directives": [*(["--gres=gpu:1"] if self.gpu else []), *self.directives],
            "job_script_prologue": ["export DASK_DISTRIBUTED__WORKER__DAEMON=False", *self.prologue],
            "worker_extra_args": ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"],
            "shared_temp_directory": str(certificates),
        }


def read_slurm_job(path: Path | None) -> SlurmJob:
    """Read what a job asks for; without a file 4 cores and 32 GB for a day.

    Raises
    ------
    RecipeError
        The file cannot be read, or has unknown keys or wrong values; the first is named.
    """
    if path is None:
        return SlurmJob()
    where = f"--slurm-job {path.name}"
    try:
        return SlurmJob.model_validate(read_yaml(path))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            where, expected="a YAML file in UTF-8", got=type(error).__name__, remedy="Mend the file."
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise RecipeError(
            f"{where}: {'.'.join(map(str, fault['loc']))}",
            expected=f"keys among {', '.join(SlurmJob.model_fields)}",
            got=fault["msg"],
            remedy="Mend the file.",
        ) from error
