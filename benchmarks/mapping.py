"""Memory, growth with area, and throughput of mapping a scene: ``python benchmarks/mapping.py``.

Parts: ``memory`` (it needs the cube of practice_hokkaido), ``area``, ``throughput`` (all by default); ``tolerance``,
for a network that looks further than any margin: how much its map depends on the windows. That needs ``--checkpoint``,
of the published recipe with ``sar_dem`` and 4 passes (``benchmarks/published.py``). On a machine that does other work
times are noisy: what is compared is measured in turns within one run, as seconds of the processor, and the smallest of
each is taken.
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

from landslide_utils.chips import split_chips
from landslide_utils.composite import keep_composite, make_composite
from landslide_utils.cube import open_cube
from landslide_utils.model import PRESETS, build_model, read_weights
from landslide_utils.predict import MOST_MARGIN, map_scene
from landslide_utils.scene import Normalisation
from landslide_utils.simulate.truth import busiest_window
from landslide_utils.terrain import find_layover_and_shadow

HEIGHT, WIDTH = (
    1345,
    1100,
)  # a quarter of the full-size scene's sides: 4 and 16 times the area, and of the windows, lead up to it
LARGEST = 2048
"""Width and height in pixels of the scene that is mapped as one window."""
SIDE = 512
"""Width and height in pixels of what the bare network is given."""

MOST_GB, MOST_UNEVEN, LEAST_THROUGHPUT = 1.5, 0.15, 0.75


def network(channels: int, preset: str = "quick") -> torch.nn.Module:
    """Return a preset's network with random weights: its speed does not depend on what it has learnt."""
    torch.manual_seed(0)
    return build_model(channels, PRESETS[preset]).to(memory_format=torch.channels_last).eval()


