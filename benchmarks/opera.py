"""Measure real radar and keep the numbers for the course.

By ``python benchmarks/opera.py FOLDER`` with the OPERA RTC-S1 GeoTIFFs of the test data.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import rioxarray
import xarray as xr

from landslide_utils.course import speckle

SITES = {"OPERA site 1": "T137-292320-IW2", "OPERA site 2": "T137-292321-IW2"}
TARGET = Path(speckle.__file__).parent / "measured"


def stack_opera(folder: Path, site: str) -> xr.Dataset:
    """Return one site's OPERA RTC-S1 GeoTIFFs in the published layout: ``vv`` and ``vh`` (timestep, y, x), if there."""
    stack: dict[str, list[xr.DataArray]] = {"vv": [], "vh": []}
    for path in sorted(folder.glob(f"*{site}*_V?*.tif")):
        instant, polarisation = re.search(r"_(\d{8}T\d{6})Z_\d{8}.*_(V[VH])(?:_tv_cropped)?\.tif$", path.name).groups()
        layer = rioxarray.open_rasterio(path).squeeze(drop=True)
        stack[polarisation.lower()].append(layer.expand_dims(timestep=[np.datetime64(pd.Timestamp(instant), "ns")]))
    return xr.Dataset({name: xr.concat(layers, "timestep") for name, layers in stack.items() if layers})


def measure(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return statistics and fluctuations of both sites."""
    cubes = {name: stack_opera(folder, site) for name, site in SITES.items()}
    statistics = pd.DataFrame({name: speckle.describe(cube["vv"], cube["vh"]) for name, cube in cubes.items()})
    apart = {
        f"{name}, {p.upper()}": speckle.fluctuations(cube[p]) for name, cube in cubes.items() for p in ("vv", "vh")
    }
    return statistics, pd.DataFrame(apart)


def main() -> int:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    TARGET.mkdir(exist_ok=True)
    for table, name in zip(measure(folder), ("statistics", "fluctuations"), strict=True):
        table.round(5).to_csv(TARGET / f"opera_{name}.csv")
        print(table.round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
