from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from conftest import FOUR_CHIPS
from safetensors import safe_open
from safetensors.torch import save_file

from landslide_utils import train
from landslide_utils.files import InputError
from landslide_utils.model import PRESETS
from landslide_utils.scene import Normalisation, Scene
from landslide_utils.train import CheckpointError

TINY = dataclasses.replace(
    PRESETS["quick"],
    depth=2,
    decoder=(8, 4),
    steps=4,
    validate_every=2,
    batch_size=1,
    learning_rate=1e-2,
    augment=False,
    crop=128,
)


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
    valid = image.notnull().all("channel")
    return Scene(xr.Dataset({"image": image, "landslides": labels, "valid": valid}), chips, unchanged)


def test_the_network_learns_and_the_same_seed_gives_the_same_history(four_chips: pd.DataFrame) -> None:
    scene = _scene(four_chips)

    def history(seed: int, lines: int | None = None) -> pd.DataFrame:
        session = train.start_session(scene, TINY, steps=21, seed=seed)
        return pd.DataFrame(itertools.islice(train.fit(session, progress=False), lines)).drop(columns="seconds")

    first = history(0)
    pd.testing.assert_frame_equal(first, history(0), check_exact=True)
    assert not first[:1].equals(history(1, lines=1))
    assert first["train_loss"].iloc[-1] < 0.7 * first["train_loss"].iloc[0]
    assert first["validation_auprc"].iloc[-1] > 4 * scene.landslides.values[:, 288:416].mean()
    assert list(first["step"]) == [*range(2, 21, 2), 21]  # the last look is at the end, though no two steps after


def test_a_share_of_chips_with_landslides_is_drawn(four_chips: pd.DataFrame) -> None:
    scene = _scene(four_chips)
    poor = dataclasses.replace(scene, chips=scene.chips.assign(landslide_share=[0.1, 0.0, 0.1, 0.1]))
    with_landslides = float(scene.composite["image"].values[0, 0, 0])

    def share_seen(share: float, steps: int) -> float:
        session = train.start_session(poor, dataclasses.replace(TINY, landslide_chips=share), steps=steps)
        return float(np.mean([float(b["image"][0, 0, 0, 0]) == with_landslides for b in session.next_batches(steps)]))

    assert share_seen(0.9, 200) == pytest.approx(0.9, abs=0.08)
    assert share_seen(1, 5) == 1


def test_a_scene_of_any_size_is_trained_in_as_many_steps(four_chips: pd.DataFrame) -> None:
    scene = _scene(four_chips)
    more = pd.concat([scene.chips, *[scene.chips[2:3]] * 200], ignore_index=True)  # many that validate
    session = train.start_session(dataclasses.replace(scene, chips=more), TINY, steps=3)
    assert sum(1 for _ in session.next_batches(3)) == session.step == 3
    assert train.VALIDATION_CHIPS >= sum(len(batch["image"]) for batch in session.validation_batches) > 40


def test_steps_of_a_reader_s_own_are_what_runs(four_chips: pd.DataFrame) -> None:
    session = train.start_session(_scene(four_chips), TINY)
    lines = list(train.fit(session, train_steps=lambda _, count: 0.25 * count, progress=False))
    assert [(line["step"], line["train_loss"]) for line in lines] == [(2, 0.5), (4, 0.5)]


def test_a_loss_that_is_no_number_stops_training(four_chips: pd.DataFrame) -> None:
    session = train.start_session(_scene(four_chips), TINY)
    with pytest.raises(FloatingPointError, match="before step 2 the loss became nan; choose a smaller learning rate"):
        list(train.fit(session, train_steps=lambda *_: float("nan"), progress=False))


