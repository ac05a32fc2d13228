"""The same bits every time: how networks compute on a CPU and on a GPU.

Enters: a device and a precision. Leaves: torch, set so that a tile or a text gives the same numbers whatever
the machine has of cores and whoever else computes in this process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

#: Threads of the CPU and flags of cuDNN are the whole process's: one thread at a time has them as it needs.
_PROCESS = threading.RLock()


@contextmanager
def same_bits(device: str, precision: str) -> Iterator[None]:
    """Compute without gradients, and so that the same tile gives the same bits every time.

    One thread at a time: what another restores on leaving would change the bits of this one. A GPU has only
    its work queued in here, so it is not held up.
    """
    import torch

    with ExitStack() as stack:
        stack.enter_context(_PROCESS)
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
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield
