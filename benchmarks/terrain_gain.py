"""Does terrain help with one pass? The same question to a random forest: AUPRC in test chips with a landslide.

By ``python benchmarks/terrain_gain.py``. The grid of this small scene found no gain of a network from terrain. If the
forest, which cannot train too short, loses by it too, then it is not the network: elevation and aspect tell places
apart, and with few landslides in few blocks a learner remembers places that the test does not have.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from landslide_utils import metrics
from landslide_utils.baselines import random_forest
from landslide_utils.chips import part_mask, split_chips
from landslide_utils.composite import CHANNELS, make_composite
from landslide_utils.cube import open_cube

TABLE = Path(__file__).with_suffix(".csv")


def main() -> int:
    """Measure and write the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    composite = make_composite(open_cube("practice_earthquake"), channels="sar_dem", timesteps=1).load()
    valid = composite["valid"]
    radar = list(CHANNELS["sar"])
    sets = {"VV and VH": radar, "and slope": [*radar, "slope"], "and all terrain": list(CHANNELS["sar_dem"])}
    lines = []
    for seed in (0, 1, 2):
        chips = split_chips(composite["landslides"], seed=seed)
        test = part_mask(chips, "test", composite["landslides"], only_landslides=True)
        for name, channels in sets.items():
            image = composite["image"].sel(channel=channels)
            score = random_forest(image, composite["landslides"], valid, chips, seed=seed, trees=40)
            auprc = metrics.auprc(*metrics.pixels(score, composite["landslides"], test))
            lines.append({"seed": seed, "channels": name, "auprc_landslide_chips": round(auprc, 3)})
            print(lines[-1], flush=True)
    pd.DataFrame(lines).to_csv(TABLE, index=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
