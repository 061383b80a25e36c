"""The training loop: the same code on a laptop, a GPU or several, with the loop itself in view."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import accelerate
import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch.utils.data import DataLoader, Subset
from tqdm.auto import tqdm

from landslide_utils.chips import check_parts, draw_chips
from landslide_utils.files import InputError, as_path, atomic_write, find_kind_faults
from landslide_utils.metrics import auprc
from landslide_utils.model import LOSSES, Preset, build_model, read_weights
from landslide_utils.scene import ChipSet, Scene


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that belongs to another training."""


VALIDATION_CHIPS = 64
"""Most chips that a validation during training looks at, so that it takes as long in a scene of any size."""


@dataclass
class Session:
    """Everything that one training holds: network, chips in the order of training, loss, optimiser and schedule."""

    model: Any
    train_set: ChipSet
    validation_batches: Any
    loss: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    optimiser: Any
    schedule: Any
    accelerator: accelerate.Accelerator
    preset: Preset
    steps: int
    seed: int
    step: int = 0
    """Steps done so far."""
    bar: Any = field(default_factory=lambda: tqdm(disable=True))
    """Progress bar of the steps."""

    def next_batches(self, count: int) -> Iterator[dict[str, torch.Tensor]]:
        """Yield the batches of the next `count` steps; a step is over when the next batch is asked for.

        Which chips they hold depends on the seed and the step only, so that a training that was stopped goes on as if
        it had not been. With several processes each has its own batch in a step.
        """
        accelerator = self.accelerator
        size = self.preset.batch_size * accelerator.num_processes
        numbers = range(self.step * size, (self.step + count) * size)
        chips = Subset(self.train_set, numbers)  # type: ignore[arg-type, var-annotated]
        batches = prepare_data_loader(
            DataLoader(chips, self.preset.batch_size),
            accelerator.device,
            num_processes=accelerator.num_processes,
            process_index=accelerator.process_index,
            put_on_device=True,
        )
        for batch in batches:
            yield batch
            self.step += 1
            self.bar.update()


@functools.cache
def precision() -> str:
    """Return the precision in which training is fastest here: "bf16", or "no", which is 32 bits; "fp16" on an old GPU.

    On a CPU it is measured once a process, with a convolution: some compute bfloat16 faster than 32 bits, some ten
    times more slowly, and what a processor says of itself does not tell. One thread does it: several wait for each
    other, so that what else the machine does would decide.
    """
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return "bf16" if _seconds(bf16=False) > 1.2 * _seconds(bf16=True) else "no"  # less is not worth the rounding
    finally:
        torch.set_num_threads(threads)


