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

from landslide_utils import losses, train
from landslide_utils.model import PRESETS, build_model, count_weights
from landslide_utils.train import CheckpointError

TINY = dataclasses.replace(PRESETS["quick"], decoder=(8, 4), epochs=2, batch_size=1, learning_rate=1e-2, augment=False)


def _data(four_chips: pd.DataFrame) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray, pd.DataFrame]:
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
    return image, labels, image.notnull().all("channel"), chips


@pytest.mark.parametrize("name", ["quick", "standard"])
@pytest.mark.parametrize("channels", [2, 9])
def test_a_preset_gives_a_logit_for_every_pixel(name: str, channels: int) -> None:
    model = build_model(channels, PRESETS[name]).eval()
    with torch.no_grad():
        assert model(torch.zeros(1, channels, 128, 160)).shape == (1, 1, 128, 160)


def test_unused_encoder_stages_are_left_out() -> None:
    model = build_model(4, PRESETS["quick"])
    assert count_weights(model) < 300_000
    for weight in model.parameters():
        weight.grad = None
    model(torch.zeros(2, 4, 64, 64)).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_without_a_network_the_paper_s_weights_are_missed_with_a_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:  # type: ignore[no-untyped-def]
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.warns(UserWarning, match="ImageNet weights for resnet50 cannot be had"):
        model = build_model(4, PRESETS["paper"])
    assert count_weights(model) > 40_000_000


def test_pixels_without_data_do_not_count() -> None:
    logits = torch.tensor([[[[2.0, -1.0, 50.0]]]])
    labels = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    valid = torch.tensor([[[[1.0, 1.0, 0.0]]]])
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2
    assert float(losses.masked_cross_entropy(logits, labels, valid)) == pytest.approx(expected, rel=1e-6)
    assert float(losses.masked_cross_entropy(logits, labels, valid * 0)) == 0


def test_the_network_learns_and_the_same_seed_gives_the_same_history(four_chips: pd.DataFrame) -> None:
    data = _data(four_chips)

    def history(seed: int) -> pd.DataFrame:
        session = train.start_session(*data, TINY, epochs=10, seed=seed)
        return pd.DataFrame(train.fit(session, 10, progress=False)).drop(columns="seconds")

    first = history(0)
    pd.testing.assert_frame_equal(first, history(0), check_exact=True)
    assert not first.equals(history(1))
    assert first["train_loss"].iloc[-1] < 0.7 * first["train_loss"].iloc[0]
    assert first["validation_auprc"].iloc[-1] > 4 * data[1].values[:, 288:416].mean()
    assert list(first["epoch"]) == list(range(1, 11))


def test_a_share_of_chips_with_landslides_is_drawn(four_chips: pd.DataFrame) -> None:
    image, labels, valid, chips = _data(four_chips)
    poor = chips.assign(landslide_share=[0.1, 0.0, 0.1, 0.1])
    preset = dataclasses.replace(TINY, landslide_chips=0.9)
    session = train.start_session(image, labels, valid, poor, preset)
    drawn = [float(batch["image"][0, 0, 0, 0]) for _ in range(100) for batch in session.train_batches]
    rich = float(image.values[0, 0, 0])
    assert np.mean([value == rich for value in drawn]) == pytest.approx(0.9, abs=0.08)
    only = train.start_session(image, labels, valid, poor, dataclasses.replace(preset, landslide_chips=1))
    assert [float(batch["image"][0, 0, 0, 0]) for batch in only.train_batches] == [rich]


def test_a_reader_s_own_epoch_is_what_runs(four_chips: pd.DataFrame) -> None:
    session = train.start_session(*_data(four_chips), TINY)
    lines = list(train.fit(session, 2, train_epoch=lambda _: 0.25, progress=False))
    assert [line["train_loss"] for line in lines] == [0.25, 0.25]


def test_a_loss_that_is_no_number_stops_training(four_chips: pd.DataFrame) -> None:
    session = train.start_session(*_data(four_chips), TINY)
    with pytest.raises(FloatingPointError, match="in epoch 1 the loss became nan; choose a smaller learning rate"):
        list(train.fit(session, 2, train_epoch=lambda _: float("nan"), progress=False))


