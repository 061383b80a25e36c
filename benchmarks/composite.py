"""Composites of a cube as large as the real Hokkaido one, chunk by chunk, against reading the same chunks.

By ``python benchmarks/composite.py FOLDER``, where ``benchmarks/full_size.py`` wrote its cube. Times are medians of
three rounds that alternate, after one that warms the disk's cache: of the clock, and of the processor, which other
programs disturb less. Peak memory is that of a process of its own. A result is thrown away as soon as it is there, as a
map that is streamed would be.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import dask.array as da
import xarray as xr

from landslide_utils.composite import choose_passes, make_composite, variables_of
from landslide_utils.cube import open_cube

EVENT = "2018-09-05T18:07:59"
ROUNDS, TIMESTEPS = 3, 4
MOST_GB, MOST_TIMES = 2.0, 2.0
COMBINATIONS = ("vv", "sar", "sar_dem")


class Nowhere:
    """A store that forgets what it is given."""

    def __setitem__(self, place: object, block: object) -> None:
        """Forget."""


def consume(*arrays: xr.DataArray) -> None:
    """Make each chunk once and keep none."""
    da.store([array.data for array in arrays], [Nowhere() for _ in arrays], lock=False)


def read(path: Path, channels: str) -> None:
    """Read the chunks that a composite needs, as the store has them."""
    passes = choose_passes(open_cube(str(path), event_time=EVENT), TIMESTEPS)
    store = xr.open_zarr(path).sortby("timestep")
    used = store.isel(timestep=[*passes.before, *passes.after])
    consume(*(used[name] for name in variables_of(channels)))


def compose(path: Path, channels: str) -> None:
    """Make the composite: its faults are looked for first, and that reads each chunk too."""
    cube = open_cube(str(path), event_time=EVENT)
    consume(make_composite(cube, channels=channels, timesteps=TIMESTEPS, labels=False)["image"])


def measure(path: Path, channels: str) -> bool:
    """Print one line, and say whether both targets are met."""
    wall: dict[str, list[float]] = {"read": [], "compose": []}
    processor: dict[str, list[float]] = {"read": [], "compose": []}
    for task in [read, *[read, compose] * ROUNDS]:
        start, begin = time.perf_counter(), time.process_time()
        task(path, channels)
        wall[task.__name__].append(time.perf_counter() - start)
        processor[task.__name__].append(time.process_time() - begin)
    (reading, composing), (cpu_reading, cpu_composing) = (
        (statistics.median(seconds["read"][1:]), statistics.median(seconds["compose"])) for seconds in (wall, processor)
    )
    program = [sys.executable, __file__, str(path.parent), "--memory", channels]
    gigabytes = float(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    times = composing / reading
    print(
        f"{channels:8} reading {reading:6.1f} s, composite {composing:6.1f} s, "
        f"{times:.2f} times as long (at most {MOST_TIMES:g}); "
        f"of the processor {cpu_reading:.1f} and {cpu_composing:.1f} s, {cpu_composing / cpu_reading:.2f} times; "
        f"peak memory {gigabytes:.2f} GB (below {MOST_GB:g})",
        flush=True,
    )
    return times <= MOST_TIMES and gigabytes < MOST_GB


def main() -> int:
    """Measure each band combination."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--memory", choices=COMBINATIONS, help="only print the peak memory (GB) of one composite")
    arguments = parser.parse_args()
    path = arguments.folder / "full_size.zarr"
    if arguments.memory:
        compose(path, arguments.memory)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return 0
    met = [measure(path, channels) for channels in COMBINATIONS]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
