"""A scheduler and its workers: on this machine, as SLURM jobs, or those of an address that the user gives.

Enters: the word after --scheduler. Leaves: an open client; what was started here ends with the block. What
dask sends is pickled, and who can connect can run code. So a scheduler that is started here talks TLS with
certificates made for this run alone, in both directions, and on this machine it listens on loopback only.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extract.distribute.slurm import read_slurm_job
from extract.distribute.worker import SchedulerError
from feature_cache.stopping import signals_held

if TYPE_CHECKING:
    from distributed import Client

LOOPBACK = "127.0.0.1"
#: A scheduler of an address has workers by then, or says why not; SLURM's queue may take days.
_PATIENCE_S = 60
_ASK_AGAIN_MS = 30_000
_CERTIFY = "Give scheduler and workers certificates (dask's configuration, distributed.comm.tls)."
_SETTINGS = {
    "distributed.worker.daemon": False,  # workers have children
    "distributed.nanny.pre-spawn-environ": {},  # threads as without dask: as many, so the same bits
    "distributed.worker.profile.enabled": False,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.diagnostics.nvml": False,  # asks the GPU from the worker, which is not who uses it
}


@contextmanager
def open_cluster(scheduler: str, workers: int, slurm_job: Path | None, record: Path) -> Iterator[Client]:
    """Yield a client with at least one worker.

    Parameters
    ----------
    scheduler
        `local` (workers on this machine), `slurm` (each a job), or the address of a scheduler.
    workers
        How many to start; an address has its own.
    record
        The folder of this run in the cache: SLURM's workers find their certificates there.

    Raises
    ------
    SchedulerError
        dask is not installed, nobody answers, or no worker comes.
    """
    needed = ("distributed", "cryptography", *(["dask_jobqueue"] if scheduler == "slurm" else []))
    for library in needed:
        if importlib.util.find_spec(library) is None:
            raise SchedulerError(
                f"--scheduler {scheduler}",
                expected=library,
                got="none installed",
                remedy="pip install -e .[cluster], or use --shard i/n, which needs no scheduler.",
            )
    import dask
    import distributed  # noqa: F401  sets levels of its own

    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        for name in ("distributed", "distributed.client", "dask_jobqueue"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # a lost worker is no error of the run
        if scheduler == "local":
            cluster = _local(stack, workers)
        elif scheduler == "slurm":
            cluster = _slurm(stack, workers, slurm_job, record)
        else:
            cluster = _private(scheduler)
        yield _client(stack, cluster, scheduler)


def sharers(client: Client) -> int:
    """Return how many worker threads the machine has that has most: they share its memory."""
    hosts: Counter[str] = Counter()
    for address, threads in client.nthreads().items():
        hosts[address.rpartition(":")[0]] += threads
    return max(hosts.values(), default=1)


def gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that torch could use here, in the form of CUDA_VISIBLE_DEVICES."""
    if importlib.util.find_spec("torch") is None:
        return ()
    import torch

    from extract.distribute.worker import processors

    told = [name for name in processors().split(",") if name]
    count = torch.cuda.device_count()
    return tuple(told[:count]) if told else tuple(str(number) for number in range(count))


