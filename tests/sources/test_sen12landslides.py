from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from conftest import published

from landslide_utils.chips import BUFFER, SIZE, split_chips
from landslide_utils.composite import decibels, identify, make_composite
from landslide_utils.cube import CubeError, open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import run
from landslide_utils.files import InputError
from landslide_utils.scene import ChipSet, Normalisation, Scene
from landslide_utils.sources.sen12landslides import CELL, _inspect, open_patches

EVENT = "2018-09-06"
PASSES = 9
Change = Callable[[xr.Dataset], xr.Dataset]


def make_patch(
    folder: Path,
    region: str = "hokkaido",
    number: int = 1,
    sensor: str = "s1dsc",
    *,
    place: tuple[int, int] = (0, 0),
    annotated: bool = True,
    events: str = EVENT,
    first: str = "2018-07-12",
    order: tuple[str, ...] = ("time", "x", "y"),  # as in the published files
    change: Change = lambda patch: patch,
) -> Path:
    """Write a simulated patch in the published layout: passes every 12 days, power that is doubled on landslides."""
    random = np.random.default_rng(number)
    time = np.datetime64(first, "ns") + np.arange(PASSES) * np.timedelta64(12, "D")
    coords = {
        "time": time,
        "y": 4_720_630.0 + 1280 * place[1] - 10 * np.arange(SIZE),  # north first
        "x": 640_000.0 + 1280 * place[0] + 10 * np.arange(SIZE),
    }
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if annotated:
        for row, col in random.integers(20, 80, (5, 2)):
            mask[row : row + 14, col : col + 8] = 1
    stack = (PASSES, SIZE, SIZE)
    layers: dict[str, Any] = {
        name: random.gamma(4, level / 4, stack).astype(np.float32) for name, level in (("VH", 0.04), ("VV", 0.16))
    }
    after = time > np.datetime64((events if events[:2] == "20" else EVENT).split(",")[-1])
    for power in layers.values():
        power[after] *= np.where(mask, 4, 1).astype(np.float32)
    layers["MASK"] = np.broadcast_to(mask, stack)
    layers["DEM"] = np.broadcast_to(np.add.outer(np.arange(SIZE), 2 * np.arange(SIZE)).astype(np.int16), stack)
    patch = xr.Dataset({name: (("time", "y", "x"), values) for name, values in layers.items()}, coords)
    patch = patch.transpose(*order).assign(spatial_ref=0)
    patch.attrs = {
        "event_date": events if annotated else "",
        "pre_post_dates": "{'pre': 4, 'post': 5}" if annotated else "",
        "annotated": str(annotated),
        "satellite": f"s1-{sensor[2:]}",
        "crs": "EPSG:32654",
        "simulated": 1,
    }
    path = folder / sensor / f"{region}_{sensor}_{number}.nc"
    path.parent.mkdir(parents=True, exist_ok=True)
    change(patch).to_netcdf(path, engine="h5netcdf")
    return path


