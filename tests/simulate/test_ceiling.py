from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from landslide_utils import metrics
from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.composite import make_composite
from landslide_utils.cube import open_cube
from landslide_utils.simulate import ceiling
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.simulate.scene import SimulatedScene, make_scene, write_cube

SMALL = dataclasses.replace(PRACTICE["practice_small"], height=256, width=256, orbit_names="words")


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> tuple[SimulatedScene, xr.Dataset]:
    scene = make_scene(SMALL)
    return scene, open_cube(str(write_cube(scene, tmp_path_factory.mktemp("cube") / "practice.zarr")))


def _all(cube: xr.Dataset) -> xr.DataArray:
    return cube["landslides"].copy(data=np.ones(cube["landslides"].shape, bool))


def test_where_nothing_slid_the_mean_likelihood_ratio_is_one(practice: tuple[SimulatedScene, xr.Dataset]) -> None:
    scene, cube = practice
    ratio = ceiling.likelihood_ratio(scene, cube, _all(cube), timesteps=2)
    labels, scores = metrics.pixels(ratio, cube["landslides"].load() == 1, _all(cube))
    # as the definition of a density wants
    assert np.exp(scores[~labels].astype(float)).mean() == pytest.approx(1, abs=0.1)


def test_no_detector_of_single_pixels_is_better(practice: tuple[SimulatedScene, xr.Dataset]) -> None:
    scene, cube = practice
    labels = cube["landslides"].load()
    best = metrics.auprc(*metrics.pixels(ceiling.likelihood_ratio(scene, cube, _all(cube)), labels, _all(cube)))
    image = make_composite(cube, channels="sar")["image"].load()
    for name, score in log_ratio_detectors(image).items():
        if "smoothed" not in name:
            assert best > metrics.auprc(*metrics.pixels(score, labels, _all(cube))), name


def test_landslides_that_cannot_be_seen_leave_nothing_to_go_by(practice: tuple[SimulatedScene, xr.Dataset]) -> None:
    scene, cube = practice
    blind = dataclasses.replace(scene, scenario=dataclasses.replace(SMALL, visible_share=0.0))
    ratio = ceiling.likelihood_ratio(blind, cube, _all(cube), timesteps=1)
    assert float(abs(ratio).max()) == 0
