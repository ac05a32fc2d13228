"""A folder of a neighbour's features becomes a feature set: looked at, claimed as a whole, then repacked.

Enters: a folder, a cohort, a claim. Leaves: one entry a slide, the record of the run beside them, and a
summary. Files are opened in child processes under caps alone. An import that was killed is finished by
doing it again; a slide that fails is named and does not stop the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from extract.caps import Caps
from extract.interchange.claim import MODALITY, Claim
from extract.interchange.export_note import exported_dtypes
from extract.interchange.incoming import draft_entry, refuse_other_slide
from extract.interchange.layout import match_files
from extract.interchange.neighbour import find_neighbour
from extract.interchange.slide_files import SlideTask, look_at
from extract.ledger import Ledger
from extract.pool import Death, run_capped
from extract.progress import progress
from extract.run import Receipt
from feature_cache.array_format import AnyArray
from feature_cache.cohort import Cohort
from feature_cache.command_line import problem_lines
from feature_cache.entry import EntryKey
from feature_cache.errors import BraidError, ManifestError, Problem
from feature_cache.recipe import ResolvedRecipe
from feature_cache.store import FeatureCache
from feature_cache.tables import SlideRow

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """What a user asks of `import`: whose files, where they are, and what is claimed of them.

    `beside` is the neighbour's folder of positions, where it keeps them apart; `root` that of the slides
    themselves, from which mpp is read where slides.csv does not give it. `name` is the recipe's.
    """

    source: str
    folder: Path
    claim: Claim
    name: str
    beside: Path | None = None
    root: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What became of an import.

    `others` counts feature files that belong to no slide of the cohort; `namesakes` are feature sets of the
    same recipe name that were made of other files or another claim; `warnings` counts what entries say.
    """

    feature_set: str
    made: int
    done: int
    others: int
    namesakes: tuple[str, ...]
    problems: tuple[Problem, ...]
    record: Path | None
    warnings: Mapping[str, int] = field(default_factory=dict)

    def describe(self) -> str:
        """Return the lines that `import` prints at its end."""
        lines = f"{self.made} made, {self.done} were there, {len(self.problems)} failed; {self.feature_set}\n"
        if self.others:
            lines += f"{self.others} file(s) belong to no slide of the cohort and were left\n"
        if self.namesakes:
            names = ", ".join(self.namesakes)
            lines += f"not the set that was there, as files or claim are others: {names}\n"
        for warning, slides in self.warnings.items():
            lines += f"warning of {slides} slide(s): {warning}\n"
        lines += problem_lines(self.problems)
        return lines + (
            f"failures.csv: {self.record / 'failures.csv'}\n" if self.problems and self.record else ""
        )


def import_slides(
    request: ImportRequest, cohort: Cohort, cache: FeatureCache, workers: int, caps: Caps
) -> ImportSummary:
    """Import every slide of the cohort that the folder has features of.

    Raises
    ------
    RecipeError
        An unknown format or encoder, or a claim that its card contradicts.
    ManifestError
        The cohort lists no slide, or the folder is none.
    SourceError
        The files are of several encoders, scales or tile sizes, or contradict the claim.
    """
    request.claim.check()
    if not cohort.slides:
        raise ManifestError(
            f"{cohort.name}: slides.csv",
            expected="the slides that the features are of",
            got="no row",
            remedy="Write it: case_id,slide_id,path. The slides themselves need not be there.",
        )
    neighbour = find_neighbour(request.source)
    matched = match_files(cohort.slides, neighbour.parts, request.folder, request.beside)
    dtypes = exported_dtypes(request.folder)
    tasks = [
        SlideTask(
            source=request.source,
            row=row,
            files=files,
            root=request.root,
            dtype=dtypes.get(row.slide_id),
        )
        for row, files in matched.files.items()
    ]
    failed: dict[SlideRow, Problem] = dict(matched.problems)
    ready: list[SlideTask] = []
    hashes: list[str] = []
    for task, seen in _in_children(partial(look_at, cache=cache), tasks, "looking", workers, caps):
        if isinstance(seen, Problem):
            failed[task.row] = seen
            continue
        hashes += [source.sha256 for source in seen.files]
        if seen.problem is not None:
            failed[task.row] = seen.problem
        else:
            ready.append(replace(task, seen=seen))
    if not ready:
        return _summary(request.name, Counter(), failed, (matched.others, ()), None)
    told = [task.seen.told for task in ready if task.seen is not None and task.seen.told is not None]
    recipe = request.claim.resolve(request.source, request.name, told, hashes)
    ledger = Ledger(cache.runs_folder)
    key_of = partial(_key, recipe=recipe, cohort=cohort.name)
    outcomes: Counter[str] = Counter()
    try:
        for row, problem in failed.items():
            ledger.add(Receipt(key=key_of(row), outcome="failed", problem=problem))
        doubts = request.claim.doubts(recipe)
        build = partial(_build, recipe=recipe, cohort=cohort.name, doubts=doubts, cache=cache)
        for task, outcome in _in_children(build, ready, "importing", workers, caps):
            receipt = outcome
            if isinstance(receipt, Problem):
                receipt = Receipt(key=key_of(task.row), outcome="failed", problem=receipt)
            ledger.add(receipt)
            outcomes[receipt.outcome] += 1
            if receipt.problem is not None:
                failed[task.row] = receipt.problem
    finally:
        ledger.close(len(ready) - outcomes.total())
    beside = (matched.others, namesakes(cache, cohort.name, recipe))
    summary = _summary(recipe.folder, outcomes, failed, beside, ledger.folder)
    records = cache.records(cohort.name, MODALITY, recipe.folder)
    return replace(summary, warnings=Counter(warning for record in records for warning in record.warnings))


