"""What an import refuses, and when two imports are the same feature set."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from extract.caps import Caps
from extract.interchange.claim import Claim
from extract.interchange.importing import ImportRequest, import_slides
from feature_cache.cohort import Cohort, read_cohort
from feature_cache.errors import ManifestError, RecipeError, SourceError
from feature_cache.store import FeatureCache
from fuse.features.feature_sets import choose_feature_sets
from tests.extract.interchange.conftest import Importer
from tests.extract.interchange.neighbour_files import (
    WRITERS,
    Features,
    features,
    write_clam,
    write_stamp,
    write_trident,
)
from tests.extract.slides.pyramids import JPEG_YCBCR, paint_tissue, write_pyramid

STEMS = ("a", "b", "c")
SHA = "ab" * 32


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of TRIDENT's with all three slides."""
    return make(tmp_path / "theirs")


def make(folder: Path, write: Callable[[Path, Features], None] = write_trident, seed: int = 0) -> Path:
    folder.mkdir()
    for number, stem in enumerate(STEMS):
        write(folder, features(stem, seed + number))
    return folder


def sets(cache: FeatureCache) -> list[str]:
    return [one.name for one in cache.feature_sets("three")]


def test_an_import_done_twice_is_done_once(theirs: Path, cache: FeatureCache, take_in: Importer) -> None:
    first, second = take_in("trident", theirs), take_in("trident", theirs)
    assert (first.made, first.done) == (3, 0)
    assert (second.made, second.done, second.problems) == (0, 3, ())
    assert sets(cache) == [first.feature_set] == [second.feature_set]


def test_files_are_opened_in_children(theirs: Path, cohort: Cohort, cache: FeatureCache) -> None:
    """The one import without the fixture that keeps it in this process."""
    request = ImportRequest(
        source="trident", folder=theirs, claim=Claim(encoder="theirs", mpp=0.5, dim=8), name="imported"
    )
    (theirs / "b.h5").write_bytes(b"no HDF5")
    summary = import_slides(request, cohort, cache, 1, Caps(memory_gb=8, seconds=300))
    assert summary.made == 2
    assert [problem.where for problem in summary.problems] == ["case 1, slide b, b.h5"]
    assert "slide b" in summary.describe() and "failures.csv" in summary.describe()
    assert summary.record is not None
    assert "case 1, slide b, b.h5" in (summary.record / "failures.csv").read_text(encoding="utf-8")


def test_unknown_weights_never_equal_unknown_weights(
    tmp_path: Path, theirs: Path, cohort: Cohort, cache: FeatureCache, take_in: Importer
) -> None:
    """Two folders of the same words are two feature sets, and stage 2 asks which one is meant."""
    other = make(tmp_path / "other", seed=7)
    one, two = take_in("trident", theirs), take_in("trident", other)
    assert one.feature_set != two.feature_set
    assert (one.namesakes, two.namesakes) == ((), (one.feature_set,))
    assert one.feature_set in two.describe()
    for record in cache.records("three", "slides"):
        assert record.settings["weights_sha256"] is None
        assert record.settings["encoder"]["revision"] is None
        assert record.used["encoder_revision"] is None
        assert record.used["origin"] == "imported"
    _, problems = choose_feature_sets(cache, cohort, "auto")
    assert [problem.level for problem in problems] == ["error"]
    assert one.feature_set in problems[0].got and two.feature_set in problems[0].got


def test_imported_columns_share_one_scale(
    theirs: Path, cohort: Cohort, cache: FeatureCache, take_in: Importer
) -> None:
    take_in("trident", theirs)
    chosen, problems = choose_feature_sets(cache, cohort, "auto")
    assert problems == []
    assert (chosen["slides"].by_network, chosen["slides"].weights_sha256) == (True, "")


