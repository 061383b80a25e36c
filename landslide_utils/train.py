"""The training loop: the same code on a laptop, a GPU or several, with the loop itself in view."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import accelerate
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.utils.data import DataLoader, RandomSampler, WeightedRandomSampler
from tqdm.auto import tqdm

from landslide_utils.chips import ChipSet, Scene, check_parts
from landslide_utils.files import atomic_write
from landslide_utils.metrics import auprc
from landslide_utils.model import LOSSES, Preset, build_model


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that belongs to another training."""


@dataclass
class Session:
    """Everything that one training holds: network, batches, loss, optimiser and schedule."""

    model: Any
    train_batches: Any
    validation_batches: Any
    loss: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    optimiser: Any
    schedule: Any
    accelerator: accelerate.Accelerator
    preset: Preset
    epochs: int
    seed: int
    order: torch.Generator
    train_set: ChipSet

    def begin(self, epoch: int) -> None:
        """Seed everything random in an epoch by its number, so that a resumed training goes on as if never stopped."""
        accelerate.utils.set_seed(self.seed + 1_000_003 * epoch)
        self.order.manual_seed(self.seed + 1_000_003 * epoch)
        if self.train_set.augment is not None:
            self.train_set.augment = np.random.default_rng([self.seed, epoch, self.accelerator.process_index])


def precision() -> str:
    """Return the precision in which training is fastest here: "bf16" where there are units for it, else "no" (32 bits).

    A CPU without AMX computes bfloat16 more slowly than 32 bits: ``benchmarks/throughput.py`` measures it.
    """
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    flags = Path("/proc/cpuinfo")
    return "bf16" if flags.exists() and "amx_bf16" in flags.read_text() else "no"


