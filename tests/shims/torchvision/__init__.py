"""The installed torchvision, made importable beside a CPU build of torch; for tests alone, never the product.

Enters: this folder's parent at the front of the path (pytest's, or PYTHONPATH of a child process). Leaves:
`sys.modules["torchvision"]` as the real package. The package index gives a torchvision that is built for CUDA
torch; its C++ operators are not there on a CPU build, and describing them to torch fails at import (pytorch/
vision #9085). timm needs none of them, so their descriptions are left out while it is imported.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from typing import Any

from torch import library

_HERE = Path(__file__).parent.parent.resolve()


def _import_the_real_one() -> None:
    describe, path = library.register_fake, sys.path.copy()

    def describe_others(operator: Any, *rest: Any, **named: Any) -> Any:
        if str(operator).startswith("torchvision::"):
            return lambda function: function
        return describe(operator, *rest, **named)

    del sys.modules["torchvision"]
    sys.path[:] = [entry for entry in path if Path(entry or ".").resolve() != _HERE]
    library.register_fake = describe_others
    try:
        with warnings.catch_warnings():  # it says that its image codecs are not there either
            warnings.simplefilter("ignore")
            importlib.import_module("torchvision")
    finally:
        library.register_fake = describe
        sys.path[:] = path


_import_the_real_one()
