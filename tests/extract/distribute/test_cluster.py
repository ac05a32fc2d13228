"""Which schedulers are spoken to, and which GPU a worker sees."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from extract.distribute.cluster import gpus, open_cluster, worker_environments
from extract.distribute.worker import SchedulerError


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://10.1.2.3:8786", "got an address where everyone in the network could run code"),
        ("tcp://login.example:8786", "Give scheduler and workers certificates"),
        ("slrum", "expected local, slurm, tls://HOST:PORT.*Mend the word after --scheduler"),
        ("127.0.0.1:8786", "Mend the word after --scheduler"),
        ("tls://login.example:8786", "got tls:// without certificates of our own. Give scheduler"),
    ],
)
def test_an_address_that_is_open_to_others_is_refused(address: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=said), open_cluster(address, 1, None, tmp_path):
        pass


def test_certificates_that_are_not_there_are_named(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    tls = {f"distributed.comm.tls.{key}": str(tmp_path / "none.pem") for key in ("ca-file", "client.cert")}
    with (
        dask.config.set(tls),
        pytest.raises(SchedulerError, match=r"cannot be read .*Mend distributed.comm.tls"),
        open_cluster("tls://login.example:8786", 1, None, tmp_path),
    ):
        pass


def test_an_address_where_nobody_answers_is_told(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask")
    with socket.socket() as taken:  # bound and not listening: refused at once
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
            pytest.raises(SchedulerError, match="expected a dask scheduler that answers; got no answer"),
            open_cluster(address, 1, None, tmp_path),
        ):
            pass


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "dask_jobqueue" else find(name)
    )
    with (
        pytest.raises(SchedulerError, match=r"slurm: expected dask_jobqueue; got none.*--shard i/n"),
        open_cluster("slurm", 1, None, tmp_path),
    ):
        pass


def test_each_worker_has_one_gpu_in_turn() -> None:
    told = worker_environments(4, ("0", "GPU-7"))
    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == ["0", "GPU-7", "0", "GPU-7"]
    assert worker_environments(2, ()) == [{}, {}]


def test_gpus_are_those_that_this_process_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus() == ("0", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert gpus() == ("3", "5")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpus() == ()
