"""A study becomes an entry: what is in it, what it depends on, and what is refused with which words."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extract.encoders import registry
from extract.encoders.card import EncodedSeries, EncoderCard
from extract.volumes.geometry import Reordering, VoxelGrid
from extract.volumes.pooling import pool_in_regions
from extract.volumes.stage import VolumeStage
from extract.volumes.volume import SeriesOnGrid
from feature_cache.canonical import sha256_of_file
from feature_cache.errors import RecipeError, SourceError
from feature_cache.store import FeatureCache
from tests.extract.volumes.files import write_mha, write_nifti
from tests.extract.volumes.studies import (
    ALL,
    EPI,
    PROSTATE,
    T2W,
    build,
    cohort_of,
    gland,
    items_of,
    mask,
    paint,
    row_of,
    series,
    write_study,
)
from tests.extract.volumes.test_geometry import ORDERS

UNIT = np.diag([-1.0, -1.0, 1.0, 1.0])


class TestEntry:
    def test_what_is_in_it(self, study: Path, tmp_path: Path) -> None:
        draft = build(cohort_of(ALL, [PROSTATE]), study)
        arrays, attrs = draft.arrays, draft.attrs
        assert (draft.kind, draft.key.modality, draft.key.item_id) == ("volume", "volumes", "s")
        assert attrs["series"] == ["t2w", "adc", "hbv"] and attrs["series_missing"] == []
        assert attrs["regions"] == ["prostate", "crop"] and attrs["preview_regions"] == ["prostate"]
        assert attrs["region_rows"][2] == {"series": "adc", "region": "prostate"}
        assert attrs["reference"] == "t2w" and attrs["day"] == 0
        assert attrs["registration"] == "header only, not registered"
        assert str(attrs["masks_placed_by"]).startswith("header only")
        assert arrays["regions"].shape == (6, 34) and arrays["region_valid"].all()
        np.testing.assert_array_equal(arrays["radiomics"], arrays["regions"])
        assert [source.role for source in draft.sources] == [
            "series:t2w:t2w", "series:adc:adc", "series:hbv:hbv", "mask:prostate", "manifest_study"
        ]  # fmt: skip
        inside, around = row_of(draft, "t2w", "prostate"), row_of(draft, "t2w", "crop")
        assert inside["stat_min"] >= 500 and inside["stat_max"] <= 520 and around["stat_p10"] < 220
        assert 1200 < row_of(draft, "adc", "prostate")["stat_median"] < 1420
        crop: Any = attrs["crop"]
        assert inside["crop_share"] == pytest.approx(gland(T2W).sum() / np.prod(crop["size"]))
        ball_mm3 = 4 / 3 * np.pi * 4**3
        assert inside["morph_vol_approx"] == pytest.approx(ball_mm3, rel=0.05)
        assert np.isnan(row_of(draft, "adc", "prostate")["morph_volume"])
        assert draft.quality["regions"]["prostate"]["volume_ml"] == pytest.approx(ball_mm3 / 1000, rel=0.05)
        cache = FeatureCache.create(tmp_path / "cache")
        cache.commit(draft)
        entry = cache.read(draft.key)
        np.testing.assert_array_equal(entry.arrays["preview"], arrays["preview"])
        assert str(study) not in entry.record.model_dump_json()

    def test_tokens_lie_where_their_region_does(self, study: Path) -> None:
        draft = build(cohort_of(ALL, [PROSTATE]), study)
        centre = T2W.centres((np.array([T2W.size]) - 1) / 2)[0]
        np.testing.assert_allclose(draft.arrays["token_xyz_mm"][0], centre, atol=0.05)
        assert draft.arrays["token_series"].tolist() == [0, 0, 1, 1, 2, 2]
        grid = VoxelGrid(size=(1, 1, 1), affine=draft.arrays["affine"])
        np.testing.assert_allclose(
            grid.centres(draft.arrays["token_voxel"]), draft.arrays["token_xyz_mm"], atol=1e-4
        )

    def test_the_crop_leaves_the_margin_in_mm(self, study: Path) -> None:
        crop: Any = build(cohort_of(ALL, [PROSTATE]), study, {"margin_mm": 1}).attrs["crop"]
        filled = np.argwhere(gland(T2W))
        first, last = filled.min(axis=0), filled.max(axis=0)
        assert crop["rule"] == "around the masks"
        assert crop["start"] == (first - [2, 2, 1]).tolist()
        assert crop["size"] == (last - first + 1 + np.array([4, 4, 2])).tolist()

    def test_the_same_bytes_twice(self, study: Path) -> None:
        first, second = (build(cohort_of(ALL, [PROSTATE]), study) for _ in range(2))
        assert {n: a.tobytes() for n, a in first.arrays.items()} == {
            n: a.tobytes() for n, a in second.arrays.items()
        }

    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sampled_from(ORDERS))
    def test_how_a_file_stores_its_axes_does_not_matter(
        self, study: Path, tmp_path_factory: pytest.TempPathFactory, order: Reordering
    ) -> None:
        other = write_study(tmp_path_factory.mktemp("order"), order)
        straight, turned = (build(cohort_of(ALL, [PROSTATE]), root) for root in (study, other))
        np.testing.assert_allclose(
            straight.arrays["radiomics"], turned.arrays["radiomics"], rtol=2e-3, atol=1e-2
        )
        np.testing.assert_allclose(straight.arrays["token_xyz_mm"], turned.arrays["token_xyz_mm"], atol=1e-3)
        np.testing.assert_array_equal(straight.arrays["preview_masks"], turned.arrays["preview_masks"])

    def test_metaimage_and_nifti_give_one_entry(self, study: Path, tmp_path: Path) -> None:
        for name, voxels, grid in (
            ("t2w", paint(T2W, 500, 200), T2W),
            ("adc", paint(EPI, 1400, 900), EPI),
            ("hbv", paint(EPI, 60, 20), EPI),
            ("gland", gland(T2W).astype(np.uint8), T2W),
        ):
            write_mha(tmp_path / f"{name}.mha", voxels, grid.affine, compressed=name != "hbv")
        rows = [series(name, f"{name}.mha") for name in ("t2w", "adc", "hbv")]
        ours = build(cohort_of(ALL, [PROSTATE]), study)
        theirs = build(cohort_of(rows, [mask("prostate", "gland.mha", "1=prostate")]), tmp_path)
        np.testing.assert_allclose(ours.arrays["radiomics"], theirs.arrays["radiomics"], rtol=1e-4)


class TestGridOfAStudy:
    def test_another_spacing_is_of_the_same_place(self, study: Path) -> None:
        fine = build(cohort_of(ALL, [PROSTATE]), study)
        thin = build(cohort_of(ALL, [PROSTATE]), study, {"spacing_mm": [0.5, 0.5, 1.5]})
        np.testing.assert_allclose(np.linalg.norm(thin.arrays["affine"][:3, :3], axis=0), [0.5, 0.5, 1.5])
        volumes = [row_of(one, "t2w", "prostate")["morph_vol_approx"] for one in (fine, thin)]
        assert volumes[0] == pytest.approx(volumes[1])  # each slice is there twice
        assert fine.key.recipe_hash != thin.key.recipe_hash

    def test_a_mask_of_the_adc_is_laid_on_t2w(self, study: Path, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        write_nifti(root / "on_adc.nii.gz", gland(EPI).astype(np.uint8), EPI.affine)
        draft = build(cohort_of(ALL, [mask("gland", "on_adc.nii.gz")]), root)
        assert draft.attrs["mask_places"]["gland"]["series"] == "adc"  # type: ignore[call-overload,index]
        volume_ml = draft.quality["regions"]["gland"]["volume_ml"]  # type: ignore[call-overload,index]
        voxels_mm3 = gland(EPI).sum() * 2 * 2 * 3.6
        assert volume_ml * 1000 == pytest.approx(voxels_mm3, rel=0.05)

    def test_a_series_that_is_not_encoded_still_places_the_mask(self, study: Path) -> None:
        cohort = cohort_of(ALL, [PROSTATE])
        draft = build(cohort, study, {"sequences": ["adc"]})
        assert draft.attrs["series"] == ["adc"] and draft.attrs["reference"] == "adc"
        assert draft.attrs["mask_places"]["prostate"]["series"] == "t2w (t2w.nii.gz)"  # type: ignore[call-overload,index]
        assert "series:t2w:t2w" in {source.role for source in draft.sources}
        full = row_of(build(cohort, study), "adc", "prostate")
        assert row_of(draft, "adc", "prostate")["stat_median"] == pytest.approx(full["stat_median"], rel=0.15)
        late = cohort_of([series("t2w", day=3), *ALL[1:]], [PROSTATE])
        with pytest.raises(SourceError, match="got 24 x 20 x 8 voxels where adc has 10 x 9 x 7"):
            build(late, study, {"sequences": ["adc"]})  # a mask drawn on what is not known yet

    def test_missing_series_are_named_and_have_no_row(self, study: Path) -> None:
        others = [series(name, case_id="2") for name in ("t2w", "adc", "cor")]
        cohort = cohort_of([series("adc"), *others], [])
        draft = _first(cohort, study, {})
        assert draft.attrs["series"] == ["adc"] and draft.attrs["series_missing"] == ["cor", "t2w"]
        assert len(draft.arrays["regions"]) == 1
        asked = _first(cohort, study, {"sequences": ["T2W", "adc", "dce"]})
        assert asked.attrs["series_missing"] == ["t2w", "dce"]

    def test_without_a_mask_the_whole_volume_is_the_crop(self, study: Path) -> None:
        draft = build(cohort_of(ALL), study)
        assert draft.attrs["regions"] == ["crop"]
        assert draft.attrs["crop"]["rule"] == "whole: no mask"  # type: ignore[call-overload,index]
        assert "not cropped (whole: no mask)" in draft.warnings
        assert draft.arrays["preview_masks"].shape[0] == 0

    def test_an_empty_region_has_a_share_of_0_and_no_other_value(self, study: Path, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        write_nifti(root / "none.nii.gz", np.zeros(T2W.size, np.uint8), T2W.affine)
        draft = build(cohort_of(ALL, [PROSTATE, mask("lesion", "none.nii.gz", "3=lesion")]), root)
        rows: Any = draft.attrs["region_rows"]
        empty = [number for number, row in enumerate(rows) if row["region"] == "lesion"]
        assert row_of(draft, "t2w", "lesion")["crop_share"] == 0
        assert np.isnan(draft.arrays["regions"][empty, :-1]).all()
        assert draft.arrays["region_valid"][empty].tolist() == [True, False, False]
        assert draft.quality["regions"]["lesion"]["voxels"] == 0  # type: ignore[call-overload,index]

    def test_what_a_series_does_not_show_is_left_out_and_said(self, study: Path, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        half = EPI.part((0, 0, 0), (4, 9, 7))
        write_nifti(root / "hbv.nii.gz", paint(EPI, 60, 20)[:4], half.affine)
        draft = build(cohort_of(ALL, [PROSTATE]), root)
        coverage: Any = draft.quality["coverage"]
        assert 0.2 < coverage["hbv"]["prostate"] < 0.8 and coverage["t2w"]["prostate"] == 1
        assert any(warning.startswith("hbv covers") for warning in draft.warnings)
        assert row_of(draft, "hbv", "prostate")["stat_min"] > 15  # nothing was filled in with 0

    def test_adc_that_the_scanner_did_not_compute_is_no_value(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        voxels = paint(EPI, 1400, 900)
        voxels[::3, ::2] = 0
        write_nifti(root / "adc.nii.gz", voxels, EPI.affine)
        draft = build(cohort_of(ALL, [PROSTATE]), root)
        assert row_of(draft, "adc", "crop")["stat_min"] >= 900
        assert draft.quality["coverage"]["adc"]["crop"] < 0.9  # type: ignore[call-overload,index,operator]


def _first(cohort: Any, root: Path, block: dict[str, Any]) -> Any:
    item, *_ = items_of(cohort, root, block)
    stage = VolumeStage()
    return stage.build(item, stage.sources(item, sha256_of_file))


class TestUnknownSpacing:
    def write(self, root: Path) -> None:
        rng = np.random.default_rng(1)
        label = np.zeros((16, 12, 3), np.float32)
        label[4:9, 3:8] = 1
        write_nifti(root / "lge.nii.gz", rng.random(label.shape).astype(np.float32), UNIT)
        write_nifti(root / "scar.nii.gz", label, UNIT)

    def test_nothing_in_mm_leaves(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        draft = build(cohort_of([series("lge")], [mask("scar", "scar.nii.gz", "1=scar")]), tmp_path)
        assert draft.attrs["spacing_known"] is False and draft.attrs["preview_spacing_mm"] is None
        assert np.isnan(draft.arrays["token_xyz_mm"]).all()
        np.testing.assert_allclose(draft.arrays["token_voxel"][0], [6, 5, 1])
        row = row_of(draft, "lge", "scar")
        assert all(np.isnan(value) for name, value in row.items() if name.startswith("morph_"))
        assert np.isfinite(row["stat_mean"])
        assert draft.quality["regions"]["scar"]["volume_ml"] is None  # type: ignore[call-overload,index]
        assert draft.attrs["crop"]["rule"] == "whole: spacing unknown"  # type: ignore[call-overload,index]
        assert any("nothing in mm" in warning for warning in draft.warnings)
        assert all("mm" not in str(key) for key in draft.attrs["mask_places"]["scar"])  # type: ignore[call-overload,index,union-attr]

    def test_the_manifest_gives_it(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        rows = [series("lge", spacing_mm="1.5;1.5;8")]
        draft = build(cohort_of(rows, [mask("scar", "scar.nii.gz", "1=scar")]), tmp_path)
        assert draft.attrs["spacing_known"] is True
        assert row_of(draft, "lge", "scar")["morph_vol_approx"] == pytest.approx(5 * 5 * 3 * 1.5 * 1.5 * 8)
        assert draft.attrs["series_grids"]["lge"]["spacing_from"] == "series.csv"  # type: ignore[call-overload,index]
        assert draft.attrs["crop"]["rule"] == "around the masks"  # type: ignore[call-overload,index]

    def test_resampling_is_refused(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        with pytest.raises(SourceError, match="expected a known spacing, as the recipe wants another one"):
            build(cohort_of([series("lge")]), tmp_path, {"spacing_mm": [1, 1, 1]})

    @pytest.mark.parametrize("spacing_mm", [None, "1.5;1.5;8"])
    def test_it_is_laid_on_no_other_grid(self, tmp_path: Path, spacing_mm: str | None) -> None:
        self.write(tmp_path)
        write_study(tmp_path)
        rows = [series("t2w"), series("lge", spacing_mm=spacing_mm)]
        with pytest.raises(SourceError, match="lge without spacing or place in its header"):
            build(cohort_of(rows), tmp_path)

    def test_arrays_of_cine_with_labels_in_the_same_file(self, shared_data: Path) -> None:
        path = "patient001_frame01.h5"
        codebook = "1=rv;2=myocardium;3=lv"
        cohort = cohort_of([series("cine_ed", path)], [mask("heart", path, codebook)])
        draft = build(cohort, shared_data / "volumes/acdc")
        assert draft.attrs["regions"] == ["heart_rv", "heart_myocardium", "heart_lv", "crop"]
        with h5py.File(shared_data / "volumes/acdc" / path) as file:
            image, label = file["image"][()], file["label"][()]
        for value, name in enumerate(("rv", "myocardium", "lv"), start=1):
            mean = row_of(draft, "cine_ed", f"heart_{name}")["stat_mean"]
            assert mean == pytest.approx(image[label == value].mean(), rel=1e-5)
            regions: Any = draft.quality["regions"]
            assert regions[f"heart_{name}"]["voxels"] == (label == value).sum()
        assert draft.attrs["spacing_known"] is False

    def test_real_late_enhancement_with_two_masks(self, shared_data: Path) -> None:
        cohort = cohort_of(
            [series("lge", "3enhancement_img.nii.gz")],
            [
                mask("scar", "3enhancement_gt.nii.gz", "1=scar"),
                mask("scar_predicted", "3enhancement_pred.nii.gz", "1=scar"),
            ],
        )
        draft = build(cohort, shared_data / "volumes/mprtm_lge")
        assert draft.attrs["regions"] == ["scar", "scar_predicted", "crop"]
        regions: Any = draft.quality["regions"]
        assert (regions["scar"]["voxels"], regions["scar_predicted"]["voxels"]) == (14_327, 17_555)

    def test_real_labels_of_two_regions(self, shared_data: Path, tmp_path: Path) -> None:
        """DGT508 has no image beside it: one is made on its grid."""
        nibabel = pytest.importorskip("nibabel")
        source = shared_data / "volumes/mprtm_lge/DGT508.nii.gz"
        labels = nibabel.load(source)
        shutil.copy(source, tmp_path)
        write_nifti(tmp_path / "lge.nii.gz", np.asarray(labels.dataobj).astype(np.float32), labels.affine)
        heart = mask("heart", source.name, "1=myocardium;2=scar")
        draft = build(cohort_of([series("lge")], [heart]), tmp_path)
        assert row_of(draft, "lge", "heart_myocardium")["stat_max"] == 1
        assert row_of(draft, "lge", "heart_scar")["stat_min"] == 2
        with pytest.raises(SourceError, match="got label 2 as well"):
            build(cohort_of([series("lge")], [mask("heart", source.name, "1=myocardium")]), tmp_path)

    def test_real_labels_of_another_study_are_refused(self, shared_data: Path) -> None:
        cohort = cohort_of(
            [series("lge", "SPRED_508.nii.gz")], [mask("heart", "DGT508.nii.gz", "1=myocardium;2=scar")]
        )
        with pytest.raises(SourceError, match="got 966 x 966 x 3 voxels where lge has 512 x 512 x 24"):
            build(cohort, shared_data / "volumes/mprtm_lge")


class TestRefusals:
    def refused(self, message: str, root: Path, *rows: Any, **more: Any) -> SourceError:
        with pytest.raises(SourceError, match=message) as caught:
            build(cohort_of([row for row in rows if hasattr(row, "sequence")],
                            [row for row in rows if hasattr(row, "region")], **more), root)  # fmt: skip
        assert str(root) not in str(caught.value)
        assert caught.value.where.startswith("case 1, study s")
        return caught.value

    def test_two_series_of_one_sequence(self, study: Path) -> None:
        rows = [series("t2w"), series("T2W", "hbv.nii.gz")]
        error = self.refused("got 2 of t2w", study, *rows)
        assert error.remedy.startswith("Drop the rows of series.csv")

    def test_days(self, study: Path) -> None:
        self.refused(
            r"t2w\.nii\.gz: expected a day up to the prediction day 0; got day 3", study, series("t2w", day=3)
        )
        self.refused("expected a day; got none", study, series("t2w"), undated={})
        draft = build(cohort_of([series("t2w", day=-20), series("adc", day=-10)]), study)
        assert draft.attrs["day"] == -10

    def test_a_shifted_mask(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        moved = T2W.affine.copy()
        moved[0, 3] += 0.5
        write_nifti(root / "gland.nii.gz", gland(T2W).astype(np.uint8), moved)
        error = self.refused("origin 0.5 mm and furthest corner 0.5 mm away", root, *ALL, PROSTATE)
        assert error.where == "case 1, study s, gland.nii.gz"

    def test_a_label_without_a_name_and_a_name_twice(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        labels = gland(T2W).astype(np.uint8)
        labels[12:] *= 2
        write_nifti(root / "zones.nii.gz", labels, T2W.affine)
        self.refused("got label 2 as well", root, *ALL, mask("zones", "zones.nii.gz", "1=PZ"))
        zones = mask("zones", "zones.nii.gz", "1=PZ;2=TZ")
        self.refused("got a second zones_PZ", root, *ALL, zones, mask("zones_PZ", "gland.nii.gz"))

    def test_an_image_as_mask(self, study: Path, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        write_nifti(root / "soft.nii.gz", gland(T2W).astype(np.float32) * 0.5, T2W.affine)
        self.refused("voxels that are no whole numbers", root, *ALL, mask("gland", "soft.nii.gz"))

    def test_adc_in_another_unit(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        write_nifti(root / "adc.nii.gz", (paint(EPI, 1400, 900) / 1000).astype(np.float32), EPI.affine)
        self.refused(r"adc\.nii\.gz: expected ADC in 1e-6 mm2/s", root, *ALL)
        write_nifti(root / "adc.nii.gz", paint(EPI, 2900, 900), EPI.affine)
        self.refused("expected a median ADC of 600 to 2200", root, *ALL, PROSTATE)

    def test_a_series_of_another_place(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        far = EPI.affine.copy()
        far[2, 3] += 300
        write_nifti(root / "hbv.nii.gz", paint(EPI, 60, 20), far)
        self.refused("hbv.nii.gz: expected a series that shows some of the study's crop", root, *ALL)

    def test_features_that_half_precision_cannot_hold(
        self, study: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(EncoderCard, "stored_dtype", "<f2")  # the energy of a region is no number for it
        self.refused("expected features that float16 can hold", study, *ALL, PROSTATE)

    def test_one_unreadable_series_fails_the_study(self, tmp_path: Path) -> None:
        root = write_study(tmp_path)
        (root / "hbv.nii.gz").write_bytes((root / "hbv.nii.gz").read_bytes()[:-40])
        self.refused(r"hbv\.nii\.gz: expected a whole volume .* \(EOFError\)", root, *ALL)
        (root / "hbv.nii.gz").unlink()
        self.refused("got no such file", root, *ALL)
        assert build(cohort_of(ALL[:2]), root).attrs["series"] == ["t2w", "adc"]

    def test_paths_out_of_the_root(self, study: Path) -> None:
        self.refused("expected a path below the root", study / "..", series("t2w", "../t2w.nii.gz"))

    @pytest.mark.parametrize(
        ("block", "message"),
        [
            ({"margin": 3}, "volumes.margin"),
            ({"spacing_mm": [0.5, 0.5]}, "volumes.spacing_mm"),
            ({"spacing_mm": [0.5, 0.5, 0]}, "volumes.spacing_mm"),
            ({"margin_mm": -1}, "volumes.margin_mm"),
            ({"sequences": []}, "volumes.sequences"),
            ({"encoder": "uni"}, "encoder uni: expected one of"),
        ],
    )
    def test_a_block_that_makes_no_sense(self, study: Path, block: dict[str, Any], message: str) -> None:
        with pytest.raises(RecipeError, match=message):
            items_of(cohort_of(ALL), study, block)


class TestIdentity:
    def test_what_the_manifest_says_is_a_source(self, study: Path, tmp_path: Path) -> None:
        cache, stage = FeatureCache.create(tmp_path / "cache"), VolumeStage()
        before = cohort_of(ALL, [PROSTATE])
        cache.commit(build(before, study))
        codebook = mask("prostate", "gland.nii.gz", "1=gland;2=other")
        day = [series("t2w", day=-5), *ALL[1:]]
        for after, done in (
            (before, True),
            (cohort_of(ALL, [codebook]), False),
            (cohort_of(day, [PROSTATE]), False),
            (cohort_of([*ALL, series("cor", case_id="2")], [PROSTATE]), False),
        ):
            item = items_of(after, study)[0]
            assert cache.is_done(item.key, stage.sources(item, sha256_of_file)) is done

    def test_items_are_studies_with_a_sequence_that_is_asked_for(self, study: Path) -> None:
        rows = [*ALL, series("adc", study_id="t"), series("t2w", case_id="2"), series("sag", case_id="3")]

        def names(block: dict[str, Any]) -> list[str]:
            return [str(item) for item in items_of(cohort_of(rows), study, block)]

        assert names({}) == ["case 1, study s", "case 1, study t", "case 2, study s", "case 3, study s"]
        assert names({"sequences": ["t2w"]}) == ["case 1, study s", "case 2, study s"]

    def test_the_cost_is_known_without_decoding(self, study: Path, tmp_path: Path) -> None:
        (item,) = items_of(cohort_of(ALL, [PROSTATE]), study)
        cost, draft = VolumeStage().cost(item), build(cohort_of(ALL, [PROSTATE]), study)
        assert cost["bytes"] == sum(path.stat().st_size for path in study.iterdir())
        assert sum(array.nbytes for array in draft.arrays.values()) < cost["cache_bytes_at_most"]


class TokensOfThree:
    """A network's double: a token each 3 voxels, two numbers a token."""

    feature_names = ("mean", "place")

    def __init__(self) -> None:
        self.used = {"device": "cpu", "compute_dtype": "f32"}

    def encode(self, series: SeriesOnGrid, regions: dict[str, np.ndarray]) -> EncodedSeries:
        index = np.argwhere(np.ones(series.voxels.shape))[::3]
        values = series.voxels[tuple(index.T)]
        seen = np.isfinite(values)
        tokens = np.stack([values, index[:, 0]], axis=1).astype(np.float32)[seen]
        places = (index @ series.affine[:3, :3].T + series.affine[:3, 3])[seen]
        pooled, coverage = pool_in_regions(tokens, places, regions, series.affine)
        return EncodedSeries(embeddings=tokens, token_xyz_mm=places, regions=pooled, coverage=coverage)


