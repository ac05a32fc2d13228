"""A command with its price: what it returned and said, its peak of memory, its seconds.

Enters: the words of a command. Leaves: a `Watched`. The peak is that of the command or of the largest child
that it waited for, as the kernel counted it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from tests.measurement import ROOT
from tests.trials.commands import ENVIRONMENT

#: ru_maxrss is in kilobytes on Linux and in bytes on macOS.
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


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
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            cwd=ROOT,
            env=ENVIRONMENT | (environment or {}),
            stdout=out,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, errors):
            stream.seek(0)
            texts.append(stream.read().decode(errors="surrogateescape"))
    return Watched(
        status=process.returncode,
        out=texts[0],
        errors=texts[1],
        peak_bytes=usage.ru_maxrss * _MAXRSS_BYTES,
        seconds=time.monotonic() - began,
    )
