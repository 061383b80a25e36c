"""Make a cube as large as the real Hokkaido one (5382 x 4398 pixels, 26 passes) and measure time, memory and seams.

By ``python benchmarks/full_size.py FOLDER``.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

from landslide_utils.grid import Window
from landslide_utils.simulate import Scenario, make_scene, write_cube

ORBITS = "ddadddaddaddaddaddadaddadd"  # the real cube's 18 descending and 8 ascending passes, in order
FIRST_DAY, STEP = -79.14, 4.0

SCENARIO = Scenario(
    height=5382,
    width=4398,
    relief_scale=1.0,
    shaking_radius_m=10_500.0,
    days_descending=tuple(round(FIRST_DAY + STEP * i, 2) for i, orbit in enumerate(ORBITS) if orbit == "d"),
    days_ascending=tuple(round(FIRST_DAY + STEP * i + 0.5, 2) for i, orbit in enumerate(ORBITS) if orbit == "a"),
)
WINDOWS = (Window(0, 0, 40, 50), Window(500, 500, 30, 30), Window(3000, 2030, 90, 40), Window(5342, 4358, 40, 40))


def main() -> int:
    """Write the cube, then compare windows of it, some across chunk edges, with the same windows made alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    path = parser.parse_args().folder / "full_size.zarr"
    start = time.perf_counter()
    scene = make_scene(SCENARIO)
    print(f"{len(scene.landslides)} landslides placed in {time.perf_counter() - start:.0f} s")
    write_cube(scene, path, progress=sys.stdout.isatty())
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    cube = xr.open_zarr(path)
    same = True
    for window in WINDOWS:
        alone = scene.simulate(window)
        place = {"y": slice(window.row, window.row + window.height), "x": slice(window.col, window.col + window.width)}
        for name in ("vv", "vh", "dem", "landslides"):
            same &= np.array_equal(cube[name].isel(place).values, alone[name], equal_nan=True)
    share = float((cube["landslides"] > 0).mean())
    print(
        f"{cube.sizes['timestep']} passes of {cube.sizes['y']} x {cube.sizes['x']} pixels in {seconds:.0f} s, "
        f"peak memory {gigabytes:.2f} GB"
    )
    print(
        f"landslides {share:.2%}; windows made alone {'equal' if same else 'DIFFER FROM'} the stored cube to the byte"
    )
    return 0 if same and gigabytes < 4 else 1


if __name__ == "__main__":
    sys.exit(main())
