"""The verbs `fit-segmenter` and `segment`. Every heavy import waits until its verb is called.

Enters: a command line. Leaves: an exit status: 0 all of it is there, 1 something failed and is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from extract.options import CohortName, Root, Weights

Network = Annotated[
    Literal["daeformer", "unet", "segresnet", "swinunetr"], typer.Option(help="What is fitted.")
]
Target = Annotated[str, typer.Option(metavar="LABELS", help="A region of masks.csv, with its codebook.")]
FitOut = Annotated[Path, typer.Option("--out", help="Folder of the segmenter; a stopped fit goes on in it.")]
Folds = Annotated[
    Path | None, typer.Option(help="folds.csv (repeat, fold, case_id, part); made if not given.")
]
Settings = Annotated[
    Path | None, typer.Option(help="YAML: width, epochs, pixel side ...; see docs/segmenters.md.")
]
Named = Annotated[
    str,
    typer.Argument(metavar="DIR", help="A folder of fit-segmenter, or a card such as prostate_zones."),
]
MasksOut = Annotated[
    Path, typer.Option("--out", help="Folder for masks, best below --root; a stopped run goes on in it.")
]
Region = Annotated[
    str | None, typer.Option(help="What masks.csv calls the masks; as in training if not given.")
]


def fit_segmenter(  # noqa: PLR0913  one parameter for each word of the command line
    cohort: CohortName,
    root: Root,
    network: Network,
    target: Target,
    out: FitOut,
    folds: Folds = None,
    settings: Settings = None,
) -> None:
    """Fit a segmenter to the masks of a cohort, one network a fold, scored out of fold."""
    from extract.segment.fit import FitRequest
    from extract.segment.fit import fit_segmenter as fit
    from extract.segment.settings import read_settings
    from feature_cache.cohort import find_cohort, read_cohort

    request = FitRequest(
        cohort=read_cohort(find_cohort(cohort)),
        root=root,
        network=network,
        target=target,
        out=out,
        folds=folds,
        settings=read_settings(settings),
    )
    record = fit(request, typer.echo)
    typer.echo((out / "summary.csv").read_text(encoding="utf-8"), nl=False)
    typer.echo(f"{out}: {len(record.models)} networks, {record.network.parameters:,} parameters each")


def segment(
    segmenter: Named,
    cohort: CohortName,
    root: Root,
    out: MasksOut,
    region: Region = None,
    weights: Weights = None,
) -> None:
    """Segment the series of a cohort: masks on their own grids, rows for masks.csv, how much there is.

    A case that a network learnt from is given to those that did not; other cases get the mean of all.
    """
    from extract.progress import progress
    from extract.segment.segmenting import SegmentRequest, find_studies, segment_cohort
    from extract.segment.sources import open_source
    from feature_cache.cohort import find_cohort, read_cohort

    source = open_source(segmenter, weights)
    manifest = read_cohort(find_cohort(cohort))
    request = SegmentRequest(
        source=source, cohort=manifest, root=root, out=out, region=region or source.region
    )
    with progress("segmenting", len(find_studies(manifest, source.sequences))) as advance:
        summary = segment_cohort(request, advance)
    typer.echo(summary.describe(), nl=False)
    if summary.problems:
        raise typer.Exit(1)


def add_verbs(app: typer.Typer) -> None:
    """Add the verbs to the command line of stage 1."""
    app.command("fit-segmenter")(fit_segmenter)
    app.command("segment")(segment)
