"""The modalities that stage 1 knows, in the order in which a report lists them.

Adding a modality is one line here and a `Stage` (extract/item.py) of its own.
"""

from __future__ import annotations

from extract.clinical.stage import ClinicalStage
from extract.item import Stage
from extract.notes.stage import NoteStage
from extract.slides.stage import SlideStage

STAGES: dict[str, Stage] = {stage.modality: stage for stage in (SlideStage(), NoteStage(), ClinicalStage())}
