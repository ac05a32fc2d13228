"""A command with its price: what it returned and said, its peak of memory, its seconds.

Enters: the words of a command. Leaves: a `Watched`. The peak is that of the command or of the largest child
that it waited for, as the kernel counted it. It counts from the fork on, when a child is still as large as
its parent: a small process in between keeps the size of this one, which may run all tests, out of the peak.
A command that hangs is killed after `PATIENCE_S`: its status is -9.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from tests.measurement import ROOT
from tests.trials.commands import ENVIRONMENT, PATIENCE_S

#: ru_maxrss is in kilobytes on Linux and in bytes on macOS.
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


_BETWEEN = """
import os, signal, sys
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", *sys.argv[3:]], os.environ)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
signal.alarm(int(sys.argv[2]))
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}".encode())
"""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A command that came to its end."""

    status: int
    out: str
    errors: str
    peak_bytes: int
    seconds: float

    @property
    def said(self) -> str:
        """All that it printed."""
        return self.out + self.errors


def watch(*words: object, environment: dict[str, str] | None = None) -> Watched:
    """Run `python -m WORDS` in the checkout to its end and weigh it."""
    began = time.monotonic()
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as errors,
        tempfile.TemporaryFile() as price,
    ):
        subprocess.run(
            [sys.executable, "-c", _BETWEEN, str(price.fileno()), str(PATIENCE_S), *map(str, words)],
            cwd=ROOT,
            env=ENVIRONMENT | (environment or {}),
            stdout=out,
            stderr=errors,
            pass_fds=(price.fileno(),),
            check=True,
        )
        price.seek(0)
        status, peak = map(int, price.read().split())
        texts = []
        for stream in (out, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="surrogateescape"))
    return Watched(
        status=status,
        out=texts[0],
        errors=texts[1],
        peak_bytes=peak * _MAXRSS_BYTES,
        seconds=time.monotonic() - began,
    )