def test_stated_weights_are_one_set_over_several_folders(
    tmp_path: Path, theirs: Path, cache: FeatureCache, take_in: Importer
) -> None:
    other = make(tmp_path / "other", seed=7)
    one = take_in("trident", theirs, weights_sha256=SHA)
    two = take_in("trident", other, weights_sha256=SHA, mpp=0.5)
    assert one.feature_set == two.feature_set
    assert two.made == 3  # other files of the same slides take their places
    assert take_in("trident", other, weights_sha256="cd" * 32).feature_set != one.feature_set


@pytest.mark.parametrize(
    "claimed",
    [{"tile_px": 224}, {"revision": "main"}, {"variant": "cls"}, {"mpp": 0.505}, {"encoder": "another"}],
)
def test_what_is_claimed_is_identity(theirs: Path, take_in: Importer, claimed: dict[str, object]) -> None:
    """A tile size that the files tell too changes nothing; everything else makes another set."""
    told = take_in("trident", theirs).feature_set == take_in("trident", theirs, **claimed).feature_set
    assert told is ("tile_px" in claimed)


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ({"encoder": "uni3", "dim": None}, "one of "),
        ({"encoder": "uni", "dim": 8}, "1024, of uni"),
        ({"encoder": "uni", "dim": None, "mpp": 0.25}, "0.5 um for uni"),
        ({"encoder": "uni", "dim": None, "variant": "mean"}, "one of cls"),
        ({"weights_sha256": "abc"}, "64 hex digits"),
    ],
)
def test_a_claim_that_a_card_contradicts_is_refused(
    theirs: Path, cache: FeatureCache, take_in: Importer, claimed: dict[str, object], expected: str
) -> None:
    with pytest.raises(RecipeError) as refused:
        take_in("trident", theirs, **claimed)
    assert expected in refused.value.expected
    assert sets(cache) == []