def _seconds(*, bf16: bool) -> float:
    """Return the time that a convolution as large as the presets' takes, forwards and backwards: the least of five."""
    convolution = torch.nn.Conv2d(64, 64, 3, padding=1).to(memory_format=torch.channels_last)
    image = torch.ones(2, 64, 64, 64).contiguous(memory_format=torch.channels_last)
    taken = []
    for _ in range(6):  # the first sets it up
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = convolution(image)
        result.float().sum().backward()
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def start_session(
    scene: Scene,
    preset: Preset,
    *,
    steps: int | None = None,
    seed: int = 0,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> Session:
    """Return the network and everything that trains it; the same seed gives the same session on the same machine.

    Parameters
    ----------
    scene : landslide_utils.scene.Scene
    preset : Preset
    steps : int, optional
        Instead of the preset's.
    seed : int
    weights : mapping of torch.Tensor, optional
        What the network starts from: the ``state_dict()`` of one that has been trained already.
    """
    faults = find_kind_faults("a whole number", steps=(asked := 0 if steps is None else steps), seed=seed)
    if faults or not 0 <= asked < 2**31 or not 0 <= seed < 2**32:
        raise InputError("no training can start", faults or [f"{steps=} or {seed=} is negative or too large"])
    if not isinstance(scene, Scene) or not isinstance(preset, Preset):
        raise InputError("no training can start", ["a Scene and a Preset are needed, such as PRESETS['quick']"])
    check_parts(scene.chips, scene.landslides, scene.valid)
    accelerator = accelerate.Accelerator(mixed_precision=precision())  # before the seed: measuring draws numbers
    accelerate.utils.set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    model = build_model(len(scene.normalisation.channels), preset).to(memory_format=torch.channels_last)
    if weights is not None:
        try:
            model.load_state_dict(weights)
        except (AttributeError, RuntimeError, TypeError) as error:
            raise InputError("no training can start", [f"the weights are not of this network: {error}"]) from error
    steps = asked or preset.steps
    train_set = ChipSet(scene, "train", crop=preset.crop, seed=seed if preset.augment else None)
    holds_landslide = train_set.table["landslide_share"].to_numpy() > 0
    chips_seen = steps * preset.batch_size * accelerator.num_processes
    train_set.draws = draw_chips(holds_landslide, preset.landslide_chips, chips_seen, seed)
    validation_set = ChipSet(scene, "validation", draws=_spread(scene, VALIDATION_CHIPS))
    validation_batches = DataLoader(validation_set, preset.batch_size)  # type: ignore[arg-type, var-annotated]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[preset.optimiser]
    rates = {"lr": preset.learning_rate, "weight_decay": preset.weight_decay}
    fused = accelerator.device.type in ("cpu", "cuda")  # all weights in one call: a tenth of a training
    optimiser = kind(model.parameters(), **rates, fused=fused)
    turns = steps * accelerator.num_processes  # accelerate turns the schedule once for each process
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=preset.learning_rate, total_steps=turns)
        if preset.schedule == "one-cycle" and steps > 1
        else torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)
    )
    model, validation_batches, optimiser, schedule = accelerator.prepare(model, validation_batches, optimiser, schedule)
    loss = LOSSES[preset.loss]
    return Session(
        model, train_set, validation_batches, loss, optimiser, schedule, accelerator, preset, steps=steps, seed=seed
    )


def _spread(scene: Scene, most: int) -> NDArray[np.intp]:
    """Return the numbers of at most so many validation chips, evenly spread from many landslides to none."""
    shares = scene.chips.loc[scene.chips["part"] == "validation", "landslide_share"].to_numpy()
    order = np.argsort(-shares, kind="stable")
    chosen: NDArray[np.intp] = np.sort(order[:: math.ceil(len(order) / most)])
    return chosen


def train_steps(session: Session, count: int) -> float:
    """Show the network `count` batches, update the weights after each, and return the mean loss."""
    session.model.train()
    total = 0.0
    for batch in session.next_batches(count):
        session.optimiser.zero_grad()
        logits = session.model(batch["image"])
        loss = session.loss(logits, batch["landslides"], batch["valid"])
        session.accelerator.backward(loss)
        session.optimiser.step()
        session.schedule.step()
        total += loss.item()
    return total / count


def validate(session: Session) -> dict[str, float]:
    """Return loss and AUPRC on the validation chips, which never change a weight."""
    session.model.eval()
    loss, pixels, labels, scores = 0.0, 0.0, [], []
    with torch.inference_mode():
        for batch in session.validation_batches:
            logits = session.model(batch["image"]).float()
            seen = logits, batch["landslides"], batch["valid"]
            logits, landslides, valid = session.accelerator.gather_for_metrics(seen)
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
    *,
    train_steps: Callable[[Session, int], float] = train_steps,
    progress: bool = True,
    checkpoint: Path | None = None,
) -> Iterator[dict[str, float]]:
    """Train to the end of a session, and yield a line of history after each look at the validation chips.

    Parameters
    ----------
    session : Session
    train_steps : callable
        What so many steps do: this module's, or a reader's own.
    progress : bool
        Whether to show a progress bar.
    checkpoint : pathlib.Path, optional
        A file that is written with each line. If it is there already, training goes on from it, and its history is
        yielded first.

    Yields
    ------
    dict
        ``step`` (how many are done), ``train_loss`` (mean since the line before), ``validation_loss``,
        ``validation_auprc``, ``seconds`` (since the line before).

    Raises
    ------
    FloatingPointError
        If the loss is no longer a number.
    CheckpointError
        If the checkpoint cannot be read, or is of another training.
    """
    history: list[dict[str, float]] = []
    checkpoint = None if checkpoint is None else as_path(checkpoint)
    if checkpoint is not None and checkpoint.exists():
        history = load_checkpoint(checkpoint, session)
        yield from history
    total = session.steps
    with tqdm(desc="training", unit="step", total=total, initial=session.step, disable=not progress) as session.bar:
        while session.step < total:
            start = time.perf_counter()
            count = min(session.preset.validate_every, total - session.step)
            reached = session.step + count
            loss = train_steps(session, count)
            session.step = reached  # whatever a reader's own steps do
            if not math.isfinite(loss):
                remedy = "choose a smaller learning rate or check the image"
                raise FloatingPointError(f"before step {session.step} the loss became {loss}; {remedy}")
            line = {"step": session.step, "train_loss": loss, **validate(session)}
            history.append({**line, "seconds": time.perf_counter() - start})
            if checkpoint is not None and session.accelerator.is_main_process:
                save_checkpoint(checkpoint, session, history)
            session.bar.set_postfix(loss=f"{loss:.3f}", auprc=f"{line['validation_auprc']:.2f}")
            yield history[-1]


