"""A learner's map of the capstone is compared with the hidden truth."""

from __future__ import annotations

from pathlib import Path

import capstone as tool
import numpy as np
import pytest
import xarray as xr

from landslide_utils.course import capstone
from landslide_utils.cube import open_cube
from landslide_utils.export import write_geotiff
from landslide_utils.files import InputError
from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate.scene import make_scene


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (capstone, tool):
        for name, pixels in {"HEIGHT": 160, "WIDTH": 288, "MAPPED": 128}.items():
            monkeypatch.setattr(module, name, pixels)


def truth(name: str, secret: str = "") -> np.ndarray:
    return rasterise(make_scene(capstone.scenario_of(name, secret)).landslides, Window(0, 0, 160, 288)) > 0


def map_of(folder: Path, values: np.ndarray, threshold: float | None = 0.5) -> Path:
    """Write a map on the grid of a learner's event, as the command does."""
    event = open_cube(str(capstone.make_event("Ada", folder / "cubes", secret="hills")["event"]), needs_crs=True)
    layer = xr.zeros_like(event["dem"].load()).copy(data=values.astype("float32"))
    return write_geotiff(layer.rename("probability"), folder / "map.tif", threshold=threshold)


def test_a_perfect_map_scores_1_where_the_truth_was_hidden(tmp_path: Path) -> None:
    slid = truth("Ada", "hills")
    values = np.where(np.arange(288) < 128, 0.9, slid)  # what it says of the western part does not count
    found = tool.score(map_of(tmp_path, values), "Ada", secret="hills")
    hidden = slid[:, 128:]
    assert found["AUPRC"] == pytest.approx(1)
    assert found["chance"] == pytest.approx(hidden.mean())
    assert found["share of reported pixels that are landslide"] == 1
    assert found["share of landslides of which half is reported"] == 1
    assert found["reported (km2)"] == pytest.approx(found["truth (km2)"]) == pytest.approx(hidden.sum() * 1e-4)


def test_random_and_empty_maps_score_like_chance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = map_of(tmp_path, 0.9 * np.random.default_rng(0).random((160, 288)), threshold=0.95)
    found = tool.score(path, "ada ", secret="hills")
    assert found["AUPRC"] == pytest.approx(found["chance"], abs=0.01)
    assert found["share of landslides of which half is reported"] == found["reported (km2)"] == 0
    assert np.isnan(found["share of reported pixels that are landslide"])
    assert tool.main(["Ada", str(path), "--secret", "hills"]) == 0
    assert "chance" in capsys.readouterr().out


def test_other_maps_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = map_of(tmp_path, np.zeros((160, 288)), threshold=None)
    with pytest.raises(InputError, match="does not say its threshold; write it with: landslides map"):
        tool.score(path, "Ada")
    other = path.with_name("other.tif")
    part = xr.open_dataarray(path, engine="rasterio").squeeze("band", drop=True)[:128]
    write_geotiff(part, other, threshold=0.5)
    assert tool.main(["Ada", str(other)]) == 2
    assert "is not on the grid of an event of the capstone; map event.zarr" in capsys.readouterr().err
    assert tool.main(["Ada", str(path.with_name("none.tif"))]) == 2
    for arguments in (["Ada"], ["Ada", "map.tif", "--make", "folder"]):
        with pytest.raises(SystemExit):
            tool.main(arguments)
        assert "give a map, or --make and a folder" in capsys.readouterr().err


def test_the_command_makes_the_cubes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["Ada", "--make", str(tmp_path), "--secret", "hills"]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "mapped.zarr"), str(tmp_path / "event.zarr")]
