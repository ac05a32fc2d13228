"""A download as it came in, manifest tables out: one file for each known layout.

Enters: a folder of raw files and the name of its layout. Leaves: a cohort folder with cohort.yaml and
tables. Outcome columns are copied verbatim and never looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from extract.scan import chimera, folder, leopard, mprtm
from extract.scan.drafting import Draft, ScanReport, write_draft
from extract.scan.invented import mark_invented
from feature_cache.errors import ManifestError

LAYOUTS: dict[str, Callable[[Path], Draft]] = {
    "chimera": chimera.draft,
    "mprtm": mprtm.draft,
    "leopard": leopard.draft,
    "folder": folder.draft,
}

__all__ = ["LAYOUTS", "ScanReport", "scan"]


def scan(layout: str, root: Path, cohort_name: str, manifests: Path) -> ScanReport:
    """Draft the manifest of a download.

    Parameters
    ----------
    layout
        One of `LAYOUTS`.
    root
        The download; the paths in the tables are relative to it.
    cohort_name
        The folder below `manifests` and the name on the card.
    manifests
        Where cohorts are kept. A cohort.yaml already there is kept; a table that would change is kept
        beside as ``<table>.before``.

    Raises
    ------
    ManifestError
        An unknown layout, no such folder, or nothing of this layout in it.
    """
    if layout not in LAYOUTS:
        raise ManifestError(
            "scan", expected=f"one of {', '.join(LAYOUTS)}", got=layout, remedy="Name a known layout."
        )
    if not root.is_dir():
        raise ManifestError(
            f"scan {layout}", expected="a folder", got=f"no folder {root.name}", remedy="Mend the root."
        )
    draft = LAYOUTS[layout](root)
    mark_invented(draft, root)
    if not draft.case_ids:
        raise ManifestError(
            f"scan {layout}",
            expected="at least one case",
            got="no file of this layout",
            remedy="Give the folder of the download, or scan it as layout folder.",
        )
    return write_draft(draft, cohort_name, manifests)
