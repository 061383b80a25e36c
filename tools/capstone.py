"""Compare a learner's map of the capstone with the hidden truth: ``python tools/capstone.py NAME MAP [--secret WORD]``.

With ``--make FOLDER`` instead of a map the learner's cubes are made, to be handed out; then the secret word is needed
to make the truth again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import rioxarray
import xarray as xr

from landslide_utils import metrics
from landslide_utils.course.capstone import HEIGHT, MAPPED, WIDTH, make_event, scenario_of
from landslide_utils.files import InputError
from landslide_utils.grid import Window, rasterise, transform_of
from landslide_utils.polygons import found_landslides
from landslide_utils.simulate.scene import make_scene


def score(path: Path | str, name: str, *, secret: str = "") -> pd.Series:
    """Return how good a learner's map, a GeoTIFF with its threshold, is where the landslides were hidden.

    Raises
    ------
    landslide_utils.files.InputError
        If the map is not of this event, or does not say its threshold.
    """
    scene = make_scene(scenario_of(name, secret))
    probability: xr.DataArray = rioxarray.open_rasterio(path, masked=True).squeeze("band", drop=True).load()
    like = scene.dataset()["dem"].rio.write_crs(scene.crs)
    if probability.shape != like.shape or transform_of(probability) != transform_of(like):
        raise InputError("not this map", [f"{path} is not on the grid of an event of the capstone; map event.zarr"])
    if "threshold" not in probability.attrs:
        raise InputError("not this map", [f"{path} does not say its threshold; write it with: landslides map"])
    slid = probability.copy(data=rasterise(scene.landslides, Window(0, 0, HEIGHT, WIDTH)) > 0)
    hidden = xr.ones_like(slid).where(probability["x"] >= like["x"][MAPPED], False)
    labels, scores = metrics.pixels(probability, slid, hidden)
    threshold, km2 = float(probability.attrs["threshold"]), scene.scenario.pixel_size_m**2 / 1e6
    found, reported = found_landslides(probability, slid, hidden, threshold=threshold)["found"], scores >= threshold
    measured = {
        "AUPRC": metrics.auprc(labels, scores),
        "chance": labels.mean(),
        "share of reported pixels that are landslide": labels[reported].mean() if reported.any() else float("nan"),
        "share of landslides of which half is reported": (found >= 0.5).mean(),
        "reported (km2)": reported.sum() * km2,
        "truth (km2)": labels.sum() * km2,
    }
    return pd.Series(measured, name=name)


def main(arguments: list[str] | None = None) -> int:
    """Print the scores of a map, or make a learner's cubes; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="the learner's name or number, as in notebook 08")
    parser.add_argument("map", nargs="?", help="the learner's probability.tif")
    parser.add_argument("--secret", default="", help="your word, where you made the cubes with one")
    parser.add_argument("--make", metavar="FOLDER", help="write the learner's cubes to this folder")
    given = parser.parse_args(arguments)
    if bool(given.map) == bool(given.make):
        parser.error("give a map, or --make and a folder")
    try:
        if given.make:
            print("\n".join(map(str, make_event(given.name, given.make, secret=given.secret).values())))
        else:
            print(score(given.map, given.name, secret=given.secret).round(3).to_string())
    except (InputError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
