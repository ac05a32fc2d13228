"""The words of the command line that several verbs of stage 1 share.

Enters: nothing. Leaves: types for the parameters of verbs. Light to import: `--help` loads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="Folder of manifest tables, or a name.")]
Root = Annotated[Path, typer.Option(help="Folder that the manifest's paths are relative to.")]
CacheFolder = Annotated[Path, typer.Argument(metavar="CACHE", help="A feature cache.")]
Cache = Annotated[Path, typer.Option("--cache", help="The feature cache to write.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="A shipped recipe or a YAML file.")]
Weights = Annotated[Path | None, typer.Option(help="Folder of encoder weights.")]
CasesFile = Annotated[Path | None, typer.Option("--cases", help="File of case ids, one a line.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many items.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes.")]
MemoryGb = Annotated[
    float | None,
    typer.Option(min=0.1, help="Memory an item may take; if not given, 90 % of the machine's / workers."),
]
#: 10,000 tiles through the largest network take 16 hours on two cores, and no item may hold a run for ever.
#: The whole time counts, not the time without progress: a decoder that hangs and one at work look the same.
TimeLimit = Annotated[float, typer.Option(min=0.01, help="Minutes that an item may take.")]
Format = Annotated[Literal["zarr", "hdf5"], typer.Option("--format", help="How arrays lie on disk.")]
