from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from safetensors.torch import load_file, safe_open

from landslide_utils import experiments
from landslide_utils.chips import Normalisation
from landslide_utils.experiments import MEMBERS, ConfigError, RunConfig, read_parameters, save_run, summary
from landslide_utils.metrics import Curve
from landslide_utils.plots import Picture


def test_all_wrong_values_are_listed_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError) as raised:
        RunConfig(
            channels="sarr",
            orbit="up",
            split="x",
            preset="big",
            timesteps=5,
            seed=-1,
            epochs=True,
            cube="",
            event_time="2018-09-05",
        )
    text = str(raised.value)
    for part in (
        "channels='sarr' is not one of vv, vh, sar, dem, sar_dem",
        "orbit='up' is not one of auto, descending, ascending",
        "split='x' is not one of blocked, random",
        "preset='big' is not one of quick, standard, paper",
        "timesteps=5 is not a whole number from 1 to 4",
        "seed=-1 is not",
        "epochs=True is not",
        "cube='' is not a name, path or URL",
        "is a day",
    ):
        assert part in text


def test_the_hash_depends_on_the_experiment_and_not_on_where_it_is_kept() -> None:
    base = RunConfig()
    assert RunConfig(runs_dir="elsewhere").hash == base.hash
    assert len({base.hash, RunConfig(seed=1).hash, RunConfig(channels="vv").hash, RunConfig(cube="x.zarr").hash}) == 4
    assert base.folder == Path("runs") / base.hash
    assert RunConfig(epochs=base.chosen_epochs).hash == base.hash
    assert base.chosen_epochs > RunConfig(epochs=1).chosen_epochs == 1


def test_a_relative_and_an_absolute_path_are_the_same_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunConfig(cube="a.zarr").hash == RunConfig(cube=str(tmp_path / "a.zarr")).hash


def test_parameters_are_read_from_a_notebook() -> None:
    namespace = {
        "channels": "vh",
        "seed": 4,
        "something_else": 5,
        "In": ["", "channels = 'vh'", "# Parameters\nseed = 4\n"],
    }
    config = read_parameters(namespace)
    assert (config.channels, config.seed, config.preset) == ("vh", 4, "quick")


def test_unknown_parameters_and_wrong_values_are_refused_together() -> None:
    namespace = {"channels": "sarr", "chanels": "sar", "In": ["", "# Parameters\nchannels = 'sarr'\nchanels = 'sar'\n"]}
    with pytest.raises(ConfigError) as raised:
        read_parameters(namespace)
    assert "chanels is not a parameter; these are: cube, event_time, channels" in str(raised.value)
    assert "channels='sarr' is not one of" in str(raised.value)


@pytest.fixture
def run(tmp_path: Path) -> dict[str, object]:
    probability = xr.DataArray(
        np.random.default_rng(0).uniform(size=(30, 40)).astype("float32"),
        dims=("y", "x"),
        coords={"y": np.arange(30.0), "x": np.arange(40.0)},
    )
    return {
        "config": RunConfig(runs_dir=str(tmp_path / "runs")),
        "metrics": {"auprc": 0.5, "auprc_log_ratio": float("nan"), "n_test_chips": 3},
        "history": pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.4]}),
        "model": torch.nn.Conv2d(2, 1, 3),
        "normalisation": Normalisation(("vv_before", "vv_after"), (-7.0, -7.5), (2.0, 2.1)),
        "probability": probability,
    }


def test_a_run_is_saved_whole_and_can_be_read_back(run: dict) -> None:  # type: ignore[type-arg]
    picture = Picture(b"png", "a picture")
    folder = save_run(**run, pictures={"map": picture})
    assert {p.name for p in folder.iterdir()} == {*MEMBERS, "map.png"}
    config = json.loads((folder / "config.json").read_text())
    assert config["hash"] == folder.name == run["config"].hash
    assert json.loads((folder / "metrics.json").read_text()) == {
        "auprc": 0.5,
        "auprc_log_ratio": None,
        "n_test_chips": 3,
    }
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
    assert json.loads((folder / "metrics.json").read_text()) == {"auprc": 0.9}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_failed_save_leaves_no_folder_and_harms_no_earlier_run(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xr.Dataset, "to_zarr", full)
    with pytest.raises(OSError, match="No space left"):
        save_run(**{**run, "metrics": {"auprc": 0.9}})
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    assert json.loads((folder / "metrics.json").read_text())["auprc"] == 0.5


def test_another_process_that_saves_at_the_same_moment_does_no_harm(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[type-arg]
    folder = save_run(**run)
    rename, times = os.rename, []

    def rival(source: str, target: str) -> None:
        rename(source, target)
        if str(source) == str(folder) and not times:  # the folder was moved aside; the other process puts its own there
            times.append(1)
            folder.mkdir()
            (folder / "metrics.json").write_text("{}")

    monkeypatch.setattr(experiments.os, "rename", rival)
    assert save_run(**{**run, "metrics": {"auprc": 0.9}}) == folder
    assert json.loads((folder / "metrics.json").read_text()) == {"auprc": 0.9}
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_the_summary_names_the_best_log_ratio() -> None:
    none = np.array([0.0])
    curves = {
        name: Curve(none, none, area, 0.1)
        for name, area in (("UNet++", 0.7), ("VV log ratio", 0.2), ("VH log ratio", 0.3))
    }
    chips = pd.DataFrame(
        {"part": ["train"] * 3 + ["test"] * 2, "landslide_share": [0, 0, 0, 0.1, 0], "block": [0, 0, 1, 2, 3]}
    )
    composite = xr.Dataset(
        attrs={"simulated": True, "orbit": "descending", "passes_before": ["a", "b"], "passes_after": ["c"]}
    )
    found = summary({"auprc": 0.7}, curves, pd.DataFrame({"seconds": [1.5, 2.0]}), chips, composite)
    assert found["auprc_log_ratio"] == 0.3
    assert found["best_log_ratio"] == "VH log ratio"
    assert (found["seconds_train"], found["n_train_chips"], found["n_test_chips"]) == (3.5, 3, 2)
    assert found["n_test_blocks_with_landslides"] == 1
    assert found["passes_before"] == "a, b"
    assert summary({}, {}, pd.DataFrame({"seconds": [1.0]}), chips, composite)["auprc_log_ratio"] is None