def seconds(work: Callable[[], object]) -> float:
    """Return the processor seconds of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def noise(height: int, width: int) -> tuple[xr.Dataset, Normalisation]:
    """Return a composite of noise with the nine channels of ``sar_dem``, and a normalisation that changes nothing."""
    values = np.random.default_rng(0).standard_normal((9, height, width), np.float32)
    names = [f"layer {number}" for number in range(9)]
    places = {"channel": names, "y": -10.0 * np.arange(height), "x": 10.0 * np.arange(width)}
    image = xr.DataArray(values, dims=("channel", "y", "x"), coords=places)
    return xr.Dataset({"image": image, "valid": image.notnull().all("channel")}), plain(names)


def plain(names: list[str]) -> Normalisation:
    """Return a normalisation that changes nothing."""
    return Normalisation(tuple(names), (0.0,) * len(names), (1.0,) * len(names))


def measure_memory() -> bool:
    """Map the full-size cube to Zarr, with layover and shadow; the peak is that of the whole process."""
    cube = open_cube("practice_hokkaido")
    composite = keep_composite(make_composite(cube, channels="sar_dem", timesteps=4))
    names = [str(name) for name in composite["channel"].values]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start, used = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as temporary:
        probability = map_scene(
            network(len(names)),
            composite,
            plain(names),
            hidden=find_layover_and_shadow(cube, orbit=composite.attrs["orbit"]),
            out=Path(temporary) / "map.zarr",
            progress=sys.stderr.isatty(),
        )
        shares = {name: round(value, 4) for name, value in probability.attrs.items() if name.startswith("share_")}
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sizes = composite.sizes
    print(
        f"memory: {sizes['y']} x {sizes['x']} pixels, sar_dem, in {time.perf_counter() - start:.0f} s "
        f"({time.process_time() - used:.0f} s of the processor); peak {gigabytes:.2f} GB "
        f"({before:.2f} GB before the first window; at most {MOST_GB:g} wanted); {shares}",
        flush=True,
    )
    return gigabytes < MOST_GB


def measure_area(rounds: int) -> bool:
    """Map 1, 4 and 16 times the same area, in turns; time must grow as the area does."""
    model = network(9)
    large, normalisation = noise(4 * HEIGHT, 4 * WIDTH)
    scenes = {times**2: large.isel(y=slice(times * HEIGHT), x=slice(times * WIDTH)) for times in (1, 2, 4)}
    best = dict.fromkeys(scenes, np.inf)
    for _ in range(rounds):
        for area, scene in scenes.items():
            took = seconds(lambda scene=scene: map_scene(model, scene, normalisation, progress=False))
            best[area] = min(best[area], took)
    per_pixel = {area: took / (area * HEIGHT * WIDTH) * 1e6 for area, took in best.items()}
    uneven = max(abs(value / per_pixel[1] - 1) for value in per_pixel.values())
    text = ", ".join(
        f"{area} times {best[area]:.1f} s ({value:.3f} s per million pixels)" for area, value in per_pixel.items()
    )
    print(f"area: {text}; at most {uneven:.0%} from linear ({MOST_UNEVEN:.0%} wanted)", flush=True)
    return uneven <= MOST_UNEVEN


def measure_throughput(rounds: int) -> bool:
    """Compare with the network alone on windows that are in memory already: pixels of the scene a second."""
    good = True
    scene, normalisation = noise(2 * HEIGHT, 2 * WIDTH)
    window = torch.from_numpy(scene["image"].values[None, :, :SIDE, :SIDE])
    window = window.contiguous(memory_format=torch.channels_last)
    for preset in ("quick", "standard"):
        model = network(9, preset)

        def alone(model: torch.nn.Module = model) -> None:
            with torch.inference_mode():
                for _ in range(4):
                    model(window)

        bare, mapped = np.inf, np.inf
        for _ in range(rounds):
            bare = min(bare, seconds(alone) / (4 * SIDE**2))
            took = seconds(lambda model=model: map_scene(model, scene, normalisation, progress=False))
            mapped = min(mapped, took / (4 * HEIGHT * WIDTH))
        print(
            f"throughput of {preset}: {1e-6 / mapped:.2f} million pixels of the scene a second, the network alone "
            f"{1e-6 / bare:.2f}: {bare / mapped:.0%} ({LEAST_THROUGHPUT:.0%} wanted)",
            flush=True,
        )
        good &= bare / mapped >= LEAST_THROUGHPUT
    return good


def measure_tolerance(checkpoint: Path) -> bool:
    """Compare the map of the published network by windows with that of one huge window, where most slid."""
    cube = open_cube("practice_hokkaido")
    composite = keep_composite(make_composite(cube, channels="sar_dem", timesteps=4))
    chips = split_chips(composite["landslides"], method="published")
    normalisation = Normalisation.fit(composite["image"], chips)
    _, tensors = read_weights(checkpoint, "state")
    model = build_model(composite.sizes["channel"], PRESETS["paper"])
    model.load_state_dict({name.removeprefix("model/"): t for name, t in tensors.items() if name.startswith("model/")})
    part = busiest_window(composite, LARGEST)
    image = torch.from_numpy(normalisation.apply(part["image"]).values[None])
    with torch.inference_mode():
        whole = torch.sigmoid(model.eval()(image)).numpy()[0, 0]
    mapped = map_scene(model, part, normalisation, progress=False).values
    change = np.abs(mapped - np.where(part["valid"].values, whole, np.nan))[part["valid"].values]
    print(
        f"tolerance of the published network, margin {MOST_MARGIN} pixels, {LARGEST} x {LARGEST} pixels: at most "
        f"{change.max():.1e}, in 999 of 1000 pixels {np.quantile(change, 0.999):.1e}, mean {change.mean():.1e}",
        flush=True,
    )
    return True


def main() -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=["memory", "area", "throughput"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checkpoint", type=Path, help="of the published recipe, for tolerance")
    arguments = parser.parse_args()
    if "tolerance" in arguments.parts and arguments.checkpoint is None:
        parser.error("tolerance needs --checkpoint")
    if arguments.parts == ["memory"]:
        return 0 if measure_memory() else 1
    torch.set_num_threads(1)
    good = []
    for part in arguments.parts:
        if part == "memory":  # the peak is that of a process of its own
            good.append(subprocess.run([sys.executable, __file__, "memory"]).returncode == 0)
        else:
            parts = {"area": measure_area, "throughput": measure_throughput}
            good.append(parts[part](arguments.rounds) if part in parts else measure_tolerance(arguments.checkpoint))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
