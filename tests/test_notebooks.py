"""Whole notebooks, run with papermill as a user runs them. Slow: ``make notebook-test``."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import nbformat
import numpy as np
import papermill
import pytest
import rasterio
import rasterio.warp
import rioxarray
import xarray as xr
from conftest import EVENT
from shapely import Point

from landslide_utils import simulate
from landslide_utils.cube import open_cube
from landslide_utils.experiments import MEMBERS, RunConfig

pytestmark = pytest.mark.notebook
HERE = Path(__file__).parent.parent / "notebooks"
PAPERMILL = str(Path(sys.executable).parent / "papermill")


def train(tmp_path: Path, **parameters: object) -> dict[str, object]:
    """Run notebook 03 and return what it measured."""
    parameters = {"runs_dir": str(tmp_path / "runs"), **parameters}
    papermill.execute_notebook(
        HERE / "03_train.ipynb", tmp_path / "out.ipynb", parameters=parameters, cwd=HERE, progress_bar=False
    )
    folder = RunConfig(**parameters).folder  # type: ignore[arg-type]
    assert {*MEMBERS, "map.png", "precision_recall.png"} == {p.name for p in folder.iterdir()}
    found: dict[str, object] = json.loads((folder / "metrics.json").read_text())
    for name in ("auprc", "prevalence", "auprc_landslide_chips", "prevalence_landslide_chips", "auprc_log_ratio"):
        value = found[name]
        assert (value is None and parameters.get("channels") == "dem" and name == "auprc_log_ratio") or 0 <= value <= 1  # type: ignore[operator]
    assert found["seconds_train"] > 0  # type: ignore[operator]
    assert found["n_train_chips"] > found["n_test_chips"] > 0  # type: ignore[operator]
    probability = xr.open_zarr(folder / "probability.zarr")["probability"].load()
    assert float(probability.min()) >= 0
    assert float(probability.max()) <= 1
    found["share_mapped"] = float(np.isfinite(probability).mean())
    return found


def command(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run papermill from the notebooks' folder, as the README says."""
    return subprocess.run(
        [PAPERMILL, "03_train.ipynb", *arguments], cwd=HERE, capture_output=True, text=True, timeout=600
    )


def test_the_default_learns_on_the_practice_cube(tmp_path: Path) -> None:
    found = train(tmp_path)
    assert found["auprc"] > 4 * found["prevalence"]  # type: ignore[operator]
    assert found["auprc"] > 1.6 * found["auprc_log_ratio"]  # type: ignore[operator]
    assert found["simulated"] is True
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    pictures = [
        output["data"]["text/html"]
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "<img" in output.get("data", {}).get("text/html", "")
    ]
    assert len(pictures) == 6
    assert all("alt=" in picture for picture in pictures)


def test_the_readme_s_command_runs_verbatim(tmp_path: Path) -> None:
    output = HERE / "out.ipynb"
    output.unlink(missing_ok=True)
    done = command(
        tmp_path,
        "out.ipynb",
        "-p",
        "channels",
        "sar_dem",
        "-p",
        "epochs",
        "1",
        "-p",
        "runs_dir",
        str(tmp_path / "runs"),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    folder = RunConfig(channels="sar_dem", epochs=1, runs_dir=str(tmp_path / "runs")).folder
    assert json.loads((folder / "metrics.json").read_text())["auprc"] > 0
    output.unlink()


@pytest.mark.parametrize(
    ("region", "channels", "orbit"),
    [
        ("practice_mountains", "vv", "ascending"),
        ("practice_hurricane", "vh", "unknown"),
        ("practice_small", "dem", "none"),
    ],
)
def test_every_practice_region_and_band_combination_trains(
    tmp_path: Path, region: str, channels: str, orbit: str
) -> None:
    found = train(tmp_path, cube=region, channels=channels, epochs=1)
    assert found["orbit"] == orbit


def test_help_lists_each_parameter_with_type_and_sentence() -> None:
    done = subprocess.run(
        [PAPERMILL, "--help-notebook", "03_train.ipynb"], cwd=HERE, capture_output=True, text=True, check=True
    )
    text = " ".join(done.stdout.split())
    for name, kind, sentence in (
        ("cube", "str", "A region's name"),
        ("event_time", "str", "Instant of the event"),
        ("channels", "str", "What the network sees"),
        ("timesteps", "int", "Passes averaged"),
        ("orbit", "str", "Orbit direction of all passes"),
        ("split", "str", "How chips are shared out"),
        ("preset", "str", "How large a network"),
        ("seed", "int", "Of the split"),
        ("epochs", "int", "How often the network sees"),
        ("runs_dir", "str", "Folder in which the run is saved"),
    ):
        assert re.search(rf"{name}: {kind} \(default [^)]*\) {re.escape(sentence)}", text), name
    assert text.count(": str") + text.count(": int") == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "channels", "sarr", "-p", "split", "x"], "channels='sarr' is not one of vv, vh, sar, dem, sar_dem"),
        (["-p", "chanels", "sar"], "chanels is not a parameter; these are: cube, event_time, channels"),
    ],
)
def test_wrong_parameters_are_refused_before_any_work(tmp_path: Path, arguments: list[str], message: str) -> None:
    start = time.monotonic()
    done = command(tmp_path, str(tmp_path / "out.ipynb"), *arguments, "-p", "runs_dir", str(tmp_path / "runs"))
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "runs").exists()
    assert time.monotonic() - start < 60  # a few seconds; generous for a busy machine


VARIANTS = [
    {},
    {"orbit": "words", "labels": "zero", "timepair": False, "y_descending": False, "x_descending": True},
    {"orbit": None, "wedge": True, "zeros": True},
]