def _weights(session: train.Session) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in session.model.state_dict().items()}


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    four_chips: pd.DataFrame, tmp_path: Path, schedule: str
) -> None:
    data = _data(four_chips)
    preset = dataclasses.replace(TINY, augment=True, patience=9, schedule=schedule, landslide_chips=0.8)
    whole = train.start_session(*data, preset, epochs=4, seed=3)
    expected = pd.DataFrame(train.fit(whole, 4, progress=False))
    stopped = train.start_session(*data, preset, epochs=4, seed=3)
    epochs = train.fit(stopped, 4, progress=False, checkpoint=tmp_path / "c.safetensors")
    next(epochs), next(epochs)
    epochs.close()  # type: ignore[attr-defined]
    resumed = train.start_session(*data, preset, epochs=4, seed=3)
    found = pd.DataFrame(train.fit(resumed, 4, progress=False, checkpoint=tmp_path / "c.safetensors"))
    pd.testing.assert_frame_equal(found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)
    first, second = _weights(whole), _weights(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_the_best_epoch_s_weights_are_kept_and_training_stops_early(four_chips: pd.DataFrame) -> None:
    session = train.start_session(*_data(four_chips), dataclasses.replace(TINY, patience=2), epochs=9)
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
    image, labels, valid, chips = _data(four_chips)
    path = tmp_path / "c.safetensors"
    first = train.start_session(image, labels, valid, chips, TINY, epochs=2, seed=3)
    next(train.fit(first, 2, progress=False, checkpoint=path))
    image = image[: change.get("channels", 2)]
    other = train.start_session(
        image, labels, valid, chips, change.get("preset", TINY), epochs=2, seed=change.get("seed", 3)
    )
    before = _weights(other)
    with pytest.raises(CheckpointError, match=f"is of another training .*{message}.*delete it"):
        list(train.fit(other, 2, progress=False, checkpoint=path))
    assert all(torch.equal(before[name], weight) for name, weight in _weights(other).items())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        list(train.fit(first, 2, progress=False, checkpoint=path))


def test_losses_ignore_pixels_without_data_and_reward_the_right_answer() -> None:
    random = torch.Generator().manual_seed(0)
    labels = (torch.rand(2, 1, 8, 8, generator=random) < 0.3).float()
    logits, valid = torch.randn(2, 1, 8, 8, generator=random), torch.ones(2, 1, 8, 8)
    valid[:, :, :4] = 0
    wild = torch.where(valid > 0, logits, 40.0)
    for name, loss in losses.LOSSES.items():
        assert float(loss(wild, labels, valid)) == pytest.approx(float(loss(logits, labels, valid)), rel=1e-5), name
        assert float(loss(20 * labels - 10, labels, valid)) < 0.1 * float(loss(logits, labels, valid)), name
    seen = valid > 0
    p = torch.sigmoid(logits[seen]).double()
    right = torch.where(labels[seen] > 0, p, 1 - p)
    assert float(losses.focal(logits, labels, valid)) == pytest.approx(
        float(((1 - right) ** 2 * -right.log()).mean()), rel=1e-5
    )
    dice = 1 - 2 * (p * labels[seen]).sum() / (p.sum() + labels[seen].sum())
    assert float(losses.dice_bce(logits, labels, valid)) == pytest.approx(float(-right.log().mean() + dice), rel=1e-5)


def _in_two_processes(folder: str) -> None:
    table = pd.DataFrame(
        {
            "row": [0] * 4,
            "col": [0, 128, 288, 448],
            "block": [0, 0, 1, 2],
            "part": ["train", "train", "validation", "test"],
        }
    )
    image, labels, valid, chips = _data(table.assign(landslide_share=0.1))
    session = train.start_session(image, labels, valid, chips, TINY, epochs=2)
    history = pd.DataFrame(train.fit(session, 2, progress=False, checkpoint=Path(folder) / "c.safetensors"))
    history.to_csv(Path(folder) / f"{session.accelerator.process_index}.csv", index=False)


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
