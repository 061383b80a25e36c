from __future__ import annotations

import dataclasses
import os

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from landslide_utils import losses, train
from landslide_utils.model import PRESETS, build_model, count_weights

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


def test_importing_the_package_and_checking_parameters_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, landslide_utils.experiments, landslide_utils.cube; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "False"
