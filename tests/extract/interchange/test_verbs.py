"""The three verbs as a user types them, one after the other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from extract.__main__ import app
from tests.extract.interchange.neighbour_files import features, write_trident


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


@pytest.mark.usefixtures("here")
def test_in_out_and_drawn(tmp_path: Path, manifest: Path) -> None:
    theirs = tmp_path / "features_uni"
    theirs.mkdir()
    for number, stem in enumerate(("a", "b")):
        write_trident(theirs, features(stem, number, "float16", dim=1024))
    cache = tmp_path / "cache"
    words = ("import", "trident", theirs, manifest, "--cache", cache, "--encoder", "uni", "--mpp", "0.5")
    status, text = call(*words)
    assert status == 1
    assert text.startswith("2 made, 0 were there, 1 failed; trident_uni-")
    assert "case 2, slide c" in text
    write_trident(theirs, features("c", 3, "float16", dim=1024))
    status, text = call(*words)
    assert (status, text[:33]) == (0, "3 made, 0 were there, 0 failed; t")
    first, second = text.splitlines()
    name = first.rpartition(" ")[2]
    assert second.startswith("not the set that was there, as files or claim are others: trident_uni-")
    status, text = call("export", cache, "three", name, tmp_path / "out", "--as", "stamp", "--case", "1")
    assert (status, text.strip()) == (0, f"{tmp_path / 'out'}: 2 slides, 12 tiles as stamp")
    status, text = call("overlay", cache, "three", name, tmp_path / "drawn")
    assert (status, text.strip()) == (
        0,
        f"{tmp_path / 'drawn'}: 3 slides, 18 tiles, 0 slides with scores",
    )
    drawn = json.loads((tmp_path / "drawn" / "2" / "c.geojson").read_text(encoding="utf-8"))
    assert len(drawn["features"]) == 6
    status, text = call("verify", cache)
    assert (status, text.strip()) == (0, "5 entries read, 0 damaged")
