from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from conftest import any_json, make_pipe, put
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, safe_open, save_file

from landslide_utils.experiments import runs
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import MEMBERS, RunBusyError, RunError, read_run, save_run
from landslide_utils.figures.style import Picture
from landslide_utils.metrics import auprc
from landslide_utils.scene import Normalisation

METRICS: dict[str, object] = {
    "format": runs.FORMAT,
    **dict.fromkeys(runs.METRICS, 0.5),
    "auprc_log_ratio": float("nan"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(**describe(tmp_path_factory.mktemp("saved")))


@pytest.fixture
def run(tmp_path: Path) -> dict[str, object]:
    return describe(tmp_path)


def describe(folder: Path) -> dict[str, Any]:
    """Return what a made-up run is saved from."""
    probability = xr.DataArray(
        np.random.default_rng(0).uniform(size=(30, 40)).astype("float32"),
        dims=("y", "x"),
        coords={"y": np.arange(30.0), "x": np.arange(40.0)},
    )
    return {
        "config": RunConfig(runs_dir=str(folder / "runs")),
        "metrics": METRICS,
        "bootstrap": pd.DataFrame({"auprc": [0.4, 0.5], "auprc_landslide_chips": [0.5, 0.6]}),
        "history": pd.DataFrame(
            {"step": [1, 2], "train_loss": [0.5, 0.4], "validation_auprc": [0.1, 0.2], "seconds": [2.0, 1.0]}
        ),
        "model": torch.nn.Conv2d(2, 1, 3),
        "normalisation": Normalisation(("vv_before", "vv_after"), (-7.0, -7.5), (2.0, 2.1)),
        "probability": probability,
    }


def test_a_run_is_saved_whole_and_can_be_read_back(run: dict) -> None:  # type: ignore[type-arg]
    picture = Picture(b"png", "a picture")
    folder = save_run(**run, pictures={"map": picture})
    assert {p.name for p in folder.iterdir()} == {*MEMBERS, "map.png"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["hash"] == folder.name == run["config"].hash
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == METRICS | {"auprc_log_ratio": None}
    pd.testing.assert_frame_equal(pd.read_csv(folder / "history.csv"), run["history"])
    weights = load_file(folder / "model.safetensors")
    assert torch.equal(weights["weight"], run["model"].weight)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["normalisation"])["mean"] == [-7.0, -7.5]
    xr.testing.assert_equal(xr.open_zarr(folder / "probability.zarr")["probability"].load(), run["probability"])
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_second_run_takes_the_place_of_the_first(run: dict) -> None:  # type: ignore[type-arg]
    save_run(**run)
    folder = save_run(**{**run, "metrics": {"auprc": 0.9}})
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == {"auprc": 0.9}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_failed_save_leaves_no_folder_and_harms_no_earlier_run(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", full)
    with pytest.raises(OSError, match=r"the disk is full: .* were written, and it needs more; make room"):
        save_run(**{**run, "metrics": {"auprc": 0.9}})
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["auprc"] == 0.5


def test_another_process_that_saves_at_the_same_moment_does_no_harm(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    rename, times = os.rename, []

    def rival(source: str, target: str) -> None:
        rename(source, target)
        if str(source) == str(folder) and not times:  # the folder was moved aside; the other process puts its own there
            times.append(1)
            folder.mkdir()
            (folder / "metrics.json").write_text("{}", encoding="utf-8")

    monkeypatch.setattr(os, "rename", rival)
    assert save_run(**{**run, "metrics": {"auprc": 0.9}}) == folder
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == {"auprc": 0.9}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_saved_run_is_read_back(run: dict) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    found = read_run(folder)
    assert found.config == run["config"]
    assert found.metrics["auprc"] == 0.5
    pd.testing.assert_frame_equal(found.history, run["history"])
    pd.testing.assert_frame_equal(found.bootstrap, run["bootstrap"])


def change(folder: Path, **values: object) -> None:
    file = folder / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")


def leave_out(folder: Path, *names: str) -> None:
    file = folder / "metrics.json"
    file.write_text(
        json.dumps({name: v for name, v in json.loads(file.read_text(encoding="utf-8")).items() if name not in names}),
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors missing"),
        (lambda folder: shutil.rmtree(folder / "probability.zarr"), "probability.zarr missing"),
        (lambda folder: (folder / "probability.zarr" / ".zmetadata").unlink(), "probability.zarr is not whole"),
        (
            lambda folder: (folder / "metrics.json").write_text('{"auprc": 0.', encoding="utf-8"),
            "it cannot be read \\(JSONDecodeError",
        ),
        (
            lambda folder: (folder / "metrics.json").write_text('{"auprc": 0.5, "format": 1}', encoding="utf-8"),
            "metrics.json has layout 1, this version reads",
        ),
        (lambda folder: (folder / "config.json").write_text("{}", encoding="utf-8"), "it cannot be read \\(KeyError"),
        (
            lambda folder: (folder / "config.json").write_text("[" * 100_000, encoding="utf-8"),
            "it cannot be read .* nested too deeply",
        ),
        (lambda folder: (folder / "config.json").write_bytes(b" " * 2**25), "33.6MB where 16.8MB are allowed"),
        (lambda folder: make_pipe(folder / "metrics.json"), "metrics.json is not a file, but a folder or a device"),
        (lambda folder: make_pipe(folder / "history.csv"), "history.csv is not a file, but a folder or a device"),
        (lambda folder: (folder / "bootstrap.csv").write_bytes(b" " * 2**25), "33.6MB where 1.05MB are allowed"),
        (lambda folder: (folder / "history.csv").write_bytes(b"a," * 10**5), "history.csv has too many columns"),
        (lambda folder: leave_out(folder, "prevalence", "steps"), "metrics.json lacks prevalence, steps"),
        (lambda folder: change(folder, auprc="high"), "metrics.json has no number for auprc"),
        (
            lambda folder: (folder / "history.csv").write_text("step\n1\n", encoding="utf-8"),
            "history.csv lacks seconds, validation_auprc",
        ),
        (
            lambda folder: (folder / "bootstrap.csv").write_text("a\n1\n", encoding="utf-8"),
            "bootstrap.csv lacks auprc, auprc_land",
        ),
        (
            lambda folder: (folder / "bootstrap.csv").write_text("", encoding="utf-8"),
            "it cannot be read \\(EmptyDataError",
        ),
    ],
)
def test_a_damaged_run_is_refused_and_says_why(run: dict, harm: Callable[[Path], None], message: str) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    harm(folder)
    with pytest.raises(RunError, match=message):
        read_run(folder)


def test_a_damaged_map_or_network_is_refused_in_words(run: dict) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    (folder / "probability.zarr" / "probability" / "0.0").write_bytes(b"half")
    with pytest.raises(RunError, match=r"run its configuration again.*\n.*probability/0\.0 cannot be read .* damaged"):
        read_run(folder).probability()
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    with pytest.raises(RunError, match=r"model\.safetensors cannot be used \(.*size mismatch|Missing key"):
        read_run(folder).model()
    for bad, message in (
        (whole[:200], "is damaged"),
        ((2**40).to_bytes(8, "little") + whole[8:], "has a header of 1.10TB where 16.8MB are allowed"),
        (b"", "is damaged"),
    ):
        weights.write_bytes(bad)
        with pytest.raises(RunError, match=message):
            read_run(folder).model()


@pytest.mark.parametrize(
    "changed", [{"channels": [1, 2]}, {"mean": [None, 0]}, {"sd": [0, 1]}, {"sd": ["x", "y"]}, {"mean": [1]}]
)
def test_a_normalisation_that_is_none_is_refused_in_words(run: dict, changed: dict) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    described = dataclasses.asdict(run["normalisation"]) | changed
    save_file({"weight": torch.zeros(1)}, folder / "model.safetensors", {"normalisation": json.dumps(described)})
    with pytest.raises(
        RunError, match=r"model\.safetensors cannot be used \((its normalisation|could not convert|setting)"
    ):
        read_run(folder).model()


@given(
    name=st.sampled_from(["config.json", "metrics.json", "history.csv", "bootstrap.csv", "model.safetensors"])
    | st.sampled_from(["probability.zarr/.zmetadata", "probability.zarr/probability/0.0"]),
    body=st.binary(max_size=60) | any_json.map(lambda value: json.dumps(value).encode()),
    place=st.lists(st.integers(0, 30), max_size=3),
    value=any_json,
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_run_s_folder_holds_the_error_is_the_project_s_own(
    saved: Path, name: str, body: bytes, place: list[int], value: object
) -> None:
    file = saved / name
    whole = file.read_bytes()
    try:
        if name.endswith(".json") and place:
            body = json.dumps(put(json.loads(whole), place, value)).encode()
        file.write_bytes(body)
        with contextlib.suppress(RunError):
            found = read_run(saved)
            with contextlib.suppress(RunError):
                found.probability()
            if name in ("config.json", "model.safetensors"):  # a network depends on these two, and takes long to build
                found.model()
    finally:
        file.write_bytes(whole)


def test_what_a_killed_process_left_of_any_run_is_swept(run: dict) -> None:  # type: ignore[type-arg]
    folder = save_run(**run).parent
    (left := folder / ".0123456789ab.01234567.part").mkdir()
    (left / "probability.zarr").mkdir()
    (mine := folder / ".my notes.part").mkdir()
    runs.remove_leftovers_of(run["config"])
    assert not left.exists()
    assert mine.exists()


def test_a_run_that_was_moved_to_another_name_is_refused(run: dict) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    moved = folder.rename(folder.with_name("0123456789ab"))
    with pytest.raises(RunError, match=f"config.json is that of run {folder.name}"):
        read_run(moved)


def test_a_disk_that_is_full_leaves_nothing_behind(run: dict) -> None:  # type: ignore[type-arg]
    import resource
    import signal

    folder = save_run(**run)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ignored, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (2_000, limits[1])
        )  # no file may grow beyond 2,000 bytes: a disk that fills up
        with pytest.raises(Exception, match=r"too large|File|os error 27"):
            save_run(**{**run, "model": torch.nn.Conv2d(64, 64, 3)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    read_run(folder)


@pytest.mark.slow
def test_a_run_trains_maps_and_measures_once(
    tmp_path: Path, write_published: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RunConfig(cube=write_published(), channels="vh", timesteps=2, steps=4, runs_dir=str(tmp_path))
    found = runs.run(config, progress=False)
    assert {path.name for path in tmp_path.iterdir()} <= {config.hash, f".{config.hash}.lock"}
    assert found.metrics["auprc_low"] <= found.metrics["auprc"] <= found.metrics["auprc_high"]
    assert found.metrics["steps"] == 4
    assert set(found.metrics) >= {"format", *runs.METRICS}
    probability = xr.open_zarr(config.folder / "probability.zarr")["probability"].load()
    from landslide_utils.chips import part_mask, split_chips
    from landslide_utils.cube import open_cube

    labels = open_cube(config.cube)["landslides"].load()
    test = part_mask(split_chips(labels, seed=0), "test", labels).values
    assert found.metrics["auprc"] == pytest.approx(auprc(labels.values[test], probability.values[test]), abs=1e-9)
    monkeypatch.setattr(runs, "_run", lambda *_: pytest.fail("a finished run was trained again"))
    assert runs.run(config, progress=False).metrics == found.metrics
    (config.folder / "history.csv").unlink()
    monkeypatch.setattr(runs, "_run", lambda *_: "again")
    assert runs.run(config, progress=False) == "again"  # type: ignore[comparison-overlap]


def test_a_run_that_another_process_trains_is_left_alone(tmp_path: Path) -> None:
    config = RunConfig(cube="nowhere.zarr", runs_dir=str(tmp_path))
    with (
        FileLock(tmp_path / f".{config.hash}.lock"),
        pytest.raises(RunBusyError, match="is being trained by another process"),
    ):
        runs.run(config)


def test_a_checkpoint_that_cannot_be_used_is_said_and_training_starts_over(
    tmp_path: Path, write_published: Callable[..., str]
) -> None:
    cube = write_published(shape=(460, 460))
    config = RunConfig(cube=cube, channels="vh", timesteps=1, steps=4, runs_dir=str(tmp_path))
    (tmp_path / f".{config.hash}.checkpoint.safetensors").write_bytes(b"half a file")
    with pytest.warns(UserWarning, match=r"cannot be read .* Starting over"):
        assert runs.run(config, progress=False).metrics["steps"] == 4