def load_double(card: EncoderCard, weights: None) -> TokensOfThree:
    return TokensOfThree()


def test_an_encoder_of_tokens_is_stored_beside_the_radiomics(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = EncoderCard(
        name="double", title="t", modality="volumes", dim=2, licence="l", source="s",
        loader="tests.extract.volumes.test_stage:load_double",
    )  # fmt: skip
    known = registry.encoder_cards("volumes")
    monkeypatch.setattr(registry, "_cards", lambda: (*known, double))
    cohort = cohort_of(ALL, [PROSTATE])
    draft, plain = build(cohort, study, {"encoder": "double"}), build(cohort, study)
    assert draft.arrays["regions"].shape == (6, 2) and draft.attrs["feature_names"] == ["mean", "place"]
    np.testing.assert_array_equal(draft.arrays["radiomics"], plain.arrays["radiomics"])
    assert draft.used["compute_dtype"] == "f32" and draft.used["encoder"] == "double"
    tokens, owner = draft.arrays["embeddings"], draft.arrays["token_series"]
    assert len(tokens) == len(owner) == len(draft.arrays["token_xyz_mm"]) and set(owner.tolist()) == {0, 1, 2}
    voxels = draft.arrays["token_voxel"]
    np.testing.assert_allclose(voxels, np.rint(voxels), atol=1e-3)
    assert draft.arrays["regions"][0, 0] == pytest.approx(
        row_of(plain, "t2w", "prostate")["stat_mean"], abs=2
    )
