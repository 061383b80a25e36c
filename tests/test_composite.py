from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from conftest import AFTER, BEFORE, EVENT, SAME_DAY, published
from dask.callbacks import Callback

from landslide_utils import composite as composite_module
from landslide_utils import files
from landslide_utils.composite import CHANNELS, choose_passes, keep_composite, make_composite, variables_of
from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError, Unfinished

Write = Callable[..., str]
SIZE = {"shape": (140, 150)}


@pytest.fixture
def cube(write_published: Write) -> xr.Dataset:
    return open_cube(write_published(**SIZE))


def _times(cube: xr.Dataset, index: tuple[int, ...]) -> list[str]:
    return [str(t)[:16] for t in cube["time"].values[list(index)]]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_last_passes_before_and_the_first_after_the_instant_of_one_orbit(cube: xr.Dataset, n: int) -> None:
    passes = choose_passes(cube, n, "descending")
    assert _times(cube, passes.before) == [*BEFORE, SAME_DAY[0]][-n:]  # the morning of the event's day is before it
    assert _times(cube, passes.after) == [SAME_DAY[1], *AFTER][:n]  # and its evening after it
    assert set(cube["orbit"].values[list(passes.before + passes.after)]) == {"descending"}


def test_auto_takes_the_orbit_with_enough_passes(cube: xr.Dataset) -> None:
    assert choose_passes(cube, 4).orbit == "descending"
    assert choose_passes(cube.isel(time=cube["orbit"].values == "ascending"), 1).orbit == "ascending"


def test_passes_of_unknown_orbit_count_as_one(write_published: Write) -> None:
    cube = open_cube(write_published(orbit=None, **SIZE))
    assert choose_passes(cube, 4).orbit == "unknown"
    with pytest.raises(CubeError, match="4 descending passes are needed"):
        choose_passes(cube, 4, "descending")


def test_dates_without_times_cannot_place_the_day_of_the_event(cube: xr.Dataset) -> None:
    dated = cube.assign_coords(time=cube["time"].values.astype("datetime64[D]").astype("datetime64[ns]"))
    passes = choose_passes(dated, 2, "descending")
    assert not any(t.startswith("2018-09-05") for t in _times(dated, passes.before + passes.after))
    with pytest.raises(CubeError, match="cannot be placed and are left out"):
        choose_passes(dated, 5, "descending")


def test_a_pass_during_a_lasting_event_is_neither_before_nor_after(cube: xr.Dataset) -> None:
    cube.attrs |= {"event_time": "2018-08-15T00:00:00", "event_end": "2018-09-07T00:00:00"}
    passes = choose_passes(cube, 1, "descending")
    assert _times(cube, passes.before) == ["2018-08-13T20:42"]
    assert _times(cube, passes.after) == ["2018-09-11T20:42"]


def test_passes_are_averaged_in_power(cube: xr.Dataset) -> None:
    composite = make_composite(cube, channels="sar", timesteps=3, orbit="descending")
    chosen = choose_passes(cube, 3, "descending")
    expected = 10 * np.log10(cube["vh"].values[list(chosen.after)].mean(0))
    assert np.allclose(composite["image"].sel(channel="vh_after"), expected, atol=1e-4)
    assert composite["image"].dtype == np.float32
    assert composite.attrs["passes_after"][0] == SAME_DAY[1]


def test_all_layers_of_a_composite_say_what_they_are(cube: xr.Dataset) -> None:
    composite = make_composite(cube, channels="sar_dem", timesteps=2)
    assert composite.attrs["Conventions"] == "CF-1.11"
    for name in set(composite.variables) - {"spatial_ref"}:
        assert composite[name].attrs["long_name"], name
        assert composite[name].attrs["units"], name
    assert composite["image"].rio.crs == "EPSG:32654"
    assert make_composite(cube, channels="vv")["image"].attrs["units"] == "dB"


def test_zeros_and_gaps_are_missing_and_do_not_spread(write_published: Write) -> None:
    cube = open_cube(write_published(zeros=True, wedge=True, **SIZE)).load()
    chosen = choose_passes(cube, 4)
    cube["vv"][chosen.before[0], 50, 20] = np.nan  # missing in one pass only
    image = make_composite(cube, channels="vv", timesteps=4)["image"]
    assert np.isnan(image.values[:, 5:9, 5:9]).all()
    assert np.isnan(image.values).mean() < 0.2
    assert np.isfinite(image.sel(channel="vv_before").values[50, 20])
    assert not np.isinf(image.values).any()


@pytest.mark.parametrize("channels", CHANNELS)
def test_only_what_the_channels_need_is_required(cube: xr.Dataset, channels: str) -> None:
    needed = variables_of(channels)
    assert needed == {"vv": ("vv",), "vh": ("vh",), "sar": ("vv", "vh"), "dem": ("dem",)}.get(
        channels, ("vv", "vh", "dem")
    )
    composite = make_composite(cube[[*needed, "landslides"]], channels=channels, timesteps=2)
    assert list(composite["image"]["channel"].values) == list(CHANNELS[channels])
    assert np.isfinite(composite["image"].values).all()
    for name in needed:
        with pytest.raises(CubeError, match=f"the variable {name} is missing"):
            make_composite(cube.drop_vars(name), channels=channels, timesteps=2)


