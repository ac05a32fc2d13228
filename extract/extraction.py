"""One run of stage 1: its plan carried out, item by item, with a ledger and progress for people.

Enters: a request, and the means to do it with. Leaves: entries in the cache, the record of the run beside
them, and a `Summary` to print.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from extract.caps import item_caps
from extract.ledger import Ledger
from extract.plan import Plan
from extract.progress import progress
from extract.request import Request
from extract.run import Receipt, run_items
from feature_cache.command_line import problem_lines
from feature_cache.errors import Problem, RecipeError
from feature_cache.stopping import Stopped
from feature_cache.store import FeatureCache


@dataclass(frozen=True, kw_only=True)
class Means:
    """With what a run is done: how many processes, where, and what one item may take there.

    Raises
    ------
    RecipeError
        A word that would have no effect beside the others.
    """

    workers: int = 1
    readers: int = 1
    memory_gb: float | None = None
    minutes: float = 24 * 60
    scheduler: str | None = None
    slurm_job: Path | None = None

    def __post_init__(self) -> None:
        if self.slurm_job is not None and self.scheduler != "slurm":
            raise _without_effect(f"--slurm-job {self.slurm_job.name}", "--scheduler slurm", self.scheduler)
        if self.readers > 1 and self.scheduler is not None:
            raise _without_effect(f"--readers {self.readers}", "a run without --scheduler", self.scheduler)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a run; `stopped` is the signal that ended it early, if one did.

    `done` are entries that were there, before the run or, by another run beside it, when their turn came.
    """

    made: int
    done: int
    left: int
    problems: tuple[Problem, ...]
    report: dict[str, object]
    record: Path
    stopped: Stopped | None = None

    def describe(self) -> str:
        """Return the lines that `run` prints at its end."""
        counts = f"{self.made} made, {self.done} were there, {len(self.problems)} failed"
        bottleneck = self.report["bottleneck"]
        most = f"; most time went into: {bottleneck} ({self._shares()})" if bottleneck else ""
        lines = f"{counts} in {self.report['wall_s']} s{most}\n{problem_lines(self.problems)}"
        if self.problems:
            lines += f"failures.csv: {self.record / 'failures.csv'}\n"
        if self.stopped is not None:
            lines += f"stopped with {self.left} item(s) left: run it again to go on\n"
        return lines

    def _shares(self) -> str:
        """Say which share of the items' time each step took, the largest first."""
        seconds = self.report["held_up_s"]
        assert isinstance(seconds, dict)
        shares = {step: value / sum(seconds.values()) for step, value in seconds.items()}
        largest = sorted(shares, key=lambda step: -shares[step])
        return ", ".join(f"{step} {shares[step]:.0%}" for step in largest if shares[step] >= 0.01)


def extract(request: Request, means: Means) -> Summary:
    """Make every entry that is not there yet; what fails is named and does not stop the others."""
    store = FeatureCache.create(request.cache, array_format=request.array_format)
    planned = request.plan(store)
    ledger = Ledger(store.runs_folder)
    problems: list[Problem] = []
    left, made, stopped = len(planned.todo), 0, None
    try:
        with (
            progress("extracting", left) as advance,
            closing(_receipts(planned, store, means, ledger.folder)) as receipts,
        ):
            for receipt in receipts:
                ledger.add(receipt)
                left -= 1
                made += receipt.outcome in ("committed", "replaced")
                if receipt.problem is not None:
                    problems.append(receipt.problem)
                advance()
    except Stopped as signal:
        stopped = signal
    return Summary(
        made=made,
        done=sum(part.done for part in planned.sets) + len(planned.todo) - left - len(problems) - made,
        left=left,
        problems=tuple(problems),
        report=ledger.close(left),
        record=ledger.folder,
        stopped=stopped,
    )


def _without_effect(where: str, expected: str, scheduler: str | None) -> RecipeError:
    got = "none" if scheduler is None else f"--scheduler {scheduler}"
    return RecipeError(where, expected=expected, got=got, remedy="Leave one of them out.")


def _receipts(
    planned: Plan, store: FeatureCache, means: Means, record: Path
) -> Generator[Receipt, None, None]:
    if means.scheduler is not None and planned.todo:
        from extract.distribute.dask_run import run_distributed

        yield from run_distributed(planned.passes, store, means, record)
        return
    caps = item_caps(means.workers, means.memory_gb, means.minutes)
    for tasks in planned.passes:
        yield from run_items(tasks, store, means.workers, caps, means.readers)
