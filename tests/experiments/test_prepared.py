"""A detector that is trained before the event, and used after it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

from landslide_utils.__main__ import PREPARE, main
from landslide_utils.cube import CubeError, open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.prepared import prepare_quiet
from landslide_utils.experiments.runs import Run, run
from landslide_utils.experiments.transfer import map_cube
from landslide_utils.files import InputError
from landslide_utils.simulate.inject import SHARE

EVENT = "2018-09-05T18:07:59"
GIVEN = ["--until", EVENT, "--timesteps", "2", "--steps", "2"]


@pytest.fixture(scope="module")
def place(write_published: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a published cube of 460 x 460 pixels whose hills are steep enough for landslides."""
    cube = xr.open_zarr(write_published(shape=(460, 460))).load().drop_encoding()
    cube["dem"] = 3 * cube["dem"]
    path = tmp_path_factory.mktemp("place") / "hokkaido_japan.zarr"
    cube.to_zarr(path, zarr_format=2, consolidated=True)
    return str(path)


@pytest.fixture(scope="module")
def config(place: str, tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    return RunConfig(cube=place, timesteps=2, steps=2, runs_dir=str(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def prepared(config: RunConfig) -> RunConfig:
    return prepare_quiet(config, until=EVENT)


@pytest.fixture(scope="module")
def trained(prepared: RunConfig) -> Run:
    return run(prepared, progress=False)


def test_the_command_draws_as_many_landslides_as_the_function() -> None:
    assert PREPARE["share"][0] == SHARE


def test_the_cube_of_a_prepared_run_holds_the_passes_that_are_used(config: RunConfig, prepared: RunConfig) -> None:
    cube, whole = open_cube(prepared.cube), open_cube(config.cube)
    assert Path(prepared.cube).parent == Path(config.runs_dir) / "injected"
    assert cube.sizes["time"] == 4
    assert set(cube["orbit"].values) == {"descending"} == {prepared.orbit}
    assert cube["time"].values.max() < np.datetime64(EVENT)
    before = cube["time"].values < np.datetime64(cube.attrs["event_time"])
    assert before.sum() == 2
    for name in ("vv", "vh"):
        kept = whole[name].sel(time=cube["time"].values)
        np.testing.assert_array_equal(cube[name][before], kept[before])
        untouched = cube[name].values[~before] == kept.values[~before]
        assert 1 - 1.6 * SHARE < untouched.mean() < 1 - SHARE / 2
    assert float(cube["landslides"].mean()) == pytest.approx(SHARE, rel=0.25)
    assert cube.attrs["simulated"]
    assert "landslides simulated" in cube.attrs["source"]


def test_it_is_written_once_and_another_seed_has_another(config: RunConfig, prepared: RunConfig) -> None:
    stamp = Path(prepared.cube, ".zmetadata").stat().st_mtime_ns
    assert prepare_quiet(config, until=EVENT) == prepared
    assert Path(prepared.cube, ".zmetadata").stat().st_mtime_ns == stamp
    assert prepare_quiet(dataclasses.replace(config, seed=1), until=EVENT).cube != prepared.cube


def test_passes_of_unknown_direction_can_be_used(config: RunConfig, tmp_path: Path) -> None:
    cube = xr.open_zarr(config.cube).load().drop_encoding().drop_vars("sat:orbit_state")
    cube.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2, consolidated=True)
    given = dataclasses.replace(config, cube=str(tmp_path / "hokkaido_japan.zarr"), runs_dir=str(tmp_path / "runs"))
    prepared = prepare_quiet(given, until=EVENT)
    assert prepared.orbit == "auto"
    assert set(open_cube(prepared.cube)["orbit"].values) == {"unknown"}


def test_bad_input_is_refused_before_anything_is_written(config: RunConfig, tmp_path: Path) -> None:
    config = dataclasses.replace(config, runs_dir=str(tmp_path / "runs"))
    with pytest.raises(CubeError, match=f"its passes are not quiet: the event of {EVENT} UTC lies among them"):
        prepare_quiet(config)
    with pytest.raises(CubeError, match="8 quiet passes of one track are needed, and it has 2 ascending, 6 descending"):
        prepare_quiet(dataclasses.replace(config, timesteps=4), until=EVENT)
    with pytest.raises(InputError) as caught:
        prepare_quiet(dataclasses.replace(config, channels="dem"), until=EVENT, share=0)
    assert len(caught.value.faults) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": "vv"}, "channels='vv', but it was trained with 'sar'"),
        ({"timesteps": 1}, "timesteps=1, but it was trained with 2"),
        ({"orbit": "ascending"}, "orbit='ascending', but it was trained with 'descending'"),
    ],
)
def test_it_maps_no_other_channels_passes_or_orbit(trained: Run, change: dict[str, object], message: str) -> None:
    asked = dataclasses.replace(trained.config, cube="nowhere.zarr", **change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        map_cube(trained, asked)


def test_a_cube_without_passes_of_its_orbit_is_refused(trained: Run, place: str, tmp_path: Path) -> None:
    cube = xr.open_zarr(place).load().drop_encoding()
    path = tmp_path / "hokkaido_japan.zarr"
    cube.isel(timestep=cube["sat:orbit_state"].values == "a").to_zarr(path, zarr_format=2, consolidated=True)
    with pytest.raises(CubeError, match=r"2 descending passes are needed .*\(ascending: 2 before, 1 after\)"):
        map_cube(trained, dataclasses.replace(trained.config, cube=str(path)))


def test_wetter_ground_on_the_day_of_the_event_does_not_change_the_map(
    trained: Run, place: str, tmp_path: Path
) -> None:
    cube = xr.open_zarr(place).load().drop_encoding()
    wet = xr.where(cube["timestep"] > np.datetime64(EVENT), 2.0, 1.0)  # 3 dB
    maps = []
    for name, factor in (("dry", 1.0), ("wet", wet)):
        path = tmp_path / name / "hokkaido_japan.zarr"
        changed = cube.assign(vv=(factor * cube["vv"]).astype("float32"), vh=(factor * cube["vh"]).astype("float32"))
        changed.to_zarr(path, zarr_format=2, consolidated=True)
        maps.append(map_cube(trained, dataclasses.replace(trained.config, cube=str(path)))[0].values)
    known = np.isfinite(maps[0])
    assert known.mean() > 0.9
    assert maps[0][known].std() > 1e-3
    np.testing.assert_allclose(maps[0][known], maps[1][known], atol=1e-3)


@pytest.mark.slow
def test_the_command_prepares_and_maps_the_event_when_it_has_come(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, maps = tmp_path / "runs", tmp_path / "maps"
    command = ["prepare", "--cube", place, *GIVEN, "--runs-dir", str(runs)]
    assert main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Landslides are simulated: a score on them says little about that on real ones."
    folder = Path(printed[-1])
    assert folder.parent == runs
    stamp = (folder / "metrics.json").stat().st_mtime_ns
    assert main(command) == 0  # what is there is kept
    assert (folder / "metrics.json").stat().st_mtime_ns == stamp
    given = ["--run", str(folder), "--cube", place, "--incidence-degrees", "39", "--out-dir", str(maps)]
    assert main(["map", *given]) == 0
    assert gpd.read_file(maps / "landslides.gpkg").crs is not None
