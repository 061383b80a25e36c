"""The network (UNet++ or UNet), its losses, and the presets that say which one and how it is trained."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landslide_utils.files import MOST_FILE_BYTES, MOST_JSON_BYTES, InputError, check_file, find_kind_faults, in_bytes

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Preset:
    """How large a network, and how it is trained.

    Attributes
    ----------
    encoder : str
        A segmentation-models-pytorch encoder.
    depth : int
        Encoder stages; each halves the resolution.
    decoder : tuple of int
        Decoder channels, one a stage.
    imagenet : bool
        Whether to start from ImageNet weights (needs a network).
    steps : int
        Batches that the network is trained on: so many times its weights move, however large the scene is.
    validate_every : int
        Steps from one look at the validation chips to the next.
    batch_size : int
        Chips a step.
    learning_rate, weight_decay : float
    optimiser : {"adam", "adamw"}
    schedule : {"one-cycle", "constant"}
    landslide_chips : float
        Share of the training chips drawn that hold a landslide. Most of a scene holds none, and a network that sees
        mostly that learns slowly; but then its probabilities are too high for the whole scene. 1 trains on chips with
        landslides only, as the paper did.
    augment : bool
        Whether to flip training chips north to south and shift them inside their block.
    crop : int
        Width and height in pixels of the squares that training chips are cut into: more places a step, and the share
        of landslides holds for each. A network that has learnt from squares maps windows of any size.
    recompute : bool
        Whether training keeps only what enters each part of the network, and computes the rest again when it is needed:
        a third more time for much less memory.
    loss : {"cross-entropy", "dice-bce"}
    architecture : {"unet++", "unet"}
    """

    encoder: str
    depth: int
    decoder: tuple[int, ...]
    imagenet: bool
    steps: int
    validate_every: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    optimiser: str
    schedule: str
    landslide_chips: float
    augment: bool
    crop: int = 128
    recompute: bool = False
    loss: str = "cross-entropy"
    architecture: str = "unet++"

    def __post_init__(self) -> None:
        """Refuse what no training can use, all at once."""
        known: dict[str, Sequence[object]] = {"optimiser": ("adam", "adamw"), "schedule": ("one-cycle", "constant")}
        known |= {"loss": ("cross-entropy", "dice-bce"), "architecture": ("unet++", "unet"), "crop": (16, 32, 64, 128)}
        faults = [f"{n}={getattr(self, n)!r} is not one of {v}" for n, v in known.items() if getattr(self, n) not in v]
        widths = self.decoder if isinstance(self.decoder, tuple | list) else [self.decoder]
        if any(find_kind_faults("a whole number", width=width) or not 1 <= width < 2**16 for width in widths):
            faults.append(f"decoder={self.decoder!r} has a width that is not a whole number from 1 to {2**16 - 1}")
        whole, rates = ("steps", "validate_every", "batch_size"), ("learning_rate", "weight_decay", "landslide_chips")
        for names, kind, least in ((whole, "a whole number", 1), (rates, "a number", 0)):
            for name in names:
                if find_kind_faults(kind, value=(value := getattr(self, name))) or not least <= value < 2**31:
                    faults.append(f"{name}={value!r} is not {kind}, {least} or more")
        if faults:
            raise InputError("this preset cannot be used", faults)


PRESETS = {
    # Chosen from benchmarks/presets.csv by the validation AUPRC that a minute on two cores buys. Small crops buy most.
    "quick": Preset(
        "resnet18", 3, (32, 16, 16), False, 720, 60, 8, 1e-2, 1e-2, "adamw", "one-cycle", 0.8, True, crop=64
    ),
    # The best of benchmarks/presets_in_epochs.csv, at five times the seconds.
    "standard": Preset("resnet18", 3, (64, 32, 16), False, 1200, 60, 4, 3e-3, 1e-2, "adamw", "one-cycle", 0.8, True),
    # As published: ten times through 216 chips are forty steps. Its plateau scheduler could never fire in them, so the
    # rate is constant.
    "paper": Preset(
        *("resnet50", 5, (256, 128, 64, 32, 16), True, 40, 4, 64, 1e-2, 1e-4, "adam", "constant", 1.0, False),
        recompute=True,
    ),
}


def build_model(channels: int, preset: Preset) -> torch.nn.Module:
    """Return a network that takes (n, channels, height, width) and gives logits (n, 1, height, width).

    Height and width must be multiples of ``2 ** preset.depth``. One logit is the same as the paper's two classes with
    cross-entropy: only the difference of two logits matters. Offline, ImageNet weights cannot be had; the encoder then
    starts from random weights, and a warning says so.
    """
    import segmentation_models_pytorch as smp
    import torch

    architecture = {"unet++": smp.UnetPlusPlus, "unet": smp.Unet}[preset.architecture]
    sizes = {"encoder_depth": preset.depth, "decoder_channels": preset.decoder, "in_channels": channels, "classes": 1}
    build = functools.partial(architecture, preset.encoder, **sizes)
    try:
        model: torch.nn.Module = build(encoder_weights="imagenet" if preset.imagenet else None)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError("no network can be built", [f"{channels} channels, {preset}: {error}"]) from error
    except (OSError, RuntimeError) as error:
        if not preset.imagenet:
            raise
        warnings.warn(
            f"ImageNet weights for {preset.encoder} cannot be had ({type(error).__name__}); training starts from "
            "random weights instead, so this is not the published recipe in full",
            stacklevel=2,
        )
        model = build(encoder_weights=None)
    # stages that a shallow encoder never uses would only fill memory and the saved file
    for stage in range(preset.depth, 5):
        if hasattr(model.encoder, f"layer{stage}"):
            setattr(model.encoder, f"layer{stage}", torch.nn.Identity())
    if preset.recompute:
        _recompute(model)
    return model


def _recompute(model: Any) -> None:
    """Make each block of a network keep only its input for the backward pass, in which it computes the rest again."""
    import torch
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
        apply_activation_checkpointing,
        checkpoint_wrapper,
    )

    layers = [layer for name, layer in model.encoder.named_children() if name.startswith("layer")]
    blocks = {block for parent in (*layers, model.decoder.blocks) for block in parent.children()}
    for norm in (part for block in blocks for part in block.modules() if isinstance(part, torch.nn.BatchNorm2d)):
        # it sees each batch twice, and its running statistics must move as far as once
        norm.momentum = 1 - (1 - norm.momentum) ** 0.5  # type: ignore[operator]
    wrap = functools.partial(checkpoint_wrapper, preserve_rng_state=False)
    apply_activation_checkpointing(model, checkpoint_wrapper_fn=wrap, check_fn=blocks.__contains__)


def count_weights(model: torch.nn.Module) -> int:
    """Return the number of trainable weights."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def fold_normalisation(model: torch.nn.Module, channels: int, divisor: int) -> torch.nn.Module:
    """Return a copy of a network for prediction, with each batch normalisation folded into the convolution before it.

    Both are linear, so one convolution does the work of the two: faster, and with less memory. Where a network calls
    its layers in another order than it lists them, it is returned as it is. Its input has so many channels, and sides
    that are multiples of the divisor.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = copy.deepcopy(model).eval()
    pairs = [
        (parent, first, second)
        for parent in folded.modules()
        for first, second in itertools.pairwise(list(parent.named_children()))
        if isinstance(first[1], torch.nn.Conv2d) and isinstance(second[1], torch.nn.BatchNorm2d)
    ]
    if not pairs:
        return model
    for parent, (name, convolution), (after, normalisation) in pairs:
        setattr(parent, name, fuse_conv_bn_eval(convolution, normalisation))  # type: ignore[type-var, arg-type]
        setattr(parent, after, torch.nn.Identity())
    device = next(model.parameters()).device
    image = torch.linspace(-2, 2, channels * 4 * divisor**2, device=device)
    image = image.reshape(1, channels, 2 * divisor, 2 * divisor)
    with torch.inference_mode():
        change = torch.sigmoid(folded(image)) - torch.sigmoid(model.eval()(image))
    return folded.to(memory_format=torch.channels_last) if change.abs().max() <= 1e-5 else model


LONGEST_SIDE = 4096
"""Pixels within which :func:`reach` looks for the end of what a network sees."""


def reach(model: torch.nn.Module, channels: int) -> tuple[int, int]:
    """Return how many pixels away a network looks, and what its input's sides must be multiples of.

    It is measured: in a copy whose weights are all positive, so that no two ways cancel, which input pixels have a
    gradient of an output pixel? A network that looks at the whole image at once gets `LONGEST_SIDE`.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise InputError("nothing can be mapped", [f"{type(model).__name__} is no network"])
    probe = _all_positive(model)
    divisor = int(getattr(getattr(model, "encoder", None), "output_stride", 1))
    side = -(-512 // divisor) * divisor
    while True:
        # what is seen upwards is seen sideways too, so a strip is enough
        strip = torch.ones(1, channels, side, divisor, dtype=torch.float64, requires_grad=True)
        middle = side // 2 // divisor * divisor
        try:
            (gradient,) = torch.autograd.grad(probe(strip)[0, 0, middle : middle + divisor].sum(), strip)
        except (IndexError, RuntimeError, TypeError) as error:
            fault = f"the network does not take images of {channels} channels: {error}"
            raise InputError("nothing can be mapped", [fault]) from error
        rows = torch.nonzero(gradient.abs().sum((0, 1, 3))).flatten()
        if not len(rows):
            raise InputError("nothing can be mapped", ["the network gives the same whatever an image holds"])
        seen = max(middle - int(rows.min()), int(rows.max()) - (middle + divisor - 1))
        if seen < middle - divisor:
            return seen, divisor
        if side >= LONGEST_SIDE:
            return LONGEST_SIDE, divisor
        side *= 4


def _all_positive(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a network in 64 bits that adds up what it sees, so that nothing it sees cancels out."""
    import torch

    probe = copy.deepcopy(model).cpu().double().eval()
    for parent in list(probe.modules()):
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.MaxPool2d):
                setattr(parent, name, torch.nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    with torch.no_grad():
        for module in probe.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.fill_(1 / module.weight[0].numel())
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(1)
                module.running_mean.zero_()  # type: ignore[union-attr]
                module.running_var.fill_(1)  # type: ignore[union-attr]
            if isinstance(getattr(module, "bias", None), torch.Tensor):
                module.bias.zero_()  # type: ignore[operator]
    return probe


IGNORED = -1
"""Label of a pixel without data."""


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    import torch

    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


def dice_bce(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return cross-entropy plus one minus the Dice coefficient, the overlap with the labels (Milletari et al. 2016)."""
    import torch
    from segmentation_models_pytorch.losses import DiceLoss

    labels = torch.where(valid > 0, landslides, float(IGNORED))
    dice: torch.Tensor = DiceLoss("binary", ignore_index=IGNORED)(logits, labels)
    return masked_cross_entropy(logits, landslides, valid) + dice


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cross-entropy": masked_cross_entropy,
    "dice-bce": dice_bce,
}


def read_weights(path: Path, *names: str) -> tuple[list[Any], dict[str, torch.Tensor]]:
    """Return what a file of weights (safetensors) says under some names, and its tensors; reading it runs nothing.

    Raises
    ------
    KeyError, ValueError
        If a name is missing, it is no such file, or its header is larger than any here.
    """
    from safetensors import SafetensorError, safe_open

    with check_file(path, MOST_FILE_BYTES).open("rb") as head:
        if (size := int.from_bytes(head.read(8), "little")) > MOST_JSON_BYTES:
            raise ValueError(f"{path} has a header of {in_bytes(size)} where {in_bytes(MOST_JSON_BYTES)} are allowed")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            described = [json.loads(metadata[name]) for name in names]
            return described, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, RecursionError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged ({error})") from error
