"""Train a grid of one run, in a process that is killed at a chosen moment, five times, and then once undisturbed.

``python killed.py CONFIG``, a JSON object, prints a line for each process: how it ended and what lies in the folder of
runs. The processes are forked from this one, which has only imported, so that the imports are paid for once.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from landslide_utils import files, predict, train
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.grid import run_grid
from landslide_utils.model import PRESETS


def kill(*_: Any, **__: Any) -> None:
    """End this process as the system would."""
    os.kill(os.getpid(), signal.SIGKILL)


def while_checkpoint_is_written(number: int) -> None:
    """Stop in the middle of writing a checkpoint of this process: half of the file is there."""
    save, numbers = train.save_file, iter(range(1, 100))

    def save_half(tensors: dict[str, torch.Tensor], path: Path, **options: Any) -> None:
        save(tensors, path, **options)
        if next(numbers) == number:
            os.truncate(path, path.stat().st_size // 2)
            kill()

    train.save_file = save_half


def when_the_folder_is_there(config: RunConfig) -> None:
    """Stop when the run's folder has appeared, before what is beside it is taken away."""
    remove = files.shutil.rmtree

    def remove_or_stop(*given: Any, **options: Any) -> None:
        if config.folder.exists():
            kill()
        remove(*given, **options)

    files.shutil.rmtree = remove_or_stop


def main(config: RunConfig) -> None:
    """Run all processes."""
    PRESETS["quick"] = dataclasses.replace(PRESETS["quick"], validate_every=4)  # two checkpoints in eight steps
    train.precision = lambda: "no"  # type: ignore[assignment]  # as in the tests
    moments: list[Callable[[], object]] = [
        lambda: while_checkpoint_is_written(1),
        lambda: while_checkpoint_is_written(2),
        lambda: setattr(predict, "map_scene", kill),
        lambda: setattr(xr.Dataset, "to_zarr", kill),
        lambda: when_the_folder_is_there(config),
        lambda: None,
    ]
    for prepare in moments:
        process = os.fork()
        if process == 0:
            torch.set_num_threads(1)
            prepare()
            run_grid([config], here=True, progress=False)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        names = sorted(path.name.replace(config.hash, "RUN") for path in Path(config.runs_dir).iterdir())
        print(json.dumps({"signal": os.WTERMSIG(status), "names": names}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(RunConfig(**json.loads(sys.argv[1])))
