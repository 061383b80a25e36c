from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from landslide_utils import train
from landslide_utils.chips import Normalisation, Scene
from landslide_utils.model import PRESETS
from landslide_utils.train import CheckpointError

TINY = dataclasses.replace(PRESETS["quick"], decoder=(8, 4), epochs=2, batch_size=1, learning_rate=1e-2, augment=False)


def _scene(four_chips: pd.DataFrame) -> Scene:
    random = np.random.default_rng(0)
    coords = {"y": np.arange(128), "x": np.arange(600)}
    labels = xr.DataArray(np.zeros((128, 600), bool), dims=("y", "x"), coords=coords)
    for row, col in random.integers(8, 118, (60, 2)) * [1, 5]:
        labels.values[row - 4 : row + 4, col - 4 : col + 4] = True
    noise = random.normal(0, 0.5, (2, 128, 600)) + np.stack([np.zeros((128, 600)), 2 * labels.values])
    image = xr.DataArray(
        noise.astype("float32"), dims=("channel", "y", "x"), coords={"channel": ["vv_before", "vv_after"], **coords}
    )
    chips = four_chips.assign(landslide_share=[float(labels.values[:, c : c + 128].mean()) for c in four_chips["col"]])
    unchanged = Normalisation(("vv_before", "vv_after"), (0.0, 0.0), (1.0, 1.0))
    return Scene(xr.Dataset({"image": image, "landslides": labels}), chips, unchanged)


def test_the_network_learns_and_the_same_seed_gives_the_same_history(four_chips: pd.DataFrame) -> None:
    scene = _scene(four_chips)

    def history(seed: int) -> pd.DataFrame:
        session = train.start_session(scene, TINY, epochs=10, seed=seed)
        return pd.DataFrame(train.fit(session, 10, progress=False)).drop(columns="seconds")

    first = history(0)
    pd.testing.assert_frame_equal(first, history(0), check_exact=True)
    assert not first.equals(history(1))
    assert first["train_loss"].iloc[-1] < 0.7 * first["train_loss"].iloc[0]
    assert first["validation_auprc"].iloc[-1] > 4 * scene.landslides.values[:, 288:416].mean()
    assert list(first["epoch"]) == list(range(1, 11))


def test_a_share_of_chips_with_landslides_is_drawn(four_chips: pd.DataFrame) -> None:
    scene = _scene(four_chips)
    poor = dataclasses.replace(scene, chips=scene.chips.assign(landslide_share=[0.1, 0.0, 0.1, 0.1]))
    preset = dataclasses.replace(TINY, landslide_chips=0.9)
    session = train.start_session(poor, preset)
    drawn = [float(batch["image"][0, 0, 0, 0]) for _ in range(100) for batch in session.train_batches]
    with_landslides = float(scene.image.values[0, 0, 0])
    assert np.mean([value == with_landslides for value in drawn]) == pytest.approx(0.9, abs=0.08)
    only = train.start_session(poor, dataclasses.replace(preset, landslide_chips=1))
    assert [float(batch["image"][0, 0, 0, 0]) for batch in only.train_batches] == [with_landslides]


def test_a_reader_s_own_epoch_is_what_runs(four_chips: pd.DataFrame) -> None:
    session = train.start_session(_scene(four_chips), TINY)
    lines = list(train.fit(session, 2, train_epoch=lambda _: 0.25, progress=False))
    assert [line["train_loss"] for line in lines] == [0.25, 0.25]


def test_a_loss_that_is_no_number_stops_training(four_chips: pd.DataFrame) -> None:
    session = train.start_session(_scene(four_chips), TINY)
    with pytest.raises(FloatingPointError, match="in epoch 1 the loss became nan; choose a smaller learning rate"):
        list(train.fit(session, 2, train_epoch=lambda _: float("nan"), progress=False))


