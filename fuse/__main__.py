"""The verbs of stage 2. Every heavy import waits until its verb is called, so that `--help` is quick.

Enters: a command line. Leaves: an exit status: 0 everything asked for is there, 1 something failed and is
named, 2 the command line was not understood, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from feature_cache.command_line import count_problems, problem_lines, run_verbs
from feature_cache.errors import BraidError

if TYPE_CHECKING:
    from fuse.run.run_record import ArmRecord

app = typer.Typer(
    help="Stage 2: embeddings and outcomes in, predictions and evidence out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

CohortName = Annotated[str, typer.Argument(metavar="COHORT", help="Folder of manifest tables, or a name.")]
CacheFolder = Annotated[Path, typer.Option("--cache", help="The feature cache to read.")]
ProtocolName = Annotated[
    str,
    typer.Option(help="recommended, quick, full, torchfree, classes, competing, late_entry, or a YAML file."),
]
EndpointName = Annotated[str | None, typer.Option(help="One of cohort.yaml; default its first.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder that `benchmark --out` wrote.")]
MomentName = Annotated[
    str | None, typer.Option("--moment", help="One of cohort.yaml; default its prediction day.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes; all cores if not given.")]

#: Characters of an arm's name beside its numbers; a longer one pushes only its own to the right.
_WIDEST_ARM = 48


@app.command()
def check(
    cohort: CohortName,
    cache: CacheFolder,
    protocol: ProtocolName = "quick",
    endpoint: EndpointName = None,
    moment: MomentName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print problems and facts as JSON.")] = False,
) -> None:
    """Say what stands against an evaluation, before anything is fitted."""
    from feature_cache.cohort import find_cohort
    from fuse.inspection.check_words import facts_of
    from fuse.inspection.checked import check_inputs
    from fuse.inspection.inspection import RunInputs
    from fuse.protocol import read_protocol

    try:
        given = {"endpoint": endpoint, "moment": moment}
        chosen = read_protocol(protocol).model_copy(
            update={name: value for name, value in given.items() if value is not None}
        )
        inputs = RunInputs(cohort_folder=find_cohort(cohort), cache=cache, protocol=chosen)
        checked = check_inputs(inputs)
    except BraidError as error:
        if not as_json:
            raise
        print(json.dumps({"problems": [error.as_problem().as_dict()], "facts": []}, indent=2))
        raise typer.Exit(1) from error
    if as_json:
        print(json.dumps(checked.as_json(), indent=2))
    else:
        for fact in facts_of(checked):
            print(fact)
        print(problem_lines(checked.problems), end="")
        print(count_problems(checked.problems))
    _exit(checked.fails)


@app.command()
def benchmark(
    cohort: CohortName,
    cache: CacheFolder,
    out: Annotated[Path, typer.Option(metavar="RUN", help="New folder for the run.")],
    protocol: ProtocolName = "quick",
    endpoint: EndpointName = None,
    moment: MomentName = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the protocol's.")] = None,
    jobs: Jobs = None,
) -> None:
    """Fit and evaluate every arm of a protocol; write predictions, evidence, verdict and page."""
    from feature_cache.cohort import find_cohort
    from fuse.benchmark import run_benchmark
    from fuse.inspection.inspection import RunInputs
    from fuse.protocol import read_protocol
    from fuse.workers import count_cores

    given = {"endpoint": endpoint, "moment": moment, "seed": seed}
    resolved = read_protocol(protocol).model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    inputs = RunInputs(cohort_folder=find_cohort(cohort), cache=cache, protocol=resolved)
    _print_run(out, run_benchmark(inputs, out, jobs or count_cores()))


@app.command()
def landmarks(
    cohort: CohortName,
    cache: CacheFolder,
    out: Annotated[Path, typer.Option(metavar="DIR", help="New folder: one run a moment, and a table.")],
    protocol: ProtocolName = "quick",
    endpoint: EndpointName = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Default: the protocol's.")] = None,
    jobs: Jobs = None,
) -> None:
    """Predict anew at every moment that cohort.yaml declares: what is known by then, of who is at risk."""
    from feature_cache.cohort import find_cohort
    from fuse.inspection.inspection import RunInputs
    from fuse.landmarks import describe_landmarks, run_landmarks
    from fuse.protocol import read_protocol
    from fuse.workers import count_cores

    given = {"endpoint": endpoint, "seed": seed}
    resolved = read_protocol(protocol).model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    inputs = RunInputs(cohort_folder=find_cohort(cohort), cache=cache, protocol=resolved)
    found = run_landmarks(inputs, out, jobs or count_cores())
    print("\n".join(describe_landmarks(found, out)))
    _exit(any(landmark.reason for landmark in found))


@app.command()
def validate(
    run: RunFolder,
    cohort: Annotated[str, typer.Argument(metavar="OTHER_COHORT", help="Folder or name of another cohort.")],
    cache: Annotated[Path, typer.Option("--cache", help="The feature cache of the other cohort.")],
    out: Annotated[Path, typer.Option(metavar="RUN2", help="New folder for the validation.")],
    run_cache: Annotated[Path | None, typer.Option(help="Where the run's own cache is now.")] = None,
    run_cohort: Annotated[str | None, typer.Option(help="Where the run's own cohort is now.")] = None,
) -> None:
    """Fit every arm of a run once, on all its cases, and evaluate it on another cohort."""
    from feature_cache.cohort import find_cohort
    from fuse.validate import ValidationInputs, run_validation

    inputs = ValidationInputs(
        run=run,
        cohort_folder=find_cohort(cohort),
        cache=cache,
        run_cache=run_cache,
        run_cohort=None if run_cohort is None else find_cohort(run_cohort),
    )
    _print_run(out, run_validation(inputs, out))


@app.command()
def rerun(
    run: RunFolder,
    cache: Annotated[Path | None, typer.Option(help="Where the cache is now.")] = None,
    cohort: Annotated[str | None, typer.Option(help="Where the cohort is now, or its name.")] = None,
    jobs: Jobs = None,
) -> None:
    """Make a run again from its own record and compare every output byte for byte."""
    from feature_cache.cohort import find_cohort
    from fuse.run.rerun import rerun as repeat
    from fuse.workers import count_cores

    found = repeat(run, cache, None if cohort is None else find_cohort(cohort), jobs or count_cores())
    for text in found.other_versions:
        print(f"made with {text}")
    for name in found.differing[:1]:
        print(f"DIFFERS {name} (and {len(found.differing) - 1} more of {len(found.compared)} files)")
    if not found.differing:
        print(f"bitwise the same: {len(found.compared)} files")
    _exit(bool(found.differing))


@app.command()
def report(run: RunFolder) -> None:
    """Write report.html of a run again."""
    from fuse.report import write_report

    print(f"report: {write_report(run)}")


def _print_run(out: Path, arms: tuple[ArmRecord, ...]) -> None:
    _print_arms(out, arms)
    print(json.loads((out / "verdict.json").read_text(encoding="utf-8"))["top"])
    print(f"report: {out / 'report.html'}")
    _exit(any(arm.status == "not_run" for arm in arms))


def _print_arms(run: Path, arms: tuple[ArmRecord, ...]) -> None:
    from fuse.files import read_csv
    from fuse.verdict.words import PRIMARY

    every = read_csv(run / "metrics.csv")[1]
    # the first metric of an arm is the one that questions are answered by
    rows = {row["arm"]: row for row in reversed(every) if row["metric"] in PRIMARY}
    print(f"{PRIMARY[every[0]['metric']]} within folds, with its 95 % interval")
    room = min(_WIDEST_ARM, max(len(arm.name) for arm in arms))
    for arm in arms:
        row = rows.get(arm.name)
        if row is None:
            print(f"  {arm.name:<{room}}  not run: {arm.reason}")
            continue
        low, high = (f"{float(row[name]):.3f}" if row[name] else "-" for name in ("low", "high"))
        print(f"  {arm.name:<{room}}  {float(row['estimate']):.3f}  ({low} to {high})")


def _exit(failed: bool) -> None:
    if failed:
        raise typer.Exit(1)


def main() -> None:
    """Run a verb."""
    run_verbs(app)


if __name__ == "__main__":
    main()
