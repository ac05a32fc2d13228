"""`segment`: the series of a cohort in, masks on their own grids out, each by networks that had not seen it.

Enters: a segmenter, a cohort, the root. Leaves: a folder of masks (see `segment_folder.py`) and what to tell
a person. A study that cannot be segmented is named and does not stop the others; one whose mask is there, of
the same series by the same segmenter, is not segmented again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from extract.segment.burden import measure_burden
from extract.segment.labelled import item_name, open_study, read_opened
from extract.segment.segment_folder import MaskNote, SegmentFolder, StudyName, codebook_of
from extract.segment.sources import CaseSegmenter, SegmenterSource
from extract.volumes.codebook import region_labels
from extract.volumes.manifest import sequence_of
from extract.volumes.opened import OpenedSeries
from extract.volumes.sources import source_of
from feature_cache.canonical import Json, sha256_of_file, sha256_of_json
from feature_cache.cohort import Cohort
from feature_cache.errors import ManifestError, Problem, SourceError
from feature_cache.tables import SeriesRow

#: Bumped by hand when the same series and the same segmenter give other masks.
SEGMENT_ALGORITHM = 1


@dataclass(frozen=True, kw_only=True)
class SegmentRequest:
    """What is to be segmented; `region` is what masks.csv is to call the masks."""

    source: SegmenterSource
    cohort: Cohort
    root: Path
    out: Path
    region: str


@dataclass(kw_only=True)
class SegmentSummary:
    """What came of it."""

    masks: int = 0
    from_before: int = 0
    without_ml: int = 0
    remarks: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def describe(self) -> str:
        """Return it as lines for people."""
        before = f" ({self.from_before} were there)" if self.from_before else ""
        lines = [f"{self.masks} masks{before}, {len(self.problems)} studies failed", *self.remarks]
        if self.without_ml:
            lines.append(f"no millilitres for {self.without_ml} of them: the spacing is not known")
        lines += [f"FAILED {p.where}: expected {p.expected}; got {p.got}. {p.remedy}" for p in self.problems]
        return "".join(f"{line}\n" for line in lines)


def find_studies(cohort: Cohort, sequences: Sequence[str]) -> dict[StudyName, list[SeriesRow]]:
    """Return the studies (or frames) that have a series of one of the sequences, with these series.

    Raises
    ------
    ManifestError
        There is none.
    """
    found: dict[StudyName, list[SeriesRow]] = defaultdict(list)
    for row in cohort.series:
        if sequence_of(row) in sequences:
            found[StudyName(case_id=row.case_id, study_id=row.study_id, frame=row.frame)].append(row)
    if not found:
        there = ", ".join(sorted({sequence_of(row) for row in cohort.series})) or "none"
        raise ManifestError(
            f"series.csv of {cohort.name}",
            expected=f"series of the sequence {' or '.join(sequences)}, which the segmenter was made for",
            got=there,
            remedy="Name the sequence as the segmenter's cohort did, if it is the same.",
        )
    return dict(found)


def segment_cohort(request: SegmentRequest, done: Callable[[], None] = lambda: None) -> SegmentSummary:
    """Segment every study that has a series of the segmenter's sequence.

    Raises
    ------
    BraidError
        `out` holds something else, no series is of the sequence, or the region's name cannot be one.
    """
    studies = find_studies(request.cohort, request.source.sequences)
    region_labels(request.region, None, "--region")
    identity: dict[str, Json] = {
        "algorithm": SEGMENT_ALGORITHM,
        "segmenter": request.source.identity,
        "cohort": request.cohort.name,
    }
    folder = SegmentFolder(request.out, request.root, request.region, identity)
    summary = SegmentSummary(remarks=list(_remarks(request)))
    for study, rows in studies.items():
        try:
            opened, may = _open(request, study, rows)
            drawn_on = _drawn_on(opened)
            before = folder.finished(study, drawn_on)
            note = before or _segment(study, opened, may, folder, drawn_on)
            folder.add(study, note)
            summary.masks += 1
            summary.from_before += before is not None
            summary.without_ml += not note.spacing_known
        except SourceError as error:
            summary.problems.append(error.as_problem())
            folder.add_failure(study, error)
        done()
    folder.write_tables()
    if not folder.below_root:
        summary.remarks.append(
            f"copy {request.out.resolve().name} below the folder that --root names: the paths of its "
            "masks.csv are right from there"
        )
    return summary


def _open(
    request: SegmentRequest, study: StudyName, rows: Sequence[SeriesRow]
) -> tuple[OpenedSeries, CaseSegmenter]:
    """Return the series of a study that is to be segmented, and what may segment it."""
    where = item_name(study.case_id, study.study_id, study.frame)
    order = request.source.sequences
    ranked = sorted(rows, key=lambda row: order.index(sequence_of(row)))
    if len(ranked) > 1 and sequence_of(ranked[0]) == sequence_of(ranked[1]):
        raise SourceError(
            where,
            expected="one series a sequence",
            got=f"{len(ranked)} of {sequence_of(ranked[0])}",
            remedy="Drop the rows of series.csv that are not to be used, or give them another sequence.",
        )
    may = request.source.for_case(study.case_id)
    if may is None:
        raise SourceError(
            where,
            expected="a network that has not learnt from this case",
            got="none: all of this segmenter's did",
            remedy="Fit with folds in which the case is in a test part.",
        )
    (opened,) = open_study(ranked[:1], request.root, [])
    return opened, may


def _drawn_on(opened: OpenedSeries) -> str:
    """Return the hash of a series and of the spacing that series.csv gives it."""
    file = opened.file
    return sha256_of_json(
        [source_of("series", file.path, file.where, sha256_of_file).sha256, file.spacing_mm]
    )


def _segment(
    study: StudyName, opened: OpenedSeries, may: CaseSegmenter, folder: SegmentFolder, drawn_on: str
) -> MaskNote:
    """Segment one study and write what comes of it."""
    where = item_name(study.case_id, study.study_id, study.frame)
    series = read_opened(opened)
    try:
        labels = may.segmenter.segment(series)
    except SourceError as error:
        raise SourceError(
            f"{where}, {error.where}", expected=error.expected, got=error.got, remedy=error.remedy
        ) from error
    structures = may.segmenter.labels
    # the affine of the header, not of series.csv: a mask is compared with the header of its series
    who = folder.write_mask(study, labels, opened.stored.affine, may.origin)
    spacing = series.spacing if series.spacing_known else None
    burden = measure_burden(labels, structures, spacing)
    return folder.write_note(study, drawn_on, codebook_of(structures), who, burden)


def _remarks(request: SegmentRequest) -> Iterator[str]:
    """Say what a person should know before the masks are used."""
    source, cohort = request.source, request.cohort
    if source.training_case_ids is None:
        yield "nobody says what cases this network learnt from: some of these may be among them"
    elif source.cohort != cohort.name:
        shared = set(source.training_case_ids) & set(cohort.case_ids)
        if shared:
            yield (
                f"{len(shared)} case ids are also in the training of {source.cohort}: taken for the same "
                "patients, only networks that did not learn from them were used"
            )
