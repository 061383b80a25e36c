"""A learner's own event: the same for a name, labelled in its western part only."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from landslide_utils.course import capstone
from landslide_utils.cube import open_cube
from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate.scene import make_scene


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, pixels in {"HEIGHT": 160, "WIDTH": 288, "MAPPED": 128}.items():
        monkeypatch.setattr(capstone, name, pixels)


def test_a_name_gives_the_event_and_a_secret_another() -> None:
    ada = capstone.scenario_of("Ada Lovelace", "word")
    assert ada == capstone.scenario_of(" ada  LOVELACE", "word")
    assert capstone.scenario_of("17") == capstone.scenario_of(17)  # type: ignore[arg-type]
    others = [capstone.scenario_of("Ada Lovelace"), capstone.scenario_of("Ada", "word"), ada]
    assert len({(other.seed, other.hills_row, other.landslide_share) for other in others}) == 3


def test_the_truth_of_the_eastern_part_is_in_no_file(tmp_path: Path) -> None:
    paths = capstone.make_event("Ada", tmp_path)
    scene = make_scene(capstone.scenario_of("Ada"))
    slid = rasterise(scene.landslides, Window(0, 0, 160, 288)) > 0
    assert slid[:, 128:].sum() > 20
    mapped, event = (open_cube(str(paths[part])).load() for part in ("mapped", "event"))
    assert np.array_equal(mapped["landslides"], slid[:, :128])
    assert np.array_equal(event["landslides"][:, :128], slid[:, :128])
    assert not event["landslides"][:, 128:].any()
    assert event["vv"].shape[1:] == (160, 288)
    xr.testing.assert_equal(event["vv"][:, :, :128], mapped["vv"])
    for path in paths.values():
        told = json.loads(xr.open_zarr(path).attrs["scenario"])
        assert told == {"incidence_degrees": 36.0}  # the seed would give the truth away


def test_cubes_that_are_there_are_left_alone(tmp_path: Path) -> None:
    capstone.make_event("Ada", tmp_path, secret="word")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capstone.make_event("Ada", tmp_path)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
