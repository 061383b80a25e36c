from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import presets
import pytest
import torch

from landslide_utils.chips import SIZE
from landslide_utils.model import (
    LOSSES,
    PRESETS,
    build_model,
    count_weights,
    dice_bce,
    fold_normalisation,
    masked_cross_entropy,
)


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


def test_a_network_that_computes_again_learns_the_same_and_keeps_less() -> None:
    plain = dataclasses.replace(PRESETS["standard"], encoder="resnet50")
    seen = []
    for preset in (plain, dataclasses.replace(plain, recompute=True)):
        torch.manual_seed(0)
        model = build_model(2, preset).double()
        kept: list[int] = []

        def keep(tensor: torch.Tensor, kept: list[int] = kept) -> torch.Tensor:
            kept.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = model(torch.rand(3, 2, 64, 64, dtype=torch.float64)).square().mean()
        loss.backward()
        gradients = {name: weight.grad for name, weight in model.named_parameters()}
        seen.append((list(gradients.values()), model.state_dict(), sum(kept)))
    (gradients, state, kept_by_plain), (again, state_again, kept_again) = seen
    assert state.keys() == state_again.keys()  # so that either can read the other's weights
    for name in state:
        if "num_batches" not in name:
            torch.testing.assert_close(state_again[name], state[name])
    for first, second in zip(gradients, again, strict=True):
        torch.testing.assert_close(first, second)
    assert kept_again < 0.35 * kept_by_plain


def test_batch_normalisation_is_folded_away() -> None:
    model = build_model(2, PRESETS["quick"])
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 64, 64)).astype("float32"))
    for _ in range(20):
        model.train()(image)
    folded = fold_normalisation(model, 2, 8)
    assert any(isinstance(part, torch.nn.BatchNorm2d) for part in model.modules())
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(image), model.eval()(image), atol=1e-4, rtol=0)


def test_a_network_that_calls_its_layers_in_another_order_is_left_alone() -> None:
    class Backwards(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = torch.nn.Conv2d(2, 2, 1)
            self.norm = torch.nn.BatchNorm2d(2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.convolution(self.norm(x))[:, :1]

    model = Backwards()
    model(torch.rand(4, 2, 8, 8) + 3)
    assert fold_normalisation(model, 2, 1) is model


def test_the_quick_preset_is_the_candidate_that_was_measured() -> None:
    assert presets.preset_of(presets.QUICK) == PRESETS["quick"]


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
    dice = 1 - 2 * (p * labels[seen]).sum() / (p.sum() + labels[seen].sum())
    assert float(dice_bce(logits, labels, valid)) == pytest.approx(float(-right.log().mean() + dice), rel=1e-5)
