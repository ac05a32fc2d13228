"""The words of the command line that several verbs of stage 1 share.

Enters: nothing. Leaves: types for the parameters of verbs. Light to import: `--help` loads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from extract.distribute.shard import Shard


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="Folder of manifest tables, or a name.")]
Root = Annotated[Path, typer.Option(help="Folder that the manifest's paths are relative to.")]
CacheFolder = Annotated[Path, typer.Argument(metavar="CACHE", help="A feature cache.")]
Cache = Annotated[Path, typer.Option("--cache", help="The feature cache to write.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="A shipped recipe or a YAML file.")]
Weights = Annotated[Path | None, typer.Option(help="Folder of encoder weights.")]
Trusted = Annotated[
    list[str] | None,
    typer.Option("--trust-remote-code", metavar="NAME", help="Run the code that this encoder's makers ship."),
]
CasesFile = Annotated[Path | None, typer.Option("--cases", help="File of case ids, one a line.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many items.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes.")]
Readers = Annotated[int, typer.Option(min=1, help="Items that a process has in hand at a time.")]
MemoryGb = Annotated[
    float | None,
    typer.Option(min=0.1, help="Memory an item may take; if not given, 90 % of the machine's / workers."),
]
#: 10,000 tiles through the largest network take 16 hours on two cores, and no item may hold a run for ever.
#: The whole time counts, not the time without progress: a decoder that hangs and one at work look the same.
TimeLimit = Annotated[float, typer.Option(min=0.01, help="Minutes that an item may take.")]
#: A run may be cut without a scheduler, or given to one; both at once make no sense but do no harm.
ShardOption = Annotated[
    Shard | None,
    typer.Option("--shard", metavar="I/N", parser=_shard, help="Do the I-th of N parts, cut by tile count."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="WHERE", help="Work through dask: local, slurm, or the address of a scheduler."),
]
SlurmFile = Annotated[
    Path | None, typer.Option("--slurm-job", help="YAML of what a SLURM job asks for, one worker each.")
]
Format = Annotated[Literal["zarr", "hdf5"], typer.Option("--format", help="How arrays lie on disk.")]
CacheCohort = Annotated[str, typer.Argument(metavar="COHORT", help="The cohort's name in the cache.")]
FeatureSet = Annotated[str, typer.Argument(metavar="SET", help="A feature set, <recipe>-<hash>.")]
OnlyCases = Annotated[list[str] | None, typer.Option("--case", help="This case alone; may be repeated.")]
