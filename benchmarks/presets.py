"""Which network, loss and learning rate: AUPRC against seconds of every candidate that was tried.

By ``python benchmarks/presets.py CUBE ...``. Each line of ``presets.csv`` is one training on one thread; a line that is
there already is not measured again. The presets are chosen by the AUPRC on the **validation** chips; that on the test
chips stands beside it and chose nothing. Chips are scored one by one, without what lies around them. Seconds are those
of the processor, which other programs disturb less; operations are those of the network for one chip, forwards and
backwards, counted by PyTorch, and do not depend on the machine. What the first edition tried, when training was counted
in epochs and chips were drawn with replacement, is kept in ``presets_in_epochs.csv``.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import functools
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    import xarray as xr

    from landslide_utils.model import Preset
    from landslide_utils.scene import Scene

QUICK = "resnet18, 3 stages, crops of 64, 720 steps of 8, rate 1e-2"
"""The candidate that is the preset `quick`."""

TABLE = Path(__file__).with_suffix(".csv")


def candidates() -> dict[str, dict[str, Any]]:
    """Return what each candidate changes against the base.

    The base is the `quick` of the first edition, counted in steps: resnet18 of two stages, decoder (32, 16), 468 steps,
    batches of 4, rate 3e-3, cross-entropy. With two stages there is nothing between encoder and decoder for a UNet++ to
    nest: it is the same network as a UNet.
    """
    crops = {"crop": 64, "batch_size": 8}
    three = {"depth": 3, "decoder": (32, 16, 16)}
    regnet = {**three, "encoder": "timm-regnetx_002", "steps": 700}
    return {
        "base": {},
        "resnet18, 3 stages, 300 steps": {**three, "steps": 300},
        "resnet18, 3 stages, 300 steps, rate 1e-2": {**three, "steps": 300, "learning_rate": 1e-2},
        "resnet10t, 3 stages, 350 steps": {**three, "encoder": "tu-resnet10t", "steps": 350},
        "regnetx_002, 3 stages, 700 steps": regnet,
        "regnetx_002, 3 stages, 700 steps, rate 1e-2": {**regnet, "learning_rate": 1e-2},
        "regnetx_004, 3 stages, decoder 32, 32, 16, 500 steps": {
            **regnet,
            "encoder": "timm-regnetx_004",
            "decoder": (32, 32, 16),
            "steps": 500,
        },
        "mobileone_s0, 3 stages, 450 steps": {**three, "encoder": "mobileone_s0", "steps": 450},
        "base, crops of 64, 936 steps of 8": {"steps": 936, **crops},
        "resnet18, 3 stages, crops of 64, 720 steps of 8": {**three, "steps": 720, **crops},
        QUICK: {**three, "steps": 720, **crops, "learning_rate": 1e-2},
        f"{QUICK}, Dice": {**three, "steps": 720, **crops, "learning_rate": 1e-2, "loss": "dice-bce"},
        "resnet18, 3 stages, crops of 64, 1440 steps of 4, rate 1e-2": {
            **three,
            **crops,
            "steps": 1440,
            "batch_size": 4,
            "learning_rate": 1e-2,
        },
        "resnet18, 3 stages, crops of 32, 720 steps of 32, rate 1e-2": {
            **three,
            "crop": 32,
            "steps": 720,
            "batch_size": 32,
            "learning_rate": 1e-2,
        },
        "regnetx_002, 3 stages, crops of 64, 1440 steps of 8, rate 1e-2": {
            **regnet,
            **crops,
            "steps": 1440,
            "learning_rate": 1e-2,
        },
    }


def preset_of(name: str) -> Preset:
    """Return the preset that a candidate is."""
    from landslide_utils.model import Preset

    base = Preset("resnet18", 2, (32, 16), False, 468, 60, 4, 3e-3, 1e-2, "adamw", "one-cycle", 0.8, True)
    return dataclasses.replace(base, **candidates()[name])


def operations(preset: Any, channels: int) -> float:
    """Return the operations (10^9) of one chip, forwards and backwards."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from landslide_utils.model import build_model

    counter, chips = FlopCounterMode(display=False), torch.randn(2, channels, 128, 128)
    with counter:
        build_model(channels, preset)(chips).sum().backward()
    return float(counter.get_total_flops()) / 2e9


