"""A disk that fails, or a writer that dies: the n-th step below a folder raises, in this process.

Enters: a folder and a `Fault`. Leaves: patched calls of Python that make, open, write, sync, move and remove
files; everything that Braid, Zarr and the Python side of HDF5 do to a cache goes through them.
"""

from __future__ import annotations

import builtins
import io
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

WRITES = ("mkdir", "open", "write", "fsync", "rename")
REMOVALS = ("unlink", "rmdir")
READS = ("read",)


class Killed(BaseException):
    """What a dead process does: nothing more, no clearing up either."""


@dataclass
class Fault:
    """Fail step `at` (from 1; 0 never) of the `kinds` with `code`; and all later ones too if it `lasts`.

    Without a code the writer dies instead (`death_at`). `steps` counts what was seen; `struck` says whether
    anything failed.
    """

    at: int
    code: int | None
    kinds: tuple[str, ...] = WRITES
    lasts: bool = False
    also: tuple[str, ...] = ()
    steps: int = 0
    struck: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, kind: str, path: object = None) -> None:
        """Count one step and fail if it is the one."""
        with self.lock:
            self.steps += kind in self.kinds
            here = kind in self.kinds and (self.steps == self.at or (self.lasts and self.struck))
            if not here and not (self.struck and kind in self.also):
                return
            self.struck = True
        if self.code is None:
            raise Killed
        raise OSError(self.code, os.strerror(self.code), None if path is None else str(path))


def death_at(step: int) -> Fault:
    """Return the fault of a process that is killed before a step: from then on it changes nothing."""
    return Fault(at=step, code=None, kinds=(*WRITES, *REMOVALS), lasts=True)


class _FaultyFile(io.FileIO):
    """An open file whose every system call is a step."""

    fault: Fault

    def write(self, data: Any) -> int:
        self.fault.step("write")
        return super().write(data)

    def read(self, size: int | None = -1) -> bytes | None:
        self.fault.step("read")
        return super().read(-1 if size is None else size)

    def readall(self) -> bytes:
        self.fault.step("read")
        return super().readall()

    def readinto(self, buffer: Any) -> int | None:
        self.fault.step("read")
        return super().readinto(buffer)


@contextmanager
def failing_disk(folder: Path, fault: Fault) -> Iterator[Fault]:
    """Let the disk below `folder` fail once as told."""
    faulty_open = _opener(folder, fault)
    with ExitStack() as stack:
        stack.enter_context(patch.object(io, "open", faulty_open))
        stack.enter_context(patch.object(builtins, "open", faulty_open))
        for name, kind in (
            ("mkdir", "mkdir"),
            ("rename", "rename"),
            ("replace", "rename"),
            ("unlink", "unlink"),
            ("remove", "unlink"),
            ("rmdir", "rmdir"),
        ):
            stack.enter_context(patch.object(os, name, _watched(getattr(os, name), kind, folder, fault)))
        stack.enter_context(patch.object(os, "fsync", lambda handle: fault.step("fsync")))
        yield fault


def _watched(call: Any, kind: str, folder: Path, fault: Fault) -> Any:
    def watched(path: Any, *rest: Any, **named: Any) -> Any:
        # shutil.rmtree removes by name within an open folder: those steps are below the folder too
        if named.get("dir_fd") is not None or _is_below(path, folder):
            fault.step(kind, path)
        return call(path, *rest, **named)

    return watched


def _opener(folder: Path, fault: Fault) -> Any:
    plain = io.open

    def faulty_open(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if isinstance(file, int) or not _is_below(file, folder):
            return plain(file, mode, *rest, **named)
        writes = any(letter in mode for letter in "wax+")
        if writes:
            fault.step("open", file)
        if "b" not in mode:
            return plain(file, mode, *rest, **named)
        raw = _FaultyFile(file, mode.replace("b", ""))
        raw.fault = fault
        if "+" in mode:
            return io.BufferedRandom(raw)
        return io.BufferedWriter(raw) if writes else io.BufferedReader(raw)

    return faulty_open


def _is_below(path: Any, folder: Path) -> bool:
    return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(str(folder))
