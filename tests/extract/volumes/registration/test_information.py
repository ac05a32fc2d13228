"""Mutual information by hand, the gland's edge by hand, and places that fill a region evenly."""

from __future__ import annotations

import numpy as np
import pytest

from extract.volumes.registration.evidence import Evidence
from extract.volumes.registration.gland_edge import gland_edge
from extract.volumes.registration.information import Information
from extract.volumes.registration.rigid import rigid_matrix
from extract.volumes.registration.sampling import image_of, places_in, signed_distance_mm
from tests.extract.volumes.files import grid_of
from tests.extract.volumes.registration.phantom import CENTRE, EPI, T2W, gland, noise, paint


class TestInformation:
    def test_a_series_says_all_of_itself_and_noise_nothing(self) -> None:
        image, other = image_of(paint("t2w", T2W), T2W), image_of(noise(T2W, 1), T2W)
        places = places_in(gland(), T2W, 1.5)
        itself, nothing = Information([image], [image, other], places, 1.0).of_pairs(np.eye(4))
        assert itself > 0.5  # 1 if no value were shared by two bins
        assert nothing < 0.15

    def test_it_falls_when_the_series_is_moved_away(self) -> None:
        fixed, moving = image_of(paint("t2w", T2W), T2W), image_of(paint("adc", EPI), EPI)
        places = places_in(signed_distance_mm(gland(), T2W) < 8, T2W, 2.0)
        information = Information([fixed], [moving], places, 1.0)
        there, away = (
            information.total(rigid_matrix(np.array([0, 0, 0, shift, 0, 0]), CENTRE)) for shift in (0.0, 5.0)
        )
        assert there > 1.5 * away

    def test_too_little_overlap_says_nothing(self) -> None:
        image = image_of(paint("adc", EPI), EPI)
        far = rigid_matrix(np.array([0.0, 0, 0, 200, 0, 0]), CENTRE)
        assert Information([image], [image], places_in(gland(EPI), EPI, 3.0), 1.0).total(far) == 0


class TestPlaces:
    def test_they_are_inside_and_as_dense_as_asked(self) -> None:
        region = gland()
        places = places_in(region, T2W, 2.0)
        nearest = np.rint(T2W.indices(places)).astype(int)
        assert region[tuple(nearest.T)].all()
        volume_mm3 = region.sum() * np.prod(T2W.spacing)
        assert len(places) == pytest.approx(volume_mm3 / 8.0, rel=0.1)

    def test_another_start_gives_other_places(self) -> None:
        first, other = places_in(gland(), T2W, 4.0), places_in(gland(), T2W, 4.0, 7919)
        gaps = np.linalg.norm(first[:, None] - other[None], axis=2).min(axis=1)
        assert np.median(gaps) > 0.3


class TestGlandEdge:
    def test_it_is_the_mahalanobis_distance_of_the_shells(self) -> None:
        """Values of mean 2 and 0 and standard deviation 1, in one series."""
        mask = gland()
        rng = np.random.default_rng(0)
        voxels = (10 + 2 * mask + rng.normal(size=mask.shape)).astype(np.float32)
        image = image_of(voxels, T2W)
        edge = gland_edge(mask, T2W)
        exact = edge.separation([image], np.eye(4))
        # between centres values are means of neighbours: a smaller spread than 1, and a blurred edge
        assert 1.5 < exact < 4.5
        away = rigid_matrix(np.array([0.0, 0, 0, 8, 0, 0]), CENTRE)
        assert edge.separation([image], away) < 0.7 * exact
        assert edge.share_worse([image], np.eye(4)) == 1

    def test_a_gain_counts_in_standard_errors_of_parts_of_the_edge(self) -> None:
        """6 mm are many standard errors, a place is no better than itself, and swapping changes the sign."""
        mask = gland()
        voxels = (10 + 2 * mask + np.random.default_rng(0).normal(size=mask.shape)).astype(np.float32)
        edge, image = gland_edge(mask, T2W), image_of(voxels, T2W)
        away = rigid_matrix(np.array([0.0, 0, 0, 6, 0, 0]), CENTRE)
        gain, error = edge.gain([image], np.eye(4), away)
        assert gain == pytest.approx(edge.separation([image], np.eye(4)) - edge.separation([image], away))
        assert 0 < error < gain / 2
        assert edge.gain([image], away, np.eye(4)) == pytest.approx((-gain, error))
        assert edge.gain([image], away, away) == (0, 0)

    def test_its_error_is_the_spread_over_new_noise(self) -> None:
        """Noise of its own in every voxel is what the jackknife can know: it must know about how much."""
        mask = gland()
        edge = gland_edge(mask, T2W)
        away = rigid_matrix(np.array([0.0, 0, 0, 2, 0, 0]), CENTRE)
        drawn = [
            edge.gain(
                [
                    image_of(
                        (10 + mask + np.random.default_rng(seed).normal(size=mask.shape)).astype("f4"), T2W
                    )
                ],
                np.eye(4),
                away,
            )
            for seed in range(30)
        ]
        gains, errors = np.array(drawn).T
        assert 0.5 < errors.mean() / gains.std(ddof=1) < 3

    def test_a_gland_with_nothing_near_around_it_separates_nothing(self) -> None:
        """Whole slices, 9 mm thick: no voxel is outside and within the shell."""
        thick = grid_of((20, 20, 5), (2.0, 2.0, 9.0))
        mask = np.zeros(thick.size, bool)
        mask[:, :, 2] = True
        edge, image = gland_edge(mask, thick), image_of(noise(thick, 0), thick)
        assert len(edge.outer) == 0
        assert edge.separation([image], np.eye(4)) == 0
        assert edge.gain([image], np.eye(4), np.eye(4)) == (0, 0)

    def test_nothing_is_separated_outside_of_the_field_of_view(self) -> None:
        far = rigid_matrix(np.array([0.0, 0, 0, 300, 0, 0]), CENTRE)
        assert gland_edge(gland(), T2W).separation([image_of(paint("adc", EPI), EPI)], far) == 0


def test_a_number_that_is_none_keeps_no_limit() -> None:
    for at_most in (True, False):
        piece = Evidence(name="x", value=float("nan"), limit=1.0, at_most=at_most)
        assert not piece.holds and piece.as_json()["value"] is None
