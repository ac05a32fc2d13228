"""--trust-remote-code from the command line to the weights: leave for one encoder, none by a slip."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from extract.__main__ import app
from extract.plan import Folders, Selection, make_plan
from extract.recipe import RecipeFile
from feature_cache.cohort import read_cohort
from feature_cache.errors import RecipeError
from feature_cache.store import FeatureCache

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

RECIPE = RecipeFile(name="h", slides={"encoder": "hibou_b"})


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    from tests.extract.encoders.makers_models import save_makers_model

    save_makers_model(tmp_path / "weights/hibou_b")
    folder = tmp_path / "manifest"
    folder.mkdir()
    (folder / "cohort.yaml").write_text(
        "{schema_version: 1, name: one, title: t, citation: c, licence: l, sites: [s],"
        " modalities: [slides], index_event: surgery, prediction_day: 0, undated: {slides: 0}}\n",
        encoding="utf-8",
    )
    (folder / "cases.csv").write_text("case_id,site\n1,s\n", encoding="utf-8")
    (folder / "slides.csv").write_text("case_id,slide_id,path,mask_path,mpp\n1,a,a.tif,,\n", encoding="utf-8")
    return folder


def test_leave_reaches_the_weights(manifest: Path) -> None:
    root = manifest.parent
    cache = FeatureCache.create(root / "cache")
    cohort = read_cohort(manifest)
    asked = Folders(root=root, weights=root / "weights")
    with pytest.raises(RecipeError, match="--trust-remote-code hibou_b"):
        make_plan(cohort, asked, cache, RECIPE, Selection())
    trusting = Folders(root=root, weights=root / "weights", trusted=frozenset({"hibou_b"}))
    (item,) = make_plan(cohort, trusting, cache, RECIPE, Selection()).todo
    assert item.weights is not None
    assert "modeling_small.py" in item.weights_used["weights"]  # type: ignore[operator]


@pytest.mark.parametrize(("name", "said"), [("hibou_b", "1 item(s)"), ("hibou-b", "a name that no card has")])
def test_a_name_mistyped_is_an_error(name: str, said: str, manifest: Path) -> None:
    root = manifest.parent
    recipe = root / "own.yaml"
    recipe.write_text("{name: h, slides: {encoder: hibou_b}}", encoding="utf-8")
    words = [
        "plan",
        str(manifest),
        "--root",
        str(root),
        "--cache",
        str(root / "cache"),
        "--recipe",
        str(recipe),
    ]
    (root / "a.tif").write_bytes(b"II*\0")
    words += ["--weights", str(root / "weights"), "--trust-remote-code", name]
    result = CliRunner().invoke(app, words)
    assert said in result.output + str(result.exception)
