"""What neighbours in training are worth: one network with and one without, scored on the same test chips.

By ``python benchmarks/leak.py CUBE``, for example ``practice_hokkaido``. Each line of the table is one pair of
trainings with the same seed; a pair that is there already is not measured again. Chips are scored one by one, without
what lies around them. Notebook 04 shows the table.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from presets import score_chips

from landslide_utils.chips import SIZE, split_chips
from landslide_utils.composite import keep_composite, make_composite
from landslide_utils.cube import open_cube
from landslide_utils.model import PRESETS
from landslide_utils.scene import Scene

TABLE = Path(__file__).parents[1] / "docs" / "results" / "leak.csv"


def share_out(chips: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """Return two ways to train for the same test chips: ``apart`` from them, and ``beside`` them.

    The test chips are every other one of a blocked split's, like one colour of a chessboard. The other colour trains
    ``beside``, in place of as many chips with and without landslides from other blocks; ``apart`` leaves it out.
    """
    random = np.random.default_rng(seed)
    first = chips.groupby("block")[["row", "col"]].transform("min")
    colour = ((chips[["row", "col"]] - first) // SIZE).sum(axis=1) % 2
    neighbours = (chips["part"] == "test") & (colour == 1)
    rich = chips["landslide_share"] > 0
    training = chips["part"] == "train"
    replaced = np.concatenate(
        [
            random.choice(np.flatnonzero(training & (rich == kind)), (neighbours & (rich == kind)).sum(), replace=False)
            for kind in (True, False)
        ]
    )
    beside = chips.assign(part=chips["part"].mask(neighbours, "train")).drop(index=replaced)
    return {"apart": chips[~neighbours].reset_index(drop=True), "beside": beside.reset_index(drop=True)}


def measure(cube: str, seed: int) -> dict[str, Any]:
    """Train both networks of one seed and return their line of the table."""
    import torch

    from landslide_utils.train import start_session, train_steps

    torch.set_num_threads(1)
    composite = keep_composite(make_composite(open_cube(cube), channels="sar", timesteps=4), progress=False)
    line: dict[str, Any] = {"cube": Path(cube).stem, "seed": seed}
    for name, chips in share_out(split_chips(composite["landslides"], seed=seed), seed).items():
        scene = Scene.fit(composite, chips)
        session = start_session(scene, PRESETS["quick"], seed=seed)
        train_steps(session, session.steps)
        line |= {name: round(score_chips(session.model, scene, "test"), 4)}
        tested = chips[chips["part"] == "test"]
    rich = tested[tested["landslide_share"] > 0]
    return {
        **line,
        "prevalence": round(float(tested["landslide_share"].mean()), 4),
        "n_test_chips_with_landslides": len(rich),
        "n_test_blocks_with_landslides": int(rich["block"].nunique()),
        "simulated": bool(composite.attrs["simulated"]),
    }


def main() -> int:
    """Measure what is missing, and keep each pair as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cube")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="pairs at a time")
    arguments = parser.parse_args()
    table = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=["cube", "seed"])
    done = set(table.loc[table["cube"] == Path(arguments.cube).stem, "seed"])
    with ProcessPoolExecutor(arguments.processes) as pool:
        missing = [seed for seed in arguments.seeds if seed not in done]
        for pair in as_completed([pool.submit(measure, arguments.cube, seed) for seed in missing]):
            print(pair.result(), flush=True)
            table = pd.concat([table, pd.DataFrame([pair.result()])]).sort_values(["cube", "seed"])
            table.to_csv(TABLE, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
