"""The verbs `import` and `export`. Every heavy import waits until its verb is called.

Enters: a command line. Leaves: an exit status: 0 every slide is there, 1 something failed and is named.
`import` is for tile features so far; what other modalities are imported from will be further sources of the
same verb.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.options import (
    Cache,
    CacheCohort,
    CacheFolder,
    CohortName,
    FeatureSet,
    Format,
    MemoryGb,
    OnlyCases,
    TimeLimit,
    Workers,
)

SOURCES = "trident, clam, stamp, slide2vec or chimera"

Source = Annotated[str, typer.Argument(metavar="SOURCE", help=f"Who wrote the files: {SOURCES}.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Their folder of features.")]
Encoder = Annotated[str, typer.Option(help="The encoder that made them, by its card's name.")]
Mpp = Annotated[float, typer.Option(min=0.01, max=100, help="um per pixel of the tiles.")]
Variant = Annotated[str | None, typer.Option(help="Which output of the encoder was taken.")]
Dim = Annotated[int | None, typer.Option(min=1, help="Numbers an embedding, of an encoder without a card.")]
TilePx = Annotated[int | None, typer.Option(min=1, help="Side of a tile in pixels, where no file tells.")]
Name = Annotated[str | None, typer.Option(help="Name of the recipe; SOURCE_ENCODER if not given.")]
Coordinates = Annotated[Path | None, typer.Option(help="CLAM's folder `patches`, with its tiling.")]
Root = Annotated[
    Path | None, typer.Option(help="Folder of the slides, to read mpp that slides.csv does not give.")
]
Sha256 = Annotated[str | None, typer.Option(help="sha256 of the encoder's weights, if known.")]
Revision = Annotated[str | None, typer.Option(help="Revision of the encoder's weights, if known.")]
OffCard = Annotated[bool, typer.Option("--off-card", help="They were made at a scale off the card.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")]


def import_features(  # noqa: PLR0913  one parameter for each word of the command line
    source: Source,
    folder: Folder,
    cohort: CohortName,
    cache: Cache,
    encoder: Encoder,
    mpp: Mpp,
    variant: Variant = None,
    dim: Dim = None,
    tile_px: TilePx = None,
    coordinates: Coordinates = None,
    root: Root = None,
    weights_sha256: Sha256 = None,
    revision: Revision = None,
    off_card: OffCard = False,
    name: Name = None,
    workers: Workers = 1,
    memory_gb: MemoryGb = None,
    time_limit: TimeLimit = 60,
    array_format: Format = "zarr",
) -> None:
    """Take in tile features that another program made; encoder and mpp are never guessed."""
    from extract.caps import item_caps
    from extract.interchange.claim import Claim
    from extract.interchange.importing import ImportRequest, import_slides
    from feature_cache.cohort import find_cohort, read_cohort
    from feature_cache.store import FeatureCache

    claim = Claim(
        encoder=encoder,
        mpp=mpp,
        variant=variant,
        dim=dim,
        tile_px=tile_px,
        weights_sha256=weights_sha256,
        revision=revision,
        off_card=off_card,
    )
    request = ImportRequest(
        source=source,
        folder=folder,
        claim=claim,
        name=name or f"{source}_{encoder}",
        beside=coordinates,
        root=root,
    )
    manifest = read_cohort(find_cohort(cohort))
    store = FeatureCache.create(cache, array_format=array_format)
    summary = import_slides(request, manifest, store, workers, item_caps(workers, memory_gb, time_limit))
    typer.echo(summary.describe(), nl=False)
    if summary.problems:
        raise typer.Exit(1)


def export_features(
    cache: CacheFolder,
    cohort: CacheCohort,
    feature_set: FeatureSet,
    out: Out,
    target: Annotated[str, typer.Option("--as", help=f"Whose files: {SOURCES}.")],
    case: OnlyCases = None,
) -> None:
    """Write a feature set of slides as another program's files."""
    from extract.interchange.exporting import ExportRequest, export_slides
    from feature_cache.store import FeatureCache

    store = FeatureCache.open(cache)
    request = ExportRequest(
        cohort=cohort,
        feature_set=feature_set,
        target=target,
        folder=out,
        case_ids=frozenset(case) if case else None,
    )
    done = export_slides(request, store)
    typer.echo(f"{out}: {done.slides} slides, {done.tiles} tiles as {target}", nl=False)
    typer.echo(f"; {done.left_out} tiles that are not valid stayed behind" if done.left_out else "")


def add_verbs(app: typer.Typer) -> None:
    """Add both verbs to the command line of stage 1."""
    app.command("import")(import_features)
    app.command("export")(export_features)
