"""Our recipes and the published one under the paper's protocol. By ``python benchmarks/published.py FOLDER``.

The protocol is the split ``published``: chips with landslides only, at random, 216 to train and 61 to score at the
paper's size. All recipes get the same chips, which are scored one by one. A line of the table is one training in a
process of its own, so that its peak of memory is its own; a line that is there already is not measured again, and a
training that was stopped goes on from its checkpoint in FOLDER, without a peak of memory in its line. One at a time,
so that the seconds can be compared: those of all steps, each as fast as in the fastest of the looks at the validation
chips, whatever else the machine did during the others.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from presets import map_chips

from landslide_utils.chips import split_chips
from landslide_utils.composite import keep_composite, make_composite
from landslide_utils.cube import open_cube
from landslide_utils.metrics import bootstrap_auprc, interval, score_map
from landslide_utils.model import PRESETS
from landslide_utils.scene import Scene

TABLE = Path(__file__).parents[1] / "docs" / "results" / "published.csv"
KEYS = ["cube", "recipe", "channels", "timesteps", "training_chips", "seed"]
FEW = 110
"""Training chips of the authors' follow-up (arXiv:2211.09927)."""

EPOCHS = 10
"""Of the published recipe: with fewer chips it has fewer steps."""


def measure(folder: Path, key: dict[str, Any]) -> dict[str, Any]:
    """Train one recipe and return its line of the table."""
    from landslide_utils.train import fit, start_session

    preset = PRESETS[key["recipe"]]
    cube = open_cube(key["cube"])
    composite = keep_composite(make_composite(cube, channels=key["channels"], timesteps=key["timesteps"]))
    chips = split_chips(composite["landslides"], method="published", seed=key["seed"])
    training = chips.index[chips["part"] == "train"]
    chips = chips.drop(index=training[key["training_chips"] :])  # they are in random order already
    steps = preset.steps
    if key["recipe"] == "paper":
        steps = EPOCHS * -(-min(key["training_chips"], len(training)) // preset.batch_size)
    scene = Scene.fit(composite, chips.reset_index(drop=True))
    session = start_session(scene, preset, steps=steps, seed=key["seed"])
    name = "-".join(str(value) for value in key.values()).replace("/", "_")
    checkpoint = folder / f"{name}.safetensors"
    trained_before = checkpoint.exists()
    history = pd.DataFrame(fit(session, checkpoint=checkpoint))
    a_step = (history["seconds"] / np.diff(history["step"], prepend=0)).min()
    peak = np.nan if trained_before else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    probability = map_chips(session.model, scene, "test")
    scores = score_map(probability, scene.landslides, scene.chips)
    tested = int((scene.chips["part"] == "test").sum())
    found = interval(scores["auprc"], bootstrap_auprc(probability, scene.landslides, scene.chips), tested)
    return {
        **key,
        "cube": Path(key["cube"]).stem,
        "steps": steps,
        "seconds_train": round(steps * a_step, 1),
        "peak_gb": round(peak, 2),
        "auprc": round(found.value, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "chance": round(scores["prevalence"], 4),
        "test_chips": tested,
        "simulated": bool(composite.attrs["simulated"]),
    }


def main() -> int:
    """Measure what is missing, and keep each line as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where checkpoints are kept")
    parser.add_argument("--cubes", nargs="+", default=["practice_hokkaido"])
    parser.add_argument("--recipes", nargs="+", default=["quick", "paper"], choices=list(PRESETS))
    parser.add_argument("--channels", nargs="+", default=["sar", "sar_dem"])
    parser.add_argument("--timesteps", nargs="+", type=int, default=[4, 1])
    parser.add_argument("--training-chips", nargs="+", type=int, default=[216])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    lines = pd.read_csv(TABLE).to_dict("records") if TABLE.exists() else []
    done = {tuple(str(line[name]) for name in KEYS) for line in lines}
    given = arguments.seeds, arguments.training_chips, arguments.channels, arguments.timesteps, arguments.recipes
    wanted = [
        dict(zip(KEYS, (cube, recipe, channels, timesteps, count, seed), strict=True))
        for cube in arguments.cubes
        for seed, count, channels, timesteps, recipe in itertools.product(*given)
    ]
    spawn = multiprocessing.get_context("spawn")  # a forked process would begin with the memory of this one
    for key in wanted:
        if tuple(str(value) for value in {**key, "cube": Path(key["cube"]).stem}.values()) in done:
            continue
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            lines.append(pool.submit(measure, arguments.folder, key).result())
        print(lines[-1], flush=True)
        pd.DataFrame(lines).to_csv(TABLE, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
