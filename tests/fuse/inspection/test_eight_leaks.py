"""The eight leaks that the lint is for, each made on disk by the command line and caught by its name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extract.__main__ import app as extract
from fuse.__main__ import app as fuse
from tests.published.lint_cohorts import EIGHT, HEART, HONEST, Leaky, Made

needs_table = pytest.mark.skipif(not HEART.is_file(), reason="the shared tables are not beside the checkout")


def call(stage: str, *words: object) -> None:
    assert stage == "extract"
    done = CliRunner().invoke(extract, [str(word) for word in words])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module", autouse=True)
def _in_this_process_without_waiting_for_the_disk() -> Iterator[None]:
    """Extract without child processes: what guards a run against its files is tested in tests/extract."""

    def here(
        function: Callable[[object], object], tasks: Iterable[object], *_: object
    ) -> Iterator[tuple[object, object]]:
        return ((task, function(task)) for task in tasks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        for module in ("extract.run", "extract.cost"):
            patch.setattr(f"{module}.run_capped", here)
        yield


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    return {
        origin: make(tmp_path_factory.mktemp(origin), call)
        for origin, make in HONEST.items()
        if origin != "heart" or HEART.is_file()
    }


def check(made: Made) -> tuple[int, dict[str, list[dict[str, str]]]]:
    words = ["check", str(made.cohort), "--cache", str(made.cache), "--protocol", made.protocol, "--json"]
    done = CliRunner().invoke(fuse, words)
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize(
    "leaky",
    [pytest.param(one, id=one.title, marks=[needs_table] if one.origin == "heart" else []) for one in EIGHT],
)
def test_it_is_caught_by_its_name_alone(leaky: Leaky, honest: dict[str, Made], tmp_path: Path) -> None:
    code, told = check(leaky.spoil(honest[leaky.origin], tmp_path / "spoilt", call))
    assert code == 1
    errors = [problem["got"].split(": ")[0] for problem in told["problems"] if problem["level"] != "warning"]
    assert set(errors) == {leaky.leak}
    assert {row["name"] for row in told["leaks"] if row["level"] == "error"} == {leaky.leak}


@pytest.mark.parametrize("origin", [pytest.param("heart", marks=needs_table), "chimera"])
def test_what_they_were_made_from_has_no_error_and_no_leak(origin: str, honest: dict[str, Made]) -> None:
    code, told = check(honest[origin])
    assert code == 0
    assert told["leaks"] == []
    assert told["reachable"]["null_sd"] > 0
