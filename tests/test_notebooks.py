"""Whole notebooks, run as a user runs them: each once in a kernel of its own, other parameters in this process.

Slow: ``make notebook-test``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import nbformat
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.warp
import rioxarray
import xarray as xr
from conftest import EVENT, published
from nbformat import NotebookNode
from real_scene import real_scene
from run_notebooks import STUB, run_here, run_in_kernel, tags
from scipy import ndimage
from shapely import Point

from landslide_utils.course.check import NOT_DONE, RIGHT
from landslide_utils.cube import open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import MEMBERS
from landslide_utils.files import InputError
from landslide_utils.grid import rasterise_like
from landslide_utils.simulate.scene import write_cube
from landslide_utils.sources import window
from landslide_utils.sources.window import read_window

pytestmark = pytest.mark.notebook
HERE = Path(__file__).parent.parent / "notebooks"
LESSONS = sorted(path.stem for path in HERE.glob("[0-9]*.ipynb"))
PAPERMILL = str(Path(sys.executable).parent / "papermill")


def outputs(cells: list[NotebookNode], kind: str, tag: str = "") -> list[str]:
    """Return all outputs of a kind, of the cells that carry a tag."""
    return [
        output["data"][kind]
        for cell in cells
        if not tag or tag in tags(cell)
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def text_of(cells: list[NotebookNode]) -> str:
    """Return all that cells printed or showed, as one text."""
    printed = [output["text"] for cell in cells for output in cell.outputs if "text" in output]
    return "\n".join([*printed, *outputs(cells, "text/plain"), *outputs(cells, "text/html")])


def pictures(cells: list[NotebookNode]) -> list[str]:
    """Return the tags of the pictures that cells show, but for a learner's exercises, which show theirs once more."""
    pages = outputs([cell for cell in cells if STUB not in tags(cell)], "text/html")
    # bokeh's own script has pictures of its buttons
    return [picture for page in pages if "<script" not in page for picture in re.findall(r"<img\b[^>]*>", page)]


def holds_what_a_lesson_must(cells: list[NotebookNode]) -> None:
    """Assert that every solution is right, and every figure has alternative text."""
    verdicts = outputs(cells, "text/plain", "exercise")
    assert 2 <= len(verdicts) <= 4
    assert all(verdict.startswith(f"{RIGHT}.") for verdict in verdicts), verdicts
    assert pictures(cells)
    assert all(re.search(r' alt="[^"]{40,}"', picture) for picture in pictures(cells))
    assert not outputs(cells, "image/png")  # a picture that bypassed figures.Picture has no alternative text


def lesson(name: str, folder: Path, /, **parameters: object) -> list[NotebookNode]:
    """Run a notebook in a kernel, assert what holds for all of them, and return its code cells.

    Each of the learner's exercises has run where it stands before it was solved, and said so. That nothing else
    differs from the learner's notebook, `test_project` tests.
    """
    cells = run_in_kernel(name, folder, **parameters)
    holds_what_a_lesson_must(cells)
    asked = outputs(cells, "text/plain", STUB)
    assert len(asked) == len(outputs(cells, "text/plain", "exercise"))
    assert all(verdict.startswith(f"{NOT_DONE}.") for verdict in asked), asked
    return cells


def test_a_lesson_runs(tmp_path: Path) -> None:
    lesson("02_chips", tmp_path)


def test_a_reader_swipes_from_before_to_after(tmp_path: Path) -> None:
    (swipe,) = [page for page in outputs(lesson("00_start_here", tmp_path), "text/html") if 'type="range"' in page]
    assert swipe.count("<img ") == 2


def test_backscatter_is_explored(tmp_path: Path) -> None:
    cells = lesson("01_explore", tmp_path)
    assert any("OPERA site 1" in page for page in outputs(cells, "text/html"))
    assert any("on the brightest day" in picture for picture in pictures(cells))
    plots = [outputs([cell], "text/html")[-1] for cell in cells if ".hvplot." in cell.source]
    assert len(plots) == 3
    assert not any("comm_id" in plot for plot in plots)  # they move without a kernel, so on the website too
    assert max(map(len, plots)) < 2e6
    for shown in (
        "on the brightest day",
        "A side-looking radar",
        "A landslide from the side",
        "hills in light and shade",
        "Lee, 5 x 5",
    ):
        assert any(shown in picture for picture in pictures(cells)), shown
    lines = [
        re.findall(rf"{name} +([0-9.]+) +([0-9.]+)", text_of(cells))[0]
        for name in ("one pass", "5 x 5 mean", "Lee, 5 x 5")
    ]
    (one, sharp), (mean, blurred), (lee, kept) = [tuple(map(float, line)) for line in lines]
    assert one < lee < mean
    assert sharp > kept > blurred


