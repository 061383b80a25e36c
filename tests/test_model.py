from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from landslide_utils.chips import SIZE
from landslide_utils.model import LOSSES, PRESETS, build_model, count_weights, dice_bce, focal, masked_cross_entropy


@pytest.mark.parametrize("name", ["quick", "standard"])
@pytest.mark.parametrize("channels", [2, 9])
def test_a_preset_gives_a_logit_for_every_pixel(name: str, channels: int) -> None:
    model = build_model(channels, PRESETS[name]).eval()
    with torch.no_grad():
        assert model(torch.zeros(1, channels, 128, 160)).shape == (1, 1, 128, 160)


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_called_a_unet_plus_plus_is_one(name: str) -> None:
    preset = dataclasses.replace(PRESETS[name], imagenet=False)
    plain = build_model(2, dataclasses.replace(preset, architecture="unet"))
    assert count_weights(build_model(2, preset)) > 1.01 * count_weights(plain)  # of two stages it has no nested nodes
    assert SIZE % preset.crop == preset.crop % 2**preset.depth == 0


def test_unused_encoder_stages_are_left_out() -> None:
    model = build_model(4, PRESETS["quick"])
    assert count_weights(model) < 1_000_000
    for weight in model.parameters():
        weight.grad = None
    model(torch.zeros(2, 4, 64, 64)).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_without_a_network_the_paper_s_weights_are_missed_with_a_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
    assert float(masked_cross_entropy(logits, labels, valid)) == pytest.approx(expected, rel=1e-6)
    assert float(masked_cross_entropy(logits, labels, valid * 0)) == 0


def test_losses_ignore_pixels_without_data_and_reward_the_right_answer() -> None:
    random = torch.Generator().manual_seed(0)
    labels = (torch.rand(2, 1, 8, 8, generator=random) < 0.3).float()
    logits, valid = torch.randn(2, 1, 8, 8, generator=random), torch.ones(2, 1, 8, 8)
    valid[:, :, :4] = 0
    wild = torch.where(valid > 0, logits, 40.0)
    for name, loss in LOSSES.items():
        assert float(loss(wild, labels, valid)) == pytest.approx(float(loss(logits, labels, valid)), rel=1e-5), name
        assert float(loss(20 * labels - 10, labels, valid)) < 0.1 * float(loss(logits, labels, valid)), name
    seen = valid > 0
    p = torch.sigmoid(logits[seen]).double()
    right = torch.where(labels[seen] > 0, p, 1 - p)
    assert float(focal(logits, labels, valid)) == pytest.approx(
        float(((1 - right) ** 2 * -right.log()).mean()), rel=1e-5
    )
    dice = 1 - 2 * (p * labels[seen]).sum() / (p.sum() + labels[seen].sum())
    assert float(dice_bce(logits, labels, valid)) == pytest.approx(float(-right.log().mean() + dice), rel=1e-5)
