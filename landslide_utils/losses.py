"""What a wrong answer costs. Pixels without data cost nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch

IGNORED = -1
"""What stands in the place of a label where there is no data."""


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


def focal(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the focal loss: cross-entropy in which pixels that are already right count for little (Lin et al. 2017)."""
    from segmentation_models_pytorch.losses import FocalLoss

    loss: torch.Tensor = FocalLoss("binary", ignore_index=IGNORED)(logits, _labels(landslides, valid))
    return loss


def dice_bce(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy plus one minus the Dice coefficient, the overlap of prediction and labels (Milletari et al. 2016)."""
    from segmentation_models_pytorch.losses import DiceLoss

    dice: torch.Tensor = DiceLoss("binary", ignore_index=IGNORED)(logits, _labels(landslides, valid))
    return masked_cross_entropy(logits, landslides, valid) + dice


def _labels(landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    return torch.where(valid > 0, landslides, float(IGNORED))


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cross-entropy": masked_cross_entropy,
    "focal": focal,
    "dice-bce": dice_bce,
}