def test_a_network_learns_on_the_practice_cube(tmp_path: Path) -> None:
    cells = lesson("03_train", tmp_path, runs_dir=str(tmp_path / "runs"))
    found = kept(runs_dir=str(tmp_path / "runs"))
    assert found["auprc"] > 4 * found["prevalence"]
    assert found["auprc"] > 1.6 * found["auprc_log_ratio"]
    assert found["simulated"] is True
    assert len(pictures(cells)) == 6


def test_a_network_is_opened(tmp_path: Path) -> None:
    cells = lesson("03b_inside_the_network", tmp_path, runs_dir=str(tmp_path / "runs"), steps=120)
    assert len(pictures(cells)) == 6
    text = text_of(cells)
    assert float(re.search(r"largest difference: (\S+) dB", text).group(1)) < 1e-9  # type: ignore[union-attr]
    assert "at most 65 pixels to each side" in text
    trained = float(re.search(r"as trained: AUPRC ([0-9.]+)", text).group(1))  # type: ignore[union-attr]
    (folder,) = (tmp_path / "runs").glob("[!.]*/")
    auprc = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["auprc"]
    assert trained == pytest.approx(auprc, abs=0.002)  # what is switched off is switched on again


@pytest.mark.parametrize(("region", "channels"), [("practice_mountains", "sar_dem"), ("practice_hurricane", "vh")])
def test_other_networks_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, channels: str) -> None:
    given = {"cube": region, "channels": channels, "steps": 20, "runs_dir": str(tmp_path / "runs")}
    holds_what_a_lesson_must(run_here("03b_inside_the_network", monkeypatch, **given))


def test_a_map_is_evaluated_and_the_run_is_kept(tmp_path: Path) -> None:
    cells = lesson("04_evaluate", tmp_path, runs_dir=str(tmp_path / "runs"), steps=60)
    assert len(pictures(cells)) == 6
    text = text_of(cells)
    assert text.count("<iframe") == 1
    kept = re.search(r"plain: promise kept in (\d+)% of 200 draws, careful: promise kept in (\d+)%", text)
    assert kept
    assert int(kept[1]) < 70
    assert int(kept[2]) >= 85
    by_hand, by_library = re.search(r"by hand ([0-9.]+), by library ([0-9.]+)", text).groups()  # type: ignore[union-attr]
    assert float(by_hand) == pytest.approx(float(by_library), abs=1e-3)  # equal scores, of which bfloat16 has many
    assert "ceiling for single pixels" in text
    assert re.search(r"beside - apart: [+-][0-9.]+, 95 % interval -", text)
    assert len(list((tmp_path / "runs").glob("[!.]*/"))) == 1  # to be read again next time


def test_a_map_and_its_files_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "maps"
    cells = lesson("05_map", tmp_path, out_dir=str(folder))
    files = {"probability.tif", "landslides.gpkg", "landslides.geojson", "map.html"}
    assert {path.name for path in folder.iterdir()} == files
    assert len(pictures(cells)) == 4
    assert text_of(cells).count("<iframe") == 1
    assert "newest pass used (UTC)" in text_of(cells)
    again = rioxarray.open_rasterio(folder / "probability.tif").squeeze(drop=True)
    polygons = gpd.read_file(folder / "landslides.gpkg")
    assert 10 < len(polygons) < 5000
    assert polygons.crs == again.rio.crs
    assert polygons["simulated"].all()
    assert again.attrs["simulated"] == "True"
    inside = rasterise_like(polygons.geometry, again) > 0
    model = again.values >= float(again.attrs["threshold"])
    groups = ndimage.label(model, np.ones((3, 3)))[0]
    large = (np.bincount(groups.ravel()) >= 4)[groups] & model
    assert (inside & large).sum() / (inside | large).sum() >= 0.99
    with pytest.raises(InputError, match=r"probability\.tif exists already"):
        run_here("05_map", monkeypatch, out_dir=str(folder))


