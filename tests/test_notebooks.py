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
import measure
import nbformat
import numpy as np
import papermill
import pytest
import rasterio
import rasterio.warp
import rioxarray
import xarray as xr
from conftest import EVENT
from nbformat import NotebookNode
from real_scene import real_scene
from scipy import ndimage
from shapely import Point

from landslide_utils.course.check import NOT_DONE, RIGHT
from landslide_utils.cube import open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import MEMBERS
from landslide_utils.grid import rasterise_like
from landslide_utils.simulate.scene import write_cube

pytestmark = pytest.mark.notebook
HERE = Path(__file__).parent.parent / "notebooks"
PAPERMILL = str(Path(sys.executable).parent / "papermill")


@pytest.fixture(autouse=True)
def _within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure every notebook that a test runs, as `make measure` does, and hold it to its limits."""

    def run(notebook: Path, executed: Path, **given: object) -> None:
        found = measure.run(notebook, executed, **given)
        faults = measure.over_budget(Path(notebook).stem, found, noisy=True)
        assert not faults, faults

    monkeypatch.setattr(papermill, "execute_notebook", run)


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


LESSONS = sorted(path.stem for path in HERE.glob("[0-9]*.ipynb"))
REGIONAL = ("00_start_here", "01_explore", "02_chips")
"""Lessons that take a practice region; the others take a cube, or none."""
TRAINED = ("03_train", "04_evaluate")
"""Lessons that train networks and keep them: here for two epochs. Other tests run them for longer."""
WRITES = {"03_train": "runs_dir", "04_evaluate": "runs_dir", "05_map": "out_dir", "06_experiments": "runs_dir", "07_transfer": "runs_dir", "08_your_own_event": "folder"}  # fmt: skip
"""Parameter that says where a lesson writes, of those that write."""


def lesson(name: str, tmp_path: Path, **parameters: object) -> list[NotebookNode]:
    """Run a notebook with exercises where it lies, and return its code cells."""
    path = HERE / f"{name}.ipynb"
    if path.stem in (*TRAINED, "07_transfer"):
        parameters = {"epochs": 2, **parameters}
    if path.stem in WRITES:
        parameters = {WRITES[path.stem]: str(tmp_path / "made"), **parameters}
    papermill.execute_notebook(path, tmp_path / "out.ipynb", parameters=parameters, cwd=path.parent, progress_bar=False)
    return [cell for cell in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if cell.cell_type == "code"]


def outputs(cells: list[NotebookNode], kind: str, tag: str = "") -> list[str]:
    """Return all outputs of a kind, of the cells that carry a tag."""
    return [
        output["data"][kind]
        for cell in cells
        if not tag or tag in cell.metadata.get("tags", [])
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def holds_what_a_lesson_must(cells: list[NotebookNode], state: str) -> None:
    """Assert that every exercise shows a state, and every figure has alternative text."""
    verdicts = outputs(cells, "text/plain", "exercise")
    assert 2 <= len(verdicts) <= 4
    assert all(verdict.startswith(f"{state}.") for verdict in verdicts), verdicts
    pages = outputs(cells, "text/html")
    pictures = [
        picture for page in pages if "<script" not in page for picture in re.findall(r"<img\b[^>]*>", page)
    ]  # bokeh's own script has pictures of its buttons
    assert pictures
    assert all(re.search(r' alt="[^"]{40,}"', picture) for picture in pictures)
    assert not outputs(cells, "image/png")  # a picture that bypassed plots.Picture has no alternative text


@pytest.mark.parametrize("name", [name for name in LESSONS if name != "06_experiments"])
def test_a_learner_s_notebook_runs_before_anything_is_solved(tmp_path: Path, name: str) -> None:
    holds_what_a_lesson_must(lesson(name, tmp_path), NOT_DONE)


@pytest.mark.parametrize("name", LESSONS)
def test_every_check_of_a_solved_notebook_is_right(tmp_path: Path, name: str) -> None:
    cells = lesson(f"solutions/{name}", tmp_path)
    holds_what_a_lesson_must(cells, RIGHT)
    if name == "01_explore":
        assert any("OPERA site 1" in page for page in outputs(cells, "text/html"))


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("00_start_here", "practice_mountains"),
        ("01_explore", "practice_hurricane"),
        ("02_chips", "practice_small"),
        ("03_train", "practice_small"),
        ("04_evaluate", "practice_small"),
    ],
)
def test_a_solved_notebook_holds_for_another_region(tmp_path: Path, name: str, region: str) -> None:
    parameter = "cube" if name in TRAINED else "region"
    holds_what_a_lesson_must(lesson(f"solutions/{name}", tmp_path, **{parameter: region}), RIGHT)


@pytest.mark.parametrize("name", LESSONS)
def test_lessons_refuse_wrong_parameters(tmp_path: Path, name: str) -> None:
    fault = "is not one of practice_earthquake" if name in REGIONAL else "is not a parameter; these are:"
    with pytest.raises(papermill.PapermillExecutionError, match=rf"region(='hokkaido_japan')? {fault}"):
        lesson(name, tmp_path, region="hokkaido_japan")


def test_the_exercises_of_a_map_hold_in_steep_mountains_and_without_radar(tmp_path: Path) -> None:
    cells = lesson("solutions/05_map", tmp_path, cube="practice_mountains", channels="dem", epochs=1)
    holds_what_a_lesson_must(cells, RIGHT)


def make_map(tmp_path: Path, **parameters: object) -> tuple[Path, str]:
    """Run notebook 05 and return the folder of its files and its text with what it printed."""
    folder = tmp_path / "maps"
    papermill.execute_notebook(
        HERE / "05_map.ipynb",
        tmp_path / "out.ipynb",
        parameters={"out_dir": str(folder), "epochs": 1, **parameters},
        cwd=HERE,
        progress_bar=False,
    )
    return folder, nbformat.writes(nbformat.read(tmp_path / "out.ipynb", as_version=4))


def test_a_map_and_its_files_are_made(tmp_path: Path) -> None:
    folder, text = make_map(tmp_path, epochs=6)
    assert {path.name for path in folder.iterdir()} == {
        "probability.tif",
        "landslides.gpkg",
        "landslides.geojson",
        "map.html",
    }
    assert text.count('<img src=\\"data:image') == 3
    assert text.count("<iframe") == 1
    again = rioxarray.open_rasterio(folder / "probability.tif").squeeze(drop=True)
    polygons = gpd.read_file(folder / "landslides.gpkg")
    assert 10 < len(polygons) < 5000
    assert polygons.crs == again.rio.crs
    assert polygons["simulated"].all()
    assert again.attrs["simulated"] == "True"
    inside = rasterise_like(polygons.geometry, again) > 0
    model = again.values >= float(again.attrs["threshold"])
    kept = ndimage.label(model, np.ones((3, 3)))[0]
    kept = (np.bincount(kept.ravel()) >= 4)[kept] & model
    assert (inside & kept).sum() / (inside | kept).sum() >= 0.99
    with pytest.raises(papermill.PapermillExecutionError, match=r"probability\.tif exists already"):
        make_map(tmp_path)


@pytest.mark.parametrize(("region", "channels"), [("practice_mountains", "vv"), ("practice_hurricane", "dem")])
def test_maps_of_other_practice_regions(tmp_path: Path, region: str, channels: str) -> None:
    folder, text = make_map(tmp_path, cube=region, channels=channels)
    assert f"{'ascending' if channels == 'vv' else 'none'} passes" in text
    shares = rioxarray.open_rasterio(folder / "probability.tif").attrs
    assert (float(shares.get("share_layover", 0)) > 0.001) == (region == "practice_mountains")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": 1.0}, "threshold=1.0: must be more than 0 and less than 1"),
        ({"thresold": 0.5}, "thresold is not a parameter; these are: cube, event_time"),
        ({"min_pixels": 0}, "min_pixels=0 is not a whole number from 1 to 100000"),
    ],
)
def test_notebook_05_refuses_wrong_parameters(tmp_path: Path, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(papermill.PapermillExecutionError, match=re.escape(message)):
        make_map(tmp_path, **parameters)
    assert not (tmp_path / "maps").exists()


def test_a_map_is_evaluated_and_the_run_is_kept(tmp_path: Path) -> None:
    parameters = {"runs_dir": str(tmp_path / "runs"), "epochs": 4}
    papermill.execute_notebook(
        HERE / "04_evaluate.ipynb", tmp_path / "out.ipynb", parameters=parameters, cwd=HERE, progress_bar=False
    )
    text = nbformat.writes(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert text.count("<img src") == text.count('alt=\\"') == 3
    by_hand, by_library = re.search(r"by hand ([0-9.]+), by library ([0-9.]+)", text).groups()  # type: ignore[union-attr]
    assert float(by_hand) == pytest.approx(float(by_library), abs=1e-4)
    assert "ceiling for single pixels" in text
    assert re.search(r"random - blocked: [+-][0-9.]+", text)
    assert len(list((tmp_path / "runs").glob("[!.]*/"))) == 2  # both splits, to be read again next time


def test_a_tiny_grid_runs_and_the_whole_one_is_judged(tmp_path: Path) -> None:
    holds_what_a_lesson_must(lesson("06_experiments", tmp_path), NOT_DONE)
    text = nbformat.writes(nbformat.read(tmp_path / "out.ipynb", as_version=4))
    assert len(list((tmp_path / "made").glob("[!.]*/"))) == 4
    assert "60 runs" in text
    assert text.count("<img src") == 2
    assert "4. Terrain helps with 1 pass" in text


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
    path = write_cube(real_scene(dem, polygons), tmp_path / "hokkaido_core.zarr")
    found = train(tmp_path, cube=str(path))
    assert found["auprc"] > 4 * found["prevalence"]  # type: ignore[operator]
