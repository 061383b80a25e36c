"""Values of a wrong kind, given from Python to what most people call, are met in words."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from conftest import published

from landslide_utils.chips import split_chips
from landslide_utils.composite import keep_composite, make_composite
from landslide_utils.cube import open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.grid import collect, collect_draws, plan_runs, run_grid
from landslide_utils.experiments.prepared import prepare_quiet
from landslide_utils.experiments.runs import read_run
from landslide_utils.export import plan_files, refuse, write_geotiff, write_polygons
from landslide_utils.grid import make_grid
from landslide_utils.model import PRESETS, build_model, reach
from landslide_utils.polygons import find_polygons
from landslide_utils.predict import map_scene
from landslide_utils.scene import Normalisation
from landslide_utils.simulate.inject import inject
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.sources import Catalogue, Event, Options, plan
from landslide_utils.terrain import find_incidence_faults, find_layover_and_shadow
from landslide_utils.train import start_session

WRONG = [None, "x", -1, 2.5, True, [], {}, float("nan"), 10**30, object(), "\ud800"]
BOX, TIME = [141.9, 42.7, 142.0, 42.8], "2018-09-05T18:07:59"


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    path = tmp_path_factory.mktemp("cubes") / "hokkaido_japan.zarr"
    published(shape=(40, 50)).to_zarr(path, zarr_format=2)
    return open_cube(path).load()  # a path may be a path


@pytest.fixture(scope="module")
def probability(cube: xr.Dataset) -> xr.DataArray:
    return cube["vv"].isel(time=0, drop=True).clip(0, 1)


def mapped(cube: xr.Dataset, **given: Any) -> xr.DataArray:
    """Return a map by a network of one weight a channel."""
    image = make_composite(cube, channels="vv", timesteps=2)
    names = ("vv_before", "vv_after")
    model = torch.nn.Conv2d(2, 1, 1)
    return map_scene(model, image, **{"normalisation": Normalisation(names, (0, 0), (1, 1)), **given}, progress=False)


DOORS: dict[str, Callable[[Any, xr.Dataset, xr.DataArray], Any]] = {
    "source": lambda value, cube, _: open_cube(value),
    "variables": lambda value, cube, _: open_cube(cube.encoding["source"], variables=value),
    "event_time of a cube": lambda value, cube, _: open_cube(cube.encoding["source"], event_time=value),
    "crs": lambda value, cube, _: open_cube(cube.encoding["source"], crs=value),
    "channels": lambda value, cube, _: make_composite(cube, channels=value),
    "timesteps": lambda value, cube, _: make_composite(cube, timesteps=value),
    "orbit": lambda value, cube, _: make_composite(cube, orbit=value),
    "method": lambda value, cube, _: split_chips(cube["landslides"] > 0, method=value),
    "seed": lambda value, cube, _: split_chips(cube["landslides"] > 0, seed=value),
    "buffer": lambda value, cube, _: split_chips(cube["landslides"] > 0, buffer=value),
    "threshold": lambda value, cube, p: find_polygons(p, cube["dem"], threshold=value),
    "min_pixels": lambda value, cube, p: find_polygons(p, cube["dem"], min_pixels=value),
    "a file": lambda value, cube, p: write_geotiff(p, value),
    "a folder": lambda value, *_: plan_files(value),
    "a run": lambda value, *_: read_run(value),
    "box": lambda value, *_: make_grid(value),
    "pixel_size_m": lambda value, *_: make_grid(BOX, pixel_size_m=value),
    "channels of a grid": lambda value, *_: plan_runs(channels=value),
    "threads": lambda value, *_: run_grid([], threads_per_worker=value, progress=False),
    "box of an event": lambda value, *_: plan(Event("a", value, TIME, "no.gpkg"), radar="no", dem="no.tif"),
    "time of an event": lambda value, *_: plan(Event("a", BOX, value, "no.gpkg"), radar="no", dem="no.tif"),
    "polygons of an event": lambda value, *_: plan(Event("a", BOX, TIME, value), radar="no", dem="no.tif"),
    "radar of an event": lambda value, *_: plan(Event("a", BOX, TIME, "no.gpkg"), radar=value, dem="no.tif"),
    "dem of an event": lambda value, *_: plan(Event("a", BOX, TIME, "no.gpkg"), radar="no", dem=value),
    "options of an event": lambda value, *_: refuse(Options(days=value).find_faults()),
    "share of an event": lambda value, *_: refuse(Options(least_covered=value).find_faults()),
    "cube of a composite": lambda value, *_: make_composite(value),
    "composite": lambda value, *_: keep_composite(value),
    "labels": lambda value, *_: split_chips(value),
    "a table of polygons": lambda value, *_: write_polygons(value, "a.gpkg"),
    "a map": lambda value, cube, _: find_polygons(value, cube["dem"]),
    "elevation of a map": lambda value, cube, p: find_polygons(p, value),
    "scene": lambda value, *_: start_session(value, PRESETS["quick"]),
    "steps": lambda value, *_: start_session(value, PRESETS["quick"], steps=value),
    "seed of a training": lambda value, *_: start_session(value, PRESETS["quick"], seed=value),
    "image": lambda value, *_: map_scene(torch.nn.Identity(), value, Normalisation((), (), ())),
    "network": lambda value, *_: reach(value, 2),
    "normalisation of a map": lambda value, cube, _: mapped(cube, normalisation=value),
    "chips of a map": lambda value, cube, _: mapped(cube, chips=value),
    "layover and shadow of a map": lambda value, cube, _: mapped(cube, hidden=value),
    "runs of a grid": lambda value, *_: run_grid(value, progress=False),
    "runs to collect": lambda value, *_: collect(value),
    "encoder": lambda v, *_: build_model(2, dataclasses.replace(PRESETS["quick"], encoder=v)),
    "depth": lambda v, *_: build_model(2, dataclasses.replace(PRESETS["quick"], depth=v)),
    **{
        f"{name} of a preset": lambda v, *_, name=name: dataclasses.replace(PRESETS["quick"], **{name: v})
        for name in (
            *("steps", "batch_size", "learning_rate", "optimiser", "schedule", "crop", "loss", "architecture"),
            "decoder",
        )
    },
    **{
        f"{name} of a catalogue": lambda v, *_, name=name: Catalogue(**{"url": "http://a", name: v})
        for name in ("url", "radar", "dem", "timeout")
    },
    **{
        f"{name} of an injection": lambda v, cube, _, name=name: inject(**{"cube": cube, "timesteps": 2, name: v})
        for name in ("cube", "seed", "share", "timesteps", "orbit")
    },
    "configuration before an event": lambda value, *_: prepare_quiet(value),
    "share before an event": lambda value, *_: prepare_quiet(RunConfig(cube="no.zarr"), share=value),
    "table of draws": lambda value, *_: collect_draws(value),
    "cube of layover": lambda value, *_: find_layover_and_shadow(value, orbit="descending", incidence_degrees=39),
    "incidence": lambda value, *_: find_incidence_faults(value),
    **{f"{name} of a run": lambda v, *_, name=name: RunConfig(**{name: v}).hash for name in vars(RunConfig())},
    **{f"{name} of a scenario": lambda v, *_, name=name: Scenario(**{name: v}) for name in vars(Scenario())},
}


@pytest.mark.parametrize("door", DOORS)
def test_a_value_of_a_wrong_kind_is_met_in_words(
    door: str, cube: xr.Dataset, probability: xr.DataArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in WRONG:
        with contextlib.suppress(ValueError, FileNotFoundError):  # and no TypeError, AttributeError or IndexError
            DOORS[door](value, cube, probability)


def test_what_another_function_returns_is_named(cube: xr.Dataset, probability: xr.DataArray) -> None:
    for given, message in (
        (
            {"normalisation": None},
            r"NoneType cannot be used here:\n  - it has no sd; give what Normalisation.fit returns",
        ),
        ({"chips": [1]}, "it has no row; give what split_chips returns"),
        ({"hidden": probability}, "it has no shadow; give what find_layover_and_shadow returns"),
        (
            {"hidden": xr.Dataset({"layover": 0, "shadow": 0})},
            r"layover is \{\} of int64 where true or false is needed for the image's \{'y': \d+, 'x': \d+\}; bring it",
        ),
        ({"hidden": cube.rename(vv="shadow")}, "it has no layover; give what find_layover_and_shadow returns"),
    ):
        with pytest.raises(ValueError, match=message):
            mapped(cube, **given)
    for given in (None, [None], "x"):
        with pytest.raises(ValueError, match="it has no hash; give what plan_runs returns"):
            run_grid(given, progress=False)
    with pytest.raises(ValueError, match="path=None is not a path"):
        collect(None)
    with pytest.raises(ValueError, match=r"decoder=\(16, 0, 8\) has a width that is not a whole number from 1 to"):
        dataclasses.replace(PRESETS["quick"], decoder=(16, 0, 8))
    assert mapped(cube).notnull().any()
    image = make_composite(cube, channels="vv", timesteps=2)
    for unfit, fault in (
        (
            image.astype("complex64"),
            r"the image is .* of complex64 where some \(channel, y, x\) of real numbers are needed",
        ),
        (image.isel(y=[]), r"the image is \{'channel': 2, 'y': 0"),
        (image.transpose("x", "y", "channel"), r"the image is \{'x'"),
        (image.assign(valid=image["valid"].astype(float)), "valid is .* of float64 where true or false is needed"),
    ):
        with pytest.raises(ValueError, match=fault):
            map_scene(torch.nn.Conv2d(2, 1, 1), unfit, Normalisation((), (), ()), progress=False)
    with pytest.raises(ValueError, match=r"ln_area_mean=-100000000\.0: must be between 0 \(1 m2\) and 20"):
        Scenario(ln_area_mean=-1e8)
    for network in (torch.nn.Flatten(0), torch.nn.Conv2d(5, 1, 1)):
        with pytest.raises(ValueError, match="the network does not take images of 2 channels"):
            reach(network, 2)
    with pytest.raises(ValueError, match="the network gives the same whatever an image holds"):
        reach(torch.nn.Sequential(torch.nn.Conv2d(2, 1, 1), torch.nn.Threshold(float("inf"), 0)), 2)
    with pytest.raises(ValueError, match=r"pixel_size_m=1e-09: must be between 1 and 500 m"):
        Scenario(pixel_size_m=1e-9)


def test_numbers_of_numpy_are_numbers(cube: xr.Dataset, probability: xr.DataArray) -> None:
    four = np.int64(4)
    assert RunConfig(timesteps=four, seed=np.uint8(4)).hash == RunConfig(timesteps=4, seed=4).hash
    assert make_composite(cube, timesteps=np.int32(2)).sizes["channel"] == 4
    assert make_grid(BOX, pixel_size_m=np.float32(10)).shape == make_grid(BOX).shape
    assert len(find_polygons(probability, cube["dem"], threshold=np.float64(0.2), min_pixels=four)) >= 0
    assert Scenario(height=np.int64(256)).height == 256


def test_a_scenario_has_a_limit_of_pixels() -> None:
    with pytest.raises(
        ValueError, match=r"10000000 x 10000000 are 1e\+14 pixels, more than the 1e\+09 that are allowed"
    ):
        Scenario(height=10**7, width=10**7)
