"""A cohort of one slide, built through the stage as `run` does it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from extract.encoders.weights import WeightsSource
from extract.item import WorkItem
from extract.slides.stage import SlideStage
from feature_cache.canonical import Json
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.entry import EntryDraft

BLOCK: dict[str, Json] = {"encoder": "stain_texture_nuclei"}
STAGE = SlideStage()


@dataclass(frozen=True, kw_only=True)
class OneSlide:
    """A manifest of case 007 with slide 007_a, and what the stage makes of it."""

    cohort: Cohort
    item: WorkItem

    def sources(self) -> dict[str, str]:
        return {source.role: source.sha256 for source in STAGE.sources(self.item, hash_file)}

    def build(self) -> EntryDraft:
        return STAGE.build(self.item, STAGE.sources(self.item, hash_file))


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def one_slide(tmp_path: Path) -> Callable[..., OneSlide]:
    """Return a function that writes the manifest of a slide file, wherever it lies."""

    def write(
        slide: Path,
        mask: Path | None = None,
        mpp: float | None = None,
        roi: Path | None = None,
        **block: Json,
    ) -> OneSlide:
        folder = tmp_path / "manifest"
        folder.mkdir(exist_ok=True)
        (folder / "cohort.yaml").write_text(
            "{schema_version: 1, name: one, title: t, citation: c, licence: l, sites: [s],"
            " modalities: [slides], index_event: surgery, prediction_day: 0}\n",
            encoding="utf-8",
        )
        (folder / "cases.csv").write_text("case_id,site\n007,s\n", encoding="utf-8")
        root = Path(slide.anchor)
        row = [str(path.relative_to(root)) if path else "" for path in (slide, mask, roi)]
        (folder / "slides.csv").write_text(
            f"case_id,slide_id,path,mask_path,roi_path,mpp\n007,007_a,{','.join(row)},{mpp or ''}\n",
            encoding="utf-8",
        )
        cohort = read_cohort(folder)
        (item,) = STAGE.items(
            cohort, root, STAGE.resolve("weightfree", {**BLOCK, **block}, cohort, WeightsSource())
        )
        return OneSlide(cohort=cohort, item=item)

    return write
