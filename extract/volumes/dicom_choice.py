"""Which series of a folder is meant by T2W, ADC or HBV: declared rules, told in the entry, or a refusal.

Enters: groups of a folder and the sequence that series.csv names. Leaves: one group and the rule by which it
was chosen. The rules: `t2w` is axial, spin echo and not echo planar, TE of 60 ms or more; `adc` is axial and
called ADC by its maker; `hbv` is axial with b of 1400 or more, measured before calculated, or calculated by
the scanner (CALC_BVAL); otherwise it is absent. Of a repeated T2W the one on whose grid a mask was drawn
counts, else the latest; of anything else repeated a person chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extract.volumes.dicom_diffusion import is_adc_map
from extract.volumes.dicom_groups import DicomGroup, turned_series
from extract.volumes.dicom_stack import stack
from extract.volumes.geometry import VoxelGrid, grid_difference
from extract.volumes.stored import VolumeFormatError
from feature_cache.canonical import Json

#: Told in entries; whoever changes a rule bumps READER_ALGORITHM as well, which names the feature set.
CHOICE_ALGORITHM = 1
#: Sequences that have a rule.
RULED = ("t2w", "adc", "hbv")
HIGH_B = 1400.0
#: Below it a spin echo is proton density or T1 weighted (ms).
_LEAST_T2_ECHO_MS = 60.0
#: Inversion (STIR, FLAIR) and gradient echo are other contrasts.
_T2_SEQUENCE, _NOT_T2_SEQUENCE = "SE", {"EP", "IR", "GR"}
_PLANES = ("sag", "cor", "tra")
_ONE_SERIES = "a path to one series"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The group, the rule in words, and what a person may want to look at."""

    group: DicomGroup
    rule: str
    doubts: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """Return what an entry keeps: no id, name or date of a header."""
        diffusion = self.group.diffusion
        return {
            "kind": kind_of(self.group),
            "rule": self.rule,
            "rules": CHOICE_ALGORITHM,
            "b_value": diffusion.b_value,
            "b_value_from": diffusion.source,
            "calculated": diffusion.calculated,
            "time_points": self.group.points,
        }


def plane_of(group: DicomGroup) -> str:
    """Return tra, cor or sag: the axis of the patient that the slice normal is nearest to."""
    return _PLANES[int(np.abs(group.images[0].normal).argmax())]


def kind_of(group: DicomGroup) -> str:
    """Return what a group is by its headers: t2w, adc, hbv, dwi_b800, t2w_sag, dce ... or other."""
    tags, diffusion = group.images[0].tags, group.diffusion
    plane = plane_of(group)
    turned = "" if plane == "tra" else f"_{plane}"
    if group.points > 1:
        return f"series_of_{group.points}_time_points{turned}"
    if is_adc_map(tags):
        return f"adc{turned}"
    if is_high_b(group):
        return f"hbv{turned}"
    if diffusion.b_value is not None:
        return f"dwi_b{diffusion.b_value:g}{turned}"
    sequence, echo_ms = {*tags.texts("ScanningSequence")}, tags.number("EchoTime")
    if _T2_SEQUENCE in sequence and not sequence & _NOT_T2_SEQUENCE and echo_ms is not None:
        return f"t2w{turned}" if echo_ms >= _LEAST_T2_ECHO_MS else f"short_echo{turned}"
    return f"other{turned}"


def is_high_b(group: DicomGroup) -> bool:
    """Whether a group is a high b-value image: b of 1400 or more, or calculated by the scanner."""
    diffusion = group.diffusion
    return diffusion.calculated or (diffusion.b_value is not None and diffusion.b_value >= HIGH_B)


def choose(groups: Sequence[DicomGroup], sequence: str | None, masks: Sequence[VoxelGrid] = ()) -> Choice:
    """Return the group of a folder that a row of series.csv means.

    Parameters
    ----------
    groups
        All of the folder.
    sequence
        As series.csv names it; None where no row does (a mask).
    masks
        Grids of the study's masks.

    Raises
    ------
    VolumeFormatError
        None is of that kind; several are and no rule chooses; the images are of several studies.
    """
    if len({group.study_uid for group in groups}) > 1:
        got = f"images of {len({group.study_uid for group in groups})} studies"
        raise VolumeFormatError(got, "the images of one study", "Name the folder of one study or series.")
    if len(groups) == 1:
        return take_only(groups[0], sequence)
    if all(group.points > 1 for group in groups):
        got = f"{len(groups)} time points (told apart by {groups[0].timed_by})"
        remedy = (
            "Name the sequence in a block `time` of the recipe's volumes (cine, DCE), or take the row out."
        )
        raise VolumeFormatError(got, _ONE_SERIES, remedy)
    alike = [group for group in groups if kind_of(group) == sequence]
    meant = [group for group in alike if group.series_uid not in turned_series(groups)] or alike
    if not meant:
        got = f"{len(groups)} series by their content ({_kinds(groups)}), none of them {sequence}"
        remedy = "Give the path of a file of the one that is meant, or a folder with that one alone."
        raise VolumeFormatError(got, _ONE_SERIES, remedy)
    refuse_turned(meant[0], groups)
    if len({group.series_uid for group in meant}) < len(meant):
        raise _in_one_series(meant, str(sequence))
    if sequence == "hbv":
        return _high_b(meant)
    if len(meant) == 1:
        return Choice(group=meant[0], rule=f"the only {sequence} of {len(groups)} series by their headers")
    if sequence == "t2w":
        return _repeated(meant, masks)
    raise _no_rule(meant, str(sequence))


