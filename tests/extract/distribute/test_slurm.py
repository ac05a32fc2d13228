"""What a SLURM job asks for, as dask-jobqueue writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.distribute.slurm import SlurmJob, read_slurm_job
from feature_cache.errors import RecipeError


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_job_script_asks_for_one_worker_and_its_gpu(tmp_path: Path) -> None:
    from dask_jobqueue.slurm import SLURMJob as Script

    job = read_slurm_job(
        written(
            tmp_path / "job.yaml",
            "{cores: 8, memory_gb: 64, walltime: '12:00:00', partition: gpu, account: lab, gpu: true,"
            " directives: [--nice=100], prologue: [module load python]}",
        )
    )
    words = job.words(tmp_path)
    words.pop("shared_temp_directory")
    lines = Script("tls://10.0.0.1:8786", name="w", **words).job_script().splitlines()
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}
    assert asked >= {"-p gpu", "-A lab", "-n 1", "--cpus-per-task=8", "--mem=60G", "-t 12:00:00"}
    assert asked >= {"--gres=gpu:1", "--nice=100"}
    assert lines.index("export DASK_DISTRIBUTED__WORKER__DAEMON=False") < lines.index("module load python")
    assert "--nthreads 1 " in lines[-1]
    assert "--dashboard-address 127.0.0.1:0" in lines[-1]


def test_without_a_file_a_job_is_small() -> None:
    job = read_slurm_job(None)
    assert (job.cores, job.memory_gb, job.gpu) == (4, 32, False)
    assert job == SlurmJob()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{core: 8}", "core: expected keys among cores"),
        ("{cores: 0}", "cores: expected"),
        ('{partition: "gpu\\nrm -r x"}', "partition: expected"),
        ("[1, 2", "expected a YAML file"),
    ],
)
def test_a_file_that_is_no_job_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_slurm_job(written(tmp_path / "job.yaml", text))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"--slurm-job job\.yaml: expected a YAML file"):
        read_slurm_job(tmp_path / "job.yaml")
