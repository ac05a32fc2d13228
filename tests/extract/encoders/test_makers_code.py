"""Code of makers: run by leave alone, only as hashed, and never fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from extract.encoders import tiles_makers  # noqa: E402
from extract.encoders.card import EncoderCard  # noqa: E402
from extract.encoders.networks import NORMALISATIONS, choose_variant  # noqa: E402
from extract.encoders.registry import find_encoder, find_weights, load_encoder  # noqa: E402
from extract.encoders.weights import Weights, WeightsSource  # noqa: E402
from feature_cache.errors import RecipeError  # noqa: E402
from tests.extract.encoders.conftest import tiles_of  # noqa: E402
from tests.extract.encoders.makers_models import OUT, save_makers_model  # noqa: E402

HIBOU = find_encoder("hibou_b").model_copy(update={"dim": OUT})


def trusting(root: Path) -> WeightsSource:
    return WeightsSource(root=root, trusted=frozenset({"hibou_b"}))


def found(root: Path) -> Weights:
    return find_weights(HIBOU, trusting(root), None)


def test_without_leave_nothing_is_looked_at(tmp_path: Path) -> None:
    save_makers_model(tmp_path / "hibou_b")
    with pytest.raises(RecipeError, match=r"leave to run the Python files .* --trust-remote-code hibou_b"):
        find_weights(HIBOU, WeightsSource(root=tmp_path), None)
    other = WeightsSource(root=tmp_path, trusted=frozenset({"hibou_l"}))
    with pytest.raises(RecipeError, match="leave to run"):
        find_weights(HIBOU, other, None)


def test_its_code_is_run_and_is_part_of_the_identity(tmp_path: Path) -> None:
    state = save_makers_model(tmp_path / "hibou_b")
    weights = found(tmp_path)
    assert [file.name for file in weights.files] == [
        "config.json", "configuration_small.py", "layers_small.py", "model.safetensors", "modeling_small.py",
    ]  # fmt: skip
    tiles = tiles_of(224, 3)
    mean, deviation = (np.array(part) for part in NORMALISATIONS["hibou"])
    pixels = (tiles / 255 - mean) / deviation
    colours = np.concatenate([pixels.mean(axis=(1, 2)), pixels.max(axis=(1, 2))], axis=1)
    expected = 2 * (colours @ state["first.weight"].numpy().T + state["first.bias"].numpy())
    np.testing.assert_allclose(
        load_encoder(HIBOU, weights).encode(tiles, 0.5), expected, rtol=1e-4, atol=1e-4
    )
    path = tmp_path / "hibou_b/layers_small.py"
    path.write_text(path.read_text("utf-8").replace("2 *", "3 *"), encoding="utf-8")
    changed = found(tmp_path)
    assert changed.sha256 != weights.sha256
    rows = load_encoder(HIBOU, changed).encode(tiles, 0.5)
    np.testing.assert_allclose(rows, 1.5 * expected, rtol=1e-4, atol=1e-4)


def test_code_that_changed_since_it_was_hashed_is_not_run(tmp_path: Path) -> None:
    save_makers_model(tmp_path / "hibou_b")
    victim = tmp_path / "hibou_b/layers_small.py"
    victim.write_text(victim.read_text("utf-8") + "# of this test alone\n", encoding="utf-8")
    weights = found(tmp_path)
    victim.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"layers_small\.py: expected the file that was hashed"):
        load_encoder(HIBOU, weights)
    assert not (tmp_path / "ran").exists()


def test_a_file_that_was_not_hashed_cannot_be_imported(tmp_path: Path) -> None:
    """It came later, or lies deeper."""
    save_makers_model(tmp_path / "hibou_b")
    weights = found(tmp_path)
    (tmp_path / "hibou_b/more_small.py").write_text("VALUE = 1\n", encoding="utf-8")
    modeling = tmp_path / "hibou_b/modeling_small.py"
    modeling.write_text("from .more_small import VALUE\n" + modeling.read_text("utf-8"), encoding="utf-8")
    (tmp_path / "hibou_b/more_small.py").unlink()
    with_import = found(tmp_path)
    (tmp_path / "hibou_b/more_small.py").write_text("VALUE = 1\n", encoding="utf-8")
    with pytest.raises(
        RecipeError, match=r"the code of its makers: expected code that runs here; got Module"
    ):
        load_encoder(HIBOU, with_import)
    assert with_import.sha256 != weights.sha256


@pytest.mark.parametrize("path", ["someone/else--modeling_small.SmallModel", "modeling_other.SmallModel"])
def test_code_of_another_repository_is_not_fetched(path: str, tmp_path: Path) -> None:
    auto_map = {"AutoConfig": "configuration_small.SmallConfig", "AutoModel": path}
    save_makers_model(tmp_path / "hibou_b", auto_map)
    with pytest.raises(RecipeError, match="Code of another repository is not fetched"):
        found(tmp_path)


def test_a_folder_without_code_is_refused(tmp_path: Path) -> None:
    save_makers_model(tmp_path / "hibou_b")
    (tmp_path / "hibou_b/config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RecipeError, match="auto_map names AutoConfig and AutoModel; got one without"):
        found(tmp_path)
    (tmp_path / "hibou_b/config.json").unlink()
    with pytest.raises(RecipeError, match="auto_map names AutoConfig and AutoModel; got none"):
        found(tmp_path)


def test_a_tensor_that_its_network_lacks_or_that_is_missing_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = save_makers_model(tmp_path / "hibou_b")
    del state["tied.bias"]
    save_file({**state, "third.weight": torch.ones(2)}, tmp_path / "hibou_b/model.safetensors")
    with pytest.raises(RecipeError, match=r"1 missing \(tied\.bias, \.\.\.\), 1 unknown \(third\.weight"):
        load_encoder(HIBOU, found(tmp_path))


def test_a_network_that_gives_the_vector_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = find_encoder("genbio_pathfm").model_copy(update={"dim": 3})
    monkeypatch.setattr(
        tiles_makers.makers_code, "load_makers_network", lambda card, weights: torch.nn.AdaptiveAvgPool2d(1)
    )
    monkeypatch.setattr(tiles_makers.makers_code, "check", lambda card, weights: {})
    monkeypatch.setattr(torch.nn.AdaptiveAvgPool2d, "forward", lambda self, pixels: pixels.mean(dim=(2, 3)))
    weights = Weights(folder=tmp_path, files=(), origin="folder")
    tiles = tiles_of(224, 2)
    mean, deviation = (np.array(part) for part in NORMALISATIONS["genbio"])
    expected = (tiles.mean(axis=(1, 2)) / 255 - mean) / deviation
    np.testing.assert_allclose(tiles_makers.load(card, weights).encode(tiles, 0.5), expected, atol=1e-5)


class SmallMusk(torch.nn.Module):  # type: ignore[misc,name-defined]
    """What the package musk gives timm: called by these names, a tuple comes back."""

    def __init__(self, **_: Any) -> None:
        super().__init__()
        self.project = torch.nn.Linear(3, 8)

    def forward(self, *, image: Any, with_head: bool, out_norm: bool, ms_aug: bool) -> tuple[Any, None]:
        assert not with_head and not out_norm
        cls = self.project(image.mean(dim=(2, 3)))
        return (torch.cat([cls, 2 * cls], dim=1) if ms_aug else cls), None


def test_musk_is_asked_as_its_package_wants(
    timm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import save_file

    for name in ("musk", "musk.modeling"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(timm, "create_model", lambda name: {"musk_large_patch16_384": SmallMusk}[name]())
    card: EncoderCard = find_encoder("musk").model_copy(update={"dim": 8, "requires": ("torch", "musk")})
    monkeypatch.setattr("extract.encoders.networks.version_of", lambda module: "0")
    (tmp_path / "musk").mkdir()
    state = SmallMusk().state_dict()
    save_file(state, tmp_path / "musk/model.safetensors")
    weights = find_weights(card, WeightsSource(root=tmp_path), None)
    tiles = tiles_of(384, 2)
    expected = (tiles.mean(axis=(1, 2)) / 127.5 - 1) @ state["project.weight"].numpy().T
    expected = expected + state["project.bias"].numpy()
    np.testing.assert_allclose(load_encoder(card, weights).encode(tiles, 0.5), expected, atol=1e-4)
    both = choose_variant(card, "multiscale")
    assert both.dim == 16
    rows = load_encoder(both, weights).encode(tiles, 0.5)
    np.testing.assert_allclose(rows, np.hstack([expected, 2 * expected]), atol=1e-4)


def test_musk_without_its_package_says_what_to_install(tmp_path: Path) -> None:
    if "musk" in sys.modules:
        pytest.skip("musk is installed")
    card = find_encoder("musk").model_copy(update={"requires": ("torch", "musk")})
    with pytest.raises(RecipeError, match=r"expected the module musk; .* lilab-stanford/MUSK"):
        find_weights(card, WeightsSource(root=tmp_path), None)


def test_what_the_library_lacks_is_told_with_its_version(tmp_path: Path) -> None:
    """Most such code is of transformers 4."""
    save_makers_model(tmp_path / "hibou_b")
    path = tmp_path / "hibou_b/layers_small.py"
    path.write_text("import transformers.no_longer_there\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"got ModuleNotFoundError with transformers \d"):
        load_encoder(HIBOU, found(tmp_path))


def test_pixels_reach_the_network_as_the_card_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    network = torch.nn.Identity()
    monkeypatch.setattr(
        network,
        "forward",
        lambda pixel_values: SimpleNamespace(pooler_output=seen.append(pixel_values.shape)),
    )
    monkeypatch.setattr(tiles_makers.makers_code, "load_makers_network", lambda card, weights: network)
    monkeypatch.setattr(tiles_makers.makers_code, "check", lambda card, weights: {})
    card = HIBOU.model_copy(update={"architecture": {"call": "pooler_output", "view": {"crop_px": 100}}})
    encoder = tiles_makers.load(card, Weights(folder=tmp_path, files=(), origin="folder"))
    encoder.forward(torch.zeros(1, 3, 224, 224))
    assert seen == [(1, 3, 100, 100)]
