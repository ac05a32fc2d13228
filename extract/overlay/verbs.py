"""The verb `overlay`. Every heavy import waits until it is called.

Enters: a command line. Leaves: an exit status.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extract.options import CacheCohort, CacheFolder, FeatureSet, OnlyCases

Scores = Annotated[
    Path | None,
    typer.Option(help="CSV of case_id, slide_id, x_px0, y_px0 and scores, or attention.json of a run."),
]


def overlay(
    cache: CacheFolder,
    cohort: CacheCohort,
    feature_set: FeatureSet,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the GeoJSON files.")],
    scores: Scores = None,
    case: OnlyCases = None,
) -> None:
    """Draw tiles with their quality and scores: a GeoJSON a slide, to drop onto the slide in QuPath."""
    from extract.overlay.drawing import OverlayRequest, draw_slides
    from feature_cache.store import FeatureCache

    request = OverlayRequest(
        cohort=cohort,
        feature_set=feature_set,
        folder=out,
        scores=scores,
        case_ids=frozenset(case) if case else None,
    )
    drawn = draw_slides(request, FeatureCache.open(cache))
    typer.echo(f"{out}: {drawn.slides} slides, {drawn.tiles} tiles, {drawn.scored} slides with scores")


def add_verbs(app: typer.Typer) -> None:
    """Add the verb to the command line of stage 1."""
    app.command()(overlay)
