"""The verbs of stage 1. Every heavy import waits until its verb is called, so that `--help` is quick.

Enters: a command line. Leaves: an exit status: 0 everything asked for is there, 1 something failed and is
named, 2 the command line was not understood, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from feature_cache.command_line import count_problems, problem_lines, run_verbs
from feature_cache.errors import Problem

if TYPE_CHECKING:
    from extract.plan import Plan
    from feature_cache.store import FeatureCache

app = typer.Typer(
    help="Stage 1: raw files in, frozen embeddings out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="Folder of manifest tables, or a name.")]
Root = Annotated[Path, typer.Option(help="Folder that the manifest's paths are relative to.")]
CacheFolder = Annotated[Path, typer.Argument(metavar="CACHE", help="A feature cache.")]
Cache = Annotated[Path, typer.Option("--cache", help="The feature cache to write.")]
RecipeName = Annotated[str, typer.Option("--recipe", help="A shipped recipe or a YAML file.")]
Weights = Annotated[Path | None, typer.Option(help="Folder of encoder weights.")]
CasesFile = Annotated[Path | None, typer.Option("--cases", help="File of case ids, one a line.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many items.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes.")]
MemoryGb = Annotated[
    float | None,
    typer.Option(min=0.1, help="Memory an item may take; if not given, 90 % of the machine's / workers."),
]
#: 10,000 tiles through the largest network take 16 hours on two cores, and no item may hold a run for ever.
#: The whole time counts, not the time without progress: a decoder that hangs and one at work look the same.
TimeLimit = Annotated[float, typer.Option(min=0.01, help="Minutes that an item may take.")]
Format = Annotated[Literal["zarr", "hdf5"], typer.Option("--format", help="How arrays lie on disk.")]


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
    cases: CasesFile = None,
    limit: Limit = None,
    workers: Workers = 1,
    array_format: Format = "zarr",
) -> None:
    """Say what a run would do and what it costs; makes no cache."""
    from extract.cost import add_up_costs
    from feature_cache.store import FeatureCache

    store = FeatureCache(root=cache.absolute(), array_format=array_format)
    planned = _plan(cohort, (root, weights), store, recipe, (cases, limit))
    costs = add_up_costs(planned.todo, workers)
    for part in planned.sets:
        cost = ", ".join(f"{name} {value:,}" for name, value in sorted(costs.get(part.block, {}).items()))
        counts = f"{len(part.todo):>6} to do {part.done:>6} done"
        print(f"{part.block:<14}{part.recipe.folder:<40}{counts}  {cost}")
    print(f"{len(planned.todo)} item(s) for {workers} worker(s)")


@app.command()
def run(
    cohort: CohortName,
    root: Root,
    cache: Cache,
    recipe: RecipeName = "weightfree",
    weights: Weights = None,
    cases: CasesFile = None,
    limit: Limit = None,
    workers: Workers = 1,
    memory_gb: MemoryGb = None,
    time_limit: TimeLimit = 24 * 60,
    array_format: Format = "zarr",
) -> None:
    """Make every entry that is not there yet; a failed item is named and does not stop the others.

    An item that crashes, or takes more memory or time than it may, is a row in
    failures.csv too. Ctrl-C or SIGTERM stops at once; the next run goes on.
    """
    from extract.caps import item_caps
    from extract.ledger import Ledger
    from extract.progress import progress
    from extract.run import run_items
    from feature_cache.stopping import Stopped
    from feature_cache.store import FeatureCache

    store = FeatureCache.create(cache, array_format=array_format)
    planned = _plan(cohort, (root, weights), store, recipe, (cases, limit))
    caps = item_caps(workers, memory_gb, time_limit)
    ledger = Ledger(store.runs_folder)
    problems: list[Problem] = []
    left, stopped = len(planned.todo), None
    try:
        with progress("extracting", left) as advance:
            for items in planned.passes:
                with closing(run_items(items, store, workers, caps)) as receipts:
                    for receipt in receipts:
                        ledger.add(receipt)
                        left -= 1
                        if receipt.problem is not None:
                            problems.append(receipt.problem)
                        advance()
    except Stopped as signal:
        stopped = signal
    report = ledger.close(left)
    done = sum(part.done for part in planned.sets)
    made = len(planned.todo) - len(problems) - left
    print(f"{made} made, {done} were there, {len(problems)} failed in {report['wall_s']} s", end="")
    print(f"; most time went into: {report['bottleneck']}" if report["bottleneck"] else "")
    print(problem_lines(problems), end="")
    if problems:
        print(f"failures.csv: {ledger.folder / 'failures.csv'}")
    if stopped is not None:
        print(f"stopped with {left} item(s) left: run it again to go on")
        raise stopped
    _exit(bool(problems))


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


def _plan(
    cohort: str,
    read: tuple[Path, Path | None],
    store: FeatureCache,
    recipe: str,
    chosen: tuple[Path | None, int | None],
) -> Plan:
    from extract.plan import Folders, make_plan, read_selection
    from extract.recipe import read_recipe
    from feature_cache.cohort import find_cohort, read_cohort
    from feature_cache.errors import ManifestError

    root, weights = read
    if not root.is_dir():
        raise ManifestError(
            f"--root {root}", expected="a folder", got="no such folder", remedy="Name where the files are."
        )
    manifest = read_cohort(find_cohort(cohort))
    folders = Folders(root=root, weights=weights)
    return make_plan(manifest, folders, store, read_recipe(recipe), read_selection(*chosen, manifest))


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
