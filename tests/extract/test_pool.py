"""A task that takes its child down costs itself, is named, and disturbs no other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest

from extract.caps import Caps, header_caps, item_caps
from extract.child import Child, Ended
from extract.memory import _group_limits, memory_gb_per_worker
from extract.pool import CappedChild, Death, _Pool, run_capped
from tests.extract.misbehaving import do, give_back_no_text

ROOMY = Caps(memory_gb=1.0, seconds=600)
WORDS = ("a", "b", "c", "d", "e")


def outcomes(tasks: tuple[str, ...], caps: Caps = ROOMY, workers: int = 1) -> dict[str, str | Death]:
    return dict(run_capped(do, tasks, caps, workers))


def death(outcome: str | Death) -> Death:
    assert isinstance(outcome, Death)
    return outcome


@pytest.mark.parametrize("workers", [1, 2])
def test_whatever_ends_a_child_is_named_and_all_other_tasks_are_done(workers: int) -> None:
    bad = ("abort", "segfault", "exit 3", "kill", "raise")
    tasks = tuple(word for pair in zip(bad, WORDS, strict=True) for word in pair)
    done = outcomes(tasks, workers=workers)
    assert {task: (death(done[task]).cause, death(done[task]).got) for task in bad[:4]} == {
        "abort": ("signal", "a worker process that died with signal SIGABRT (6)"),
        "segfault": ("signal", "a worker process that died with signal SIGSEGV (11)"),
        "exit 3": ("exit", "a worker process that ended with exit code 3"),
        "kill": ("signal", "a worker process that died with signal SIGKILL (9)"),
    }
    assert death(done["raise"]).got.startswith("UnpicklableError from _raise line ")
    assert "patient" not in str(done)
    assert {task for task in done if not isinstance(done[task], Death)} == set(WORDS)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_greedy_task_is_ended_and_the_others_are_done(workers: int) -> None:
    done = outcomes(("a", "eat", *WORDS[1:]), Caps(memory_gb=0.4, seconds=600), workers)
    greedy = death(done.pop("eat"))
    assert greedy.cause == "memory"
    assert greedy.got.endswith("was ended (cap 0.40)")
    assert all(isinstance(outcome, str) for outcome in done.values())


def test_tasks_without_end_are_ended_and_the_others_are_done() -> None:
    done = outcomes(("hang", "loop", *WORDS), Caps(memory_gb=1.0, seconds=3.0), workers=2)
    for task in ("hang", "loop"):
        ended = death(done.pop(task))
        assert ended.cause == "time"
        assert ended.got == "a worker process that was not done with its task after 3 s and was ended"
    assert all(isinstance(outcome, str) for outcome in done.values())


def test_a_result_that_cannot_be_sent_is_named() -> None:
    ((_, outcome),) = run_capped(give_back_no_text, ["a"], ROOMY, 1)
    assert isinstance(outcome, Death)
    assert outcome.cause == "error"


def test_children_are_used_again_and_replaced_after_a_death() -> None:
    done = outcomes(("a", "b", "abort", "c", "d"))
    processes = [str(done[word]).split()[1] for word in "abcd"]
    assert processes[0] == processes[1] != processes[2] == processes[3]


def test_an_error_leaves_the_child_alive() -> None:
    done = outcomes(("a", "raise", "b"))
    assert str(done["a"]).split()[1] == str(done["b"]).split()[1]


def test_tasks_are_taken_when_a_child_is_free() -> None:
    taken: list[str] = []

    def words() -> Iterator[str]:
        for word in WORDS:
            taken.append(word)
            yield word

    running = run_capped(do, words(), ROOMY, 1)
    assert taken == []
    next(running)
    assert taken == ["a", "b"]
    running.close()
    assert taken == ["a", "b"]


def test_closing_ends_children_at_work(tmp_path: Path) -> None:
    running = run_capped(do, ("a", f"mark {tmp_path / 'at-work'}"), ROOMY, 2)
    assert next(running)[0] == "a"
    children = [psutil.Process(child.pid) for child in multiprocessing.active_children()]
    assert children
    running.close()
    assert [child for child in children if child.is_running()] == []


def test_an_error_of_the_caller_ends_the_children() -> None:
    def words() -> Iterator[str]:
        yield "hang"
        raise RuntimeError("the caller's")

    with pytest.raises(RuntimeError, match="the caller's"):
        list(run_capped(do, words(), ROOMY, 2))
    assert multiprocessing.active_children() == []


def test_without_tasks_there_are_no_children() -> None:
    assert outcomes(()) == {}
    assert multiprocessing.active_children() == []


def test_no_more_children_than_tasks() -> None:
    running = run_capped(do, ("a", "b"), ROOMY, 8)
    next(running)
    assert len(multiprocessing.active_children()) <= 2
    running.close()


def test_a_child_does_several_tasks_at_once() -> None:
    ended = list(run_capped(do, ["meet 3"] * 3, ROOMY, 1, 3))
    assert len({str(outcome) for _, outcome in ended}) == 1


@pytest.mark.parametrize("deed", ["abort", "exit 3", "eat"])
def test_of_several_tasks_in_a_child_the_one_that_ends_it_is_found_and_the_others_are_done(deed: str) -> None:
    tasks = ("a", "b", deed, "c", "d", "e")
    done = dict(run_capped(do, tasks, Caps(memory_gb=0.4, seconds=600), 2, 3))
    assert isinstance(done.pop(deed), Death)
    assert {task: str(outcome).split()[0] for task, outcome in done.items()} == {word: word for word in WORDS}
    assert multiprocessing.active_children() == []


def test_of_several_tasks_in_a_child_the_one_without_end_is_known_at_once(tmp_path: Path) -> None:
    tasks = ("hang", *WORDS)
    done = dict(run_capped(do, tasks, Caps(memory_gb=1.0, seconds=3.0), 1, 2))
    assert death(done.pop("hang")).cause == "time"
    assert all(isinstance(outcome, str) for outcome in done.values())


class ScriptedChild(Child[str, str]):
    """A child without a process: it dies at a look where it has the bad task, else it has done all."""

    def __init__(self, function: object, caps: Caps, threads: int) -> None:
        self.in_flight = {}

    def give(self, number: int, task: str) -> None:
        self.in_flight[number] = task

    def look(self) -> Ended[str]:
        held = list(self.in_flight.values())
        TOGETHER.append(held)
        if "bad" in held:
            return Ended(outcomes={}, death=Death(cause="exit", got="bad"))
        done = {number: f"{task} done" for number, task in self.in_flight.items()}
        self.in_flight.clear()
        return Ended(outcomes=dict(done))

    def end(self) -> None:
        pass


TOGETHER: list[list[str]] = []


def test_a_suspect_takes_nobody_with_it_however_much_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extract.pool.Child", ScriptedChild)
    TOGETHER.clear()
    tasks = ["a", "bad", "b", *(str(number) for number in range(20))]
    with closing(_Pool(do, tasks, ROOMY, (1, 3))) as pool:
        ended: list[tuple[str, str | Death]] = []
        pool.fill()
        while pool.children:
            ended += [one for child in tuple(pool.children) for one in pool.settle(child)]
            pool.fill()
    assert sorted(task for task, _ in ended) == sorted(tasks)
    assert [task for task, outcome in ended if isinstance(outcome, Death)] == ["bad"]
    assert TOGETHER[0] == ["a", "bad", "b"]
    assert TOGETHER[1:4] == [["a"], ["bad"], ["b"]]
    assert max(map(len, TOGETHER[4:])) == 3


def test_what_a_dying_child_sent_last_still_counts() -> None:
    child = Child(do, ROOMY, threads=1)
    child.give(0, "a")
    child.give(1, "abort")
    wait([child.handles[0]])
    outcomes = dict(child.look().outcomes)  # it is ready now, and was sent both
    child._process.join()
    ended = child.look()
    outcomes |= ended.outcomes
    assert {number: str(outcome).split()[0] for number, outcome in outcomes.items()} == {0: "a"}
    assert ended.death is not None
    assert ended.death.cause == "signal"
    assert list(child.in_flight) == [1]


def test_several_culprits_are_all_found() -> None:
    done = dict(run_capped(do, ("abort", "exit 3", "kill", "a"), ROOMY, 1, 4))
    assert [death(done[task]).cause for task in ("abort", "exit 3", "kill")] == ["signal", "exit", "signal"]
    assert isinstance(done["a"], str)


def test_one_child_is_kept_for_one_task_after_the_other_and_replaced_after_a_death() -> None:
    with CappedChild(do, ROOMY) as child:
        first, second = child.do("a"), child.do("b")
        lost, error = death(child.do("abort")), death(child.do("raise"))
        third = child.do("c")
    assert str(first).split()[1] == str(second).split()[1] != str(third).split()[1]
    assert (lost.cause, error.cause) == ("signal", "error")
    assert multiprocessing.active_children() == []


def test_the_death_of_an_idle_child_costs_no_task() -> None:
    with CappedChild(do, ROOMY) as child:
        process = psutil.Process(int(str(child.do("a")).split()[1]))
        process.kill()
        psutil.wait_procs([process])
        assert isinstance(child.do("b"), str)


def test_one_child_is_under_caps() -> None:
    with CappedChild(do, Caps(memory_gb=0.4, seconds=3.0)) as child:
        assert [death(child.do(deed)).cause for deed in ("eat", "hang")] == ["memory", "time"]


def test_the_memory_of_the_machine_is_shared_by_the_workers() -> None:
    assert memory_gb_per_worker(1) == pytest.approx(4 * memory_gb_per_worker(4))
    assert memory_gb_per_worker(1) <= 0.9 * psutil.virtual_memory().total / 1e9
    assert item_caps(2, None, 30) == Caps(memory_gb=memory_gb_per_worker(2), seconds=1800)
    assert item_caps(2, 3.5, 1) == Caps(memory_gb=3.5, seconds=60)
    assert header_caps(1).memory_gb <= memory_gb_per_worker(1)


@pytest.mark.parametrize(
    ("groups", "files", "limits"),
    [
        ("0::/job/step\n", {"job/memory.max": "8000", "job/step/memory.max": "max"}, [8000]),
        ("0::/elsewhere\n", {"memory.max": "5000"}, [5000]),
        ("4:memory:/job\n1:cpu:/\n", {"memory/job/memory.limit_in_bytes": "7000", "memory.max": "1"}, [7000]),
        ("0::/\n", {}, []),
    ],
)
def test_the_limit_of_a_job_or_container_counts(
    tmp_path: Path, groups: str, files: dict[str, str], limits: list[int]
) -> None:
    own = tmp_path / "own"
    own.write_text(groups, encoding="utf-8")
    for name, text in files.items():
        path = tmp_path / "mounted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    assert list(_group_limits(own, tmp_path / "mounted")) == limits


def test_where_there_are_no_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert list(_group_limits(tmp_path / "absent", tmp_path)) == []
