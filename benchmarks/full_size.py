"""Make the cube of practice_hokkaido (5382 x 4398 pixels, 26 passes); measure time, memory, seams and landslides.

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
from landslide_utils.simulate import make_scene, write_cube
from landslide_utils.simulate.scenario import FULL_SIZE

SCENARIO, CHIP = FULL_SIZE["practice_hokkaido"], 128
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
    slid = cube["landslides"] > 0
    chips = slid.coarsen(y=CHIP, x=CHIP, boundary="trim").mean().values
    print(
        f"{cube.sizes['timestep']} passes of {cube.sizes['y']} x {cube.sizes['x']} pixels in {seconds:.0f} s, "
        f"peak memory {gigabytes:.2f} GB"
    )
    print(
        f"landslides {float(slid.mean()):.2%}, in {(chips > 0).sum()} of {chips.size} chips, where they cover "
        f"{chips[chips > 0].mean():.1%} (published: 1.98%, 309 of 1428, 9.2%)"
    )
    print(f"windows made alone {'equal' if same else 'DIFFER FROM'} the stored cube to the byte")
    return 0 if same and gigabytes < 1 else 1


if __name__ == "__main__":
    sys.exit(main())
