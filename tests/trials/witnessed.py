"""Which files and sockets a command touched, as the Python processes themselves saw it.

Enters: a folder. Leaves: an environment for a command, and what `witness/sitecustomize.py` noted meanwhile,
in the command and in all its children. Native code is not seen here.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WITNESS = Path(__file__).parent / "witness"


@dataclass(frozen=True)
class Event:
    """One thing that a process did: `write` or `read` with a path, else a call and its address."""

    kind: str
    told: str


@cache
def compiled_loops() -> Path:
    """Return the folder of this process in which all watched commands find and leave machine code."""
    folder = Path(tempfile.mkdtemp(prefix="braid-loops-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class Witness:
    """A log in `folder`; files below `below` are noted when they are read too."""

    folder: Path
    below: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a command must be started with. Scratch files go into a folder of their own."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        paths = [str(WITNESS), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NUMBA_CACHE_DIR": str(compiled_loops()),  # else beside the code, as bytecode is
            "BRAID_WITNESS": str(self._log),
            "BRAID_WITNESS_BELOW": str(self.below),
            "TMPDIR": str(self.scratch),
        }

    @property
    def scratch(self) -> Path:
        """Where scratch files go."""
        return self.folder / "scratch"

    def events(self) -> list[Event]:
        """Return what was noted so far; a witness that saw nothing was not there."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [Event(kind, told) for kind, told in map(json.loads, lines)]

    @property
    def _log(self) -> Path:
        return self.folder / "witness.jsonl"
