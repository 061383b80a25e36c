"""Which network, loss and learning rate: AUPRC against seconds of every candidate that was tried.

By ``python benchmarks/presets.py``. Each line of ``presets.csv`` is one training on one thread; a line that is there
already is not measured again. The presets are chosen by the AUPRC on the **validation** chips; that on the test chips
stands beside it and chose nothing. Seconds are those of the processor, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_suffix(".csv")
SEEDS = (0,)


def candidates() -> dict[str, dict[str, Any]]:
    """Return what each candidate changes against the base.

    The base is resnet18 of two stages, 16 epochs, batches of 4, rate 3e-3, cross-entropy. With two stages there is
    nothing between encoder and decoder for a UNet++ to nest: it is the same network as a UNet. One stage the library
    cannot build.
    """
    narrow = {"depth": 3, "decoder": (32, 16, 8)}
    return {
        "base": {},
        "encoder resnet18, 3 stages": {"depth": 3, "decoder": (64, 32, 16)},
        "encoder resnet18, 4 stages": {"depth": 4, "decoder": (128, 64, 32, 16)},
        "encoder resnet34, 2 stages": {"encoder": "resnet34"},
        "encoder mobilenet_v2, 2 stages": {"encoder": "mobilenet_v2"},
        "encoder efficientnet-b0, 3 stages": {"encoder": "efficientnet-b0", "depth": 3, "decoder": (64, 32, 16)},
        "decoder 16, 8": {"decoder": (16, 8)},
        "decoder 64, 32": {"decoder": (64, 32)},
        "loss focal": {"loss": "focal"},
        "loss dice-bce": {"loss": "dice-bce"},
        "rate 1e-3": {"learning_rate": 1e-3},
        "rate 1e-2": {"learning_rate": 1e-2},
        "batches of 2": {"batch_size": 2},
        "batches of 8": {"batch_size": 8},
        "batches of 16": {"batch_size": 16},
        "no augmentation": {"augment": False},
        "half of the chips with landslides": {"landslide_chips": 0.5},
        "only chips with landslides": {"landslide_chips": 1.0},
        "4 epochs": {"epochs": 4},
        "8 epochs": {"epochs": 8},
        "24 epochs": {"epochs": 24},
        "40 epochs": {"epochs": 40},
        "40 epochs, 3 stages": {"epochs": 40, "depth": 3, "decoder": (64, 32, 16)},
        "best of 16 epochs": {"patience": 16},
        "constant rate, best, patience 5": {"schedule": "constant", "patience": 5, "epochs": 40, "learning_rate": 1e-3},
        "rate 1e-2, dice-bce": {"learning_rate": 1e-2, "loss": "dice-bce"},
        "rate 1e-2, dice-bce, 12 epochs": {"learning_rate": 1e-2, "loss": "dice-bce", "epochs": 12},
        "rate 2e-2": {"learning_rate": 2e-2},
        "3 stages, decoder 32, 16, 8": narrow,
        "3 stages, decoder 32, 16, 8, rate 1e-2": {**narrow, "learning_rate": 1e-2},
        "3 stages, decoder 32, 16, 8, rate 1e-2, dice-bce": {**narrow, "learning_rate": 1e-2, "loss": "dice-bce"},
        "3 stages, decoder 32, 16, 8, rate 1e-2, 12 epochs": {**narrow, "learning_rate": 1e-2, "epochs": 12},
        "3 stages, decoder 32, 16, 16, rate 1e-2, 12 epochs": {
            **narrow,
            "decoder": (32, 16, 16),
            "learning_rate": 1e-2,
            "epochs": 12,
        },
        "40 epochs, 3 stages, rate 1e-2": {"epochs": 40, "depth": 3, "decoder": (64, 32, 16), "learning_rate": 1e-2},
        "UNet": {"architecture": "unet"},
        "UNet, 3 stages": {"architecture": "unet", "depth": 3, "decoder": (64, 32, 16)},
    }


def measure(name: str, seed: int, cube: str) -> dict[str, Any]:
    """Train one candidate and return its line of the table."""
    import torch

    from landslide_utils.chips import split_chips
    from landslide_utils.composite import make_composite
    from landslide_utils.cube import open_cube
    from landslide_utils.metrics import score_map
    from landslide_utils.model import PRESETS, count_weights
    from landslide_utils.predict import map_scene
    from landslide_utils.scene import Scene
    from landslide_utils.train import fit, start_session

    torch.set_num_threads(1)
    base = dataclasses.replace(
        PRESETS["quick"],
        **{
            "encoder": "resnet18",
            "depth": 2,
            "decoder": (32, 16),
            "epochs": 16,
            "batch_size": 4,
            "learning_rate": 3e-3,
        },
        **{"landslide_chips": 0.8, "loss": "cross-entropy", "patience": 0, "architecture": "unet++", "augment": True},
    )
    preset = dataclasses.replace(base, **candidates()[name])
    composite = make_composite(open_cube(cube), channels="sar", timesteps=4).load()
    chips = split_chips(composite["landslides"], seed=seed)
    scene = Scene.fit(composite, chips)
    session = start_session(scene, preset, seed=seed)
    start = time.process_time()
    history = list(fit(session, preset.epochs, progress=False))
    seconds = time.process_time() - start
    probability = map_scene(session.model, scene.image, valid=scene.valid, progress=False)
    scores = {part: score_map(probability, composite["landslides"], chips, part) for part in ("validation", "test")}
    return {
        "candidate": name,
        "cube": cube,
        "seed": seed,
        "epochs": len(history),
        "weights": count_weights(session.model),
        "seconds": round(seconds, 1),
        "validation_auprc": round(scores["validation"]["auprc"], 4),
        "test_auprc": round(scores["test"]["auprc"], 4),
        "test_prevalence": round(scores["test"]["prevalence"], 4),
    }


def main() -> int:
    """Measure what is missing, two candidates at a time, and keep each line as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cube", default="practice_earthquake")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--only", nargs="+", help="candidates; all by default")
    arguments = parser.parse_args()
    done = set()
    if TABLE.exists():
        with TABLE.open(newline="") as file:
            done = {(line["candidate"], int(line["seed"]), line["cube"]) for line in csv.DictReader(file)}
    wanted = [(name, seed, arguments.cube) for seed in arguments.seeds for name in arguments.only or candidates()]
    missing = [job for job in wanted if job not in done]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        for future in as_completed([pool.submit(measure, *job) for job in missing]):
            line = future.result()
            new = not TABLE.exists()
            with TABLE.open("a", newline="") as file:
                table = csv.DictWriter(file, list(line))
                if new:
                    table.writeheader()
                table.writerow(line)
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
