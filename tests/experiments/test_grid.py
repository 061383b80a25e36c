from __future__ import annotations

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from distributed import LocalCluster

from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.grid import GridError, collect, collect_draws, is_done, plan_runs, run_grid
from landslide_utils.experiments.runs import read_run, run
from landslide_utils.files import InputError
from landslide_utils.model import PRESETS


def test_a_grid_is_every_combination_once() -> None:
    configs = plan_runs(channels=["vv", "sar"], timesteps=[1, 4], seeds=[0, 1, 2], cube="practice_small")
    assert len({config.hash for config in configs}) == 12
    assert {config.cube for config in configs} == {"practice_small"}
    assert len(plan_runs()) == 4 * 4 * 3 + 3  # terrain has no passes


def test_a_grid_lists_all_wrong_values_once() -> None:
    with pytest.raises(InputError) as raised:
        plan_runs(channels=["vv", "xx"], timesteps=[1, 9], seeds=[0, 1])
    text = str(raised.value)
    assert text.count("channels='xx'") == 1
    assert text.count("timesteps=9") == 1


def test_a_parameter_s_old_name_is_refused_with_its_new_one() -> None:
    with pytest.raises(
        InputError,
        match=r"epochs is now steps: training is counted in batches(.|\n)*sead is not a para(.|\n)*timesteps=9",
    ):
        plan_runs(epochs=3, sead=1, timesteps=[9])


def _arguments(cube: str, runs: Path, *more: str) -> list[str]:
    fixed = [
        "--cube",
        cube,
        "--steps",
        "2",
        "--runs-dir",
        str(runs),
        "--channels",
        "vv",
        "vh",
        "--timesteps",
        "1",
        "2",
    ]
    return [sys.executable, "-m", "landslide_utils.experiments", *fixed, *more]


@pytest.mark.slow
def test_a_grid_that_is_killed_five_times_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_published: Callable[..., str]
) -> None:
    monkeypatch.setitem(PRESETS, "quick", dataclasses.replace(PRESETS["quick"], validate_every=4))  # as in killed.py
    given = {"cube": write_published(shape=(460, 460)), "channels": "vh", "timesteps": 1, "steps": 8}
    config, undisturbed = (RunConfig(**given, runs_dir=str(tmp_path / name)) for name in ("runs", "undisturbed"))  # type: ignore[arg-type]
    script = Path(__file__).with_name("killed.py")
    command = [sys.executable, str(script), json.dumps(dataclasses.asdict(config))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    ends = [json.loads(line) for line in done.stdout.splitlines()]
    assert [end["signal"] for end in ends] == [signal.SIGKILL] * 5 + [0]
    left = [{re.sub(r"[0-9a-f]{8}\.part", "PART", name) for name in end["names"]} - {".RUN.lock"} for end in ends]
    checkpoint, half_a_checkpoint = ".RUN.checkpoint.safetensors", "..RUN.checkpoint.safetensors.PART"
    assert left == [
        {half_a_checkpoint},
        {half_a_checkpoint, checkpoint},
        {checkpoint},
        {checkpoint, ".RUN.PART"},
        {checkpoint, ".RUN.PART", "RUN"},
        {"RUN"},
    ]
    first, second = read_run(config.folder), run(undisturbed, progress=False)
    assert {**first.metrics, "seconds_train": 0} == {**second.metrics, "seconds_train": 0}


@pytest.mark.slow
def test_two_grids_share_a_folder_and_a_damaged_run_is_mended(
    tmp_path: Path, write_published: Callable[..., str]
) -> None:
    runs = tmp_path / "runs"
    command = _arguments(write_published(), runs, "--seeds", "0", "--results", str(tmp_path / "results"))
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors
    table = collect(runs)
    assert len(table) == 4
    assert (tmp_path / "results" / "passes.png").stat().st_size > 10_000
    assert list(collect_draws(table).columns) == list(table["run"])
    harmed, whole = runs / table["run"][0], runs / table["run"][1]
    shutil.rmtree(harmed / "probability.zarr")
    before = (whole / "metrics.json").stat().st_mtime_ns
    with pytest.warns(UserWarning, match=rf"{harmed.name} cannot be used[\s\S]*probability.zarr missing"):
        assert len(collect(runs)) == 3
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    assert len(collect(runs)) == 4
    assert (whole / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_run_that_fails_stops_no_other(tmp_path: Path, write_published: Callable[..., str]) -> None:
    cube = write_published()
    good = plan_runs(cube=cube, channels=["vh"], timesteps=[1], seeds=[0], steps=4, runs_dir=str(tmp_path))
    bad = plan_runs(
        cube=cube, channels=["vh"], timesteps=[4], seeds=[0], steps=4, orbit="ascending", runs_dir=str(tmp_path)
    )
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None) as cluster,  # some other scheduler
        pytest.raises(GridError, match=r"1 runs failed; the others are done[\s\S]*4 ascending passes are needed"),
    ):
        run_grid([*bad, *good], scheduler=cluster.scheduler_address, progress=False)
    assert is_done(good[0])
    assert not is_done(bad[0])
    assert isinstance(run_grid(good, progress=False), pd.DataFrame)