def refuse_turned(group: DicomGroup, groups: Sequence[DicomGroup]) -> None:
    """Raise `VolumeFormatError` for a part of a series whose images are turned against each other."""
    if group.series_uid in turned_series(groups):
        remedy = "A localiser is no volume; export the series again if it is none."
        raise VolumeFormatError("a series whose images are turned", "images of one orientation", remedy)


def take_only(group: DicomGroup, sequence: str | None) -> Choice:
    """Return a group that a path alone stands for; refused where it is called hbv and was measured below."""
    kind = kind_of(group)
    if sequence == "hbv" and not is_high_b(group) and group.diffusion.b_value is not None:
        got = f"a measured b of {group.diffusion.b_value:g} ({group.diffusion.source})"
        remedy = "Name it dwi_b<value> in series.csv, or take the row out: the study has no hbv then."
        raise VolumeFormatError(got, f"hbv: b of {HIGH_B:g} or more, or calculated", remedy)
    doubts = []
    if group.points > 1:
        doubts.append(f"one of several time points ({group.points}, told apart by {group.timed_by})")
    elif (sequence in RULED or str(sequence).startswith("dwi_b")) and kind not in (sequence, "other"):
        doubts.append(f"called {sequence} in series.csv, by its headers it is another kind ({kind})")
    return Choice(group=group, rule="the path of series.csv", doubts=tuple(doubts))


def _high_b(meant: Sequence[DicomGroup]) -> Choice:
    """Take measured before calculated, and of several measured the b-value next to 1400."""
    measured = [group for group in meant if not group.diffusion.calculated]
    wanted = min((group.diffusion.b_value or 0.0 for group in measured), default=None)
    nearest = [group for group in measured if group.diffusion.b_value == wanted] or list(meant)
    if len(nearest) > 1:
        raise _no_rule(nearest, "hbv")
    rule = "measured, the lowest b of 1400 or more" if measured else "calculated by the scanner"
    return Choice(group=nearest[0], rule=rule)


def _repeated(meant: Sequence[DicomGroup], masks: Sequence[VoxelGrid]) -> Choice:
    """Take the T2W on whose grid a mask lies where only one does, else the latest."""
    drawn_on = [group for group in meant if any(_is_grid_of(group, mask) for mask in masks)]
    if len(drawn_on) == 1:
        return Choice(group=drawn_on[0], rule=f"of {len(meant)} t2w the one that a mask was drawn on")
    ordered = sorted(drawn_on or meant, key=lambda group: group.acquired)
    if ordered[-1].acquired == ordered[-2].acquired or not ordered[-2].acquired[1]:
        raise _no_rule(meant, "t2w")
    return Choice(group=ordered[-1], rule=f"of {len(meant)} t2w the latest")


def _is_grid_of(group: DicomGroup, mask: VoxelGrid) -> bool:
    images, affine, _ = stack(group.images)
    columns, rows = images[0].size
    apart = grid_difference(mask, VoxelGrid(size=(columns, rows, len(images)), affine=affine))
    return apart is not None and apart.tolerated


def _no_rule(groups: Sequence[DicomGroup], sequence: str) -> VolumeFormatError:
    got = f"{len(groups)} of {sequence}, and nothing in their headers that chooses"
    remedy = "Give the path of a file of the one that is meant."
    return VolumeFormatError(got, f"one {sequence} in the folder", remedy)


def _in_one_series(groups: Sequence[DicomGroup], sequence: str) -> VolumeFormatError:
    """Return the refusal of one series of the scanner that is several of one kind by content."""
    got = f"{len(groups)} of {sequence} in one series, of other echoes, image types or times"
    remedy = "Give the path of a file of the one that is meant."
    return VolumeFormatError(got, f"{sequence} of one piece", remedy)


def _kinds(groups: Sequence[DicomGroup]) -> str:
    counts = Counter(kind_of(group) for group in groups)
    return ", ".join(f"{count} of {kind}" if count > 1 else kind for kind, count in counts.items())