def worker_environments(workers: int, names: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the environment of each worker: its one GPU, in turn; nothing where there is none.

    Examples
    --------
    >>> worker_environments(3, ("0", "1"))
    [{'CUDA_VISIBLE_DEVICES': '0'}, {'CUDA_VISIBLE_DEVICES': '1'}, {'CUDA_VISIBLE_DEVICES': '0'}]
    """
    if not names:
        return [{} for _ in range(workers)]
    return [{"CUDA_VISIBLE_DEVICES": names[number % len(names)]} for number in range(workers)]


def _local(stack: ExitStack, workers: int) -> Any:
    from distributed import Nanny, Scheduler
    from distributed.deploy.spec import SpecCluster
    from distributed.security import Security

    security = Security.temporary()
    scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="braid-dask-"))
    shared = {
        "host": LOOPBACK,
        "protocol": "tls://",
        "security": security,
        "dashboard": False,
        "dashboard_address": f"{LOOPBACK}:0",
    }
    started = {
        number: {
            "cls": Nanny,
            "options": {
                **shared,
                "nthreads": 1,
                "memory_limit": 0,  # the children hold the memory, and are watched
                "local_directory": scratch,
                "env": environment,
                "config": _SETTINGS,
                "silence_logs": logging.CRITICAL,
            },
        }
        for number, environment in enumerate(worker_environments(workers, gpus()))
    }
    with signals_held():  # workers leave signals to this process
        return stack.enter_context(
            SpecCluster(
                workers=started,
                scheduler={"cls": Scheduler, "options": {**shared, "port": 0}},
                security=security,
                silence_logs=logging.CRITICAL,
            )
        )


def _slurm(stack: ExitStack, workers: int, slurm_job: Path | None, record: Path) -> Any:
    from dask_jobqueue import SLURMCluster
    from tornado.ioloop import PeriodicCallback

    cluster = stack.enter_context(
        SLURMCluster(
            **read_slurm_job(slurm_job).words(record),
            security=True,
            scheduler_options={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
            silence_logs="critical",
        )
    )
    cluster.scale(jobs=workers)
    # a job that reached its end is not started again by dask-jobqueue 0.9 unless it is asked for once more
    again = PeriodicCallback(lambda: cluster.scale(jobs=workers), _ASK_AGAIN_MS)
    cluster.loop.add_callback(again.start)
    stack.callback(cluster.loop.add_callback, again.stop)
    return cluster


def _private(address: str) -> str:
    """Return the address of a scheduler to which others cannot talk as if they were we."""
    host = address.partition("://")[2].rpartition(":")[0].strip("[]")
    tls = address.startswith("tls://")
    if not host:
        raise _refused(address, "none of them", "Mend the word after --scheduler.")
    if not tls and host not in (LOOPBACK, "localhost", "::1"):
        raise _refused(address, "an address where everyone in the network could run code", _CERTIFY)
    if tls and not _certified(address):
        raise _refused(address, "tls:// without certificates of our own", _CERTIFY)
    return address


def _certified(address: str) -> bool:
    """Whether dask's configuration names certificates with which to talk to a scheduler."""
    from distributed.security import Security

    try:
        return Security().get_connection_args("client").get("ssl_context") is not None
    except (OSError, ValueError) as error:
        got = f"certificates that cannot be read ({type(error).__name__})"
        raise _refused(address, got, "Mend distributed.comm.tls in dask's configuration.") from error


def _client(stack: ExitStack, cluster: Any, scheduler: str) -> Client:
    from distributed import Client

    where = f"--scheduler {scheduler}"
    try:
        client = stack.enter_context(Client(cluster, set_as_default=False))
    except (OSError, ValueError) as error:  # dask's time-outs are OSErrors
        raise SchedulerError(
            where,
            expected="a dask scheduler that answers",
            got=f"no answer ({type(error).__name__})",
            remedy="Look whether it runs and whether this is its address.",
        ) from error
    if scheduler == "slurm":
        sys.stderr.write("waiting for the first SLURM job to start\n")
    try:
        client.wait_for_workers(1, timeout=None if scheduler == "slurm" else _PATIENCE_S)
    except OSError as error:
        raise SchedulerError(
            where,
            expected="a scheduler with a worker",
            got=f"none after {_PATIENCE_S} s",
            remedy="Start workers for it, and look at what they say.",
        ) from error
    return client


def _refused(address: str, got: str, remedy: str) -> SchedulerError:
    expected = "local, slurm, tls://HOST:PORT, or tcp:// on this machine's loopback"
    return SchedulerError(f"--scheduler {address}", expected=expected, got=got, remedy=remedy)
