"""Measure practice cubes against the real numbers they stand for: ``python benchmarks/simulator.py [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from landslide_utils.grid import Window
from landslide_utils.simulate import PRACTICE, ground, make_scene
from landslide_utils.simulate.scene import SimulatedScene

CHIP, PATCH, LOCAL = 128, 64, 15

# What was measured on the real Hokkaido cube, its inventory and its terrain, and on real OPERA RTC-S1 data.
TARGETS = {
    "practice_earthquake": {
        "seconds to make": (0, 15),
        "log10 VV, mean": (-0.784, -0.684),
        "log10 VV, standard deviation": (0.161, 0.261),
        "log10 VH, mean": (-1.371, -1.271),
        "log10 VH, standard deviation": (0.139, 0.239),
        "slope, percentile 5 (degrees)": (-1.0, 5.0),
        "slope, percentile 25 (degrees)": (4.6, 10.6),
        "slope, percentile 50 (degrees)": (12.1, 18.1),
        "slope, percentile 75 (degrees)": (19.2, 25.2),
        "slope, percentile 95 (degrees)": (27.1, 33.1),
        "landslides, % of the scene": (1.3, 2.7),
        "landslides, % of chips that hold any": (6.5, 11.5),
        "looks over forest, VV": (3.74, 5.06),
        "looks over forest, VH": (3.74, 5.06),
        "temporal sd of forest after 3 x 3, VV (dB)": (1.2, 2.2),
        "temporal sd of forest after 3 x 3, VH (dB)": (1.2, 2.2),
        "speckle, correlation of neighbours": (0.15, 0.30),
        "speckle, correlation of VV and VH": (-0.15, 0.15),
        "AUC of mean VV change over 64 x 64 patches": (0.55, 0.75),
    },
    "practice_mountains": {  # the real Kaikoura cube
        "log10 VV, mean": (-1.036, -0.936),
        "log10 VV, standard deviation": (0.219, 0.319),
        "log10 VH, mean": (-1.655, -1.555),
        "log10 VH, standard deviation": (0.185, 0.285),
    },
}


def block_means(layer: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the mean of each whole block of size x size pixels, (rows, columns)."""
    rows, cols = (length // size for length in layer.shape)
    return layer[: rows * size, : cols * size].reshape(rows, size, cols, size).mean((1, 3))


def speckle_of(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithm of each pass (time, y, x) without its local mean: what is left is speckle."""
    log = np.log(np.nan_to_num(power, nan=1e-3))
    return log - ndimage.uniform_filter(log, (0, LOCAL, LOCAL))


def measure_cube(scene: SimulatedScene, cube: xr.Dataset) -> dict[str, float]:
    """Return the measurements of a cube in memory; the keys are those of ``TARGETS``."""
    scenario, out = scene.scenario, {}
    power = {p: cube[p].values for p in ("vv", "vh")}
    labels = cube["landslides"].values == 1
    whole = Window(0, 0, scenario.height, scenario.width)
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(scene.elevation(whole), scenario.pixel_size_m))))
    for percentile in (5, 25, 50, 75, 95):
        out[f"slope, percentile {percentile} (degrees)"] = np.percentile(slope, percentile)
    share = block_means(labels.astype(np.float32), CHIP)
    out["landslides, % of the scene"] = 100 * labels.mean()
    out["landslides, % of chips that hold any"] = 100 * share[share > 0].mean()

    forest = (ground.land_cover(scenario, whole, slope).kind == ground.FOREST) & ~labels
    forest &= np.isfinite(power["vv"]).all(0)
    calm = ndimage.binary_erosion(forest, iterations=LOCAL // 2)
    speckle = {p: speckle_of(values) for p, values in power.items()}
    for p, values in power.items():
        log = np.log10(values)
        out[f"log10 {p.upper()}, mean"], out[f"log10 {p.upper()}, standard deviation"] = np.nanmean(log), np.nanstd(log)
        local = ndimage.uniform_filter(np.nan_to_num(values, nan=1e-3), (0, LOCAL, LOCAL))
        out[f"looks over forest, {p.upper()}"] = (1 - 1 / LOCAL**2) / (values / local)[:, calm].var()
        smooth_db = 10 * np.log10(ndimage.uniform_filter(np.nan_to_num(values, nan=1e-3), (0, 3, 3)))
        out[f"temporal sd of forest after 3 x 3, {p.upper()} (dB)"] = np.median(smooth_db.std(axis=0, ddof=1)[calm])
    both = calm[:, 1:] & calm[:, :-1]
    here, there = speckle["vv"][:, :, 1:][:, both], speckle["vv"][:, :, :-1][:, both]
    out["speckle, correlation of neighbours"] = np.corrcoef(here.ravel(), there.ravel())[0, 1]
    out["speckle, correlation of VV and VH"] = np.corrcoef(*(speckle[p][:, calm].ravel() for p in speckle))[0, 1]

    times, (event, end) = cube["timestep"].values, (np.datetime64(instant) for instant in scenario.event())
    orbits = np.array([orbit for _, orbit in scenario.passes()])
    one_way = orbits == max(set(orbits), key=list(orbits).count)
    slid = block_means(labels.astype(np.float32), PATCH) > 0
    for p, values in power.items():
        before, after = (
            np.nan_to_num(values[one_way & when], nan=1e-3).mean(0) for when in (times < event, times > end)
        )
        change = block_means(10 * np.log10(after / before), PATCH)
        out[f"AUC of mean {p.upper()} change over {PATCH} x {PATCH} patches"] = roc_auc_score(
            slid.ravel(), change.ravel()
        )
    return {name: float(value) for name, value in out.items()}


def measure(name: str) -> dict[str, float]:
    """Return the measurements of a practice cube that is made in memory."""
    start = time.perf_counter()
    scene = make_scene(PRACTICE[name])
    cube = scene.dataset().compute(scheduler="threads")
    return {"seconds to make": time.perf_counter() - start, **measure_cube(scene, cube)}


def main() -> int:
    """Print the table, with a cross where a number is out of its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="practice regions; all by default")
    missed = 0
    for name in parser.parse_args().names or list(PRACTICE):
        print(name)
        for quantity, value in measure(name).items():
            low, high = TARGETS.get(name, {}).get(quantity, (-np.inf, np.inf))
            missed += not low <= value <= high
            target = f"{low:8.3f} to {high:.3f}" if np.isfinite(high) else ""
            print(f"{' ' if low <= value <= high else 'x'} {quantity:46}{value:9.3f} {target}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
