"""Loaded by every Python that finds this folder in PYTHONPATH: notes which files and sockets it touches.

Enters: BRAID_WITNESS, a file to append to, and BRAID_WITNESS_BELOW, a folder. Leaves: a JSON line for the
start, each write to any file, each touch of anything below the folder, each socket call and each program.
"""

import json
import os
import sys

#: Calls that change files: where their paths stand among the arguments, and the open folders they start from.
_FILES = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.link": ((1, 3),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
}
#: Calls that reach out: where among the arguments stands what they reach.
_CALLS = {
    "socket.connect": 1,
    "socket.bind": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "subprocess.Popen": 0,
    "os.system": 0,
    "os.exec": 0,
    "os.posix_spawn": 0,
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _place(path: object, folder: object = None) -> str:
    """Return the absolute path that a call meant; links are not followed."""
    text = os.fsdecode(path)  # type: ignore[arg-type]
    if isinstance(folder, int) and folder >= 0 and not text.startswith("/"):
        text = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), text)  # noqa: PTH115, PTH118
    return os.path.abspath(text)  # noqa: PTH100


def _watch(log: str, below: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(event: str, told: str) -> None:
        os.write(handle, (json.dumps([event, told]) + "\n").encode())

    def opened(path: object, flags: object) -> None:
        writes = isinstance(flags, int) and bool(flags & _WRITES)
        place = _place(path)
        if writes or place.startswith(below):
            note("write" if writes else "read", place)

    def hook(event: str, told: tuple[object, ...]) -> None:
        if event == "open" and not isinstance(told[0], int):
            opened(told[0], told[2])
        elif event in _FILES:
            for at, folder in _FILES[event]:
                if not isinstance(told[at], int):
                    note("write", _place(told[at], None if folder is None else told[folder]))
        elif event in _CALLS:
            note(event, str(told[_CALLS[event]]))

    note("start", str(os.getpid()))
    sys.addaudithook(hook)


if "BRAID_WITNESS" in os.environ:
    _watch(os.environ["BRAID_WITNESS"], os.environ.get("BRAID_WITNESS_BELOW", "\0"))
