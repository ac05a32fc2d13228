"""Weights: which files they are, in which order they are looked for, and what in them is never run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.registry import find_encoder
from extract.encoders.weights import Weights, WeightsSource, read_shapes, read_state
from feature_cache.canonical import sha256_of_file
from feature_cache.errors import RecipeError

torch = pytest.importorskip("torch", reason="weights are torch tensors")

UNI = find_encoder("uni")
PINNED = "0123456789abcdef0123456789abcdef01234567"


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"content of {name}".encode())
    return folder


def names(weights: Weights) -> list[str]:
    return [file.name for file in weights.files]


def refused(root: Path | None, revision: str | None = None) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        WeightsSource(root=root).find(UNI, revision=revision)
    return caught.value


@pytest.mark.parametrize("folder", ["uni", "MahmoodLab--UNI"])
def test_a_folder_is_found_by_the_encoder_s_name_or_the_hub_s(tmp_path: Path, folder: str) -> None:
    put(tmp_path / folder, "model.safetensors", "README.md", "config.json")
    found = WeightsSource(root=tmp_path).find(UNI)
    assert found.folder == tmp_path / folder
    assert (found.origin, found.revision) == ("folder", None)
    assert names(found) == ["model.safetensors"]  # timm's config.json shapes no number here
    assert found.files[0].sha256 == sha256_of_file(tmp_path / folder / "model.safetensors")


def test_a_file_of_its_own_name_may_lie_in_the_root(tmp_path: Path) -> None:
    put(tmp_path, "mobilenet_v2_imagenet.safetensors", "other.safetensors")
    card = find_encoder("mobilenet_v2")
    alone = WeightsSource(root=tmp_path).find(card)
    assert names(alone) == ["mobilenet_v2_imagenet.safetensors"]
    put(tmp_path / "mobilenet_v2", "mobilenet_v2_imagenet.safetensors", "other.safetensors")
    assert WeightsSource(root=tmp_path).find(card).folder == tmp_path / "mobilenet_v2"


def test_the_safe_form_goes_first_and_what_trainers_leave_is_no_weight(tmp_path: Path) -> None:
    put(tmp_path / "uni", "pytorch_model.bin", "training_args.bin", "optimizer.pt")
    assert names(WeightsSource(root=tmp_path).find(UNI)) == ["pytorch_model.bin"]
    put(tmp_path / "uni", "model.safetensors")
    assert names(WeightsSource(root=tmp_path).find(UNI)) == ["model.safetensors"]


def test_shards_belong_together_and_two_models_do_not(tmp_path: Path) -> None:
    shards = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    put(tmp_path / "uni", *shards)
    assert names(WeightsSource(root=tmp_path).find(UNI)) == shards
    (tmp_path / "uni" / shards[0]).unlink()
    put(tmp_path / "uni", "other.safetensors")
    assert refused(tmp_path).got == f"2 files ({shards[1]}, other.safetensors)"


def test_one_shard_of_two_is_not_the_model(tmp_path: Path) -> None:
    put(tmp_path / "uni", "model-00001-of-00002.safetensors")
    assert "all shards of one" in refused(tmp_path).expected


def test_what_lies_beside_the_weights_counts_where_it_shapes_numbers(tmp_path: Path) -> None:
    folder = put(tmp_path / "phikon_v2", "model.safetensors", "config.json", "README.md")
    card = find_encoder("phikon_v2")
    before = WeightsSource(root=tmp_path).find(card)
    assert names(before) == ["config.json", "model.safetensors"]
    (folder / "README.md").write_text("another", encoding="utf-8")
    assert WeightsSource(root=tmp_path).find(card).sha256 == before.sha256
    (folder / "config.json").write_text("another", encoding="utf-8")
    assert WeightsSource(root=tmp_path).find(card).sha256 != before.sha256


def test_the_identity_is_the_content_wherever_it_lies(tmp_path: Path) -> None:
    put(tmp_path / "a" / "uni", "model.safetensors")
    put(tmp_path / "b" / "MahmoodLab--UNI", "model.safetensors")
    hashes = [WeightsSource(root=tmp_path / root).find(UNI).sha256 for root in "ab"]
    assert hashes[0] == hashes[1]


def test_what_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    root = put(tmp_path / "weights")
    error = refused(root)
    assert error.where == "encoder uni: weights"
    assert error.expected == "a local copy, or a pinned revision of MahmoodLab/UNI (40 hex digits)"
    assert error.got == "neither"
    assert error.remedy == (
        "Put them into weights/uni/ and run with --weights weights, or give the recipe's block `revision:`"
        " from the hub."
    )
    assert refused(None).remedy.startswith("Put them into DIR/uni/ and run with --weights DIR")
    put(root / "uni")
    assert refused(root).where == "encoder uni: weights in uni"
    assert str(tmp_path) not in str(refused(root))  # folders can name people
    with pytest.raises(RecipeError, match=r"got none\. Put mobilenet_v2_imagenet\.safetensors into DIR/mob"):
        WeightsSource().find(find_encoder("mobilenet_v2"))
    with pytest.raises(RecipeError, match="--weights nowhere: expected a folder; got no such folder"):
        WeightsSource(root=tmp_path / "nowhere")


@pytest.mark.parametrize("revision", ["main", "0123456", PINNED.upper(), f"{PINNED}0"])
def test_the_hub_is_asked_for_a_pinned_revision_alone(revision: str) -> None:
    assert refused(None, revision).got == "a revision that is a branch or a short name"


Hub = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub that holds the given files and writes down what it was asked for."""
    import huggingface_hub

    def hold(*held: str, error: Exception | None = None) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def snapshot_download(hub_id: str, **named: Any) -> str:
            asked.append({"hub_id": hub_id, **named})
            if error is not None:
                raise error
            folder = put(tmp_path / "snapshot")
            wanted = [name for name in held if any(Path(name).match(p) for p in named["allow_patterns"])]
            return str(put(folder, *wanted))

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
        return asked

    return hold


