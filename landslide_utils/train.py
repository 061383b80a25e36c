"""The training loop: the same code on a laptop, a GPU or several, with the loop itself in view."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import accelerate
import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler
from tqdm.auto import tqdm

from landslide_utils.chips import ChipSet, check_parts
from landslide_utils.metrics import auprc
from landslide_utils.model import Preset, build_model


@dataclass
class Session:
    """Everything that one training holds: the network, its batches, and what changes its weights."""

    model: Any
    train_batches: Any
    validation_batches: Any
    optimiser: Any
    schedule: Any
    accelerator: accelerate.Accelerator


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


def start_session(
    image: xr.DataArray,
    landslides: xr.DataArray,
    valid: xr.DataArray,
    chips: pd.DataFrame,
    preset: Preset,
    *,
    epochs: int | None = None,
    seed: int = 0,
) -> Session:
    """Build the network and everything that trains it; the same seed gives the same session on the same machine.

    Parameters
    ----------
    image : xarray.DataArray (channel, y, x)
        Normalised.
    landslides, valid : xarray.DataArray (y, x), bool
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it.
    preset : Preset
    epochs : int, optional
        Instead of the preset's.
    seed : int
    """
    check_parts(chips, landslides, valid)
    accelerate.utils.set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    accelerator = accelerate.Accelerator()
    model = build_model(image.sizes["channel"], preset).to(memory_format=torch.channels_last)
    train_set = ChipSet(
        image,
        landslides,
        valid,
        chips,
        "train",
        only_landslides=preset.landslide_chips == 1,
        augment=np.random.default_rng(seed) if preset.augment else None,
    )
    validation_set = ChipSet(image, landslides, valid, chips, "validation")
    train_batches = DataLoader(train_set, preset.batch_size, sampler=_sampler(train_set, preset, seed))  # type: ignore[arg-type, var-annotated]
    validation_batches = DataLoader(validation_set, preset.batch_size)  # type: ignore[arg-type, var-annotated]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[preset.optimiser]
    optimiser = kind(model.parameters(), lr=preset.learning_rate, weight_decay=preset.weight_decay)
    steps = (epochs or preset.epochs) * math.ceil(len(train_set) / preset.batch_size)
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=preset.learning_rate, total_steps=steps)
        if preset.schedule == "one-cycle" and steps > 1
        else torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    )
    model, train_batches, validation_batches, optimiser, schedule = accelerator.prepare(
        model, train_batches, validation_batches, optimiser, schedule
    )
    return Session(model, train_batches, validation_batches, optimiser, schedule, accelerator)


def _sampler(chips: ChipSet, preset: Preset, seed: int) -> WeightedRandomSampler | RandomSampler:
    """Draw chips so that the preset's share of them holds a landslide; all of them once if that cannot be."""
    generator = torch.Generator().manual_seed(seed)
    rich = (chips.table["landslide_share"] > 0).to_numpy()
    if preset.landslide_chips == 1 or rich.all() or not rich.any():
        return RandomSampler(chips, generator=generator)
    weights = np.where(rich, preset.landslide_chips / rich.sum(), (1 - preset.landslide_chips) / (~rich).sum())
    return WeightedRandomSampler(weights.tolist(), len(chips), generator=generator)


def train_epoch(session: Session) -> float:
    """Show the network one epoch of training chips, mend its weights after each batch, and return the mean loss."""
    session.model.train()
    total = 0.0
    for batch in session.train_batches:
        session.optimiser.zero_grad()
        logits = session.model(batch["image"])
        loss = masked_cross_entropy(logits, batch["landslides"], batch["valid"])
        session.accelerator.backward(loss)
        session.optimiser.step()
        session.schedule.step()
        total += loss.item()
    return total / len(session.train_batches)


def validate(session: Session) -> dict[str, float]:
    """Return loss and AUPRC on the validation chips, which never change a weight."""
    session.model.eval()
    loss, pixels, labels, scores = 0.0, 0.0, [], []
    with torch.inference_mode():
        for batch in session.validation_batches:
            logits = session.model(batch["image"])
            with_data = batch["valid"].sum().item()
            loss += with_data * masked_cross_entropy(logits, batch["landslides"], batch["valid"]).item()
            pixels += with_data
            has_data = batch["valid"] > 0
            labels.append((batch["landslides"][has_data] > 0).cpu().numpy())
            scores.append(logits[has_data].float().cpu().numpy())
    return {
        "validation_loss": loss / pixels,
        "validation_auprc": auprc(np.concatenate(labels), np.concatenate(scores)),
    }


def fit(
    session: Session, epochs: int, *, train_epoch: Callable[[Session], float] = train_epoch, progress: bool = True
) -> Iterator[dict[str, float]]:
    """Train for some epochs, yielding a line of history after each.

    Parameters
    ----------
    session : Session
    epochs : int
    train_epoch : callable
        What one epoch does: this module's, or a reader's own.
    progress : bool
        Whether to show a progress bar.

    Yields
    ------
    dict
        ``epoch``, ``train_loss``, ``validation_loss``, ``validation_auprc``, ``seconds``.

    Raises
    ------
    FloatingPointError
        If the loss is no longer a number.
    """
    bar = tqdm(range(1, epochs + 1), desc="training", unit="epoch", disable=not progress)
    for epoch in bar:
        start = time.perf_counter()
        line = {
            "epoch": epoch,
            "train_loss": train_epoch(session),
            **validate(session),
            "seconds": time.perf_counter() - start,
        }
        if not math.isfinite(line["train_loss"]):
            raise FloatingPointError(
                f"in epoch {epoch} the loss became {line['train_loss']}; choose a smaller learning rate or check the image"
            )
        bar.set_postfix(loss=f"{line['train_loss']:.3f}", auprc=f"{line['validation_auprc']:.2f}")
        yield line
