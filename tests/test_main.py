from __future__ import annotations

import dataclasses
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import rioxarray

from landslide_utils.__main__ import COMMANDS, GRID, PAIRS, RUN, main
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.grid import plan_runs
from landslide_utils.simulate.scenario import PRACTICE

HELP = """
import sys
from landslide_utils.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as ended:
    print("code", ended.code, "loaded", *[name for name in ("numpy", "xarray", "torch") if name in sys.modules])
"""


EVENT = [
    *("--box", "141.9", "-42.7", "141.8", "42.8", "--event-time", "2018-09-05"),
    *("--polygons", "nowhere.gpkg", "--radar", "nowhere", "--dem", "nowhere.tif", "--out", "cube.zarr"),
]


@pytest.mark.parametrize("name", ["", *(name for name in COMMANDS)])
def test_help_is_quick_and_does_nothing_else(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HELP, *([name] if name else []), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "code 0 loaded"
    assert (f"usage: landslides {name}" if name else "usage: landslides") in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_no_command_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([])
    text = capsys.readouterr().out
    assert re.findall(r"^    (\w+)", text, re.M) == [*COMMANDS, "download"]


@pytest.mark.slow
@pytest.mark.parametrize("module", ["experiments"])
def test_modules_are_commands_too(module: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"landslide_utils.{module}", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: landslides {module.rpartition('.')[2]}")
    assert list(tmp_path.iterdir()) == []


def test_the_console_script_is_this_function() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"landslides": "landslide_utils.__main__:main"}


def test_defaults_are_those_of_the_package() -> None:
    fields = {field.name.replace("_", "-"): field.default for field in dataclasses.fields(RunConfig)}
    assert {name: default for name, (default, _) in RUN.items()} == fields
    for name, parameter in inspect.signature(plan_runs).parameters.items():
        if name != "fixed":
            assert GRID[name][0] == list(parameter.default)
    assert PAIRS["cubes"][0] == list(PRACTICE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--channels", "xx", "--timesteps", "9"], "channels='xx' is not one of vv, vh"),
        (["train", "--channels", "xx", "--timesteps", "9"], "timesteps=9 is not a whole number from 1 to 4"),
        (["train", "--cube", "nowhere.zarr"], "no such path"),
        (["prepare", "--cube", "nowhere.zarr"], "no such path"),
        (["prepare", "--cube", "nowhere.zarr", "--until", "2018-09-05"], "until='2018-09-05'"),
        (["prepare", "--cube", "nowhere.zarr", "--channels", "dem"], "would learn where landslides were drawn"),
        (["map", "--run", "nowhere"], "there is no run in nowhere"),
        (["map", "--run", "nowhere", "--threshold", "2"], "threshold=2.0: must be more than 0 and less than 1"),
        (["experiments", "--channels", "vv", "xx", "--dry-run"], "channels='xx' is not one of"),
        (["event", *EVENT], "event_time='2018-09-05' is a day"),
        (["event", *EVENT], "box"),
        (["event", *EVENT[:7], *EVENT[9:]], "event_time='2018-09-05' is a day"),  # without outlines
        (["transfer", "--channels", "vx"], "channels='vx' is not one of vv, vh"),
        (["experiments", "--results", __file__], "is a file where a folder is needed"),
        (["transfer", "--results", __file__], "is a file where a folder is needed"),
        (["experiments", "--threads-per-worker", "0"], "threads_per_worker=0 is not a whole number from 1 to 1024"),
        (["train", "--runs-dir", f"{__file__}/runs"], "is a file where a folder is needed; choose another folder"),
        (["map", "--run", "nowhere", "--out-dir", __file__], "is a file where a folder is needed"),
        (["map", "--run", "nowhere", "--incidence-degrees", "95"], "must be between 10 and 70 (Sentinel-1 IW: 29 to"),
        (["event", *EVENT, "--radar", "a\0b"], "has a name too long"),
        (["map", "--run", "nowhere", "--min-pixels", "0"], "min_pixels=0 is not a whole number from 1 to 100000"),
    ],
)
def test_bad_input_ends_with_code_2_and_the_reason(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "arguments", [["train", "--timesteps", "many"], ["map"], ["fly"], ["train", "--chanels", "vv"]]
)
def test_what_cannot_be_read_ends_with_code_2_too(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


def test_a_dry_run_says_what_is_there_and_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    assert main(["experiments", "--dry-run", "--channels", "vv", "--seeds", "0", "--runs-dir", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("missing") for line in lines)
    assert not runs.exists()


@pytest.mark.slow
def test_a_run_is_trained_and_its_map_is_written(
    tmp_path: Path, write_published: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    cube, runs, maps = write_published(shape=(460, 460)), tmp_path / "runs", tmp_path / "maps"
    assert main(["train", "--cube", cube, "--steps", "4", "--timesteps", "2", "--runs-dir", str(runs)]) == 0
    (run,) = runs.glob("[!.]*/")
    printed = capsys.readouterr().out
    assert printed.startswith("AUPRC 0.")
    assert printed.splitlines()[-1] == str(run)
    assert main(["map", "--run", str(run), "--incidence-degrees", "39", "--out-dir", str(maps)]) == 0
    threshold = float(capsys.readouterr().out.split()[-1])
    probability = rioxarray.open_rasterio(maps / "probability.tif").squeeze()
    assert probability.shape == (460, 460)
    polygons = gpd.read_file(maps / "landslides.gpkg")
    assert len(polygons) == len(gpd.read_file(maps / "landslides.geojson"))
    assert polygons["probability_mean"].min() >= threshold - 0.01
    assert main(["map", "--run", str(run), "--incidence-degrees", "39", "--out-dir", str(maps)]) == 2
    assert "probability.tif exists already" in capsys.readouterr().err