def _in_children(
    function: Callable[[SlideTask], T], tasks: list[SlideTask], title: str, workers: int, caps: Caps
) -> Iterator[tuple[SlideTask, T | Problem]]:
    with (
        progress(title, len(tasks)) as advance,
        closing(run_capped(function, tasks, caps, workers)) as outcomes,
    ):
        for task, outcome in outcomes:
            advance()
            if isinstance(outcome, Death):
                expected = "a file of features that can be read"
                remedy = "Look at the file; where it is sound, give --memory-gb more."
                yield task, outcome.as_problem(task.where, expected, remedy)
            else:
                yield task, outcome


def namesakes(cache: FeatureCache, cohort: str, recipe: ResolvedRecipe) -> tuple[str, ...]:
    """Return the feature sets of the same recipe name that are not this one."""
    return tuple(
        one.name
        for one in cache.feature_sets(cohort)
        if one.modality == recipe.modality and one.name[:-13] == recipe.name and one.name != recipe.folder
    )


def _key(row: SlideRow, recipe: ResolvedRecipe, cohort: str) -> EntryKey:
    return EntryKey.of(cohort, recipe, row.case_id, row.slide_id)


def _build(
    task: SlideTask, recipe: ResolvedRecipe, cohort: str, doubts: tuple[str, ...], cache: FeatureCache
) -> Receipt:
    """Make one entry and commit it."""
    seen = task.seen
    assert seen is not None
    key = _key(task.row, recipe, cohort)
    try:
        if cache.is_done(key, task.sources):
            return Receipt(key=key, outcome="already_there")
        bag = find_neighbour(task.source).read(task.paths(), seen.slide_mpp, task.where)
        if seen.size_px0 is not None:
            refuse_other_slide(bag, seen.size_px0, task.where)
        bag = replace(bag, embeddings=_as_exported(bag.embeddings, task.dtype))
        draft = draft_entry(bag, recipe, key, task.sources, seen.mpp_source, doubts)
        return Receipt(key=key, outcome=cache.commit(draft))
    except BraidError as error:
        return Receipt(key=key, outcome="failed", problem=error.as_problem())


def _as_exported(embeddings: AnyArray, dtype: str | None) -> AnyArray:
    """Return the numbers in the precision that they had before an export, where that loses nothing."""
    if dtype not in ("float16", "float32") or embeddings.dtype.name == dtype:
        return embeddings
    with np.errstate(over="ignore"):
        narrow = embeddings.astype(dtype)
    return narrow if np.array_equal(narrow, embeddings, equal_nan=True) else embeddings


def _summary(
    feature_set: str,
    outcomes: Mapping[str, int],
    failed: Mapping[SlideRow, Problem],
    beside: tuple[int, tuple[str, ...]],
    record: Path | None,
) -> ImportSummary:
    others, namesakes = beside
    return ImportSummary(
        feature_set=feature_set,
        made=outcomes.get("committed", 0) + outcomes.get("replaced", 0),
        done=outcomes.get("already_there", 0),
        others=others,
        namesakes=namesakes,
        problems=tuple(failed.values()),
        record=record,
    )
