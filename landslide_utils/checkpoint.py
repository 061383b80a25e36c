"""A training that was stopped goes on where it was: one file, whole or not at all, that holds numbers and no code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from landslide_utils.files import whole

if TYPE_CHECKING:
    from landslide_utils.train import Session


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that belongs to another training."""


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
    from safetensors.torch import save_file

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
    with whole(path, overwrite=True) as part:
        copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(copies, part, metadata={"state": json.dumps(described)})


def load_checkpoint(path: Path, session: Session) -> tuple[list[dict[str, float]], dict[str, torch.Tensor]]:
    """Bring a session to where a checkpoint was written.

    Returns
    -------
    history : list of dict
    best : dict of torch.Tensor

    Raises
    ------
    CheckpointError
        If the file is damaged, or was written by a training of other channels, another network or another seed. The session is then as it was.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read ({error}); delete it to start over") from error
    found, wanted = described["training"], _training(session)
    if found != wanted:
        differing = ", ".join(
            f"{name} {found.get(name)!r} instead of {wanted[name]!r}"
            for name in wanted
            if found.get(name) != wanted[name]
        )
        raise CheckpointError(
            f"the checkpoint {path} is of another training ({differing}); delete it to start over, or choose another file"
        )
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
