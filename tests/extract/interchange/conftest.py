"""A cohort of two cases and three slides, and an import that runs in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from extract.caps import Caps
from extract.interchange.claim import Claim
from extract.interchange.importing import ImportRequest, ImportSummary, import_slides
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.store import FeatureCache
from tests.extract.interchange.neighbour_files import MPP

CARD = (
    "{schema_version: 1, name: three, title: t, citation: c, licence: l, sites: [s], modalities: [slides],"
    " index_event: surgery, prediction_day: 0, undated: {slides: 0}}\n"
)

Importer = Callable[..., ImportSummary]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Slides a and b of case 1 and c of case 2; their files have other names than their ids."""
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(CARD, encoding="utf-8")
    (folder / "cases.csv").write_text("case_id,site\n1,s\n2,s\n", encoding="utf-8")
    (folder / "slides.csv").write_text(
        "case_id,slide_id,path,mask_path,mpp\n1,a,raw/scan_a.ome.tif,,0.25\n1,b,raw/scan_b.svs,,0.25\n"
        "2,c,raw/scan_c.svs,,0.25\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def cohort(manifest: Path) -> Cohort:
    return read_cohort(manifest)


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache.create(tmp_path / "cache")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at files in this process; that they are opened in children, test_importing.py shows once."""

    def run(
        function: Callable[[object], object], tasks: Iterable[object], caps: Caps, workers: int
    ) -> Iterator[tuple[object, object]]:
        for task in tasks:
            yield task, function(task)

    monkeypatch.setattr("extract.interchange.importing.run_capped", run)


@pytest.fixture
def take_in(cohort: Cohort, cache: FeatureCache, here: None) -> Importer:
    """Import a folder, by default as an encoder without a card whose embeddings have eight numbers."""

    def imported(
        source: str,
        folder: Path,
        *,
        beside: Path | None = None,
        root: Path | None = None,
        rows: Cohort | None = None,
        **claimed: object,
    ) -> ImportSummary:
        claim = Claim(**{"encoder": "theirs", "mpp": MPP, "dim": 8, **claimed})  # type: ignore[arg-type]
        request = ImportRequest(
            source=source, folder=folder, claim=claim, name="imported", beside=beside, root=root
        )
        return import_slides(request, rows or cohort, cache, 1, Caps(memory_gb=4, seconds=60))

    return imported