def test_another_scale_than_the_card_s_is_kept_with_the_features(
    tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    """STAMP's own default is 1.143 um per pixel, for every encoder."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for stem in STEMS:
        write_stamp(theirs, features(stem, 1, "float16", dim=1024))
        with h5py.File(theirs / f"{stem}.h5", "r+") as file:
            file.attrs["tile_size_um"] = 256.0
    told = {"encoder": "uni", "dim": None, "mpp": 256 / 224}
    with pytest.raises(RecipeError, match="say --off-card"):
        take_in("stamp", theirs, **told)
    assert take_in("stamp", theirs, **told, off_card=True).problems == ()
    for record in cache.records("three"):
        assert record.warnings == ("the encoder saw another scale than its card says",)
        assert record.settings["told"] == {"encoder": "mahmood-uni", "maker": "code 0badcafe"}


def test_tiles_of_another_size_than_the_card_s_are_told(
    tmp_path: Path, cache: FeatureCache, take_in: Importer
) -> None:
    """TRIDENT's own default is 256 px for a network of 224 px."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for stem in STEMS:
        write_trident(theirs, features(stem, 1, "float16", dim=1024))
        with h5py.File(theirs / f"{stem}.h5", "r+") as file:
            file["coords"].attrs.update({"patch_size": 256, "patch_size_level0": 512})
    assert take_in("trident", theirs, encoder="uni", dim=None).problems == ()
    for record in cache.records("three"):
        assert record.warnings == ("tiles of 256 px for an encoder of 224 px: resized or cut by the maker",)


@pytest.mark.parametrize(
    ("source", "claimed", "got"),
    [
        ("stamp", {"mpp": 0.25}, "--mpp 0.25"),
        ("slide2vec", {"mpp": 0.25}, "--mpp 0.25"),
        ("chimera", {"mpp": 0.25}, "--mpp 0.25"),
        ("trident", {"mpp": 0.25}, "--mpp 0.25"),
        ("trident", {"tile_px": 256}, "--tile-px 256"),
    ],
)
def test_a_claim_that_the_files_contradict_is_refused(
    tmp_path: Path, take_in: Importer, source: str, claimed: dict[str, object], got: str
) -> None:
    with pytest.raises(SourceError) as refused:
        take_in(source, make(tmp_path / "theirs", WRITERS[source]), **claimed)
    assert refused.value.got == got


def test_another_encoder_than_the_files_name_is_refused(tmp_path: Path, take_in: Importer) -> None:
    """Two encoders of one length; a neighbour writes names in its own way."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    for stem in STEMS:
        write_trident(theirs, features(stem, 1, dim=1536))
        with h5py.File(theirs / f"{stem}.h5", "r+") as file:
            file["features"].attrs["encoder"] = "hoptimus0"
    with pytest.raises(
        SourceError, match="what they tell: the encoder h_optimus_0; got --encoder h_optimus_1"
    ):
        take_in("trident", theirs, encoder="h_optimus_1", dim=None)
    assert take_in("trident", theirs, encoder="h_optimus_0", dim=None).made == 3


def test_files_of_two_encoders_are_no_set(theirs: Path, take_in: Importer) -> None:
    with h5py.File(theirs / "b.h5", "r+") as file:
        file["features"].attrs["encoder"] = "conch_v1"
    with pytest.raises(SourceError, match=r"2 kinds: conch_v1 .*; uni_v1"):
        take_in("trident", theirs)


def test_the_format_is_not_guessed(theirs: Path, take_in: Importer) -> None:
    with pytest.raises(RecipeError, match="one of trident, clam, stamp, slide2vec, chimera"):
        take_in("auto", theirs)


def test_the_folder_must_be_there(tmp_path: Path, take_in: Importer) -> None:
    with pytest.raises(ManifestError, match="no such folder"):
        take_in("trident", tmp_path / "nowhere")


def test_slides_must_be_listed(theirs: Path, manifest: Path, take_in: Importer) -> None:
    (manifest / "slides.csv").unlink()
    with pytest.raises(ManifestError, match="no row"):
        take_in("trident", theirs, rows=read_cohort(manifest))


def test_a_tile_size_that_nobody_tells_is_asked_for(tmp_path: Path, take_in: Importer) -> None:
    with pytest.raises(RecipeError, match="Give --tile-px"):
        take_in("clam", make(tmp_path / "theirs", write_clam))


def test_a_field_of_view_that_is_another_is_refused(theirs: Path, manifest: Path, take_in: Importer) -> None:
    """A scanner of .2266 um is called 40x like one of .25 um: 448 of its pixels are no 224 of .5 um."""
    table = (manifest / "slides.csv").read_text(encoding="utf-8")
    (manifest / "slides.csv").write_text(table.replace("2,c,raw/scan_c.svs,,0.25", "2,c,x,,0.2266"), "utf-8")
    summary = take_in("trident", theirs, rows=read_cohort(manifest))
    assert [problem.got for problem in summary.problems] == [
        "448 level-0 pixels of 0.2266 um, which is 0.4532 um per pixel"
    ]


def test_without_the_slide_s_mpp_nothing_is_compared_and_nothing_invented(
    theirs: Path, manifest: Path, cache: FeatureCache, take_in: Importer
) -> None:
    cohort = without_mpp(manifest)
    summary = take_in("trident", theirs, rows=cohort)
    assert summary.problems == ()
    said = "nothing tells the true field of view: mpp is as claimed"
    assert f"warning of 3 slide(s): {said}\n" in summary.describe()
    for record in cache.records("three"):
        assert (record.attrs["mpp"], record.attrs["mpp_source"], record.attrs["mpp_of_tiles"]) == (None,) * 3
        assert record.attrs["tile_px0"] == [448, 448]


def test_stamp_s_micrometres_need_the_slide_s_mpp(tmp_path: Path, manifest: Path, take_in: Importer) -> None:
    summary = take_in("stamp", make(tmp_path / "theirs", write_stamp), rows=without_mpp(manifest))
    assert summary.made == 0
    assert {problem.expected for problem in summary.problems} == {
        "the slide's mpp, by which um become level-0 pixels"
    }


def test_the_mpp_is_read_from_the_slide_where_the_table_gives_none(
    tmp_path: Path, manifest: Path, cache: FeatureCache, take_in: Importer
) -> None:
    """The slides' own files say .25 um per pixel."""
    cohort = drawn(tmp_path, manifest, dict.fromkeys(STEMS, 2688))
    theirs = make(tmp_path / "theirs", write_stamp)
    summary = take_in("stamp", theirs, rows=cohort, root=tmp_path)
    assert summary.problems == ()
    for record in cache.records("three"):
        assert record.attrs["mpp"] == [0.25, 0.25]
        assert record.attrs["mpp_source"] not in (None, "manifest")


def test_a_file_of_another_slide_is_refused_where_its_tiles_lie_beyond_the_edge(
    tmp_path: Path, manifest: Path, take_in: Importer
) -> None:
    """Tiles begin at up to 2,240 pixels; of three slides one is not as wide."""
    cohort = drawn(tmp_path, manifest, {"a": 2688, "b": 2240, "c": 2241})
    summary = take_in("trident", make(tmp_path / "theirs"), rows=cohort, root=tmp_path)
    assert summary.made == 2
    assert [problem.where for problem in summary.problems] == ["case 1, slide b, b.h5"]
    assert "of another slide" in summary.problems[0].remedy


def drawn(root: Path, manifest: Path, widths: dict[str, int]) -> Cohort:
    """Write slides of .25 um per pixel, by name with their widths, and list them without mpp."""
    rows = "".join(f"{case},{stem},{stem}.tif,,\n" for case, stem in zip("112", STEMS, strict=True))
    (manifest / "slides.csv").write_text(f"case_id,slide_id,path,mask_path,mpp\n{rows}", encoding="utf-8")
    for stem, width in widths.items():
        image = paint_tissue(1792, width, (0, 0, 1792, width))
        write_pyramid(root / f"{stem}.tif", image, steps=(1,), codec=JPEG_YCBCR, mpp=0.25)
    return read_cohort(manifest)


def without_mpp(manifest: Path) -> Cohort:
    table = (manifest / "slides.csv").read_text(encoding="utf-8")
    (manifest / "slides.csv").write_text(table.replace(",0.25", ","), encoding="utf-8")
    return read_cohort(manifest)


def test_a_changed_mpp_makes_the_entry_anew(tmp_path: Path, manifest: Path, take_in: Importer) -> None:
    theirs = make(tmp_path / "theirs", write_stamp)
    assert take_in("stamp", theirs).made == 3
    table = (manifest / "slides.csv").read_text(encoding="utf-8")
    (manifest / "slides.csv").write_text(table.replace("2,c,raw/scan_c.svs,,0.25", "2,c,x,,0.2501"), "utf-8")
    again = take_in("stamp", theirs, rows=read_cohort(manifest))
    assert (again.made, again.done) == (1, 2)


def test_files_of_other_slides_are_counted_and_left(theirs: Path, take_in: Importer) -> None:
    write_trident(theirs, features("somebody_else", 9))
    summary = take_in("trident", theirs)
    assert (summary.made, summary.others) == (3, 1)
    assert "1 file(s) belong to no slide of the cohort" in summary.describe()


def test_a_slide_without_features_is_named(theirs: Path, take_in: Importer) -> None:
    (theirs / "b.h5").unlink()
    summary = take_in("trident", theirs)
    assert summary.made == 2
    assert [(problem.where, problem.got) for problem in summary.problems] == [("case 1, slide b", "none")]


def test_two_files_for_one_slide_are_not_chosen_from(theirs: Path, take_in: Importer) -> None:
    write_trident(theirs, features("scan_b", 9))
    summary = take_in("trident", theirs)
    assert [problem.got for problem in summary.problems] == ["2 (b.h5, scan_b.h5)"]


def test_one_file_for_two_slides_is_nobody_s(theirs: Path, manifest: Path, take_in: Importer) -> None:
    table = (
        (manifest / "slides.csv").read_text(encoding="utf-8").replace("2,c,raw/scan_c.svs", "2,c,raw/b.svs")
    )
    (manifest / "slides.csv").write_text(table, encoding="utf-8")
    (theirs / "c.h5").unlink()
    summary = take_in("trident", theirs, rows=read_cohort(manifest))
    assert summary.made == 1
    assert {problem.got for problem in summary.problems} == {"one that fits two slides"}


def test_stamp_s_folders_tell_files_of_one_name_apart(
    tmp_path: Path, manifest: Path, cache: FeatureCache, take_in: Importer
) -> None:
    """Slides that are all called HE, each in the folder of its case."""
    theirs = tmp_path / "theirs"
    (manifest / "slides.csv").write_text(
        "case_id,slide_id,path,mask_path,mpp\n1,a,raw/k1/HE.svs,,0.25\n2,c,raw/k2/HE.svs,,0.25\n", "utf-8"
    )
    for seed, name in ((1, "k1"), (2, "k2")):
        (theirs / name).mkdir(parents=True)
        write_stamp(theirs / name, features("HE", seed))
    assert take_in("stamp", theirs, rows=read_cohort(manifest)).problems == ()
    for record, seed in zip(cache.records("three"), (1, 2), strict=True):
        embeddings = cache.read(record.key).arrays["embeddings"]
        assert embeddings.tobytes() == features("HE", seed).values.tobytes()


def _rows(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    with h5py.File(folder / "b.h5", "r+") as file:
        changed, attrs = change(file[name][()]), dict(file[name].attrs)
        del file[name]
        file[name] = changed
        file[name].attrs.update(attrs)


def _zero_tail(values: np.ndarray) -> np.ndarray:
    values[-2:] = 0
    return values


def _nowhere(values: np.ndarray) -> np.ndarray:
    values[0] = -300
    return values


def _link(folder: Path) -> None:
    with h5py.File(folder / "b.h5", "r+") as file:
        del file["features"]
        file["features"] = h5py.ExternalLink(str(folder / "a.h5"), "features")


def _cut(folder: Path) -> None:
    (folder / "b.h5").write_bytes((folder / "b.h5").read_bytes()[:2000])


def _lock(folder: Path) -> None:
    (folder / "b.h5.lock").touch()


def _out(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "b.h5").rename(folder.parent / "elsewhere" / "b.h5")
    (folder / "b.h5").symlink_to(folder.parent / "elsewhere" / "b.h5")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a killed write": (lambda f: _rows(f, "features", _zero_tail), "2 of 6 rows that are zeros throughout"),
    "rows lost": (lambda f: _rows(f, "features", lambda v: v[:4]), "4 rows of features and 6 positions"),
    "another encoder": (lambda f: _rows(f, "features", lambda v: v[:, :5]), "5"),
    "no numbers": (lambda f: _rows(f, "features", lambda v: v * np.nan), "none that is finite"),
    "whole numbers": (lambda f: _rows(f, "features", lambda v: v.astype(int) + 1), "int64"),
    "one axis": (lambda f: _rows(f, "features", lambda v: v[0]), "shape (8,)"),
    "text": (lambda f: _rows(f, "features", lambda v: v.astype("S8")), "dtype |S8"),
    "off the slide": (
        lambda f: _rows(f, "coords", _nowhere),
        "positions that are negative, unknown or beyond any slide",
    ),
    "three axes": (lambda f: _rows(f, "coords", lambda v: np.c_[v, v[:, :1]]), "positions of shape (6, 3)"),
    "another file's rows": (_link, "none"),
    "cut short": (_cut, "one that cannot (OSError): damaged, cut short, or another kind of file"),
    "being written": (_lock, "one that is being written (b.h5.lock is there)"),
    "a link out": (_out, "a link that leads out of it"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_one_slide_s_matter(fault: str, theirs: Path, take_in: Importer) -> None:
    spoil, got = FAULTS[fault]
    spoil(theirs)
    summary = take_in("trident", theirs)
    assert (summary.made, [problem.got for problem in summary.problems]) == (2, [got])
    assert "slide b" in summary.problems[0].where


def test_a_row_that_is_not_finite_is_an_invalid_tile(
    theirs: Path, cache: FeatureCache, take_in: Importer
) -> None:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[1, 3] = np.inf
        return values

    _rows(theirs, "features", spoil)
    assert take_in("trident", theirs).problems == ()
    entry = next(cache.read(one.key) for one in cache.records("three") if one.item_id == "b")
    assert entry.arrays["valid"].tolist() == [True, False, True, True, True, True]
    assert np.isnan(entry.arrays["embeddings"][1]).all()
    assert entry.record.warnings == ("1 of 6 tiles are not finite",)


def test_tiles_on_one_place_are_told(theirs: Path, cache: FeatureCache, take_in: Importer) -> None:
    """CLAM cuts each outline of tissue by itself, and two can give the same tile."""

    def double(values: np.ndarray) -> np.ndarray:
        values[1] = values[0]
        return values

    _rows(theirs, "coords", double)
    take_in("trident", theirs)
    record = next(one for one in cache.records("three") if one.item_id == "b")
    assert record.warnings == ("1 tiles stand where another one stands",)


@pytest.mark.parametrize("torn", ["no .pt", "shorter .h5", "other positions"])
def test_a_torn_slide_of_clam_s(torn: str, tmp_path: Path, take_in: Importer) -> None:
    """Its .h5 grows batch by batch: one that a crash left is a sound file with fewer rows."""
    theirs = make(tmp_path / "theirs", write_clam)
    if torn == "no .pt":
        (theirs / "pt_files" / "b.pt").unlink()
    elif torn == "shorter .h5":
        for name in ("features", "coords"):
            _rows(theirs / "h5_files", name, lambda values: values[:4])
    else:
        _rows(theirs / "patches", "coords", lambda values: values + 448)
    summary = take_in("clam", theirs, beside=theirs / "patches", tile_px=224)
    assert (summary.made, len(summary.problems)) == (2, 1)
    assert "slide b" in summary.problems[0].where


def test_a_pickle_is_not_run(tmp_path: Path, take_in: Importer) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    theirs = make(tmp_path / "theirs", WRITERS["chimera"])
    (theirs / "features" / "a.pt").write_bytes(pickle.dumps(Trap(), protocol=2))
    torch.save([Trap()], theirs / "features" / "b.pt")
    torch.save({"features": torch.ones(6, 8)}, theirs / "features" / "c.pt")
    summary = take_in("chimera", theirs)
    assert summary.made == 0
    assert {problem.expected for problem in summary.problems} == {
        f"one tensor in {stem}.pt" for stem in STEMS
    }
    assert not (tmp_path / "ran").exists()


def test_positions_of_objects_are_not_unpickled(tmp_path: Path, take_in: Importer) -> None:
    theirs = make(tmp_path / "theirs", WRITERS["chimera"])
    np.save(theirs / "coordinates" / "b.npy", np.array([{}], dtype=object), allow_pickle=True)
    summary = take_in("chimera", theirs)
    assert (summary.made, [one.got for one in summary.problems]) == (
        2,
        ["one that cannot be read (ValueError)"],
    )


def test_a_sidecar_that_promises_other_tiles(tmp_path: Path, take_in: Importer) -> None:
    theirs = make(tmp_path / "theirs", WRITERS["slide2vec"])
    path = theirs / "tile_embeddings" / "b.meta.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, "num_tiles": 7}), encoding="utf-8")
    summary = take_in("slide2vec", theirs)
    assert [(one.expected, one.got) for one in summary.problems] == [("7 tiles of 8 numbers", "6 of 8")]


def test_an_array_that_is_larger_than_any_is_refused_by_its_header(tmp_path: Path, take_in: Importer) -> None:
    theirs = make(tmp_path / "theirs", WRITERS["chimera"])
    with (theirs / "coordinates" / "b.npy").open("wb") as stream:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(stream, header)
    summary = take_in("chimera", theirs)
    assert [one.got for one in summary.problems] == ["shape (1099511627776,)"]