def save_checkpoint(path: Path, session: Session, history: list[dict[str, float]]) -> None:
    """Write the state of a training and its history so far, in one step, so that there is always a whole checkpoint."""
    optimiser = session.optimiser.state_dict()
    tensors = {f"model/{name}": weight for name, weight in session.model.state_dict().items()}
    for number, part in optimiser["state"].items():
        tensors |= {f"optimiser/{number}/{name}": value for name, value in part.items()}
    state = {
        "training": _training(session),
        "step": session.step,
        "history": history,
        "schedule": session.schedule.state_dict(),
        "groups": optimiser["param_groups"],
    }
    with atomic_write(path, overwrite=True) as file:
        copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(copies, file, metadata={"state": json.dumps(state), "digest": json.dumps(_digest(state, copies))})


def _digest(state: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> str:
    """Return what tells whether a checkpoint is the one that was written."""
    digest = hashlib.sha256(json.dumps(state).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()


def load_checkpoint(path: Path, session: Session) -> list[dict[str, float]]:
    """Return a checkpoint's history, and put the session where it was written.

    Raises
    ------
    CheckpointError
        If the file is damaged or was changed, or was written by a training of other channels, another network or
        another seed. The session is then as it was.
    """
    wanted = _training(session)
    try:
        (state, digest), tensors = read_weights(path, "state", "digest")
        if digest != _digest(state, tensors):
            raise ValueError("it was changed since it was written")
        stored: dict[str, Any] = state["training"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read ({error}); delete it to start over") from error
    if stored != wanted:
        pairs = [(name, stored.get(name), value) for name, value in wanted.items()]
        differing = ", ".join(
            f"{name} {found!r} instead of {value!r}" for name, found, value in pairs if found != value
        )
        remedy = "delete it to start over, or choose another file"
        raise CheckpointError(f"the checkpoint {path} is of another training ({differing}); {remedy}")
    model = {name.removeprefix("model/"): tensor for name, tensor in tensors.items() if name.startswith("model/")}
    weights = [weight for group in session.optimiser.param_groups for weight in group["params"]]
    parts: dict[int, dict[str, torch.Tensor]] = {}
    for name in tensors.keys() - {f"model/{name}" for name in model}:
        _, number, key = name.split("/")
        # the optimiser takes it that its averages lie in memory as their weight does
        laid_out = tensors[name] if key == "step" else torch.empty_like(weights[int(number)]).copy_(tensors[name])
        parts.setdefault(int(number), {})[key] = laid_out
    session.optimiser.load_state_dict({"state": parts, "param_groups": state["groups"]})
    session.model.load_state_dict(model)
    session.schedule.load_state_dict(state["schedule"])
    session.step = state["step"]
    history: list[dict[str, float]] = state["history"]
    return history


def _training(session: Session) -> dict[str, Any]:
    """Return what two trainings must share for one to go on with the other's weights."""
    shapes = {name: list(weight.shape) for name, weight in session.model.state_dict().items()}
    first = next(iter(shapes.values()))
    return {
        "channels": first[1] if len(first) > 1 else None,
        "network": hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:12],
        "preset": json.loads(json.dumps(session.preset.__dict__)),
        "seed": session.seed,
        "steps": session.steps,
        "chips": len(session.train_set.table),
    }