@pytest.mark.parametrize(("seconds", "chosen"), [((1.0, 0.5), "bf16"), ((1.0, 0.9), "no"), ((1.0, 9.0), "no")])
def test_the_faster_precision_is_taken(
    monkeypatch: pytest.MonkeyPatch, measured_precision: Any, seconds: tuple[float, float], chosen: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert 0 < train._seconds(bf16=False) < 1
    assert 0 < train._seconds(bf16=True) < 10
    before, during = torch.get_num_threads(), []
    monkeypatch.setattr(train, "_seconds", lambda *, bf16: during.append(torch.get_num_threads()) or seconds[bf16])
    assert measured_precision.__wrapped__() == chosen
    assert during == [1, 1]  # with more, the work of others would decide
    assert torch.get_num_threads() == before


def test_measuring_the_precision_changes_no_weight(
    four_chips: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, measured_precision: Any
) -> None:
    first = _weights(train.start_session(_scene(four_chips), TINY, seed=5))
    monkeypatch.setattr(train, "precision", lambda: measured_precision.__wrapped__() and "no")
    second = _weights(train.start_session(_scene(four_chips), TINY, seed=5))
    assert all(torch.equal(first[name], second[name]) for name in first)


def _weights(session: train.Session) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in session.model.state_dict().items()}


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    four_chips: pd.DataFrame, tmp_path: Path, schedule: str
) -> None:
    scene = _scene(four_chips)
    preset = dataclasses.replace(TINY, augment=True, schedule=schedule, landslide_chips=0.8, crop=64)
    whole = train.start_session(scene, preset, steps=7, seed=3)
    expected = pd.DataFrame(train.fit(whole, progress=False))
    stopped = train.start_session(scene, preset, steps=7, seed=3)
    lines = train.fit(stopped, progress=False, checkpoint=tmp_path / "c.safetensors")
    next(lines), next(lines)
    lines.close()  # type: ignore[attr-defined]
    resumed = train.start_session(scene, preset, steps=7, seed=3)
    found = pd.DataFrame(train.fit(resumed, progress=False, checkpoint=tmp_path / "c.safetensors"))
    pd.testing.assert_frame_equal(found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)
    first, second = _weights(whole), _weights(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a training of which half the steps are done."""
    path = tmp_path_factory.mktemp("checkpoint") / "c.safetensors"
    next(train.fit(_half_trained(), progress=False, checkpoint=path))
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, checkpoint: bytes) -> Path:
    (tmp_path / "c.safetensors").write_bytes(checkpoint)
    return tmp_path / "c.safetensors"


def _half_trained() -> train.Session:
    return train.start_session(_scene(FOUR_CHIPS), TINY, steps=4, seed=3)


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
    path: Path,
    change: dict,
    message: str,  # type: ignore[type-arg]
) -> None:
    scene = _scene(four_chips)
    if "channels" in change:
        first_band = Normalisation(("vv_before",), (0.0,), (1.0,))
        scene = Scene(scene.composite.isel(channel=slice(1)), scene.chips, first_band)
    other = train.start_session(scene, change.get("preset", TINY), steps=4, seed=change.get("seed", 3))
    before = _weights(other)
    with pytest.raises(CheckpointError, match=f"is of another training .*{message}.*delete it"):
        list(train.fit(other, progress=False, checkpoint=path))
    assert all(torch.equal(before[name], weight) for name, weight in _weights(other).items())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        list(train.fit(_half_trained(), progress=False, checkpoint=path))


def test_a_checkpoint_with_parts_missing_or_changed_is_refused(four_chips: pd.DataFrame, path: Path) -> None:
    session = _half_trained()
    before = {name: weight.clone() for name, weight in _weights(session).items()}
    with safe_open(path, framework="pt") as file:
        described, tensors = file.metadata(), {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    state, average = json.loads(described["state"]), "optimiser/0/exp_avg"
    for left_out in (next(name for name in tensors if name.startswith(kind)) for kind in ("model/", "optimiser/")):
        _refused({name: t for name, t in tensors.items() if name != left_out}, described, path, session)
    for other in (tensors[average][:1], tensors[average] + 1, torch.zeros(())):
        _refused({**tensors, average: other.clone()}, described, path, session)
    for left_out in state:
        kept = {name: value for name, value in state.items() if name != left_out}
        _refused(tensors, {**described, "state": json.dumps(kept)}, path, session)
    for changes in (
        {"step": -5},
        {"step": None},
        {"history": [[1, 2]]},
        {"schedule": {"last_epoch": "x"}},
        {"groups": []},
    ):
        _refused(tensors, {**described, "state": json.dumps(state | changes)}, path, session)
    for not_an_object in ("5", "null", "[]"):
        _refused(tensors, {**described, "state": not_an_object}, path, session)
    assert all(torch.equal(before[name], weight) for name, weight in _weights(session).items())
    with pytest.raises(InputError, match="the weights are not of this network"):
        train.start_session(_scene(four_chips), TINY, weights=tensors)


def _refused(tensors: dict[str, torch.Tensor], described: dict[str, str], path: Path, session: train.Session) -> None:
    save_file(tensors, path, metadata=described)
    with pytest.raises(CheckpointError, match=r"cannot be read \(it was changed since it was written\); delete it"):
        train.load_checkpoint(path, session)


def test_a_checkpoint_of_an_older_version_is_refused(path: Path) -> None:
    with safe_open(path, framework="pt") as file:
        described, tensors = file.metadata(), {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata={"state": described["state"]})
    with pytest.raises(CheckpointError, match=r"cannot be read \('digest'\); delete it to start over"):
        train.load_checkpoint(path, _half_trained())


def _in_two_processes(folder: str) -> None:
    table = pd.DataFrame(
        {
            "row": [0] * 4,
            "col": [0, 128, 288, 448],
            "block": [0, 0, 1, 2],
            "part": ["train", "train", "validation", "test"],
        }
    )
    session = train.start_session(_scene(table.assign(landslide_share=0.1)), TINY, steps=4)
    history = pd.DataFrame(train.fit(session, progress=False, checkpoint=Path(folder) / "c.safetensors"))
    history.to_csv(Path(folder) / f"{session.accelerator.process_index}.csv", index=False)


@pytest.mark.slow
def test_two_processes_train_together_and_agree_on_the_validation(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import test_train\ntest_train._in_two_processes({str(tmp_path)!r})\n", encoding="utf-8")
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
