"""Our quick recipe against the published one, on two cubes and three seeds. By ``python benchmarks/recipes.py FOLDER``.

The second cube has the real terrain and the real landslides of Hokkaido's core, with simulated radar; it is made if
LANDSLIDE_TEST_DATA names the folder of real data. One run at a time, so that the seconds can be compared.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pandas as pd
from real_scene import real_scene

from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import run
from landslide_utils.simulate import write_cube

TABLE = Path(__file__).with_suffix(".csv")
RECIPES = {"quick": ("quick", 0), "quick, 90 steps": ("quick", 90), "paper": ("paper", 0)}


def hokkaido_core(folder: Path) -> Path | None:
    """Return the cube of Hokkaido's core, made if it is not there; None without the real data."""
    data = os.environ.get("LANDSLIDE_TEST_DATA")
    target = folder / "hokkaido_core.zarr"
    if target.exists() or not data:
        return target if target.exists() else None
    import geopandas as gpd
    import rioxarray

    dem = rioxarray.open_rasterio(Path(data) / "hokkaido_core" / "dsm.tif").squeeze(drop=True)  # type: ignore[union-attr]
    polygons = gpd.read_file(Path(data) / "hokkaido_core" / "slope_failures.gpkg")
    return write_cube(real_scene(dem, polygons), target)


def main() -> int:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the runs and the second cube are kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    core = hokkaido_core(arguments.folder)
    lines = []
    for seed in arguments.seeds:
        for cube in ["practice_earthquake", *([str(core)] if core else [])]:
            for recipe, (preset, steps) in RECIPES.items():
                scores = run(
                    RunConfig(
                        cube=cube, preset=preset, steps=steps, seed=seed, runs_dir=str(arguments.folder / "runs")
                    ),
                    progress=False,
                ).metrics
                lines.append(
                    {
                        "cube": Path(cube).stem,
                        "recipe": recipe,
                        "seed": seed,
                        "steps": scores["steps"],
                        "seconds_train": round(scores["seconds_train"], 1),
                        "auprc": round(scores["auprc"], 4),
                        "auprc_landslide_chips": round(scores["auprc_landslide_chips"], 4),
                        "prevalence": round(scores["prevalence"], 4),
                    }
                )
                print(lines[-1], flush=True)
                table = pd.DataFrame(lines)
                table.to_csv(TABLE, index=False)
    print(
        table.groupby(["cube", "recipe"])[["seconds_train", "auprc", "auprc_landslide_chips"]]
        .agg(["mean", "std"])
        .round(3)
        .to_string()
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