def test_a_tiny_grid_runs_and_the_whole_one_is_judged(tmp_path: Path) -> None:
    cells = lesson("06_experiments", tmp_path, runs_dir=str(tmp_path / "runs"))
    assert len(list((tmp_path / "runs").glob("[!.]*/"))) == 4
    runs = pd.read_csv(HERE.parent / "docs" / "results" / "practice_hokkaido" / "runs.csv")
    assert f"{len(runs)} runs, {runs['seed'].nunique()} seeds" in text_of(cells)
    verdicts = pd.read_csv(HERE.parent / "docs" / "results" / "practice_hokkaido" / "claims.csv", index_col="claim")
    assert f"Terrain helps with 1 pass: {verdicts['verdict']['4. Terrain helps with 1 pass']};" in text_of(cells)
    assert "measured on the small scene" in text_of(cells)
    assert "4 passes are better than 1" in text_of([cell for cell in cells if "larger[" in cell.source])
    assert len(pictures(cells)) == 4
    assert "Real radar, loss of vegetation" in text_of(cells)
    seeds = pd.read_csv(HERE.parent / "benchmarks" / "presets_in_epochs.csv").groupby("candidate")["seed"].nunique()
    assert set(seeds[seeds > 1].index) == {"base", "rate 1e-2"}  # the changes that the text says have several seeds
    assert "auroc_gain_low" in text_of(cells)


def test_a_network_is_transferred(tmp_path: Path) -> None:
    cells = lesson("07_transfer", tmp_path, runs_dir=str(tmp_path / "runs"))
    assert "preset standard, trained on 1200 batches" in text_of(cells)
    assert not (tmp_path / "runs").exists()  # nothing was trained at home


def test_a_network_to_transfer_is_trained_if_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = run_here("07_transfer", monkeypatch, first=9, steps=10, runs_dir=str(tmp_path / "runs"))
    assert "preset quick, trained on 10 batches" in text_of(cells)


def test_an_event_of_one_s_own_becomes_a_cube_offline(tmp_path: Path) -> None:
    cells = lesson("08_your_own_event", tmp_path, folder=str(tmp_path / "event"))
    assert len(pictures(cells)) == 5
    assert "west 141" in text_of(cells)  # the wrong question's answer
    (store,) = (tmp_path / "event").glob("cube_*.zarr")
    cube = open_cube(str(store)).load()
    assert cube.attrs["simulated"] is True
    # the recorded images lie on the same grid
    practice = open_cube("practice_earthquake").sel(x=cube["x"], y=cube["y"]).load()
    assert np.array_equal(cube["landslides"], practice["landslides"])
    assert np.array_equal(cube["vv"], practice["vv"], equal_nan=True)
    assert abs(float((cube["dem"] - practice["dem"]).mean())) < 0.5


def kept(**parameters: Any) -> dict[str, Any]:
    """Return what notebook 03 measured and kept with some parameters, after a look at everything that it left."""
    folder = RunConfig(**parameters).folder
    assert {*MEMBERS, "map.png", "precision_recall.png"} == {p.name for p in folder.iterdir()}
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    for name in ("auprc", "prevalence", "auprc_landslide_chips", "prevalence_landslide_chips", "auprc_log_ratio"):
        value = found[name]
        assert (value is None and parameters.get("channels") == "dem" and name == "auprc_log_ratio") or 0 <= value <= 1
    assert found["seconds_train"] > 0
    assert found["n_train_chips"] > found["n_test_chips"] > 0
    probability = xr.open_zarr(folder / "probability.zarr")["probability"].load()
    assert float(probability.min()) >= 0
    assert float(probability.max()) <= 1
    found["share_mapped"] = float(np.isfinite(probability).mean())
    return found


def train(folder: Path, patch: pytest.MonkeyPatch, **parameters: Any) -> dict[str, Any]:
    """Run notebook 03 in this process and return what it measured."""
    parameters = {"runs_dir": str(folder / "runs"), **parameters}
    run_here("03_train", patch, **parameters)
    return kept(**parameters)


@pytest.mark.parametrize(
    ("region", "channels", "orbit"),
    [
        ("practice_mountains", "vv", "ascending"),
        ("practice_hurricane", "vh", "unknown"),
        ("practice_small", "dem", "none"),
    ],
)
def test_every_practice_region_and_band_combination_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, channels: str, orbit: str
) -> None:
    found = train(tmp_path, monkeypatch, cube=region, channels=channels, steps=20)
    assert found["orbit"] == orbit


VARIANTS = [
    {},
    {"orbit": "words", "labels": "zero", "timepair": False, "y_descending": False, "x_descending": True},
    {"orbit": None, "wedge": True, "zeros": True},
]


