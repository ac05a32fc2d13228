"""DICOM below a case's folder: its studies, and which of their series are t2w, adc, hbv and cine.

Enters: a draft, the files of a case that no other rule of the layout took. Leaves: rows of series.csv, one a
sequence, and a row for everything that is there and cannot be used. The path of a row is the folder of its
study, so that stage 1 chooses by the same rules and tells them in its entry. Headers give sequences and the
order of studies: no date, name or id of them is written.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from extract.scan.drafting import Draft
from extract.volumes.dicom_choice import RULED, choose, kind_of
from extract.volumes.dicom_files import find_images
from extract.volumes.dicom_groups import DicomGroup, group_images
from extract.volumes.dicom_image import DicomImage, UnusableImage
from extract.volumes.dicom_series import series_of
from extract.volumes.dicom_slices_in_time import slices_in_time, stacks_of
from extract.volumes.dicom_time_choice import SeriesInTime, of_folder
from extract.volumes.header import unreadable
from extract.volumes.stored import DECODING_ERRORS, VolumeFormatError
from feature_cache.errors import SourceError
from feature_cache.tables import SeriesRow

#: What a stack of single slices is called whose trigger times tell one beat: hearts alone are scanned so.
CINE = "cine"


@dataclass(kw_only=True)
class DicomScan:
    """What was found of DICOM in all cases; `left` counts the series that no row has, by kind."""

    draft: Draft
    root: Path
    left: Counter[str] = field(default_factory=Counter)

    def take(self, case_id: str, files: Sequence[Path]) -> None:
        """Draft the rows of one case from its DICOM files."""
        try:
            found = find_images(files)
        except DECODING_ERRORS as error:
            self._fault(unreadable(f"case {case_id}, DICOM", error))
            return
        groups, bad = defaultdict(list), defaultdict(list)
        for group in group_images(found.images):
            groups[group.study_uid].append(group)
        for image in found.unusable:
            bad[image.tags.text("StudyInstanceUID")].append(image)
        folders = {uid: self._folder(uid, groups) for uid in groups}
        ordered = sorted(groups, key=lambda uid: min(group.acquired for group in groups[uid]))
        for number, uid in enumerate(ordered, start=1):
            study = _Study(
                case_id=case_id,
                study_id="study" if len(ordered) == 1 else f"study_{number}",
                groups=groups[uid],
                unusable=bad[uid],
                folder=folders[uid],
            )
            self._study(study)
        for uid in bad.keys() - groups.keys():
            self._fault(unreadable(f"case {case_id}, DICOM", bad[uid][0].error))

    def warn(self) -> None:
        """Say which series no row has."""
        for kind, count in sorted(self.left.items()):
            self.draft.warn(
                f"{count} DICOM series {kind}",
                ", ".join(RULED),
                "another kind by their headers",
                "Not used; where one is wanted, add a row to series.csv with the path of one of its files.",
            )

    def _folder(self, uid: str, groups: dict[str, list[DicomGroup]]) -> Path | None:
        """Return the folder that holds this study and no image of another; None where there is none."""
        folder = Path(os.path.commonpath([image.path.parent for image in _images(groups[uid])]))
        others = (image for other in groups.keys() - {uid} for image in _images(groups[other]))
        return None if any(image.path.is_relative_to(folder) for image in others) else folder

    def _study(self, study: _Study) -> None:
        for sequence in RULED:
            if not any(kind_of(group) == sequence for group in study.groups):
                continue
            try:
                path = study.chosen(sequence)
            except VolumeFormatError as error:
                self._fault(unreadable(study.where(sequence), error))
                continue
            where = path.relative_to(self.root).as_posix()
            self.draft.series.append(
                SeriesRow(
                    case_id=study.case_id,
                    study_id=study.study_id,
                    series_id=sequence,
                    sequence=sequence,
                    path=where,
                )
            )
        taken = self._cine(study)
        series = {
            (kind_of(group), group.series_uid) for group in study.groups if group.series_uid not in taken
        }
        self.left.update(kind for kind, _ in series if kind not in RULED)

    def _cine(self, study: _Study) -> frozenset[str]:
        """Draft the row of a cine whose slices are series of their own; return what the scanner calls them.

        A series over time of one piece stays for a person: cine and DCE look alike. So do slices that no
        TriggerTime lays into a beat: each may have been taken again, as late enhancement is.
        """
        if not stacks_of(slices_in_time(study.groups)):
            return frozenset()
        try:
            found, folder = study.cine()
        except VolumeFormatError as error:
            self._fault(unreadable(study.where(CINE), error))
            return frozenset()
        if found.stack is None or found.stack.times is None:
            return frozenset()
        where = folder.relative_to(self.root).as_posix()
        self.draft.series.append(
            SeriesRow(
                case_id=study.case_id, study_id=study.study_id, series_id=CINE, sequence=CINE, path=where
            )
        )
        return frozenset(image.tags.text("SeriesInstanceUID") for image in found.points[0].images)

    def _fault(self, error: SourceError) -> None:
        self.draft.fault(error.where, error.expected, error.got, error.remedy)


@dataclass(frozen=True, kw_only=True)
class _Study:
    case_id: str
    study_id: str
    groups: list[DicomGroup]
    unusable: list[UnusableImage]
    folder: Path | None

    def where(self, sequence: str) -> str:
        return f"case {self.case_id}, {self.study_id}, DICOM {sequence}"

    def chosen(self, sequence: str) -> Path:
        """Return the path that stands for the series of a sequence; raise why there is none."""
        choice = choose(self.groups, sequence)
        for image in self.unusable:
            if image.tags.text("SeriesInstanceUID") == choice.group.series_uid:
                raise image.error
        first = min(image.path for image in choice.group.images)
        series_of(choice.group.images, first, choice.as_json())
        if self.folder is not None:
            return self.folder
        if any(image.path.parent != first.parent for image in choice.group.images):
            got, remedy = "one among those of another study, in several folders", "Give each study a folder."
            raise VolumeFormatError(got, "a study in a folder of its own", remedy)
        return first

    def cine(self) -> tuple[SeriesInTime, Path]:
        """Return the cine of a study that has a stack of single slices, and its folder; raise why none."""
        found = of_folder(self.groups, self.unusable)
        if self.folder is None:
            got, remedy = "one among those of another study", "Give each study a folder."
            raise VolumeFormatError(got, "a study in a folder of its own", remedy)
        return found, self.folder


def _images(groups: Sequence[DicomGroup]) -> list[DicomImage]:
    return [image for group in groups for image in group.images]
