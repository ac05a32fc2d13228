"""A patient who moved is moved back, by evidence; noise is refused; what cannot be registered is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extract.encoders.weights import WeightsSource
from extract.volumes.manifest import SeriesFile
from extract.volumes.opened import OpenedSeries, open_series
from extract.volumes.registration.align import Aligned, align_diffusion
from extract.volumes.registration.evidence import limits_kept
from extract.volumes.registration.gland import Gland
from extract.volumes.registration.rigid import degrees_of, moved, moved_grid, rigid_matrix
from extract.volumes.registration.settings import REGISTRATION_ALGORITHM, Registration
from extract.volumes.stage import VolumeStage
from feature_cache.errors import RecipeError
from tests.extract.volumes.files import write_nifti
from tests.extract.volumes.registration.phantom import CENTRE, EPI, T2W, gland, noise, write_pelvis
from tests.extract.volumes.studies import PROSTATE, build, cohort_of, mask, row_of, series

#: 5 degrees and 6 mm.
SIX = np.array([3.0, 0.0, 4.0, -4.0, 2.0, 4.0])
#: Less around the gland than by default is faster.
ROUGHLY = {"method": "rigid", "around_mm": 8.0}
ASKED = Registration.model_validate(ROUGHLY)
QUICKLY = Registration(method="rigid", around_mm=5.0)
ALL = (series("t2w"), series("adc"), series("hbv"))


def opened(folder: Path, *names: str) -> dict[str, OpenedSeries]:
    return {
        name: open_series(SeriesFile(sequence=name, path=folder / f"{name}.nii.gz", where=name))
        for name in names
    }


def the_gland(**other: Any) -> Gland:
    return replace(Gland(mask=gland(), grid=T2W, drawn_on=("t2w",), names=("prostate",)), **other)


def told(aligned: Aligned) -> dict[str, Any]:
    assert isinstance(aligned.described, dict)
    return aligned.described


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pelvis(tmp_path_factory.mktemp("pelvis"), SIX, lowb=True)


@pytest.fixture(scope="module")
def aligned(folder: Path) -> Aligned:
    return align_diffusion(opened(folder, "t2w", "adc", "hbv"), the_gland(), ASKED)


class TestAccepted:
    def test_the_true_motion_is_taken_back(self, aligned: Aligned) -> None:
        """The tissue itself was moved before it was sampled: no header tells."""
        matrix = np.array(told(aligned)["matrix"])
        left = matrix @ rigid_matrix(SIX, CENTRE)
        assert told(aligned)["accepted"] is True and aligned.warnings == ()
        assert np.linalg.norm(moved(CENTRE[None], left)) < 0.5
        assert degrees_of(left) < 1.3

    def test_every_piece_of_evidence_has_its_number_and_limit(self, aligned: Aligned) -> None:
        pieces = {piece["name"]: piece for piece in told(aligned)["evidence"]}
        assert set(pieces) == {
            "shift_mm", "degrees", "there_and_back_mm", "gland_edge_separation",
            "gland_edge_share_of_places_6mm_away_that_are_worse",
            "gland_edge_gain_over_headers_in_standard_errors",
        }  # fmt: skip
        assert all(piece["holds"] for piece in pieces.values())
        assert pieces["shift_mm"]["value"] == pytest.approx(6.0, abs=0.6)
        assert pieces["degrees"]["value"] == pytest.approx(5.0, abs=1.3)
        assert pieces["there_and_back_mm"]["limit"] == "at most 2.2"
        before, after = (told(aligned)[name] for name in ("metric_before", "metric_after"))
        assert all(after[pair] > before[pair] for pair in ("adc and t2w", "hbv and t2w"))
        json.dumps(told(aligned), allow_nan=False)

    def test_adc_and_high_b_move_together_and_t2w_stays(self, folder: Path, aligned: Aligned) -> None:
        matrix = np.array(told(aligned)["matrix"])
        assert aligned.moved == ("adc", "hbv")
        for name in aligned.moved:
            np.testing.assert_allclose(aligned.opened[name].grid.affine, matrix @ EPI.affine, atol=1e-5)
        np.testing.assert_array_equal(
            aligned.opened["t2w"].grid.affine, opened(folder, "t2w")["t2w"].grid.affine
        )

    def test_the_same_study_again_is_the_same_bits(self, folder: Path, aligned: Aligned) -> None:
        again = align_diffusion(opened(folder, "t2w", "adc", "hbv"), the_gland(), ASKED)
        assert again.described == aligned.described

    def test_a_low_b_value_is_what_is_estimated_from_and_all_follow(self, folder: Path) -> None:
        found = align_diffusion(opened(folder, "t2w", "adc", "hbv", "lowb"), the_gland(), ASKED)
        assert told(found)["estimated_from"] == ["lowb"] and found.moved == ("adc", "hbv", "lowb")
        left = np.array(told(found)["matrix"]) @ rigid_matrix(SIX, CENTRE)
        assert np.linalg.norm(moved(CENTRE[None], left)) < 0.5


class TestRefused:
    def test_noise(self, tmp_path: Path) -> None:
        write_pelvis(tmp_path)
        for seed, name in enumerate(("adc", "hbv")):
            write_nifti(tmp_path / f"{name}.nii.gz", noise(EPI, seed), EPI.affine)
        study = opened(tmp_path, "t2w", "adc", "hbv")
        found = align_diffusion(study, the_gland(), QUICKLY)
        assert told(found)["accepted"] is False and found.moved == ()
        assert found.opened == study
        assert "gland_edge_separation" in told(found)["reason"]
        assert found.warnings[0].startswith("registration refused (") and len(found.warnings) == 1

    def test_a_patient_who_lay_still_is_left_where_the_headers_put_him(self, tmp_path: Path) -> None:
        """Whatever little the search finds, the edge is no clearer there."""
        study = opened(write_pelvis(tmp_path), "t2w", "adc", "hbv")
        found = align_diffusion(study, the_gland(), QUICKLY)
        failed = [piece["name"] for piece in told(found)["evidence"] if not piece["holds"]]
        assert failed == ["gland_edge_gain_over_headers_in_standard_errors"]
        assert found.opened == study and told(found)["accepted"] is False
        assert "is not clearer there by its own noise" in found.warnings[0]
        assert found.warnings[0].startswith("registration found another place (shift_mm 0.")

    def test_a_gland_that_moved_further_than_the_recipe_allows(self) -> None:
        matrix = rigid_matrix(SIX, CENTRE)
        for asked, kept in (
            (Registration(method="rigid"), [True, True]),
            (Registration(method="rigid", most_shift_mm=5.9, most_degrees=5.1), [False, True]),
            (Registration(method="rigid", most_shift_mm=6.1, most_degrees=4.9), [True, False]),
        ):
            assert [piece.holds for piece in limits_kept(matrix, CENTRE[None], asked)] == kept


class TestNotTried:
    @pytest.mark.parametrize(
        ("names", "own", "reason"),
        [
            (("t2w", "adc", "hbv"), None, "no mask of the gland"),
            (("t2w", "adc"), the_gland(mask=np.zeros(T2W.size, bool)), "the mask of the gland is empty"),
            (
                ("t2w", "adc"),
                the_gland(mask=np.ones(T2W.size, bool)),
                "the mask of the gland leaves nothing out",
            ),
            (
                ("t2w", "adc"),
                the_gland(drawn_on=("adc",)),
                "the gland was drawn on adc, which would be moved",
            ),
            (("adc", "hbv"), the_gland(), "the reference is adc, not t2w"),
            (("t2w",), the_gland(), "no ADC, high or low b-value"),
        ],
    )
    def test_the_reason_is_said(
        self, folder: Path, names: tuple[str, ...], own: Gland | None, reason: str
    ) -> None:
        study = opened(folder, *names)
        found = align_diffusion(study, own, ASKED)
        assert told(found) == {"asked": "rigid", "accepted": False, "reason": reason}
        assert found.opened == study and found.moved == ()
        assert found.warnings == (f"not registered: {reason}; series lie as their headers say",)

    def test_two_acquisitions_are_not_one(self, folder: Path) -> None:
        study = opened(folder, "t2w", "adc", "hbv")
        elsewhere = moved_grid(study["hbv"].grid, rigid_matrix(np.array([0, 0, 0, 1.0, 0, 0]), CENTRE))
        study["hbv"] = replace(study["hbv"], grid=elsewhere)
        found = align_diffusion(study, the_gland(), ASKED)
        assert told(found)["reason"] == "adc, hbv lie on different grids: not one acquisition"


class TestEntry:
    def test_what_it_says_and_masks_on_adc_move_along(self, tmp_path: Path) -> None:
        write_pelvis(tmp_path, SIX)
        on_epi = np.zeros(EPI.size, np.uint8)
        on_epi[16:20, 16:20, 8:10] = 1
        write_nifti(tmp_path / "lesion.nii.gz", on_epi, EPI.affine)
        cohort = cohort_of(ALL, [PROSTATE, mask("lesion", "lesion.nii.gz")])
        by_header = build(cohort, tmp_path)
        draft = build(cohort, tmp_path, {"registration": ROUGHLY})
        registration: Any = draft.attrs["registration"]
        assert registration["accepted"] is True and registration["gland"] == ["prostate"]
        assert by_header.attrs["registration"] == "header only, not registered"
        gland_adc = [row_of(one, "adc", "prostate")["stat_cov"] for one in (by_header, draft)]
        assert gland_adc[1] < gland_adc[0]
        # what was drawn on the moving series shows the same voxels of it, wherever it is laid
        lesion = [row_of(one, "adc", "lesion")["stat_median"] for one in (by_header, draft)]
        assert lesion[1] == pytest.approx(lesion[0], rel=0.1)
        assert row_of(draft, "adc", "crop")["stat_min"] > 0

    def test_it_names_another_feature_set_only_where_it_is_asked_for(self) -> None:
        stage, cohort = VolumeStage(), cohort_of(ALL, [PROSTATE])
        asked = stage.resolve("w", {"registration": "rigid"}, cohort, WeightsSource()).recipe
        plain = stage.resolve("w", {}, cohort, WeightsSource()).recipe
        assert asked.settings["registration"] == {
            "method": "rigid", "around_mm": 15.0, "most_shift_mm": 10.0, "most_degrees": 10.0,
        }  # fmt: skip
        assert "registration" not in plain.settings
        assert asked.settings["algorithm"] == {
            **plain.settings["algorithm"],
            "registration": REGISTRATION_ALGORITHM,
        }  # type: ignore[dict-item]

    @pytest.mark.parametrize("written", ["affine", {"method": "rigid", "most_shift_mm": 15}, {"rigid": True}])
    def test_other_wishes_are_refused(self, written: Any) -> None:
        with pytest.raises(RecipeError, match=r"volumes\.registration"):
            VolumeStage().resolve("w", {"registration": written}, cohort_of(ALL), WeightsSource())