@pytest.mark.parametrize("options", VARIANTS, ids=["letters", "words", "absent"])
def test_every_variant_of_the_published_layout_runs(
    tmp_path: Path, write_published: Callable[..., str], options: dict[str, object]
) -> None:
    known = options.get("orbit", "letters") == "letters"
    path = write_published("hokkaido_japan" if known else "somewhere", **options)
    found = train(tmp_path, cube=path, event_time="" if known else EVENT, epochs=2, timesteps=4)
    assert found["orbit"] == ("unknown" if options.get("orbit", "") is None else "descending")
    assert found["simulated"] is False
    if known:
        (tmp_path / "again").mkdir()
        again = train(tmp_path / "again", cube=path, epochs=2, timesteps=4)
        assert {k: v for k, v in again.items() if k != "seconds_train"} == {
            k: v for k, v in found.items() if k != "seconds_train"
        }  # the same seed gives the same metrics
    if options.get("wedge"):
        assert 0.5 < found["share_mapped"] < 0.95  # type: ignore[operator]
    else:
        assert found["share_mapped"] == 1  # the ragged edge too


@pytest.mark.parametrize("region", ["practice_earthquake"])
def test_the_practice_cube_is_put_beside_real_radar(tmp_path: Path, region: str) -> None:
    papermill.execute_notebook(
        HERE / "01_explore.ipynb", tmp_path / "out.ipynb", parameters={"region": region}, cwd=HERE, progress_bar=False
    )
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = nbformat.writes(executed)
    assert "simulated: True" in text
    assert "OPERA site 1" in text
    assert text.count("<img") == 1


def test_notebook_01_refuses_wrong_parameters(tmp_path: Path) -> None:
    with pytest.raises(
        papermill.PapermillExecutionError, match=r"region='hokkaido_japan' is not one of practice_earthquake"
    ):
        papermill.execute_notebook(
            HERE / "01_explore.ipynb",
            tmp_path / "out.ipynb",
            parameters={"region": "hokkaido_japan", "size": 10},
            cwd=HERE,
            progress_bar=False,
        )


def test_an_event_of_one_s_own_becomes_a_cube_without_a_network(tmp_path: Path) -> None:
    papermill.execute_notebook(
        HERE / "08_your_own_event.ipynb",
        tmp_path / "out.ipynb",
        parameters={"folder": str(tmp_path / "event")},
        cwd=HERE,
        progress_bar=False,
    )
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = nbformat.writes(executed)
    assert len(re.findall(r"<img [^>]*alt=", text)) == text.count("<img") == 4
    assert "west 141" in text  # the wrong question's answer
    (store,) = (tmp_path / "event").glob("cube_*.zarr")
    cube = open_cube(str(store)).load()
    assert cube.attrs["simulated"] is True
    practice = (
        open_cube("practice_earthquake").sel(x=cube["x"], y=cube["y"]).load()
    )  # the rehearsal's images lie on the same grid
    assert np.array_equal(cube["landslides"], practice["landslides"])
    assert np.array_equal(cube["vv"], practice["vv"], equal_nan=True)
    assert abs(float((cube["dem"] - practice["dem"]).mean())) < 0.5


def test_notebook_08_takes_real_images_and_refuses_unknown_names(tmp_path: Path, real_data: Path) -> None:
    folder = real_data / "opera_rtc"
    with rasterio.open(next(iter(sorted(folder.glob("*292320*.tif"))))) as source:
        bounds, crs, profile = source.bounds, source.crs, source.profile
    centre = Point((bounds.left + bounds.right) / 2, (bounds.bottom + bounds.top) / 2)
    gpd.GeoDataFrame(geometry=[centre.buffer(200)], crs=crs).to_file(tmp_path / "slides.gpkg")
    with rasterio.open(tmp_path / "dem.tif", "w", **profile) as target:
        target.write(
            np.add.outer(np.arange(100.0), 3 * np.arange(100)).astype("float32"), 1
        )  # a tilted plane stands in for the ground
    place = rasterio.warp.transform_bounds(
        crs,
        "EPSG:4326",
        *bounds.__class__(bounds.left + 200, bounds.bottom + 200, bounds.right - 200, bounds.top - 200),
    )
    parameters = {
        "radar": str(folder), "dem": str(tmp_path / "dem.tif"), "polygons": str(tmp_path / "slides.gpkg"), "box": ", ".join(map(str, place)),
        "event_time": "2024-10-15T00:00:00", "name": "California", "pixel_size_m": 30, "folder": str(tmp_path / "event"),
    }  # fmt: skip
    papermill.execute_notebook(
        HERE / "08_your_own_event.ipynb", tmp_path / "out.ipynb", parameters=parameters, cwd=HERE, progress_bar=False
    )
    (store,) = (tmp_path / "event").glob("*")
    assert open_cube(str(store)).attrs["simulated"] is False
    with pytest.raises(papermill.PapermillExecutionError, match="radars is not a parameter"):
        papermill.execute_notebook(
            HERE / "08_your_own_event.ipynb",
            tmp_path / "out.ipynb",
            parameters={"radars": "x"},
            cwd=HERE,
            progress_bar=False,
        )


def test_the_real_core_of_hokkaido_runs(tmp_path: Path, real_data: Path) -> None:
    dem = rioxarray.open_rasterio(real_data / "hokkaido_core" / "dsm.tif").squeeze(drop=True)
    polygons = gpd.read_file(real_data / "hokkaido_core" / "slope_failures.gpkg")
    path = simulate.write_cube(simulate.real_scene(dem, polygons), tmp_path / "hokkaido_core.zarr")
    found = train(tmp_path, cube=str(path))
    assert found["auprc"] > 4 * found["prevalence"]  # type: ignore[operator]
