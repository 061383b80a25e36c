"""Measure a practice cube against the real numbers that it stands for: ``python benchmarks/simulator.py [name]``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from landslide_utils import landscape, simulate
from landslide_utils.noise import Window

CHIP, PATCH = 128, 64


def blocks(layer: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the mean of each whole block of size x size pixels, (rows, columns)."""
    rows, cols = (length // size for length in layer.shape)
    return layer[: rows * size, : cols * size].reshape(rows, size, cols, size).mean((1, 3))


def neighbour(layers: NDArray[np.float32]) -> float:
    """Return the correlation of horizontal neighbours, local means taken away so that only speckle is left."""
    fine = layers - ndimage.uniform_filter(layers, (1, 15, 15))
    return float(np.corrcoef(fine[:, :, 1:].ravel(), fine[:, :, :-1].ravel())[0, 1])


def measure(name: str) -> Iterator[tuple[str, str, float, float, float]]:
    """Yield quantity, unit, value, and the range that it must lie in."""
    scenario = simulate.PRACTICE[name]
    start = time.perf_counter()
    scene = simulate.make_scene(scenario)
    cube = scene.dataset().compute(scheduler="threads")
    yield "seconds to make the cube", "s", time.perf_counter() - start, 0, 15
    for p, mean, sd in (("vv", -0.734, 0.211), ("vh", -1.321, 0.189)):
        log = np.log10(cube[p].values)
        yield f"log10 {p.upper()} mean", "", float(np.nanmean(log)), mean - 0.05, mean + 0.05
        yield f"log10 {p.upper()} standard deviation", "", float(np.nanstd(log)), sd - 0.05, sd + 0.05
    whole = Window(0, 0, scenario.height, scenario.width)
    slope = np.degrees(np.arctan(np.hypot(*np.gradient(scene.elevation(whole), scenario.pixel_size_m))))
    for percentile, wanted in zip((5, 25, 50, 75, 95), (2.0, 7.6, 15.1, 22.2, 30.1), strict=True):
        yield (
            f"slope, percentile {percentile}",
            "degrees",
            float(np.percentile(slope, percentile)),
            wanted - 3,
            wanted + 3,
        )
    labels = cube["landslides"].values == 1
    share = blocks(labels.astype(np.float32), CHIP)
    yield "landslide share of the scene", "%", 100 * float(labels.mean()), 1.3, 2.7
    yield "landslide share of chips that hold any", "%", 100 * float(share[share > 0].mean()), 6.5, 11.5
    forest = (landscape.land_cover(scenario, whole, slope).kind == landscape.FOREST) & ~labels
    calm = ndimage.binary_erosion(forest, iterations=12)
    for p in ("vv", "vh"):
        power = cube[p].values
        local = ndimage.uniform_filter(np.nan_to_num(power, nan=1e-3), (0, 15, 15))
        ratio = (power / local)[:, calm]
        looks = 1 / np.nanvar(ratio) * (1 - 1 / 225)
        yield f"number of looks over forest, {p.upper()}", "", float(looks), 4.4 * 0.85, 4.4 * 1.15
        db = 10 * np.log10(ndimage.uniform_filter(power, (0, 3, 3)))
        spread = db.std(axis=0, ddof=1)[calm]
        yield f"temporal standard deviation after 3 x 3, {p.upper()}", "dB", float(np.nanmedian(spread)), 1.2, 2.2
    logs = {p: np.nan_to_num(np.log(cube[p].values), nan=-5.0) for p in ("vv", "vh")}
    yield "correlation of neighbours, VV", "", neighbour(logs["vv"]), 0.15, 0.30
    fine = {p: (values - ndimage.uniform_filter(values, (1, 15, 15)))[:, calm] for p, values in logs.items()}
    yield (
        "correlation of VV and VH speckle",
        "",
        float(np.corrcoef(fine["vv"].ravel(), fine["vh"].ravel())[0, 1]),
        -0.15,
        0.15,
    )
    times, event = cube["timestep"].values, np.datetime64(scenario.event_time)
    one_way = cube["sat:orbit_state"].values == cube["sat:orbit_state"].values[np.argmin(np.abs(times - event))]
    before, after = np.flatnonzero(one_way & (times < event)), np.flatnonzero(one_way & (times > event))
    for p in ("vv", "vh"):
        power = np.nan_to_num(cube[p].values, nan=1e-3)
        change = 10 * np.log10(power[after].mean(0) / power[before].mean(0))
        patches, slid = blocks(change, PATCH), blocks(labels.astype(np.float32), PATCH) > 0
        auc = float(roc_auc_score(slid.ravel(), patches.ravel()))
        low = 0.55 if p == "vv" else 0.0
        yield (
            f"AUC of the mean {p.upper()} change over 64 x 64 patches",
            "",
            auc if p == "vv" else max(auc, 1 - auc),
            low,
            0.75,
        )


def main() -> int:
    """Print the table, with a cross where a number is out of its range."""
    missed = 0
    for quantity, unit, value, low, high in measure(sys.argv[1] if len(sys.argv) > 1 else "practice_earthquake"):
        inside = low <= value <= high
        missed += not inside
        print(f"{'' if inside else 'x':2}{quantity:52}{value:9.3f} {unit:8} {low:8.3f} to {high:.3f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