def start_session(
    scene: Scene,
    preset: Preset,
    *,
    epochs: int | None = None,
    seed: int = 0,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> Session:
    """Return the network and everything that trains it; the same seed gives the same session on the same machine.

    Parameters
    ----------
    scene : landslide_utils.chips.Scene
        In memory.
    preset : Preset
    epochs : int, optional
        Instead of the preset's.
    seed : int
    weights : mapping of torch.Tensor, optional
        What the network starts from: the ``state_dict()`` of one that has been trained already.
    """
    check_parts(scene.chips, scene.landslides, scene.valid)
    accelerate.utils.set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    accelerator = accelerate.Accelerator(mixed_precision=precision())
    model = build_model(len(scene.normalisation.channels), preset).to(memory_format=torch.channels_last)
    if weights is not None:
        model.load_state_dict(weights)
    train_set = ChipSet(
        scene,
        "train",
        only_landslides=preset.landslide_chips == 1,
        augment=np.random.default_rng(seed) if preset.augment else None,
    )
    validation_set = ChipSet(scene, "validation")
    order = torch.Generator()
    train_batches = DataLoader(train_set, preset.batch_size, sampler=_sampler(train_set, preset, order))  # type: ignore[arg-type, var-annotated]
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
    return Session(
        model=model,
        train_batches=train_batches,
        validation_batches=validation_batches,
        loss=LOSSES[preset.loss],
        optimiser=optimiser,
        schedule=schedule,
        accelerator=accelerator,
        preset=preset,
        epochs=epochs or preset.epochs,
        seed=seed,
        order=order,
        train_set=train_set,
    )


def _sampler(chips: ChipSet, preset: Preset, generator: torch.Generator) -> WeightedRandomSampler | RandomSampler:
    """Return a sampler by which the preset's share of chips holds a landslide; all once if that cannot be."""
    with_landslides = (chips.table["landslide_share"] > 0).to_numpy()
    if preset.landslide_chips == 1 or with_landslides.all() or not with_landslides.any():
        return RandomSampler(chips, generator=generator)
    share = preset.landslide_chips
    weights = np.where(with_landslides, share / with_landslides.sum(), (1 - share) / (~with_landslides).sum())
    return WeightedRandomSampler(weights.tolist(), len(chips), generator=generator)


def train_epoch(session: Session) -> float:
    """Show the network one epoch of training chips, update the weights after each batch, and return the mean loss."""
    session.model.train()
    total = 0.0
    for batch in session.train_batches:
        session.optimiser.zero_grad()
        logits = session.model(batch["image"])
        loss = session.loss(logits, batch["landslides"], batch["valid"])
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
            logits = session.model(batch["image"]).float()
            logits, landslides, valid = session.accelerator.gather_for_metrics(
                (logits, batch["landslides"], batch["valid"])
            )
            with_data = valid.sum().item()
            loss += with_data * session.loss(logits, landslides, valid).item()
            pixels += with_data
            has_data = valid > 0
            labels.append((landslides[has_data] > 0).cpu().numpy())
            scores.append(logits[has_data].cpu().numpy())
    return {
        "validation_loss": loss / max(pixels, 1),
        "validation_auprc": auprc(np.concatenate(labels), np.concatenate(scores)),
    }


def fit(
    session: Session,
    epochs: int,
    *,
    train_epoch: Callable[[Session], float] = train_epoch,
    progress: bool = True,
    checkpoint: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Yield a line of history after each epoch of training; at the end the network has the weights to be kept.

    Parameters
    ----------
    session : Session
    epochs : int
    train_epoch : callable
        What one epoch does: this module's, or a reader's own.
    progress : bool
        Whether to show a progress bar.
    checkpoint : pathlib.Path, optional
        A file that is written after each epoch. If it is there already, training goes on from it, and its history is
        yielded first.

    Yields
    ------
    dict
        ``epoch``, ``train_loss``, ``validation_loss``, ``validation_auprc``, ``seconds``.

    Raises
    ------
    FloatingPointError
        If the loss is no longer a number.
    CheckpointError
        If the checkpoint cannot be read, or is of another training.
    """
    history: list[dict[str, float]] = []
    best: dict[str, torch.Tensor] = {}
    if checkpoint is not None and checkpoint.exists():
        history, best = load_checkpoint(checkpoint, session)
        yield from history
    bar = tqdm(
        range(len(history) + 1, epochs + 1),
        desc="training",
        unit="epoch",
        total=epochs,
        initial=len(history),
        disable=not progress,
    )
    for epoch in bar:
        if _out_of_patience(history, session.preset.patience):
            break
        session.begin(epoch)
        start = time.perf_counter()
        line = {
            "epoch": epoch,
            "train_loss": train_epoch(session),
            **validate(session),
            "seconds": time.perf_counter() - start,
        }
        if not math.isfinite(line["train_loss"]):
            remedy = "choose a smaller learning rate or check the image"
            raise FloatingPointError(f"in epoch {epoch} the loss became {line['train_loss']}; {remedy}")
        history.append(line)
        if session.preset.patience and _best(history) == epoch:
            best = {name: weight.detach().clone() for name, weight in session.model.state_dict().items()}
        if checkpoint is not None and session.accelerator.is_main_process:
            save_checkpoint(checkpoint, session, history, best)
        bar.set_postfix(loss=f"{line['train_loss']:.3f}", auprc=f"{line['validation_auprc']:.2f}")
        yield line
    if best:
        session.model.load_state_dict(best)


def _best(history: list[dict[str, float]]) -> int:
    """Return the first epoch with the highest validation AUPRC, counted from 1; 0 if there is none."""
    scores = [line["validation_auprc"] for line in history]
    return 1 + scores.index(max(scores)) if scores else 0


def _out_of_patience(history: list[dict[str, float]], patience: int) -> bool:
    return patience > 0 and len(history) - _best(history) >= patience


def save_checkpoint(
    path: Path, session: Session, history: list[dict[str, float]], best: dict[str, torch.Tensor]
) -> None:
    """Write the state of a training after its last epoch.

    Parameters
    ----------
    path : pathlib.Path
        Replaced in one step, so that there is always a whole checkpoint.
    session : Session
    history : list of dict
        One line an epoch so far.
    best : dict of torch.Tensor
        The weights of the best epoch so far; empty if the preset keeps the last.
    """
    optimiser = session.optimiser.state_dict()
    tensors = {f"model/{name}": weight for name, weight in session.model.state_dict().items()}
    tensors |= {f"best/{name}": weight for name, weight in best.items()}
    for number, state in optimiser["state"].items():
        tensors |= {f"optimiser/{number}/{name}": value for name, value in state.items()}
    described = {
        "training": _training(session),
        "history": history,
        "schedule": session.schedule.state_dict(),
        "groups": optimiser["param_groups"],
    }
    with atomic_write(path, overwrite=True) as part:
        copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(copies, part, metadata={"state": json.dumps(described)})


def load_checkpoint(path: Path, session: Session) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """Return a checkpoint's history and best weights, and put the session where it was written.

    Returns
    -------
    history : list of dict
    best : dict of torch.Tensor

    Raises
    ------
    CheckpointError
        If the file is damaged, or was written by a training of other channels, another network or another seed. The
        session is then as it was.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read ({error}); delete it to start over") from error
    stored, wanted = described["training"], _training(session)
    if stored != wanted:
        differing = ", ".join(
            f"{name} {stored.get(name)!r} instead of {wanted[name]!r}"
            for name in wanted
            if stored.get(name) != wanted[name]
        )
        remedy = "delete it to start over, or choose another file"
        raise CheckpointError(f"the checkpoint {path} is of another training ({differing}); {remedy}")
    kinds: dict[str, dict[str, torch.Tensor]] = {"model": {}, "best": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        kind, rest = name.split("/", 1)
        kinds[kind][rest] = tensor
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in kinds["optimiser"].items():
        number, key = name.split("/")
        state.setdefault(int(number), {})[key] = tensor
    session.model.load_state_dict(kinds["model"])
    session.optimiser.load_state_dict({"state": state, "param_groups": described["groups"]})
    session.schedule.load_state_dict(described["schedule"])
    return described["history"], kinds["best"]


def _training(session: Session) -> dict[str, Any]:
    """Return what two trainings must share for one to go on with the other's weights."""
    shapes = {name: list(weight.shape) for name, weight in session.model.state_dict().items()}
    first = next(iter(shapes.values()))
    return {
        "channels": first[1] if len(first) > 1 else None,
        "network": hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:12],
        "preset": json.loads(json.dumps(session.preset.__dict__)),
        "seed": session.seed,
        "epochs": session.epochs,
        "chips": len(session.train_set),
    }
