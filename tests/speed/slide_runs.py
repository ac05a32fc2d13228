"""What a run over slides costs as a whole: processes, tissue, hashes and commits included, no encoder.

Enters: slides that are drawn here. Leaves: rows. CPU is that of the command with all its children; marginal
cost is what sixteen slides take more than one, so that starting Python is not counted as reading slides.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

from tests.measurement import ROOT, Measured
from tests.speed.drawn_slides import TILE_PX, draw_slide

SLIDES, SIDE_PX, LARGE_PX = 16, 20_000, 60_000
REPEATS = 3
#: Slides for the weight-free encoder, so that one worker has more than a minute of work.
ENCODED = 12
_DRAWN = f"drawn {SIDE_PX}^2 slides, JPEG Q80, 45 % tissue, 256 px at 0.5 um"


def run_rows(work: Path) -> list[Measured]:
    """Run the null encoder over one slide, sixteen and a large one; one worker and two over sixteen."""
    root = work / "drawn"
    root.mkdir()
    slides = [draw_slide(root / f"{number}.tif", SIDE_PX, number) for number in range(SLIDES)]
    draw_slide(root / "large.tif", LARGE_PX, SLIDES)
    one, all_of_them = [slides[0].name], [slide.name for slide in slides]
    _run(work, "warm", one)  # compiles what is compiled once a machine
    single = min(_run(work, f"one{n}", one)["cpu_s"] for n in range(REPEATS))
    several = min(_run(work, f"all{n}", all_of_them)["cpu_s"] for n in range(REPEATS))
    kept = [_kept_tiles(work / "all0-cache", slide) for slide in slides]
    tiles = sum(map(len, kept))
    marginal = (several - single) / (SLIDES - 1) / (tiles / SLIDES)
    decode = sum(_decode_s(slide, tiles) for slide, tiles in zip(slides, kept, strict=True)) / tiles
    small, large = (
        _run(work, name, [slide], watched=True)["peak_gb"]
        for name, slide in (("small", slides[0].name), ("large", "large.tif"))
    )
    return [
        Measured(
            name="slides/run_without_encoder_over_decode",
            value=marginal / decode,
            unit="times",
            bar="<= 1.8",
            met=marginal / decode <= 1.8,
            input=f"{_DRAWN}: ({SLIDES} slides - 1) / {SLIDES - 1}, {tiles} tiles, least of {REPEATS};"
            f" {1e6 * marginal:.0f} us a tile, {1e6 * decode:.0f} us of decode",
        ),
        *(
            Measured(
                name=f"slides/run_peak_memory_{side}",
                value=peak,
                unit="GB",
                bar="< 1.5 GB",
                met=peak < 1.5,
                input=f"{side}^2, parent and worker together (resident, shared pages twice)",
            )
            for side, peak in ((SIDE_PX, small), (LARGE_PX, large))
        ),
        Measured(
            name="slides/run_peak_memory_large_over_small",
            value=large / small,
            unit="times",
            bar=None,
            met=None,
            input=f"{LARGE_PX}^2 over {SIDE_PX}^2, 9 times the tiles; what grows is the overview",
        ),
        _gpu_row(),
        _two_workers(work, all_of_them[:ENCODED]),
    ]


def _two_workers(work: Path, names: list[str]) -> Measured:
    walls = {}
    for workers in (1, 2):
        arguments = ["--workers", str(workers)]
        walls[workers] = _run(work, f"w{workers}", names, "stain_texture_nuclei", arguments)["wall_s"]
    ratio = walls[2] / walls[1]
    busy = os.getloadavg()[0]
    return Measured(
        name="slides/two_workers_over_one",
        value=ratio,
        unit="times",
        bar="<= 0.6, >= 60 s alone",
        met=ratio <= 0.6 and walls[1] >= 60,
        input=f"{_DRAWN}, {len(names)} slides, weight-free encoder: {walls[2]:.0f} s over {walls[1]:.0f} s;"
        f" {os.cpu_count()} cores, load {busy:.1f} at the end",
    )


def _gpu_row() -> Measured:
    import torch

    there = torch.cuda.is_available()
    why = "this row is not written for a GPU yet" if there else "this machine has no GPU"
    return Measured(
        name="slides/pipeline_over_encoder_on_gpu",
        value=None,
        unit="times",
        bar=">= 0.95",
        met=None,
        input=f"not measured: {why}",
    )


def _run(
    work: Path,
    name: str,
    slides: list[str],
    encoder: str = "null",
    more: list[str] | None = None,
    *,
    watched: bool = False,
) -> dict[str, float]:
    """Run `extract run` over some slides into a new cache; return CPU and wall seconds and peak GB."""
    manifest = _manifest(work / name, slides, encoder)
    command = [sys.executable, "-m", "extract", "run", str(manifest), "--root", str(work / "drawn")]
    command += ["--cache", str(work / f"{name}-cache"), "--recipe", str(manifest / "recipe.yaml")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with subprocess.Popen([*command, *(more or [])], cwd=ROOT, stdout=subprocess.DEVNULL) as running:
        peak = _watch(running) if watched else 0.0
        if running.wait():
            raise RuntimeError(f"extract run ended with {running.returncode}")
    wall_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_s": cpu_s, "wall_s": wall_s, "peak_gb": peak}


def _watch(running: subprocess.Popen[bytes]) -> float:
    """Return the most that a process and its children held together, in GB."""
    peak, process = 0, psutil.Process(running.pid)
    while running.poll() is None:
        held = 0
        for one in (process, *_children(process)):
            try:
                held += one.memory_info().rss
            except psutil.Error:
                continue
        peak = max(peak, held)
        time.sleep(0.02)
    return peak / 1e9


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _manifest(folder: Path, slides: list[str], encoder: str) -> Path:
    folder.mkdir()
    (folder / "cohort.yaml").write_text(
        "{schema_version: 1, name: drawn, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [slides], index_event: surgery, prediction_day: 0, undated: {slides: 0}}\n",
        encoding="utf-8",
    )
    ids = [Path(slide).stem for slide in slides]
    (folder / "cases.csv").write_text(
        "case_id,site\n" + "".join(f"{one},s\n" for one in ids), encoding="utf-8"
    )
    rows = "".join(f"{one},{one},{name},,\n" for one, name in zip(ids, slides, strict=True))
    (folder / "slides.csv").write_text(f"case_id,slide_id,path,mask_path,mpp\n{rows}", encoding="utf-8")
    (folder / "recipe.yaml").write_text(
        f"name: drawn\nslides: {{encoder: {encoder!r}, mpp: 0.5, tile_px: 256}}\n", encoding="utf-8"
    )
    return folder


def _kept_tiles(cache: Path, slide: Path) -> np.ndarray:
    """Return (column, row) on the grid of level 1 of the tiles of a slide's entry."""
    from feature_cache.store import FeatureCache

    store = FeatureCache.open(cache)
    record = next(record for record in store.records() if record.key.item_id == slide.stem)
    entry = store.read(record.key)
    assert entry.arrays["valid"].all()
    return np.asarray(entry.arrays["xy_px0"] // (2 * TILE_PX))


def _decode_s(slide: Path, tiles: np.ndarray) -> float:
    """Return the least CPU seconds that libjpeg-turbo takes for the JPEG data under some tiles."""
    import simplejpeg
    import tifffile

    with tifffile.TiffFile(slide) as file:
        page = file.pages[1].aspage()
        across = -(-page.imagewidth // TILE_PX)
        data = slide.read_bytes()
        where = [(page.dataoffsets[n], page.databytecounts[n]) for n in tiles[:, 1] * across + tiles[:, 0]]
        streams = [data[offset : offset + count] for offset, count in where]
    buffer = np.empty((TILE_PX, TILE_PX, 3), dtype=np.uint8)
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        for stream in streams:
            simplejpeg.decode_jpeg(stream, buffer=buffer)
        times.append(time.process_time() - started)
    return min(times)