@pytest.mark.parametrize("options", VARIANTS, ids=["letters", "words", "absent"])
def test_every_variant_of_the_published_layout_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_published: Callable[..., str],
    options: dict[str, object],
) -> None:
    known = options.get("orbit", "letters") == "letters"
    path = write_published("hokkaido_japan" if known else "somewhere", **options)
    given = {"cube": path, "event_time": "" if known else EVENT, "steps": 20, "timesteps": 4}
    found = train(tmp_path, monkeypatch, **given)
    assert found["orbit"] == ("unknown" if options.get("orbit", "") is None else "descending")
    assert found["simulated"] is False
    if known:
        again = train(tmp_path / "again", monkeypatch, **given)
        del found["seconds_train"], again["seconds_train"]
        assert again == found  # the same seed gives the same metrics
    if options.get("wedge"):
        assert 0.5 < found["share_mapped"] < 0.95
    else:
        assert found["share_mapped"] == 1  # the ragged edge too


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("00_start_here", {"region": "practice_mountains"}),
        ("01_explore", {"region": "practice_hurricane"}),
        ("02_chips", {"region": "practice_small"}),
    ],
)
def test_a_solved_notebook_holds_for_another_region(
    monkeypatch: pytest.MonkeyPatch, name: str, parameters: dict[str, object]
) -> None:
    holds_what_a_lesson_must(run_here(name, monkeypatch, **parameters))


@pytest.mark.parametrize("there", [False, True])
def test_notebook_01_shows_a_real_window_or_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    nobody = partial(read_window, folder=tmp_path, record="http://127.0.0.1:9/api/records/7248056")
    monkeypatch.setattr(window, "read_window", nobody)
    if there:
        times, side = published(shape=(2, 2))[["timestep", "sat:orbit_state"]], {"y": 2300, "x": 1800}
        axes = {axis: 10.0 * np.arange(length) for axis, length in side.items()}
        power = xr.DataArray(np.full((2300, 1800), 0.1, "float16"), axes, list(side)).expand_dims(
            timestep=times["timestep"]
        )
        times.assign(vv=power.chunk()).to_zarr(tmp_path / "hokkaido_japan.zarr", zarr_format=2)
    cells = run_here("01_explore", monkeypatch, real="hokkaido_japan")
    holds_what_a_lesson_must(cells)
    assert ("By hand: fetch https://zenodo.org" in text_of(cells)) is not there
    assert any("hokkaido_japan: standard deviation" in picture for picture in pictures(cells)) is there


@pytest.mark.parametrize(("region", "channels"), [("practice_mountains", "vv"), ("practice_hurricane", "dem")])
def test_maps_of_other_practice_regions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, channels: str
) -> None:
    cells = run_here("05_map", monkeypatch, cube=region, channels=channels, steps=20, out_dir=str(tmp_path / "maps"))
    holds_what_a_lesson_must(cells)
    assert f"{'ascending' if channels == 'vv' else 'none'} passes" in text_of(cells)
    shares = rioxarray.open_rasterio(tmp_path / "maps" / "probability.tif").attrs
    assert (float(shares.get("share_layover", 0)) > 0.001) == (region == "practice_mountains")


def test_a_grid_takes_one_number_where_several_may_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # papermill makes numbers of -p timesteps 1 -p seeds 3
    run_here("06_experiments", monkeypatch, channels="vv", timesteps=1, seeds=3, runs_dir=str(tmp_path / "runs"))
    (folder,) = (tmp_path / "runs").glob("[!.]*/")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert (config["channels"], config["timesteps"], config["seed"], config["steps"]) == ("vv", 1, 3, 30)


def refuses(name: str, patch: pytest.MonkeyPatch, message: str, /, **parameters: object) -> None:
    """Assert that a notebook refuses parameters with a message, before its third cell of code."""
    with pytest.raises(InputError, match=re.escape(message)):
        run_here(name, patch, first=3, **parameters)


@pytest.mark.parametrize("name", LESSONS)
def test_lessons_refuse_unknown_names_and_wrong_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name in ("00_start_here", "01_explore", "02_chips"):
        refuses(name, monkeypatch, "region='hokkaido_japan' is not one of practice_earthquake", region="hokkaido_japan")
    else:
        refuses(name, monkeypatch, "region is not a parameter; these are: ", region="hokkaido_japan")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": 1.0}, "threshold=1.0: must be more than 0 and less than 1"),
        ({"thresold": 0.5}, "thresold is not a parameter; these are: cube, event_time"),
        ({"min_pixels": 0}, "min_pixels=0 is not a whole number from 1 to 100000"),
    ],
)
def test_notebook_05_refuses_wrong_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: dict[str, object], message: str
) -> None:
    refuses("05_map", monkeypatch, message, out_dir=str(tmp_path / "maps"), **parameters)
    assert not (tmp_path / "maps").exists()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run papermill from the notebooks' folder, as the README says."""
    return subprocess.run([PAPERMILL, *arguments], cwd=HERE, capture_output=True, text=True, timeout=600)