def test_the_hub_gives_the_safe_form_or_else_the_other(tmp_path: Path, hub: Hub) -> None:
    asked = hub("pytorch_model.bin", "README.md")
    found = WeightsSource().find(UNI, revision=PINNED)
    assert (found.origin, found.revision, names(found)) == ("hub", PINNED, ["pytorch_model.bin"])
    assert [(one["hub_id"], one["revision"]) for one in asked] == [("MahmoodLab/UNI", PINNED)] * 2
    asked = hub("model.safetensors", "pytorch_model.bin")
    assert names(WeightsSource().find(UNI, revision=PINNED)) == ["model.safetensors"]
    assert len(asked) == 1


def test_a_local_folder_goes_before_the_hub(tmp_path: Path, hub: Hub) -> None:
    asked = hub("model.safetensors")
    put(tmp_path / "weights/uni", "pytorch_model.bin")
    assert WeightsSource(root=tmp_path / "weights").find(UNI, revision=PINNED).origin == "folder"
    assert asked == []


def test_a_gated_model_and_no_network_say_what_to_do(hub: Hub) -> None:
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

    hub(error=GatedRepoError.__new__(GatedRepoError))  # its constructor wants an answer of the network
    assert refused(None, PINNED).got == "a gated model: MahmoodLab/UNI gives it to accounts with its leave"
    hub(error=LocalEntryNotFoundError("offline"))
    error = refused(None, PINNED)
    assert error.got == "no download of MahmoodLab/UNI (LocalEntryNotFoundError)"
    assert "HF_HUB_OFFLINE" in error.remedy and "--weights DIR" in error.remedy


def state() -> dict[str, Any]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


def saved(folder: Path, content: Any, name: str = "pytorch_model.bin") -> Weights:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(content, folder / name)
    return WeightsSource(root=folder.parent).find(UNI)


@pytest.mark.parametrize(
    "content",
    [
        state(),
        {"state_dict": state(), "epoch": 3},
        {f"module.{name}": tensor for name, tensor in state().items()},
        {"state_dict": {f"module.{name}": tensor for name, tensor in state().items()}},
    ],
    ids=["plain", "wrapped", "parallel", "both"],
)
def test_tensors_are_read_by_name(tmp_path: Path, content: Any) -> None:
    read = read_state(saved(tmp_path / "uni", content))
    assert read.keys() == state().keys()
    np.testing.assert_array_equal(read["a.weight"].numpy(), state()["a.weight"].numpy())


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = tmp_path / "uni"
    folder.mkdir()
    for number, name in enumerate(state(), start=1):
        save_file({name: state()[name]}, folder / f"model-0000{number}-of-00002.safetensors")
    assert read_state(WeightsSource(root=tmp_path).find(UNI)).keys() == state().keys()


def test_headers_tell_the_shapes_and_pickles_have_none(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    assert read_shapes(saved(tmp_path / "uni", state())) is None
    save_file({f"module.{name}": one for name, one in state().items()}, tmp_path / "uni/model.safetensors")
    assert read_shapes(WeightsSource(root=tmp_path).find(UNI)) == {"a.weight": (2, 3), "a.bias": (2,)}


class Payload:
    """What an attacker would put into a checkpoint: unpickled by plain pickle, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_a_payload_is_refused_and_not_run(tmp_path: Path) -> None:
    import pickle

    mark = tmp_path / "executed"
    content = {**state(), "x": Payload(mark)}
    weights = saved(tmp_path / "uni", content)
    with pytest.raises(RecipeError) as refusal:
        read_state(weights)
    assert refusal.value.where == "weights pytorch_model.bin"
    assert refusal.value.got == "a pickle that holds more than tensors; nothing of it was run"
    assert not mark.exists()
    pickle.loads(pickle.dumps(Payload(mark)))  # the payload is one: what was refused would have run
    assert mark.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    from safetensors.torch import save

    folder = put(tmp_path / "uni")
    if name.endswith("bin"):
        torch.save(state(), folder / name)
        content = (folder / name).read_bytes()
    else:
        content = save(state())
    for damaged in (content[: len(content) // 2], b"", b"no weights at all"):
        (folder / name).write_bytes(damaged)
        weights = WeightsSource(root=tmp_path).find(UNI)
        with pytest.raises(RecipeError, match=rf"weights {name}: expected tensors by name"):
            read_state(weights)
        if name.endswith("safetensors"):
            with pytest.raises(RecipeError, match="got damaged or no safetensors"):
                read_shapes(weights)


def test_something_else_than_tensors_is_refused(tmp_path: Path) -> None:
    for content in ([torch.ones(2)], {"lr": 0.1}):
        weights = saved(tmp_path / "uni", content)
        with pytest.raises(RecipeError, match="got something else than tensors by name"):
            read_state(weights)


def test_what_changed_since_it_was_hashed_is_not_loaded(tmp_path: Path) -> None:
    weights = saved(tmp_path / "uni", state())
    path = weights.folder / weights.files[0].name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"expected the file that was hashed, sha256 [0-9a-f]{12}; got ano"):
        read_state(weights)


def test_an_old_torch_reads_no_pickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = saved(tmp_path / "uni", state())
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(RecipeError, match=r"expected torch 2\.6 or later .*; got torch 2\.5"):
        read_state(weights)


def test_weights_go_to_a_worker_as_they_are(tmp_path: Path) -> None:
    import pickle

    weights = saved(tmp_path / "uni", state())
    assert pickle.loads(pickle.dumps(weights)) == weights
