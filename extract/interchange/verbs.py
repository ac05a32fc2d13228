"""The verbs `import` and `export`. Every heavy import waits until its verb is called.

Enters: a command line. Leaves: an exit status: 0 every slide is there, 1 something failed and is named.
`import` takes tile features, or a wide table of numbers: `ImportWords` tells them apart, because they share
no option but the cache. Both have a `--help` of their own (`import --help`, `import-table --help`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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

#: A word that ends so is meant as a table, also where it is not there.
TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".zip")
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
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="CSV or TSV, also as .gz or .zip.")]
Modality = Annotated[str, typer.Option(help="What the table holds: omics.")]
TableName = Annotated[str | None, typer.Option("--name", help="Name of the set; the file's if not given.")]
CaseColumn = Annotated[str, typer.Option(help="The column with the ids of cases.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(help="A column, or a pattern such as '*_rnaseq'; may be repeated. All if not given."),
]
Without = Annotated[list[str] | None, typer.Option(help="Leave this column or pattern out; may be repeated.")]
Day = Annotated[int, typer.Option(help="Days from the index event to the sample that was measured.")]
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
    """Take in tile features that another program made; encoder and mpp are never guessed.

    A wide table of numbers: `import TABLE COHORT --cache CACHE`; `import-table --help` has its options.
    """
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


def import_table(  # noqa: PLR0913  one parameter for each word of the command line
    table: Table,
    cohort: CohortName,
    cache: Cache,
    modality: Modality = "omics",
    name: TableName = None,
    case_column: CaseColumn = "case_id",
    columns: Columns = None,
    without: Without = None,
    day: Day = 0,
    array_format: Format = "zarr",
) -> None:
    """Take in a wide table of numbers, one row a case; also called by `import TABLE` or `--modality`.

    Empty, NA and nan are missing. Columns with texts, or with names of outcomes, are refused by name.
    """
    from extract.interchange import table_import
    from extract.interchange.table_columns import ColumnChoice
    from feature_cache.cohort import find_cohort, read_cohort
    from feature_cache.store import FeatureCache

    request = table_import.TableRequest(
        table=table,
        modality=modality,
        name=name or table.name.partition(".")[0],
        choice=ColumnChoice(
            case_column=case_column, columns=tuple(columns or ()), without=tuple(without or ())
        ),
        day=day,
    )
    manifest = read_cohort(find_cohort(cohort))
    store = FeatureCache.create(cache, array_format=array_format)
    typer.echo(table_import.import_table(request, manifest, store).describe(), nl=False)


class ImportWords(TyperGroup):
    """The verbs of stage 1, where `import` of a table is another verb than `import` of features."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer keeps the type to itself
        """Send `import` to `import-table` if --modality is given, or if the first word is of a table."""
        verb, *words = args or [""]
        of_a_table = any(word.partition("=")[0] == "--modality" for word in words)
        first = Path(words[0]) if words else Path()
        if verb == "import" and (of_a_table or first.is_file() or first.suffix.lower() in TABLE_ENDINGS):
            args = ["import-table", *words]
        return super().parse_args(ctx, args)


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
    """Add the verbs to the command line of stage 1."""
    app.command("import")(import_features)
    app.command("import-table")(import_table)
    app.command("export")(export_features)
