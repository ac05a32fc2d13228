"""Where a run is written until it is whole: a hidden folder beside it, of one process at a time.

Enters: the name that the run will have. Leaves: an empty folder on the same file system, gone again however
the block ends, and a place for folds that are kept until the run is whole. What a killed run left is removed
by the next run of the same name, but for those folds. That nobody lives in it is known from a lock that the
system takes from a dead process; where there are no locks, nothing of another run is touched, or kept.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from feature_cache.errors import OutcomeError

logger = logging.getLogger(__name__)

_LOCK = "lock"
_KEPT = "kept"


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """The folder of this process, and where folds are kept (nothing is there before the first)."""

    folder: Path
    kept: Path


@contextmanager
def run_place(out: Path) -> Iterator[RunPlace]:
    """Yield where to write what will be moved to `out`; what is kept stays where the block does not end well.

    Raises
    ------
    OutcomeError
        Another process is writing a run of this name, or no folder can be made there.
    """
    place = out.absolute().parent / f".fuse-{out.absolute().name}"
    handle, alone = _claim(place, out)
    try:
        if alone:
            for left in place.iterdir():
                if left.name not in (_LOCK, _KEPT):
                    shutil.rmtree(left)
        own = Path(tempfile.mkdtemp(dir=place))
        kept = (place if alone else own) / _KEPT
        try:
            yield RunPlace(folder=own, kept=kept)
            shutil.rmtree(kept, ignore_errors=True)
        finally:
            shutil.rmtree(own, ignore_errors=True)
            if kept.is_dir():
                logger.warning("fitted folds are kept in %s: the same command goes on from them", kept)
    finally:
        _leave(place, handle)


def _claim(place: Path, out: Path) -> tuple[int, bool]:
    """Return an open lock file, and whether it proves that no other process uses the place."""
    while True:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _no_folder(out, error) from error
        try:
            handle = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue  # whoever had the place has just removed it
        except OSError as error:
            raise _no_folder(out, error) from error
        try:
            alone = _lock(handle)
        except BlockingIOError as error:
            os.close(handle)
            raise OutcomeError(
                f"--out {out}",
                expected="one process at a time that writes this run",
                got="another that is at it",
                remedy="Wait for it, or give another name.",
            ) from error
        if _is_still(handle, place / _LOCK):
            return handle, alone
        os.close(handle)


def _no_folder(out: Path, error: OSError) -> OutcomeError:
    return OutcomeError(
        f"--out {out}",
        expected="a place where a folder can be made",
        got=str(error.strerror),
        remedy="Choose another place or mend the permissions.",
    )


def _lock(handle: int) -> bool:
    """Lock a file until it is closed or the process ends; False where the file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise BlockingIOError from error
    except OSError:  # NFS without a lock daemon
        return False
    return True


def _is_still(handle: int, path: Path) -> bool:
    """Whether the file that was opened is the one that is there: it may have been removed before the lock."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _leave(place: Path, handle: int) -> None:
    """Remove lock and folder while the lock is held; where somebody else is in it, they stay."""
    try:
        (place / _LOCK).unlink(missing_ok=True)
        place.rmdir()
    except OSError:
        return
    finally:
        os.close(handle)
