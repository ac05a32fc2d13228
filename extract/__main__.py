"""The verbs of stage 1. Every heavy import waits until its verb is called, so that `--help` is quick.

Enters: a command line. Leaves: an exit status: 0 everything asked for is there, 1 something failed and is
named, 2 the command line was not understood, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import extract.interchange.verbs
import extract.overlay.verbs
import extract.segment.verbs
from extract.options import (
    Cache,
    CacheFolder,
    CasesFile,
    CohortName,
    Format,
    Limit,
    MemoryGb,
    Readers,
    RecipeName,
    Root,
    Scheduler,
    ShardOption,
    SlurmFile,
    TimeLimit,
    Trusted,
    Weights,
    Workers,
)
from feature_cache.command_line import count_problems, problem_lines, run_verbs

if TYPE_CHECKING:
    from feature_cache.store import FeatureCache

app = typer.Typer(
    cls=extract.interchange.verbs.ImportWords,
    help="Stage 1: raw files in, frozen embeddings out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def synthetic(
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    layout: Annotated[Literal["chimera", "mprtm"], typer.Option()],
    cases: Annotated[int, typer.Option(min=1)],
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Write a cohort with a known answer as real files."""
    from extract.progress import progress
    from extract.synthetic.cohort import write_synthetic

    with progress("writing cases", cases) as advance:
        write_synthetic(out, layout=layout, cases=cases, seed=seed, progress=lambda _: advance())
    print(f"{out}: {cases} cases in the {layout} layout; truth.json holds the answer")


@app.command()
def scan(
    layout: Annotated[Literal["chimera", "mprtm", "leopard", "folder"], typer.Argument()],
    root: Annotated[Path, typer.Argument(metavar="ROOT")],
    cohort: Annotated[str, typer.Option(help="Name of the cohort.")],
    manifests: Annotated[Path, typer.Option(help="Where the folder of tables goes.")] = Path(
        "data_manifests"
    ),
) -> None:
    """Turn a download as it comes into manifest tables and a drafted cohort.yaml."""
    from extract.scan import scan as scan_download

    report = scan_download(layout, root, cohort, manifests)
    print(report.describe())
    _exit(report.fails)


@app.command()
def check(
    cohort: CohortName,
    root: Root,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Open every header and print one table of problems."""
    from extract.check import check as check_cohort
    from feature_cache.cohort import find_cohort

    problems = check_cohort(find_cohort(cohort), root)
    if as_json:
        print(json.dumps([problem.as_dict() for problem in problems], indent=2))
    else:
        print(problem_lines(problems), end="")
        print(count_problems(problems))
    _exit(any(problem.fails for problem in problems))


@app.command()
def plan(
    cohort: CohortName,
    root: Root,
    cache: Cache,
    recipe: RecipeName = "weightfree",
    weights: Weights = None,
    trust_remote_code: Trusted = None,
    cases: CasesFile = None,
    limit: Limit = None,
    shard: ShardOption = None,
    workers: Workers = 1,
    array_format: Format = "zarr",
) -> None:
    """Say what a run would do and what it costs; makes no cache."""
    from extract.request import Request, plan_lines

    asked = Request(
        cohort=cohort,
        root=root,
        cache=cache,
        recipe=recipe,
        weights=weights,
        cases=cases,
        limit=limit,
        array_format=array_format,
        shard=shard,
        trusted=frozenset(trust_remote_code or ()),
    )
    for line in plan_lines(asked, workers):
        print(line)


@app.command()
def run(
    cohort: CohortName,
    root: Root,
    cache: Cache,
    recipe: RecipeName = "weightfree",
    weights: Weights = None,
    trust_remote_code: Trusted = None,
    cases: CasesFile = None,
    limit: Limit = None,
    shard: ShardOption = None,
    scheduler: Scheduler = None,
    slurm_job: SlurmFile = None,
    workers: Workers = 1,
    readers: Readers = 1,
    memory_gb: MemoryGb = None,
    time_limit: TimeLimit = 24 * 60,
    array_format: Format = "zarr",
) -> None:
    """Make every entry that is not there yet; a failed item is named and does not stop the others.

    An item that crashes, or takes more memory or time than it may, is a row in
    failures.csv too. Ctrl-C or SIGTERM stops at once; the next run goes on.
    """
    from extract.extraction import Means, extract
    from extract.request import Request

    asked = Request(
        cohort=cohort,
        root=root,
        cache=cache,
        recipe=recipe,
        weights=weights,
        cases=cases,
        limit=limit,
        array_format=array_format,
        shard=shard,
        trusted=frozenset(trust_remote_code or ()),
    )
    means = Means(
        workers=workers,
        readers=readers,
        memory_gb=memory_gb,
        minutes=time_limit,
        scheduler=scheduler,
        slurm_job=slurm_job,
    )
    summary = extract(asked, means)
    print(summary.describe(), end="")
    if summary.stopped is not None:
        raise summary.stopped
    _exit(bool(summary.problems))


@app.command()
def status(cache: CacheFolder) -> None:
    """Count the entries of each feature set, and what waits for `gc`."""
    print(_existing(cache).status().describe())


@app.command()
def verify(
    cache: CacheFolder,
    quarantine: Annotated[bool, typer.Option(help="Move damaged entries to _quarantine.")] = False,
) -> None:
    """Read everything and name what is damaged."""
    checked = damaged = 0
    for entry in _existing(cache).verify(quarantine=quarantine):
        checked += 1
        if not entry.ok:
            damaged += 1
            print(f"DAMAGED {entry.name}: {entry.problem}")
    print(f"{checked} entries read, {damaged} damaged")
    _exit(damaged > 0)


@app.command()
def gc(cache: CacheFolder) -> None:
    """Empty _trash and remove what killed runs left in _tmp."""
    print(_existing(cache).gc().describe())


@app.command()
def forget(cache: CacheFolder, case: Annotated[str, typer.Argument(metavar="CASE")]) -> None:
    """Remove a withdrawn case everywhere in the cache."""
    removed = _existing(cache).forget(case)
    print(f"{removed} entries of case {case} removed")
    _exit(removed == 0)


@app.command()
def encoders(weights: Weights = None) -> None:
    """List every encoder with its licence and what is missing to run it here."""
    from extract.encoders.requirements import encoder_table

    print("\n".join(encoder_table(weights)))


@app.command()
def doctor() -> None:
    """Say what this machine can run and what to do where something is missing."""
    from extract.doctor import examine

    findings = examine()
    for finding in findings:
        print(f"{finding.verdict}  {finding.subject}: {finding.found}. {finding.remedy}".rstrip())
    _exit(any(finding.verdict == "FAIL" for finding in findings))


extract.interchange.verbs.add_verbs(app)
extract.overlay.verbs.add_verbs(app)
extract.segment.verbs.add_verbs(app)


def _existing(cache: Path) -> FeatureCache:
    from feature_cache.store import FeatureCache

    return FeatureCache.open(cache)


def _exit(failed: bool) -> None:
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Run a verb."""
    run_verbs(app)


if __name__ == "__main__":
    main()
