"""`extract encoders` and `doctor`: what an encoder may be used for, and what it lacks here."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extract import doctor
from extract.encoders import requirements
from extract.encoders.registry import encoder_cards, find_encoder, find_weights, import_requirements
from extract.encoders.requirements import encoder_table, what_is_missing
from extract.encoders.weights import WeightsSource
from feature_cache.errors import RecipeError

UNI = find_encoder("uni")


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """What could not be imported is remembered; no test is to remember another's."""
    requirements._fault.cache_clear()
    yield
    requirements._fault.cache_clear()


@pytest.fixture
def everything_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda name: sys)


@pytest.fixture
def timm_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a torchvision of another torch does to timm."""

    def import_module(name: str) -> object:
        if name == "timm":
            raise RuntimeError("operator torchvision::nms does not exist")
        return sys

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_a_network_is_ready_once_its_weights_are_there(tmp_path: Path, everything_imports: None) -> None:
    source = WeightsSource(root=tmp_path)
    assert what_is_missing(UNI, source) == (
        f"needs weights: put them into {tmp_path.name}/uni/ from MahmoodLab/UNI,"
        " or give the recipe its `revision`"
    )
    (tmp_path / "uni").mkdir()
    assert what_is_missing(UNI, source) == "needs a file *.safetensors, *.bin, *.pth or *.pt; there is none"
    (tmp_path / "uni/model.safetensors").write_bytes(b"")
    assert what_is_missing(UNI, source) == "ready"


def test_a_file_with_a_name_of_its_own_is_asked_for_by_it(everything_imports: None) -> None:
    missing = what_is_missing(find_encoder("mobilenet_v2"), WeightsSource())
    assert missing == "needs weights: put mobilenet_v2_imagenet.safetensors into DIR/mobilenet_v2/"


def test_an_encoder_of_any_model_says_that_the_recipe_names_it(tmp_path: Path) -> None:
    """A folder of the encoder's own name is none of its models."""
    (tmp_path / "bert").mkdir()
    bert = find_encoder("bert").model_copy(update={"requires": ()})
    assert what_is_missing(bert, WeightsSource(root=tmp_path)) == (
        "needs weights: those of the recipe's `model`, a folder of its name in --weights or a hub id with"
        " `revision`"
    )
    (row,) = (line for line in encoder_table(tmp_path) if line.startswith("bert "))
    assert row.count("of the model") == 2  # licence and access


def test_only_timm_is_imported_to_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = []
    monkeypatch.setattr(requirements.importlib, "import_module", imported.append)
    for card in encoder_cards():
        what_is_missing(card, WeightsSource())
    assert imported == ["timm"]


def test_an_installed_timm_that_does_not_import_is_not_ready(tmp_path: Path, timm_fails: None) -> None:
    (tmp_path / "uni").mkdir()
    (tmp_path / "uni/model.safetensors").write_bytes(b"")
    assert what_is_missing(UNI, WeightsSource(root=tmp_path)) == "needs timm"
    lines = encoder_table(tmp_path)
    assert lines[0].split() == [
        "name", "modality", "dim", "licence", "access", "commercial", "to", "run", "it", "here",
    ]  # fmt: skip
    (row,) = (line for line in lines if line.startswith("uni "))
    assert row.split() == ["uni", "slides", "1024", "CC-BY-NC-ND-4.0", "gated", "no", "needs", "timm"]
    assert any(
        line.startswith("timm: installed, and cannot be imported (RuntimeError). Run `pip install")
        for line in lines
    )
    with pytest.raises(RecipeError, match=r"encoder uni: expected the module timm; .* CPU torchvision"):
        import_requirements(UNI)


def test_a_module_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    card = UNI.model_copy(update={"requires": ("no_such_module",), "weights_needed": False})
    assert what_is_missing(card, WeightsSource()) == "needs no_such_module"
    with pytest.raises(RecipeError, match=r"got none that can be imported \(ModuleNotFoundError\)"):
        import_requirements(card)


def test_leave_to_run_its_makers_code_is_asked_for(tmp_path: Path, everything_imports: None) -> None:
    hibou = find_encoder("hibou_b")
    (tmp_path / "hibou_b").mkdir()
    (tmp_path / "hibou_b/model.safetensors").write_bytes(b"")
    assert what_is_missing(hibou, WeightsSource(root=tmp_path)) == (
        "needs leave to run its makers' code (--trust-remote-code hibou_b)"
    )
    trusting = WeightsSource(root=tmp_path, trusted=frozenset({"hibou_b"}))
    assert what_is_missing(hibou, trusting) == "ready"
    (row,) = (line for line in encoder_table(tmp_path) if line.startswith("hibou_b "))
    assert row.split()[3:6] == ["Apache-2.0", "gated", "yes"]


def test_a_card_that_nobody_can_call_says_so_and_is_refused_before_anything_is_downloaded() -> None:
    card = find_encoder("rudolf_v2_b")
    assert what_is_missing(card, WeightsSource()).startswith("cannot be run: it is not known how")
    with pytest.raises(
        RecipeError, match=r"encoder rudolf_v2_b: .* not known how its makers' code is called"
    ):
        find_weights(card, WeightsSource(), None)


def test_what_nobody_knows_is_called_unknown() -> None:
    (row,) = (line for line in encoder_table(None) if line.startswith("midnight "))
    assert row.split()[3:6] == ["MIT", "unknown", "yes"]


def test_what_needs_no_weights_is_ready() -> None:
    assert what_is_missing(find_encoder("stain_texture_nuclei"), WeightsSource()) == "ready"


def test_the_doctor_warns_of_what_one_can_do_without(timm_fails: None) -> None:
    (timm,) = (finding for finding in doctor.examine() if finding.subject.startswith("timm"))
    assert timm.verdict == "WARN"
    assert timm.found == "cannot be imported (RuntimeError)"
    assert "CPU torchvision" in timm.remedy
