"""The same bits every time: how networks compute on a CPU and on a GPU.

Enters: a device and a precision. Leaves: torch, set so that a tile or a text gives the same numbers whatever
the machine has of cores and whoever else computes in this process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_CPU = threading.RLock()


@contextmanager
def same_bits(device: str, precision: str) -> Iterator[None]:
    """Compute without gradients, and so that the same tile gives the same bits every time.

    How many threads the CPU computes on is one number for the whole process, so one thread at a time may.
    """
    import torch

    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if device == "cuda":
            stack.enter_context(
                torch.backends.cudnn.flags(
                    enabled=True, benchmark=False, deterministic=True, allow_tf32=False
                )
            )
            dtype = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}[precision]
            stack.enter_context(torch.autocast(device, dtype, enabled=dtype != torch.float32))
        else:
            stack.enter_context(_CPU)
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield
