"""S1: pickles that would run something when they are opened, wherever Braid reads a file: none may run.

Enters: a work folder, how many payloads, a seed. Leaves: measured rows. A payload that runs makes a folder,
the marker. That it would is shown first, once for each form of pickle.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from feature_cache.canonical import sha256_of_file
from feature_cache.entry_json import SEAL, seal_document
from feature_cache.names import entry_path
from feature_cache.store import FeatureCache
from tests.measurement import Measured
from tests.trials.commands import must
from tests.trials.drafts import make_draft
from tests.trials.fused_cohort import unsynced_tiny
from tests.trials.hostile_cohort import HostileCohort
from tests.trials.payload_forms import FORMS, Form
from tests.trials.small_cohort import write_small
from tests.trials.trial import Counts, Tally, told
from tests.trials.watched_command import watch

#: A place where a file is read: writes the payload and gives the words of a command that meets it.
Place = Callable[[Path, Form, Path], tuple[object, ...]]
#: Endings of raw files, by what they are listed as.
SLIDES, VOLUMES, NOTES = (
    (".tif", ".svs", ".ome.tif"),
    (".mha", ".nii", ".nii.gz", ".npz", ".h5"),
    (".txt", ".csv"),
)


def pickle_payloads(work: Path, counts: Counts, seed: int) -> list[Measured]:
    """Offer `counts.runs` payloads."""
    marker = work / "marker"
    tally = Tally("cache/pickle_payload_", f"S1: {counts.runs} payloads in {len(FORMS)} forms; seed {seed}")
    for form in FORMS[: counts.runs]:
        path = work / "control"
        form.write(path, marker)
        form.open(path)
        tally.count("duds", not marker.is_dir(), f"{form.name} does not run even when it is opened")
        marker.rmdir()
        path.unlink()
    with told("S1: payloads", counts.runs) as advance:
        raw = _offer_raw_files(work / "raw", (counts.runs + 1) // 2, marker, tally)
        for _ in range(raw):
            advance()
        for number, place in zip(range(counts.runs - raw), _places(), strict=False):
            form = FORMS[number % len(FORMS)]
            folder = work / str(number)
            done = watch(*place(folder, form, marker))
            what = f"{form.name} as {place.__name__}"
            _look(marker, what, tally)
            tally.count("accepted", done.status != 1, f"{what}: exit {done.status}: {done.said[-300:]}")
            tally.count("tracebacks", "Traceback" in done.said, f"{what}: {done.said[-600:]}")
            shutil.rmtree(folder)
            advance()
    return tally.rows()


def _look(marker: Path, what: str, tally: Tally) -> None:
    ran = marker.is_dir()
    tally.count("executed", ran, what)
    if ran:
        marker.rmdir()


def _offer_raw_files(folder: Path, count: int, marker: Path, tally: Tally) -> int:
    """Offer payloads as slides, masks, volumes and notes, all in one cohort."""
    cohort = HostileCohort(folder, 0)
    cohort.card["note_key"] = "case_id"
    places = [*(("slide", end) for end in SLIDES), *(("volume", end) for end in VOLUMES)]
    places += [*(("note", end) for end in NOTES), ("tissue", ".tif"), ("mask", ".nii.gz")]
    whats = {}
    for number in range(count):
        (kind, end), form = places[number % len(places)], FORMS[number // len(places) * 3 % len(FORMS)]
        case = f"load{number:02d}"
        path = cohort.file(f"{case}{end}")
        form.write(path, marker)
        whats[case] = f"{form.name} as {kind} {end}"
        good = {name: cohort.tables[name][0] for name in ("slides", "series")}
        if kind == "slide":
            cohort.add_slide(case, path.name)
        elif kind == "tissue":
            cohort.add_slide(case, str(good["slides"][2]), path.name)
        elif kind == "volume":
            cohort.add_study(case, {"t2w": path.name})
        elif kind == "mask":
            cohort.add_study(case, {"t2w": str(good["series"][5])}, path.name)
        else:
            cohort.add_note(case, path.name, "text" if end == ".csv" else "")
    cohort.save()
    checked, ran = cohort.check(), cohort.run()
    _look(marker, f"one of {sorted(whats.values())}", tally)
    for command in (checked.command, ran.command):
        tally.count("tracebacks", "Traceback" in command.said, command.said)
    tally.count("good_case_lost", not ran.good_is_whole, ran.command.said[-300:])
    for case, what in whats.items():
        # text in any bytes is a note to somebody: a pickle there is read as such, and not run
        accepted = case not in ran.failed and "note" not in what
        tally.count("accepted", accepted, what)
    return count


def _places() -> Iterator[Place]:
    yield medicalnet_weights
    yield run_record
    yield bert_weights
    yield zarr_array
    for name in ("cohort.yaml", "cases.csv", "clinical.csv"):
        yield _in_manifest(name)
    yield hdf5_array
    yield recipe
    for name in ("outcomes.csv", "folds.csv"):
        yield _in_cohort(name)
    yield protocol
    yield entry_record
    yield run_predictions
    yield safetensors
    yield clinical_json
    # weights again, which people do pickle, in the forms that these have not had yet
    yield bert_weights
    yield medicalnet_weights
    yield medicalnet_weights
    yield bert_weights


def _in_manifest(name: str) -> Place:
    def place(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
        cohort = write_small(folder, 1, 0)
        form.write(cohort.manifest / name, marker)
        return ("extract", "check", cohort.manifest, "--root", cohort.raw)

    place.__name__ = name
    return place


def _in_cohort(name: str) -> Place:
    def place(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
        tiny = unsynced_tiny(folder)
        form.write(tiny.cohort / name, marker)
        return ("fuse", "check", tiny.cohort, "--cache", tiny.cache)

    place.__name__ = name
    return place


def recipe(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    cohort = write_small(folder, 1, 0)
    form.write(folder / "recipe.yaml", marker)
    return _run(cohort.manifest, cohort.raw, folder, folder / "recipe.yaml")


def protocol(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    tiny = unsynced_tiny(folder)
    form.write(tiny.protocol, marker)
    words = ("fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", folder / "run")
    return (*words, "--protocol", tiny.protocol)


def clinical_json(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    """A clinical record in a download that `scan` reads."""
    path = folder / "raw" / "clinical_data" / "0071.json"
    path.parent.mkdir(parents=True)
    form.write(path, marker)
    words = ("extract", "scan", "chimera", folder / "raw", "--cohort", "x")
    return (*words, "--manifests", folder / "manifests")


def medicalnet_weights(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    return _weights(
        folder, "volumes: {encoder: medicalnet_r10}", "medicalnet_r10", "resnet_10_23dataset.pth"
    )(form, marker)


def bert_weights(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    """A model folder with code of its own beside the weights, which its config.json asks to be run."""
    place = folder / "weights" / "evil"
    place.mkdir(parents=True)
    own = {"AutoConfig": "evil.EvilConfig", "AutoModel": "evil.EvilModel", "AutoTokenizer": ["evil.T", None]}
    config = {"model_type": "bert", "auto_map": own, "hidden_size": 32, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 6}
    config["max_position_embeddings"] = 512
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (place / "tokenizer_config.json").write_text(json.dumps({"auto_map": own}), encoding="utf-8")
    (place / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n", encoding="utf-8")
    (place / "evil.py").write_text(f"import os\nos.mkdir({str(marker)!r})\n", encoding="utf-8")
    return _weights(folder, "notes: {encoder: bert, model: evil}", "evil", "pytorch_model.bin")(form, marker)


def safetensors(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    """A pickle under the ending that promises that there is none."""
    return _weights(folder, "volumes: {encoder: medicalnet_r10}", "medicalnet_r10", "model.safetensors")(
        form, marker
    )


def zarr_array(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    """A sealed entry whose metadata asks for objects and a pickling codec, and whose chunk is a pickle."""
    place, body = _entry(folder, "zarr")
    array = place / "arrays.zarr" / "embeddings"
    metadata = json.loads((array / "zarr.json").read_bytes())
    metadata["codecs"] = [{"name": "numcodecs.pickle", "configuration": {}}]
    (array / "zarr.json").write_text(json.dumps(metadata), encoding="utf-8")
    chunk = next(path for path in array.rglob("*") if path.is_file() and path.name != "zarr.json")
    form.write(chunk, marker)
    _seal(place, body)
    return ("extract", "verify", folder)


def hdf5_array(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    place, body = _entry(folder, "hdf5")
    form.write(place / "arrays.h5", marker)
    _seal(place, body)
    return ("extract", "verify", folder)


def entry_record(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    place, _ = _entry(folder, "zarr")
    form.write(place / "entry.json", marker)
    return ("extract", "verify", folder)


def run_record(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    form.write(_fused(folder) / "run.json", marker)
    return ("fuse", "report", folder / "run")


def run_predictions(folder: Path, form: Form, marker: Path) -> tuple[object, ...]:
    """Every table of a run, read again for the page."""
    for path in sorted(_fused(folder).rglob("*.csv")):
        form.write(path, marker)
    return ("fuse", "report", folder / "run")


def _weights(folder: Path, block: str, name: str, file: str) -> Callable[[Form, Path], tuple[object, ...]]:
    def place(form: Form, marker: Path) -> tuple[object, ...]:
        cohort = write_small(folder / "cohort", 1, 0)
        weights = folder / "weights"
        (weights / name).mkdir(parents=True, exist_ok=True)
        form.write(weights / name / file, marker)
        recipe_file = folder / "recipe.yaml"
        recipe_file.write_text(f"name: evil\n{block}\n", encoding="utf-8")
        return (*_run(cohort.manifest, cohort.raw, folder, recipe_file), "--weights", weights)

    return place


def _run(manifest: Path, raw: Path, folder: Path, recipe_file: Path) -> tuple[object, ...]:
    words = ("extract", "run", manifest, "--root", raw, "--cache", folder / "cache")
    return (*words, "--recipe", recipe_file)


def _entry(folder: Path, form: str) -> tuple[Path, dict[str, object]]:
    draft = make_draft("bag", "a", "load")
    FeatureCache.create(folder, form).commit(draft)
    place = folder / entry_path(draft.key)
    body = json.loads((place / "entry.json").read_bytes())
    return place, {name: value for name, value in body.items() if name != SEAL}


def _seal(place: Path, body: dict[str, object]) -> None:
    """Let entry.json say what its files are now, as somebody would who knows how."""
    files = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
    files.pop("entry.json")
    body["files"] = {
        name: {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)} for name, path in files.items()
    }
    (place / "entry.json").write_bytes(seal_document(body))


def _fused(folder: Path) -> Path:
    tiny = unsynced_tiny(folder / "tiny")
    run = folder / "run"
    words = ("fuse", "benchmark", tiny.cohort, "--cache", tiny.cache, "--out", run)
    must(*words, "--protocol", tiny.protocol, "--jobs", 1)
    return run
