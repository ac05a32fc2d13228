"""`segment`: the series of a cohort in, masks on their own grids out, each by networks that had not seen it.

Enters: a segmenter, a cohort, the root. Leaves: a folder of masks (see `segment_folder.py`) and what to tell
a person. A study that cannot be segmented is named and does not stop the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from extract.segment.burden import measure_burden
from extract.segment.labelled import item_name, open_study, read_opened
from extract.segment.segment_folder import SegmentFolder, StudyName, codebook_of
from extract.segment.sources import SegmenterSource
from extract.volumes.codebook import region_labels
from extract.volumes.manifest import sequence_of
from feature_cache.cohort import Cohort
from feature_cache.errors import ManifestError, Problem, SourceError
from feature_cache.tables import SeriesRow


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
    without_ml: int = 0
    remarks: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def describe(self) -> str:
        """Return it as lines for people."""
        lines = [f"{self.masks} masks written, {len(self.problems)} studies failed", *self.remarks]
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
        `out` is not empty, no series is of the sequence, or the region's name cannot be one.
    """
    studies = find_studies(request.cohort, request.source.sequences)
    region_labels(request.region, None, "--region")
    folder = SegmentFolder(request.out, request.root, request.region)
    summary = SegmentSummary(remarks=list(_remarks(request)))
    for study, rows in studies.items():
        try:
            known = _segment(request, study, rows, folder)
            summary.masks += 1
            summary.without_ml += not known
        except SourceError as error:
            summary.problems.append(error.as_problem())
            folder.write_failure(study, error)
        done()
    if not folder.below_root:
        summary.remarks.append(
            f"copy {request.out.resolve().name} below the folder that --root names: the paths of its "
            "masks.csv are right from there"
        )
    return summary


def _segment(
    request: SegmentRequest, study: StudyName, rows: Sequence[SeriesRow], folder: SegmentFolder
) -> bool:
    """Segment one study and write what comes of it; return whether its spacing is known."""
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
    series = read_opened(opened)
    try:
        labels = may.segmenter.segment(series)
    except SourceError as error:
        raise SourceError(
            f"{where}, {error.where}", expected=error.expected, got=error.got, remedy=error.remedy
        ) from error
    structures = may.segmenter.labels
    # the affine of the header, not of series.csv: a mask is compared with the header of its series
    folder.write_mask(study, labels, opened.stored.affine, may.origin, codebook_of(structures))
    spacing = series.spacing if series.spacing_known else None
    folder.write_burden(study, measure_burden(labels, structures, spacing))
    return series.spacing_known


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
