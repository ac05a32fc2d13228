"""The first signal raises, once; the process that was stopped hears no other."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from feature_cache.stopping import Stopped, stopped_by_signals

PROGRAM = """
import os, signal
from feature_cache.stopping import stopped_by_signals
try:
    with stopped_by_signals():
        try:
            os.kill(os.getpid(), signal.{first})
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            print("put away")
finally:
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(("first", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_the_first_signal_is_the_status_and_the_others_disturb_nothing(
    repository: Path, first: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)], cwd=repository, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "put away\n", "")


IN_A_DESTRUCTOR = """
import os, signal
from feature_cache.stopping import raise_if_stopped, stopped_by_signals
class Handle:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
with stopped_by_signals():
    raise_if_stopped()
    handle = Handle()
    del handle
    print("forgotten", flush=True)
    raise_if_stopped()
    print("worked on")
"""


def test_a_signal_that_a_destructor_swallowed_is_answered_at_the_next_round(repository: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_DESTRUCTOR], cwd=repository, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (143, "forgotten\n")


def test_handlers_are_as_before_where_nothing_was_stopped() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stopped_by_signals():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with pytest.raises(ValueError, match="another"), stopped_by_signals():
        raise ValueError("another")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_its_status_is_that_of_shells() -> None:
    assert [Stopped(signal.SIGINT).code, Stopped(signal.SIGTERM).code] == [130, 143]


HELD = """
import os, signal, threading
from feature_cache.stopping import signals_held, stopped_by_signals
taken, tell = os.pipe()
os.set_blocking(tell, False)
signal.set_wakeup_fd(tell)
threading.Thread(target=threading.Event().wait, daemon=True).start()
with stopped_by_signals():
    with signals_held():
        os.kill(os.getpid(), signal.{number})
        os.read(taken, 1)  # the other thread has taken it: that may be later than the kill
        print("all started")
    print("never reached")
"""


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_another_thread_takes_is_answered_when_all_workers_have_started(
    repository: Path, number: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELD.format(number=number)],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "all started\n", "")