def test_labels_are_needed_to_train_but_not_to_map(cube: xr.Dataset) -> None:
    with pytest.raises(CubeError, match="landslides is missing"):
        make_composite(cube.drop_vars("landslides"))
    assert "landslides" not in make_composite(cube.drop_vars("landslides"), labels=False)


def test_all_faults_are_listed_together(cube: xr.Dataset) -> None:
    bad = cube.drop_vars(["vh", "landslides"])
    bad["vv"] = bad["vv"] - 1
    bad.attrs["event_time"] = bad.attrs["event_end"] = "2018-08-02T00:00:00"
    with pytest.raises(CubeError) as raised:
        make_composite(bad, channels="sar", timesteps=3)
    text = str(raised.value)
    for part in (
        "vh is missing",
        "landslides is missing",
        "3 passes are needed on each side",
        "1 before",
        "negative values",
    ):
        assert part in text


def test_a_pass_too_few_says_how_many_there_are(cube: xr.Dataset) -> None:
    with pytest.raises(CubeError, match=r"3 ascending passes are needed(.*)ascending: 2 before, 1 after"):
        make_composite(cube, timesteps=3, orbit="ascending")


def test_no_pass_after_the_event(tmp_path: Path) -> None:
    published(**SIZE).sortby("timestep").isel(timestep=slice(0, 5)).to_zarr(
        tmp_path / "hokkaido_japan.zarr", zarr_format=2
    )
    cube = open_cube(str(tmp_path / "hokkaido_japan.zarr"), event_time=EVENT)
    with pytest.raises(CubeError, match="0 after"):
        make_composite(cube, timesteps=1)


def test_auto_keeps_its_orbit_whatever_the_number_of_passes(cube: xr.Dataset) -> None:
    mostly = cube.isel(time=[i for i, o in enumerate(cube["orbit"].values) if o == "descending"])
    few = cube.isel(time=np.flatnonzero(cube["orbit"].values == "ascending"))
    swapped = xr.concat(
        [mostly.assign_coords(orbit=("time", ["ascending"] * mostly.sizes["time"])), few], "time"
    ).sortby("time")
    swapped["orbit"] = (
        "time",
        ["descending" if t in few["time"].values else "ascending" for t in swapped["time"].values],
    )
    assert {choose_passes(swapped, n).orbit for n in (1, 2, 3, 4)} == {"ascending"}


def test_no_pass_and_no_such_channels_are_refused(cube: xr.Dataset) -> None:
    with pytest.raises(CubeError, match="timesteps=0: at least one pass"):
        make_composite(cube, timesteps=0)
    with pytest.raises(ValueError, match="channels='sarr' is not one of vv, vh, sar, dem, sar_dem"):
        make_composite(cube, channels="sarr")


class _Nowhere:
    def __setitem__(self, place: object, block: object) -> None:
        pass


class _Held(Callback):  # type: ignore[misc]
    """Bytes of the results that dask holds at once, at most."""

    most = 0

    def _posttask(self, key: object, result: object, graph: object, state: dict[str, Any], worker: object) -> None:
        arrays = [kept for kept in state["cache"].values() if isinstance(kept, np.ndarray)]
        self.most = max(self.most, sum(array.nbytes for array in arrays))


def test_a_composite_comes_out_of_the_store_chunk_by_chunk(tmp_path: Path) -> None:
    side = 64
    few = published(shape=(512, 512), timepair=False).sel(timestep=[*BEFORE[-2:], *AFTER[:2]])
    chunked = few.chunk({"timestep": 1, "y": side, "x": side})
    chunked.to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    with dask.config.set(scheduler="threads", num_workers=2), _Held() as held:
        composite = make_composite(open_cube(str(tmp_path / "hokkaido_japan.zarr")), channels="sar_dem", timesteps=2)
        da.store(composite["image"].data, _Nowhere(), lock=False)
    assert held.most > 4 * 4 * side**2  # four chunks at once: it was measured
    assert held.most < 0.15 * composite["image"].nbytes


def test_a_large_composite_is_kept_in_a_store_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_published: Callable[..., str]
) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path / "data"))
    composite = make_composite(open_cube(write_published(shape=(700, 530))), channels="sar_dem", timesteps=2)
    in_memory = keep_composite(composite, progress=False)
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(composite_module, "MOST_IN_MEMORY", 1000)
    write, rows = Unfinished.mark, iter(range(9))

    def stop(*given: Any) -> None:
        write(*given)
        if next(rows) == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(Unfinished, "mark", stop)
    with pytest.raises(KeyboardInterrupt):
        keep_composite(composite, progress=False)
    kept = keep_composite(composite, progress=False)
    assert next(rows) == 2  # the first row of windows was not written again
    xr.testing.assert_identical(kept.load(), in_memory)
    assert kept.rio.crs == in_memory.rio.crs
    assert len(list((tmp_path / "data" / "composites").iterdir())) == 1
    monkeypatch.setattr(composite_module, "_write_windows", None)  # and is not written a second time
    assert keep_composite(composite, progress=False)["image"].shape == in_memory["image"].shape
    other = make_composite(open_cube(composite.attrs["opened_from"]), channels="sar_dem", timesteps=1)
    monkeypatch.setattr(files, "free_bytes", lambda _: 5)
    with pytest.raises(InputError, match=r"\d+ bytes are needed in .*composites, but 5 bytes are free; make room"):
        keep_composite(other, progress=False)
