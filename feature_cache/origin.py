"""Which code made something: Braid's version and commit, and the versions of the libraries that counted.

Enters: nothing. Leaves: plain text for entries and runs. No clock, host or path is in it.
"""

from __future__ import annotations

import platform
import subprocess
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent


@cache
def commit() -> str:
    """Return the commit of the checkout, with `+` if files differ from it; "unknown" outside one."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head}{'+' if changed else ''}"


@cache
def own_version() -> str:
    """Return Braid's version: as installed, or from the project file of the checkout it is run from."""
    project = CHECKOUT / "pyproject.toml"
    if not project.is_file():
        return version_of("braid")
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return Python, the type of machine, and those of the packages that are installed."""
    found = {name: version_of(name) for name in packages}
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{name: text for name, text in found.items() if text},
    }


@cache
def version_of(package: str) -> str:
    """Return the installed version of a package, "" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
