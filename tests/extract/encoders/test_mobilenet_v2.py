"""The one real network at hand: its known answer, and a real slide from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from extract.__main__ import app
from extract.encoders.networks import TileNetwork
from extract.encoders.registry import find_encoder, load_encoder
from extract.encoders.weights import WeightsSource
from extract.slides.settings import resolve_slides
from feature_cache.store import FeatureCache
from tests.extract.encoders.conftest import SHIMS

CARD = find_encoder("mobilenet_v2")
#: sha256 of the weights as data/README.md describes them.
SHA256 = "b7150751c6224e93e0236cf9af1b69735702b23e1b776eafb0fe71e37bb037ce"


@pytest.fixture(scope="module")
def encoder(timm: Any, shared_data: Path) -> TileNetwork:
    loaded = load_encoder(CARD, WeightsSource(root=shared_data / "weights").find(CARD))
    assert isinstance(loaded, TileNetwork)
    return loaded


def test_the_known_answer_of_a_ramp(encoder: TileNetwork) -> None:
    import torch

    ramp = torch.linspace(-1, 1, 3 * 224 * 224).reshape(1, 3, 224, 224)
    with torch.no_grad():
        features = encoder.forward(ramp).numpy()
    assert features.shape == (1, 1280)
    assert features.mean() == pytest.approx(0.19693, abs=1e-5)
    assert features.std(ddof=1) == pytest.approx(0.59676, abs=1e-5)


def test_padding_is_part_of_the_feature_set(shared_data: Path, timm: Any) -> None:
    """Padded as torch does, the weights load as strictly: the card must make another set, and other rows."""
    import torch

    other = CARD.model_copy(
        update={"architecture": {**CARD.architecture, "arguments": {"num_classes": 1001}}}
    )
    assert other.identity() != CARD.identity()
    weights = WeightsSource(root=shared_data / "weights").find(CARD)
    ramp = torch.linspace(-1, 1, 3 * 224 * 224).reshape(1, 3, 224, 224)
    with torch.no_grad():
        a, b = (load_encoder(card, weights).forward(ramp)[0].numpy() for card in (CARD, other))
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) < 0.95


def test_other_weights_make_another_feature_set(shared_data: Path, tmp_path: Path, timm: Any) -> None:
    from safetensors.torch import load_file, save_file

    held = WeightsSource(root=shared_data / "weights")
    state = load_file(shared_data / "weights/mobilenet_v2_imagenet.safetensors")
    state["classifier.bias"] += 1
    (tmp_path / "mobilenet_v2").mkdir()
    save_file(state, tmp_path / "mobilenet_v2/tuned.safetensors")
    sets = [
        resolve_slides("r", {"encoder": "mobilenet_v2"}, source)
        for source in (held, WeightsSource(root=tmp_path), held)
    ]
    assert sets[0].recipe.hash != sets[1].recipe.hash
    assert sets[0].recipe.hash == sets[2].recipe.hash
    assert sets[0].weights is not None
    assert sets[0].recipe.settings["weights_sha256"] == sets[0].weights.sha256
    assert sets[0].weights.files[0].sha256 == SHA256


def test_a_real_slide_from_the_command_line(
    shared_data: Path, tmp_path: Path, timm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CMU-1-Small-Region at 2 um, to be quick: five tiles and their mean."""
    monkeypatch.syspath_prepend(str(SHIMS))  # the children get the path of this process
    manifest = tmp_path / "manifest"
    manifest.mkdir()
    (manifest / "cohort.yaml").write_text(
        "{schema_version: 1, name: one, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [slides], index_event: surgery, prediction_day: 0, undated: {slides: 0}}\n",
        encoding="utf-8",
    )
    (manifest / "cases.csv").write_text("case_id,site\n1,s\n", encoding="utf-8")
    (manifest / "slides.csv").write_text(
        "case_id,slide_id,path,mask_path,mpp\n1,a,CMU-1-Small-Region.svs,,\n", encoding="utf-8"
    )
    recipe = tmp_path / "coarse.yaml"
    recipe.write_text(
        "{name: coarse, slides: {encoder: mobilenet_v2, mpp: 2}, slide_vector: {pooling: mean}}\n",
        encoding="utf-8",
    )
    root, weights, cache = shared_data / "slides/cmu-1-small-region", shared_data / "weights", tmp_path / "c"
    words = (manifest, "--root", root, "--cache", cache, "--recipe", recipe, "--weights", weights)
    planned = CliRunner().invoke(app, ["plan", *map(str, words)])
    assert planned.stdout.endswith("2 item(s) for 1 worker(s)\n"), planned.output
    assert not cache.exists()  # not even to remember the hash of the weights
    done = CliRunner().invoke(app, ["run", *map(str, words)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("2 made, 0 were there, 0 failed")
    store = FeatureCache.open(cache)
    bag, vector = (
        store.read(next(record for record in store.records() if record.kind == kind).key)
        for kind in ("bag", "vector")
    )
    assert bag.arrays["embeddings"].dtype == np.float16
    assert bag.arrays["embeddings"].shape == (5, 1280)  # of the 2 x 3 that fit on it; one is nearly glass
    assert bag.arrays["embeddings"].astype(float).std(axis=0).mean() > 0.1
    for record in (bag.record, vector.record):
        assert record.used["weights"] == {"mobilenet_v2_imagenet.safetensors": SHA256}
        assert (record.used["weights_origin"], record.used["encoder_revision"]) == ("folder", None)
        assert record.used["compute_dtype"] in ("f32", CARD.precision)
        assert set(record.used["libraries"]) == {"torch", "timm"}
    assert bag.record.settings["weights_sha256"] != SHA256  # of the list of files, not of the one
    expected = bag.arrays["embeddings"].mean(axis=0, dtype=np.float64)
    np.testing.assert_array_equal(vector.arrays["values"], expected)
    held = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    assert str(shared_data).encode() not in held
