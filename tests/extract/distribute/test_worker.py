"""A worker that cannot do a run says why, before it has a task."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from extract.distribute.worker import Job, SchedulerError, own_code, refuse_worker
from feature_cache.store import FeatureCache


@pytest.fixture
def job(tmp_path: Path) -> Job:
    record = tmp_path / "cache" / "_runs" / "this-one"
    record.mkdir(parents=True)
    cache = FeatureCache(root=tmp_path / "cache")
    return Job(cache=cache, record=record, braid=own_code(), sharers=2, memory_gb=None, minutes=3)


def test_a_worker_of_this_checkout_and_cache_is_taken(job: Job) -> None:
    refuse_worker(job)


def test_another_checkout_is_refused(job: Job) -> None:
    with pytest.raises(SchedulerError, match=r"expected Braid 0\.0 at elsewhere; got "):
        refuse_worker(replace(job, braid="0.0 at elsewhere"))


def test_another_file_system_is_refused(job: Job) -> None:
    job.record.rmdir()
    with pytest.raises(SchedulerError, match=r"Mount the file system of the cache there"):
        refuse_worker(job)


def test_a_daemon_is_refused(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    with pytest.raises(SchedulerError, match=r"DASK_DISTRIBUTED__WORKER__DAEMON=False"):
        refuse_worker(job)


def test_caps_are_those_of_the_machine_that_is_asked(job: Job) -> None:
    assert job.caps.seconds == 180
    assert job.caps.memory_gb == pytest.approx(2 * replace(job, sharers=4).caps.memory_gb)
    assert replace(job, memory_gb=3.0).caps.memory_gb == 3.0
