"""Memory, growth with area, and throughput of mapping a scene: ``python benchmarks/mapping.py FOLDER``.

FOLDER holds, or gets, the full-size cube of ``full_size.py``. Parts: ``memory``, ``area``, ``throughput`` (all by
default). On a machine that does other work times are noisy: what is compared is measured in turns within one run, as
seconds of the processor, and the smallest of each is taken.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from landslide_utils.composite import make_composite
from landslide_utils.cube import open_cube
from landslide_utils.model import PRESETS, build_model
from landslide_utils.predict import Tiling, map_scene
from landslide_utils.scene import Normalisation
from landslide_utils.terrain import find_layover_and_shadow

QUICK = PRESETS["quick"]
OVERLAP, BATCH = 64, 2
HEIGHT, WIDTH = (
    1345,
    1100,
)  # a quarter of the full-size scene's sides: 4 and 16 times the area, and of the tiles, lead up to it
MOST_GB, MOST_UNEVEN, LEAST_THROUGHPUT = 2.0, 0.15, 0.80


def network(channels: int) -> torch.nn.Module:
    """Return the quick network with random weights: its speed does not depend on what it has learnt."""
    torch.manual_seed(0)
    return build_model(channels, QUICK).to(memory_format=torch.channels_last).eval()


def seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def noise(height: int, width: int) -> xr.DataArray:
    """Return an image of noise with the nine channels of ``sar_dem``."""
    values = np.random.default_rng(0).standard_normal((9, height, width), np.float32)
    places = {"y": -10.0 * np.arange(height), "x": 10.0 * np.arange(width)}
    return xr.DataArray(values, dims=("channel", "y", "x"), coords=places)


def measure_memory(folder: Path) -> bool:
    """Map the full-size cube from Zarr to Zarr, with layover and shadow; the peak is that of the whole process."""
    cube = open_cube(str(folder / "full_size.zarr"))
    composite = make_composite(cube, channels="sar_dem", timesteps=4)
    image = composite["image"]
    names = tuple(str(name) for name in image["channel"].values)
    plain = Normalisation(names, (0.0,) * len(names), (10.0,) * len(names))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        probability = map_scene(
            network(len(names)),
            plain.apply(image),
            valid=composite["valid"],
            layover_and_shadow=find_layover_and_shadow(cube, orbit=composite.attrs["orbit"]),
            out=Path(temporary) / "map.zarr",
            progress=sys.stderr.isatty(),
        )
        shares = {name: round(value, 4) for name, value in probability.attrs.items() if name.startswith("share_")}
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"memory: {image.sizes['y']} x {image.sizes['x']} pixels, sar_dem, in {time.perf_counter() - start:.0f} s "
        f"({time.process_time() - used:.0f} s of the processor); peak {gigabytes:.2f} GB "
        f"({before:.2f} GB before the first tile; at most {MOST_GB:g} wanted); {shares}",
        flush=True,
    )
    return gigabytes < MOST_GB


def measure_area(rounds: int) -> bool:
    """Map 1, 4 and 16 times the same area, in turns; time must grow as the area does."""
    model = network(9)
    large = noise(4 * HEIGHT, 4 * WIDTH)
    scenes = {times**2: large[:, : times * HEIGHT, : times * WIDTH] for times in (1, 2, 4)}
    best = dict.fromkeys(scenes, np.inf)
    for _ in range(rounds):
        for area, image in scenes.items():
            took = seconds(lambda image=image: map_scene(model, image, tiling=Tiling(overlap=OVERLAP), progress=False))
            best[area] = min(best[area], took)
    per_pixel = {area: took / (area * HEIGHT * WIDTH) * 1e6 for area, took in best.items()}
    uneven = max(abs(value / per_pixel[1] - 1) for value in per_pixel.values())
    text = ", ".join(
        f"{area} times {best[area]:.1f} s ({value:.3f} s per million pixels)" for area, value in per_pixel.items()
    )
    print(f"area: {text}; at most {uneven:.0%} from linear ({MOST_UNEVEN:.0%} wanted)", flush=True)
    return uneven <= MOST_UNEVEN


def measure_throughput(rounds: int) -> bool:
    """Compare with the network alone on tiles that are in memory already: pixels a second that go through it."""
    model, image = network(9), noise(HEIGHT, WIDTH)
    tiling = Tiling(overlap=OVERLAP, batch_size=BATCH)
    tiles = len(tiling.starts(HEIGHT)) * len(tiling.starts(WIDTH))
    batch = torch.from_numpy(image.values[None, :, : tiling.tile, : tiling.tile].repeat(BATCH, 0))
    batch = batch.contiguous(memory_format=torch.channels_last)

    def alone() -> None:
        with torch.inference_mode():
            for _ in range(0, tiles, BATCH):
                model(batch)

    bare, mapped = np.inf, np.inf
    for _ in range(rounds):
        bare = min(bare, seconds(alone))
        mapped = min(
            mapped,
            seconds(lambda: map_scene(model, image, tiling=tiling, progress=False)),
        )
    pixels = tiles * tiling.tile**2 / 1e6
    print(
        f"throughput: {pixels / mapped:.2f} million pixels a second through the network, {pixels / bare:.2f} alone: "
        f"{bare / mapped:.0%} ({LEAST_THROUGHPUT:.0%} wanted)",
        flush=True,
    )
    return bare / mapped >= LEAST_THROUGHPUT


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", default=["memory", "area", "throughput"])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.parts == ["memory"]:
        return 0 if measure_memory(arguments.folder) else 1
    torch.set_num_threads(1)
    good = []
    for part in arguments.parts:
        if part == "memory":
            if not (arguments.folder / "full_size.zarr").exists():
                subprocess.run([sys.executable, Path(__file__).with_name("full_size.py"), arguments.folder], check=True)
            good.append(subprocess.run([sys.executable, __file__, arguments.folder, "memory"]).returncode == 0)
        else:
            good.append({"area": measure_area, "throughput": measure_throughput}[part](arguments.rounds))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