def test_the_readme_s_command_runs_verbatim(tmp_path: Path) -> None:
    output = HERE / "out.ipynb"
    output.unlink(missing_ok=True)
    runs = str(tmp_path / "runs")
    given = ["-p", "channels", "sar_dem", "-p", "steps", "20", "-p", "runs_dir", runs]
    done = command("03_train.ipynb", "out.ipynb", *given)
    assert done.returncode == 0, done.stderr[-2000:]
    assert kept(channels="sar_dem", steps=20, runs_dir=runs)["auprc"] > 0
    verdicts = outputs(nbformat.read(output, as_version=4).cells, "text/plain", "exercise")
    assert verdicts
    assert all(verdict.startswith(f"{NOT_DONE}.") for verdict in verdicts), verdicts  # it is the learner's notebook
    output.unlink()


def test_wrong_parameters_are_refused_before_any_work(tmp_path: Path) -> None:
    runs = ["-p", "runs_dir", str(tmp_path / "runs")]
    done = command("03_train.ipynb", str(tmp_path / "out.ipynb"), "-p", "channels", "sarr", "-p", "chanels", "x", *runs)
    assert done.returncode != 0
    assert "channels='sarr' is not one of vv, vh, sar, dem, sar_dem" in done.stderr
    assert "chanels is not a parameter; these are: cube, event_time, channels" in done.stderr
    assert not (tmp_path / "runs").exists()
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    counts = [cell.execution_count for cell in executed if cell.cell_type == "code" and cell.execution_count]
    assert max(counts) <= 4  # papermill adds a cell with the parameters and one with the error


def test_help_lists_each_parameter_with_type_and_sentence() -> None:
    done = command("--help-notebook", "03_train.ipynb")
    assert done.returncode == 0
    text = " ".join(done.stdout.split())
    for name, kind, sentence in (
        ("cube", "str", "A region's name"),
        ("event_time", "str", "Date and time of the event"),
        ("channels", "str", "What the network sees"),
        ("timesteps", "int", "Passes averaged"),
        ("orbit", "str", "Orbit direction of all passes"),
        ("split", "str", "How chips are split"),
        ("preset", "str", "How large a network"),
        ("seed", "int", "Of the split"),
        ("steps", "int", "Batches that the network is trained on"),
        ("runs_dir", "str", "Folder in which the run is saved"),
    ):
        assert re.search(rf"{name}: {kind} \(default [^)]*\) {re.escape(sentence)}", text), name
    assert text.count(": str") + text.count(": int") == 10


def test_notebook_08_takes_real_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    folder = real_data / "opera_rtc"
    with rasterio.open(next(iter(sorted(folder.glob("*292320*.tif"))))) as source:
        bounds, crs, profile = source.bounds, source.crs, source.profile
    centre = Point((bounds.left + bounds.right) / 2, (bounds.bottom + bounds.top) / 2)
    gpd.GeoDataFrame(geometry=[centre.buffer(200)], crs=crs).to_file(tmp_path / "slides.gpkg")
    with rasterio.open(tmp_path / "dem.tif", "w", **profile) as target:
        tilted = np.add.outer(np.arange(100.0), 3 * np.arange(100)).astype("float32")  # stands in for the ground
        target.write(tilted, 1)
    inner = bounds.left + 200, bounds.bottom + 200, bounds.right - 200, bounds.top - 200
    place = rasterio.warp.transform_bounds(crs, "EPSG:4326", *inner)
    run_here(
        "08_your_own_event",
        monkeypatch,
        radar=str(folder),
        dem=str(tmp_path / "dem.tif"),
        polygons=str(tmp_path / "slides.gpkg"),
        box=", ".join(map(str, place)),
        event_time="2024-10-15T00:00:00",
        name="California",
        pixel_size_m=30,
        folder=str(tmp_path / "event"),
    )
    (store,) = (tmp_path / "event").glob("cube_*.zarr")
    assert open_cube(str(store)).attrs["simulated"] is False


def test_the_real_core_of_hokkaido_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_data: Path) -> None:
    dem = rioxarray.open_rasterio(real_data / "hokkaido_core" / "dsm.tif").squeeze(drop=True)
    polygons = gpd.read_file(real_data / "hokkaido_core" / "slope_failures.gpkg")
    path = write_cube(real_scene(dem, polygons), tmp_path / "hokkaido_core.zarr")
    found = train(tmp_path, monkeypatch, cube=str(path))
    assert found["auprc"] > 4 * found["prevalence"]
