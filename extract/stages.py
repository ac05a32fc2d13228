"""What stage 1 can make, by block of a recipe, in the order in which a report lists them.

Adding one is one line here and a `Stage` (extract/item.py) of its own.
"""

from __future__ import annotations

from extract.burden.stage import BurdenStage
from extract.clinical.stage import ClinicalStage
from extract.item import SharingStage, Stage
from extract.notes.stage import NoteStage
from extract.slide_vector.stage import SlideVectorStage
from extract.slides.stage import SlideStage
from extract.volumes.stage import VolumeStage

STAGES: dict[str, Stage] = {
    stage.block: stage
    for stage in (
        SlideStage(),
        SlideVectorStage(),
        VolumeStage(),
        BurdenStage(),
        NoteStage(),
        ClinicalStage(),
    )
}

#: Blocks whose sources are entries, with the blocks that make those: they are made in a second pass. The
#: first has the same items; of a further one the entry of the case is taken.
SECOND_PASS: dict[str, tuple[str, ...]] = {
    SlideVectorStage.block: (SlideStage.block,),
    BurdenStage.block: (VolumeStage.block, ClinicalStage.block),
}

#: Blocks whose items of one file share a pass over it, whatever their feature set.
SHARED_PASS: dict[str, SharingStage] = {SlideStage.block: SlideStage()}