def make_folder(folder: Path, *, regions: tuple[str, ...] = ("hokkaido",), side: int = 5) -> Path:
    """Write a square of patches for each region, of which every third has no landslide."""
    for region in regions:
        for i in range(side * side):
            make_patch(folder, region, i, place=(i % side, i // side), annotated=i % 3 > 0)
    return folder


@pytest.fixture(autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def hokkaido(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("patches"))


def test_a_patch_is_read_where_it_lies_whichever_way_its_axes_are_stored(tmp_path: Path) -> None:
    paths = [
        make_patch(tmp_path, number=7, place=(0, 1), order=("time", "x", "y")),
        make_patch(tmp_path, number=8, place=(1, 1), order=("time", "y", "x")),
        make_patch(tmp_path, number=9, place=(0, 0)),
    ]
    cube = open_cube(f"sen12landslides:{tmp_path}")
    assert cube.sizes == {"time": 8, "y": 2 * CELL, "x": 2 * CELL}
    corners = cube["vv"].isel(y=[0, CELL], x=[0, CELL]).values
    composite = make_composite(cube, channels="vv", timesteps=2)
    assert str(cube["orbit"].values[0]) == "descending"
    assert cube.attrs["simulated"]
    assert cube.attrs["region"] == "Sen12Landslides, hokkaido: 3 patches side by side, no map"
    assert composite.attrs["passes_before"] == ["2018-08-17T00:00", "2018-08-29T00:00"]
    assert composite.attrs["passes_after"] == ["2018-09-10T00:00", "2018-09-22T00:00"]
    seen = set()
    for row, col in ((0, 0), (0, CELL), (CELL, 0)):
        window = composite.isel(y=slice(row, row + SIZE), x=slice(col, col + SIZE))
        valid = window["valid"].values
        for path in paths:
            with xr.open_dataset(path, engine="h5netcdf") as stored:
                patch = stored.transpose("time", "y", "x")
                for channel, passes in (("vv_before", slice(3, 5)), ("vv_after", slice(5, 7))):
                    expected = decibels(patch["VV"].isel(time=passes).mean("time").values)
                    found = window["image"].sel(channel=channel).values
                    if np.allclose(found[valid], expected[valid], atol=1e-4):
                        assert np.array_equal(window["landslides"].values, patch["MASK"].isel(time=-1).values > 0)
                        seen.add((path.name, channel))
    assert len(seen) == 6
    assert np.isnan(corners[:, 1, 1]).all()  # three patches: the fourth cell is empty
    assert not composite["valid"][SIZE:CELL].any()
    assert not composite["landslides"][SIZE:CELL].any()


def test_a_sound_file_is_asked_once_and_again_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def inspect(path: Path) -> tuple[list[Any], list[str]]:
        asked.append(path.name)
        return _inspect(path)

    monkeypatch.setattr("landslide_utils.sources.sen12landslides._inspect", inspect)
    monkeypatch.setenv("LANDSLIDE_DATA", str(tmp_path / "data"))
    for number in (1, 2):
        make_patch(tmp_path, number=number, place=(number, 0))
    first, second = (open_patches(f"sen12landslides:{tmp_path}") for _ in range(2))
    xr.testing.assert_identical(first, second)
    assert asked == ["hokkaido_s1dsc_1.nc", "hokkaido_s1dsc_2.nc"]
    make_patch(tmp_path, number=2, place=(2, 0), first="2018-07-11")  # of the same size
    changed = open_patches(f"sen12landslides:{tmp_path}")
    assert asked[2:] == ["hokkaido_s1dsc_2.nc"]
    assert changed["landslides"].attrs["patches"]["files"] != first["landslides"].attrs["patches"]["files"]
    (index,) = tmp_path.glob("data/patches/*.json")
    index.write_text("{", encoding="utf-8")  # as a disk that is full leaves it
    assert changed.identical(open_patches(f"sen12landslides:{tmp_path}"))
    assert len(asked) == 5


def test_a_file_that_is_damaged_inside_is_named(tmp_path: Path) -> None:
    path = make_patch(tmp_path)
    with h5py.File(path, "r+") as file:
        stored, scales = file["VV"][()], [dim[0].name for dim in file["VV"].dims]
        del file["VV"]
        made = file.create_dataset("VV", data=stored, chunks=stored.shape, compression="gzip")
        for dim, scale in zip(made.dims, scales, strict=True):
            dim.attach_scale(file[scale])
        start = made.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[start + 5000 : start + 9000] = bytes(4000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"patches cannot be read:\n  - hokkaido_s1dsc_1.nc \(.*\); get it again"):
        make_composite(open_cube(f"sen12landslides:{tmp_path}"), channels="vv", timesteps=1)


def test_terrain_is_that_of_each_patch_alone(hokkaido: Path) -> None:
    image = make_composite(open_cube(f"sen12landslides:{hokkaido}"), channels="sar_dem")["image"].load()
    slope = image.sel(channel="slope").isel(y=slice(1, SIZE - BUFFER - 1), x=slice(1, SIZE - BUFFER - 1)).values
    assert slope == pytest.approx(np.degrees(np.arctan(np.hypot(0.1, 0.2))), abs=0.01)  # 1 m and 2 m over 10 m


def test_gaps_and_missing_passes_are_left_out_of_the_mean(tmp_path: Path) -> None:
    def hole(patch: xr.Dataset) -> xr.Dataset:
        return patch.assign(
            VV=patch["VV"].where((patch["x"] > 641_000) | (patch["time"] > np.datetime64("2018-08-20")))
        )

    make_patch(tmp_path, number=1, change=hole)
    make_patch(tmp_path, number=2, place=(1, 0), change=lambda patch: patch.isel(time=slice(4, None)))  # one before
    composite = make_composite(open_cube(f"sen12landslides:{tmp_path}"), channels="vv", timesteps=4)
    inside = composite["valid"].isel(y=slice(0, SIZE - BUFFER))
    assert inside.isel(x=slice(0, SIZE - BUFFER)).all()
    assert inside.isel(x=slice(CELL, CELL + SIZE - BUFFER)).all()
    assert len(composite.attrs["passes_before"]) == 4


def test_what_lies_between_two_events_or_on_the_day_of_one_is_not_used(tmp_path: Path) -> None:
    make_patch(tmp_path, events="2018-08-20,2018-09-10")  # passes: 08-05, 08-17, 08-29, 09-10, 09-22
    composite = make_composite(open_cube(f"sen12landslides:{tmp_path}"), timesteps=1)
    assert composite.attrs["event_time"] == "2018-08-20T00:00:00"
    assert composite.attrs["event_end"] == "2018-09-10T00:00:00"
    assert composite.attrs["passes_before"] == ["2018-08-17T00:00"]
    assert composite.attrs["passes_after"] == ["2018-09-22T00:00"]


def test_time_ascends_although_patches_are_of_different_years(tmp_path: Path) -> None:
    make_patch(tmp_path, "hokkaido", 1)
    make_patch(tmp_path, "italy", 1, first="2023-03-01", events="2023-05-16")
    cube = open_cube(f"sen12landslides:{tmp_path}")
    assert (np.diff(cube["time"].values) > np.timedelta64(0)).all()
    assert make_composite(cube, timesteps=4)["valid"].sum() > 0
    assert cube.attrs["event_time"] == "2018-09-06T00:00:00"
    assert cube.attrs["event_end"] == "2023-05-16T00:00:00"
    chosen = open_cube(f"sen12landslides:{tmp_path}#italy")
    assert "italy: 1 patches" in chosen.attrs["region"]
    assert chosen.attrs["event_time"] == "2023-05-16T00:00:00"


def test_a_patch_without_landslides_takes_the_event_of_its_region(tmp_path: Path) -> None:
    make_patch(tmp_path, number=1)
    make_patch(tmp_path, number=2, place=(1, 0), annotated=False)
    composite = make_composite(open_cube(f"sen12landslides:{tmp_path}"), timesteps=1)
    assert composite["valid"].isel(x=slice(0, SIZE - BUFFER), y=0).all()
    assert composite["valid"].isel(x=slice(CELL, CELL + SIZE - BUFFER), y=0).all()
    assert (
        composite["landslides"].isel(x=slice(0, SIZE)).any() != composite["landslides"].isel(x=slice(CELL, None)).any()
    )


def test_what_cannot_be_used_is_left_out_with_a_warning(tmp_path: Path) -> None:
    make_patch(tmp_path, number=1)
    make_patch(tmp_path, number=2, change=lambda patch: patch.assign(MASK=patch["MASK"] * np.uint8(0)))
    make_patch(tmp_path, number=3, events="None")
    make_patch(tmp_path, number=4, first="2018-10-01")
    make_patch(tmp_path, "italy", 5, annotated=False)
    with pytest.warns(UserWarning, match="4 of 5 patches are left out: they have no pass on one side"):
        assert "1 patches" in open_cube(f"sen12landslides:{tmp_path}").attrs["region"]
    with pytest.raises(CubeError, match="none can be used"):
        open_cube(f"sen12landslides:{tmp_path}#italy")


def test_the_faults_of_all_files_are_listed_before_any_image_is_read(tmp_path: Path) -> None:
    make_patch(tmp_path, number=1)
    make_patch(tmp_path, number=2, change=lambda patch: patch.isel(x=slice(0, 100)))
    make_patch(tmp_path, number=3, change=lambda patch: patch.drop_vars("VH"))
    make_patch(tmp_path, number=4, change=lambda patch: patch.assign_attrs(event_date="yesterday"))
    make_patch(tmp_path, number=5, change=lambda patch: patch.assign(VV=patch["VV"].astype("int16")))
    make_patch(tmp_path, number=6, change=lambda patch: patch.assign_coords(y=patch["y"].values[::-1]))
    make_patch(tmp_path, number=7, change=lambda patch: patch.rename(x="column"))
    broken = make_patch(tmp_path, number=8)
    broken.write_bytes(broken.read_bytes()[:3000])
    with pytest.raises(CubeError) as caught:
        open_cube(f"sen12landslides:{tmp_path}")
    text = str(caught.value)
    for words in (
        r"_2.nc: VV is (time, x, y) (9, 100, 128) where (time, y, x) (9, 128, 128) is needed",
        "_2.nc: x is not 128 positions, each +10 m",
        "_3.nc: VH missing",
        "_4.nc cannot be used (ValueError: Invalid isoformat string: 'yesterday')",
        "_5.nc: VV holds int16",
        "_6.nc: y is not 128 positions, each -10 m",
        "_7.nc: x missing",
        "_8.nc cannot be used (OSError",
    ):
        assert words in text
    assert "_1.nc" not in text


def test_a_patch_whose_content_lies_in_another_file_is_not_opened(tmp_path: Path) -> None:
    other = make_patch(tmp_path / "other", number=2)
    path = make_patch(tmp_path / "here")
    with h5py.File(path, "a") as file:
        del file["VV"]
        file["VV"] = h5py.ExternalLink(other, "/VV")
    with pytest.raises(CubeError, match="VV lies in another file, which is not opened"):
        open_cube(f"sen12landslides:{tmp_path / 'here'}")


def test_folders_that_cannot_be_meant_are_refused(tmp_path: Path, hokkaido: Path) -> None:
    with pytest.raises(CubeError, match=r"no patch such as hokkaido_s1dsc_12\.nc is there"):
        open_cube(f"sen12landslides:{tmp_path / 'nowhere'}")
    with pytest.raises(CubeError, match="no patch is of atlantis; there are hokkaido"):
        open_cube(f"sen12landslides:{hokkaido}#atlantis")
    make_patch(tmp_path / "data_raw")
    make_patch(tmp_path / "data_harmonized")
    with pytest.raises(CubeError, match=r"there twice: hokkaido_s1dsc_1.nc; give the folder of one edition"):
        open_cube(f"sen12landslides:{tmp_path}")
    with pytest.raises(CubeError, match="patches have no window"):
        open_cube(f"sen12landslides:{hokkaido}", window=(0, 0, 128, 128))
    with pytest.raises(CubeError, match="event_time cannot be given"):
        open_cube(f"sen12landslides:{hokkaido}", event_time="2018-09-06T00:00:00")


def test_orbit_directions_are_never_mixed(tmp_path: Path) -> None:
    for sensor in ("s1asc", "s1dsc"):
        make_patch(tmp_path, sensor=sensor)
    with pytest.raises(CubeError, match="both orbit directions are there, which are not mixed"):
        open_cube(f"sen12landslides:{tmp_path}")
    assert str(open_cube(f"sen12landslides:{tmp_path / 's1asc'}")["orbit"].values[0]) == "ascending"
    with pytest.raises(CubeError, match="1 descending passes are needed"):
        make_composite(open_cube(f"sen12landslides:{tmp_path / 's1asc'}"), timesteps=1, orbit="descending")


def test_no_place_is_on_both_sides_of_a_split(tmp_path: Path, hokkaido: Path) -> None:
    make_folder(tmp_path, regions=("a", "b", "c", "d", "e"), side=2)
    composite = make_composite(open_cube(f"sen12landslides:{tmp_path}"), channels="vv")
    chips = split_chips(composite["landslides"])
    assert len(chips) == 20
    assert (chips.groupby("block")["part"].nunique() == 1).all()
    assert chips.groupby("part")["block"].nunique().to_dict() == {"train": 3, "validation": 1, "test": 1}
    assert (chips.groupby("block").size() == 4).all()  # a block is a region
    composite = make_composite(open_cube(f"sen12landslides:{hokkaido}"), channels="vv").load()
    chips = split_chips(composite["landslides"])
    assert len(chips) == 25
    assert (chips.groupby("block")["part"].nunique() == 1).all()
    for row, col in chips[["row", "col"]].to_numpy():  # squares of one patch: each has its buffer in the south and east
        valid = composite["valid"][row : row + SIZE, col : col + SIZE]
        assert valid[: SIZE - BUFFER, : SIZE - BUFFER].all()
        assert not valid[SIZE - BUFFER :].any()
        assert not valid[:, SIZE - BUFFER :].any()
    assert split_chips(composite["landslides"], method="random")["block"].nunique() == 25
    with pytest.raises(InputError, match="a part of a scene of patches cannot be"):
        split_chips(composite["landslides"][:CELL])


def test_the_dataset_s_own_split_is_taken_where_it_is_there(tmp_path: Path) -> None:
    make_folder(tmp_path / "data_harmonized", side=3)
    source = f"sen12landslides:{tmp_path / 'data_harmonized' / 's1dsc'}"
    composite = make_composite(open_cube(source), channels="vv")
    with pytest.raises(InputError, match=r"no splits.json of S12LS-LD is beside the patches; take blocked"):
        split_chips(composite["landslides"], method="published")
    numbers = {"train": [1, 2, 4], "val": [5], "test": [7]}
    split = {
        part: [{"id": f"hokkaido_{n}", "s1dsc": f"s1dsc/hokkaido_s1dsc_{n}.nc"} for n in some]
        for part, some in numbers.items()
    }
    path = tmp_path / "tasks" / "S12LS-LD" / "s1dsc" / "splits.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(split), encoding="utf-8")
    composite = make_composite(open_cube(source), channels="vv")
    chips = split_chips(composite["landslides"], method="published")
    assert chips["part"].value_counts().to_dict() == {"train": 3, "validation": 1, "test": 1}
    with xr.open_dataset(tmp_path / "data_harmonized/s1dsc/hokkaido_s1dsc_7.nc", engine="h5netcdf") as stored:
        expected = float(stored["MASK"].isel(time=-1).mean())
    assert chips.set_index("part").loc["test", "landslide_share"] == pytest.approx(expected)
    path.write_text(json.dumps(split | {"val": 3}), encoding="utf-8")
    with pytest.raises(CubeError, match=r"splits.json is not a split of the dataset \(TypeError"):
        open_cube(source)


def test_a_draw_is_not_shifted_out_of_its_patch(hokkaido: Path) -> None:
    composite = make_composite(open_cube(f"sen12landslides:{hokkaido}"), channels="vv").load()
    chips = split_chips(composite["landslides"])
    chips["block"] = 0  # as in a region that is one block
    scene = Scene(composite, chips, Normalisation(("vv_before", "vv_after"), (0.0, 0.0), (1.0, 1.0)))
    whole = {scene_chip["image"].tobytes() for scene_chip in ChipSet(scene, "train")}  # type: ignore[attr-defined]
    shifted = ChipSet(scene, "train", seed=3)
    for i in range(len(shifted)):
        image = shifted[i]["image"]
        assert {image.tobytes(), np.ascontiguousarray(image[:, ::-1]).tobytes()} & whole


def test_another_store_cannot_bring_a_plan_of_its_own(tmp_path: Path) -> None:
    store = published(shape=(200, 200))
    store["landslides"].attrs["patches"] = {"shape": [1, 1], "block": [0], "part": [""], "files": ""}
    store.to_zarr(tmp_path / "other.zarr", zarr_format=2, consolidated=True)
    cube = open_cube(tmp_path / "other.zarr", event_time=f"{EVENT}T18:07:59")
    assert "patches" not in cube["landslides"].attrs


def test_a_folder_that_has_changed_is_another_composite(tmp_path: Path) -> None:
    def name() -> str:
        return identify(make_composite(open_cube(f"sen12landslides:{tmp_path}"), channels="vv"))

    make_patch(tmp_path)
    first = name()
    assert name() == first
    make_patch(tmp_path, events="2018-09-07")
    assert name() != first


def test_only_what_is_asked_for_is_read(hokkaido: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = h5py.Dataset.__getitem__

    def count(layer: Any, *key: Any, **more: Any) -> Any:
        read.append(layer.name)
        return whole(layer, *key, **more)

    cube = open_patches(f"sen12landslides:{hokkaido}")
    monkeypatch.setattr(h5py.Dataset, "__getitem__", count)
    cube["vv"].isel(time=3, y=slice(0, 10)).load()
    assert read.count("/VV") == 5  # a row of patches, one pass
    assert "/VH" not in read


def test_a_network_is_trained_scored_and_mapped_on_patches(hokkaido: Path, tmp_path: Path) -> None:
    config = RunConfig(cube=f"sen12landslides:{hokkaido}", channels="vv", timesteps=2, steps=4, runs_dir=str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        trained = run(config, progress=False)
    probability = trained.probability()
    assert probability.attrs["region"] == "Sen12Landslides, hokkaido: 25 patches side by side, no map"
    assert 0 <= trained.metrics["auprc"] <= 1
    assert trained.metrics["n_test_chips"] == 5
    assert np.isfinite(probability).any()
    assert probability[SIZE:CELL].isnull().all()
    assert RunConfig(cube=f"sen12landslides:{hokkaido}#hokkaido").hash != RunConfig(cube=str(hokkaido)).hash
