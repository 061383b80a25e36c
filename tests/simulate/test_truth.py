"""What the simulator reveals must fit the cube that it wrote."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import xarray as xr

from landslide_utils.cube import open_cube
from landslide_utils.simulate.ground import COVERS
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.simulate.truth import busiest_window, resimulate, reveal

SMALL = dataclasses.replace(
    PRACTICE["practice_earthquake"], height=256, width=384, landslide_share=0.05, shaking_radius_m=900.0
)


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """Return an opened practice cube of a small scenario that goes by a practice region's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDSLIDE_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setitem(PRACTICE, "practice_small", SMALL)
        return open_cube("practice_small").load()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRACTICE, "practice_small", SMALL)


def test_the_busiest_window_is_the_one_where_most_slid(cube: xr.Dataset) -> None:
    view = busiest_window(cube, 128)
    assert view.sizes == {"time": 14, "y": 128, "x": 128}
    shares = [float(cube["landslides"][r : r + 128, c : c + 128].mean()) for r in (0, 128) for c in (0, 128, 256)]
    assert float(view["landslides"].mean()) == pytest.approx(max(shares))
    high = busiest_window(cube, 128, of=cube["dem"])
    assert float(high["dem"].mean()) == pytest.approx(
        max(float(cube["dem"][r : r + 128, c : c + 128].mean()) for r in (0, 128) for c in (0, 128, 256))
    )


def test_resimulated_without_changes_it_is_the_cube_itself(cube: xr.Dataset) -> None:
    view = cube.isel(y=slice(40, 140), x=slice(70, 200))
    again = resimulate(view)
    np.testing.assert_array_equal(again["vv"], view["vv"])
    np.testing.assert_array_equal(again["landslides"], view["landslides"])
    np.testing.assert_array_equal(again["time"], view["time"])
    assert list(again["orbit"].values) == list(view["orbit"].values)
    assert again.attrs == view.attrs


def test_more_looks_leave_less_speckle(cube: xr.Dataset) -> None:
    view = cube.isel(y=slice(0, 64), x=slice(0, 64))
    smooth = resimulate(view, looks=1e6)
    ratio = (view["vv"] / smooth["vv"]).isel(time=0)
    assert float(ratio.mean() ** 2 / ratio.var()) == pytest.approx(SMALL.looks, rel=0.1)


def test_the_truth_fits_the_ground_and_the_labels(cube: xr.Dataset) -> None:
    truth = reveal(cube)
    assert truth.attrs["simulated"] is True
    assert set(np.unique(truth["cover"])) <= set(COVERS)
    assert not bool((truth["visible"] & (cube["landslides"] == 0)).any())
    assert 0.6 < float(truth["visible"].where(cube["landslides"]).mean()) <= 1
    east, north = np.gradient(cube["dem"].values, 10.0, axis=1), -np.gradient(cube["dem"].values, 10.0, axis=0)
    for orbit, azimuth in (("descending", 280.0), ("ascending", 80.0)):
        up = north * np.cos(np.radians(azimuth)) + east * np.sin(
            np.radians(azimuth)
        )  # ground that rises along the look faces the radar
        expected = np.degrees(np.arctan(up))
        np.testing.assert_allclose(truth[orbit].values[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.01)


def test_forest_is_brighter_than_water_where_it_says_so(cube: xr.Dataset) -> None:
    truth = reveal(cube)
    level = 10 * np.log10(cube["vv"].mean("time"))
    means = {name: float(level.where(truth["cover"] == name).mean()) for name in ("forest", "field")}
    assert means["forest"] > means["field"] or np.isnan(means["field"])


def test_the_truth_of_a_real_cube_is_not_known(cube: xr.Dataset) -> None:
    real = cube.assign_attrs(opened_from="hokkaido_japan")
    with pytest.raises(
        ValueError, match=r"the truth of 'hokkaido_japan' is not known; it is known of the practice regions"
    ):
        reveal(real)
    with pytest.raises(ValueError, match=r"looks=-1"):
        resimulate(cube, looks=-1.0)