def _weights(session: train.Session) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in session.model.state_dict().items()}


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    four_chips: pd.DataFrame, tmp_path: Path, schedule: str
) -> None:
    scene = _scene(four_chips)
    preset = dataclasses.replace(TINY, augment=True, patience=9, schedule=schedule, landslide_chips=0.8)
    whole = train.start_session(scene, preset, epochs=4, seed=3)
    expected = pd.DataFrame(train.fit(whole, 4, progress=False))
    stopped = train.start_session(scene, preset, epochs=4, seed=3)
    epochs = train.fit(stopped, 4, progress=False, checkpoint=tmp_path / "c.safetensors")
    next(epochs), next(epochs)
    epochs.close()  # type: ignore[attr-defined]
    resumed = train.start_session(scene, preset, epochs=4, seed=3)
    found = pd.DataFrame(train.fit(resumed, 4, progress=False, checkpoint=tmp_path / "c.safetensors"))
    pd.testing.assert_frame_equal(found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)
    first, second = _weights(whole), _weights(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_the_best_epoch_s_weights_are_kept_and_training_stops_early(four_chips: pd.DataFrame) -> None:
    session = train.start_session(_scene(four_chips), dataclasses.replace(TINY, patience=2), epochs=9)
    kept: list[dict[str, torch.Tensor]] = []
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.9])
    validate = train.validate
    train.validate = lambda _: {"validation_loss": 1.0, "validation_auprc": next(scores)}
    try:
        for _ in train.fit(session, 9, progress=False):
            kept.append(_weights(session))
    finally:
        train.validate = validate
    assert len(kept) == 4  # two epochs after the best one
    final = _weights(session)
    assert all(torch.equal(final[name], kept[1][name]) for name in final)
    assert not all(torch.equal(final[name], kept[3][name]) for name in final)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "seed 3 instead of 5"),
        ({"preset": dataclasses.replace(TINY, decoder=(16, 4))}, "network .* instead of"),
        ({"channels": 1}, "channels 2 instead of 1"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    four_chips: pd.DataFrame,
    tmp_path: Path,
    change: dict,
    message: str,  # type: ignore[type-arg]
) -> None:
    scene = _scene(four_chips)
    path = tmp_path / "c.safetensors"
    first = train.start_session(scene, TINY, epochs=2, seed=3)
    next(train.fit(first, 2, progress=False, checkpoint=path))
    if "channels" in change:
        first_band = Normalisation(("vv_before",), (0.0,), (1.0,))
        scene = Scene(scene.composite.isel(channel=slice(1)), scene.chips, first_band)
    other = train.start_session(scene, change.get("preset", TINY), epochs=2, seed=change.get("seed", 3))
    before = _weights(other)
    with pytest.raises(CheckpointError, match=f"is of another training .*{message}.*delete it"):
        list(train.fit(other, 2, progress=False, checkpoint=path))
    assert all(torch.equal(before[name], weight) for name, weight in _weights(other).items())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        list(train.fit(first, 2, progress=False, checkpoint=path))


def _in_two_processes(folder: str) -> None:
    table = pd.DataFrame(
        {
            "row": [0] * 4,
            "col": [0, 128, 288, 448],
            "block": [0, 0, 1, 2],
            "part": ["train", "train", "validation", "test"],
        }
    )
    session = train.start_session(_scene(table.assign(landslide_share=0.1)), TINY, epochs=2)
    history = pd.DataFrame(train.fit(session, 2, progress=False, checkpoint=Path(folder) / "c.safetensors"))
    history.to_csv(Path(folder) / f"{session.accelerator.process_index}.csv", index=False)


@pytest.mark.slow
def test_two_processes_train_together_and_agree_on_the_validation(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import test_train\ntest_train._in_two_processes({str(tmp_path)!r})\n")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(script)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "OMP_NUM_THREADS": "1",
            "ACCELERATE_USE_CPU": "true",
        },
        check=True,
        timeout=300,
    )
    first, second = (pd.read_csv(tmp_path / f"{i}.csv") for i in (0, 1))
    assert (first["validation_auprc"] == second["validation_auprc"]).all()
    assert (tmp_path / "c.safetensors").exists()


def test_importing_the_package_and_checking_parameters_loads_no_torch() -> None:
    code = "import sys, landslide_utils.experiments.grid, landslide_utils.cube; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False"
