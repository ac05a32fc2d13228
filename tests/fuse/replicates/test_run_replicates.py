from __future__ import annotations

import pytest
import yaml

from fuse.benchmark import run_benchmark
from fuse.files import read_csv
from fuse.inspection.inspection import RunInputs
from fuse.protocol import read_protocol
from fuse.replicates import run_replicates
from tests.fuse.tiny_cohort import PROTOCOL

COUNTS = {"refit_bootstrap": 3, "permutation": 2, "conditional_permutation": 2}


def run(tiny, folder, name, jobs=1, **more):
    protocol = folder / "protocol.yaml"
    protocol.write_text(yaml.safe_dump({**PROTOCOL, "repeats": 2, "replicates": COUNTS, **more}))
    inputs = RunInputs(cohort_folder=tiny.cohort, cache=tiny.cache, protocol=read_protocol(str(protocol)))
    run_benchmark(inputs, folder / name, jobs)
    return folder / name


def test_a_run_holds_its_replicates_and_tests_and_goes_on_from_those_it_had(
    tiny, tmp_path, monkeypatch
) -> None:
    fitted = []

    def counting(task, cases, of=run_replicates.replicate):
        fitted.append((task.kind, task.number))
        if fitted.count(("permutation", 1)) == 1 and fitted[-1] == ("permutation", 1):
            raise KeyboardInterrupt
        return of(task, cases)

    monkeypatch.setattr(run_replicates, "replicate", counting)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, tmp_path, "run")
    folder = run(tiny, tmp_path, "run")
    assert sorted(set(fitted)) == sorted(
        [("as_it_is", 0), *((kind, number) for kind, count in COUNTS.items() for number in range(count))]
    )
    assert len(fitted) == 8 + 1  # the one that was stopped in its midst is fitted again, no other
    rows = read_csv(folder / "replicates.csv")[1]
    assert {(row["kind"], row["replicate"]) for row in rows} == {
        ("as_it_is", "0"),
        *((kind, str(number + 1)) for kind, count in COUNTS.items() for number in range(count)),
    }
    tests = read_csv(folder / "tests.csv")[1]
    assert [row["test"] for row in tests] == ["permutation"] * 4 + ["conditional_permutation"]
    assert all(float(row["p"]) in (1 / 3, 2 / 3, 1.0) and row["n"] == "2" for row in tests)
    again = run(tiny, tmp_path, "again", jobs=2)
    for name in ("replicates.csv", "tests.csv"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_the_cohort_as_it_is_has_the_c_of_the_run_and_networks_are_named_as_left_out(tiny, tmp_path) -> None:
    arms = [*PROTOCOL["arms"], {"model": "prototypes", "modalities": ["slides"]}]
    folder = run(tiny, tmp_path, "run", repeats=1, arms=arms)
    own = {
        row["arm"]: float(row["c"])
        for row in read_csv(folder / "replicates.csv")[1]
        if row["kind"] == "as_it_is"
    }
    c_index = {
        row["arm"]: float(row["estimate"])
        for row in read_csv(folder / "metrics.csv")[1]
        if row["metric"] == "c_index"
    }
    assert set(own) == set(c_index) - {"null__none", "prototypes__slides"}
    same = [arm for arm in own if not arm.startswith("selected_single")]
    assert all(abs(own[arm] - c_index[arm]) < 1e-12 for arm in same)
    assert all("left out: prototypes__slides" in row["method"] for row in read_csv(folder / "tests.csv")[1])
    without = run(tiny, tmp_path, "without", repeats=1, replicates={})
    assert not (without / "replicates.csv").exists()
    assert not (without / "tests.csv").exists()
