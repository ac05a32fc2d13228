"""Pickles that make a folder when they are opened, in the forms in which people meet them.

Enters: a path and the marker to make. Leaves: a file, and the careless way to open it, which shows that the
payload is live. Nothing of Braid opens files like this.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class _Evil:
    """Pickles as a call that makes the marker."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.marker,)


@dataclass(frozen=True)
class Form:
    """A form of pickle: `dump` gives the bytes, `open` is how a careless program reads the file."""

    name: str
    dump: Callable[[_Evil], bytes]
    open: Callable[[Path], object]

    def write(self, path: Path, marker: Path) -> None:
        """Write the payload."""
        path.write_bytes(self.dump(_Evil(marker)))


def _torch(evil: _Evil, *, zipped: bool) -> bytes:
    import torch

    stream = io.BytesIO()
    content = {"weight": torch.zeros(2), "extra": evil}
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def _npy(evil: _Evil) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    np.save(stream, np.array([evil], dtype=object), allow_pickle=True)
    return stream.getvalue()


def _npz(evil: _Evil) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    objects = np.array([[[evil]]], dtype=object)
    np.savez_compressed(stream, image=objects, label=objects)
    return stream.getvalue()


def _joblib(evil: _Evil) -> bytes:
    import joblib

    stream = io.BytesIO()
    joblib.dump({"model": evil}, stream, compress=3)
    return stream.getvalue()


def _open_torch(path: Path) -> object:
    import torch

    return torch.load(path, weights_only=False)


def _open_numpy(path: Path) -> object:
    import numpy as np

    content = np.load(path, allow_pickle=True)
    return content["image"] if hasattr(content, "files") else content


def _open_joblib(path: Path) -> object:
    import joblib

    return joblib.load(path)


FORMS = (
    Form("torch zip", lambda evil: _torch(evil, zipped=True), _open_torch),
    Form("pickle 5", lambda evil: pickle.dumps(evil, 5), lambda path: pickle.loads(path.read_bytes())),
    Form("npz of objects", _npz, _open_numpy),
    Form("torch legacy", lambda evil: _torch(evil, zipped=False), _open_torch),
    Form("npy of objects", _npy, _open_numpy),
    Form("joblib", _joblib, _open_joblib),
    Form("pickle 0", lambda evil: pickle.dumps(evil, 0), lambda path: pickle.loads(path.read_bytes())),
    Form(
        "gzipped pickle",
        lambda evil: gzip.compress(pickle.dumps(evil)),
        lambda path: pickle.loads(gzip.decompress(path.read_bytes())),
    ),
)