def map_chips(model: torch.nn.Module, scene: Scene, part: str) -> xr.DataArray:
    """Return the probability (y, x) on the chips of a part, mapped one by one; NaN elsewhere and without data."""
    import torch

    from landslide_utils.chips import SIZE, corners
    from landslide_utils.scene import ChipSet

    chips = ChipSet(scene, part)
    mapped = scene.landslides.copy(data=np.full(scene.landslides.shape, np.nan, np.float32))
    model.eval()
    with torch.inference_mode():
        for number, (row, col) in enumerate(corners(scene.chips, part)):
            chip = chips[number]
            image = torch.from_numpy(chip["image"])[None].contiguous(memory_format=torch.channels_last)
            probability = torch.sigmoid(model(image)).numpy()[0, 0]
            mapped.values[row : row + SIZE, col : col + SIZE] = np.where(chip["valid"][0] > 0, probability, np.nan)
    return mapped


def score_chips(model: torch.nn.Module, scene: Scene, part: str) -> float:
    """Return the AUPRC of a network on the chips of a part, one by one."""
    from landslide_utils.metrics import score_map

    return score_map(map_chips(model, scene, part), scene.landslides, scene.chips, part)["auprc"]


@functools.lru_cache(1)
def _composite(cube: str) -> xr.Dataset:
    from landslide_utils.composite import make_composite
    from landslide_utils.cube import open_cube

    return make_composite(open_cube(cube), channels="sar", timesteps=4).load()


def measure(name: str, seed: int, cube: str) -> dict[str, Any]:
    """Train one candidate and return its line of the table."""
    import torch

    from landslide_utils.chips import split_chips
    from landslide_utils.model import count_weights
    from landslide_utils.scene import Scene
    from landslide_utils.train import start_session, train_steps

    torch.set_num_threads(1)
    preset = preset_of(name)
    composite = _composite(cube)
    scene = Scene.fit(composite, split_chips(composite["landslides"], seed=seed))
    session = start_session(scene, preset, seed=seed)
    start = time.process_time()
    train_steps(session, session.steps)
    seconds = time.process_time() - start
    return {
        "candidate": name,
        "cube": Path(cube).stem,
        "seed": seed,
        "steps": preset.steps,
        "weights": count_weights(session.model),
        "operations": round(operations(preset, len(scene.normalisation.channels)), 2),
        "seconds": round(seconds, 1),
        "validation_auprc": round(score_chips(session.model, scene, "validation"), 4),
        "test_auprc": round(score_chips(session.model, scene, "test"), 4),
    }


def main() -> int:
    """Measure what is missing, two candidates at a time, and keep each line as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cubes", nargs="*", metavar="CUBE", default=["practice_earthquake"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", help="candidates; all by default")
    arguments = parser.parse_args()
    done = set()
    if TABLE.exists():
        with TABLE.open(newline="", encoding="utf-8") as file:
            done = {(line["candidate"], int(line["seed"]), line["cube"]) for line in csv.DictReader(file)}
    names = arguments.only or list(candidates())
    wanted = [(name, seed, cube) for seed in arguments.seeds for cube in arguments.cubes for name in names]
    missing = [(name, seed, cube) for name, seed, cube in wanted if (name, seed, Path(cube).stem) not in done]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for future in as_completed([pool.submit(measure, *job) for job in missing]):
            line = future.result()
            new = not TABLE.exists()
            with TABLE.open("a", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, list(line))
                if new:
                    table.writeheader()
                table.writerow(line)
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
