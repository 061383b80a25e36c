"""How many false alarms does a prepared detector give on real passes in which nothing slid? Date by date.

By ``python benchmarks/false_alarms.py FOLDER`` with the folder of the test data that holds ``opera_rtc``, ``enga`` and
``hokkaido_core``. A detector is prepared on a stack's first passes and maps the others. It writes ``false_alarms.csv``
and ``.md`` to ``docs/real``. Networks are kept in the folder of runs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rioxarray
import shapely
import xarray as xr
from rasterio.warp import transform_bounds

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.composite import make_composite
from landslide_utils.cube import open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.prepared import prepare_quiet
from landslide_utils.experiments.results import markdown_table
from landslide_utils.experiments.runs import run
from landslide_utils.files import InputError, atomic_write
from landslide_utils.grid import label_groups, measure_groups, pixel_size_m
from landslide_utils.predict import map_scene
from landslide_utils.scene import Normalisation
from landslide_utils.simulate import inject
from landslide_utils.simulate.inject import SIZES
from landslide_utils.sources.build import plan, write
from landslide_utils.sources.event import Event, Options

PAGE = Path(__file__).parents[1] / "docs" / "real" / "false_alarms.md"
MARGIN_M = 900
LEAST_M2 = 900
"""Area of one pixel of the real images: smaller groups are not counted."""
SOURCE = (
    "Source: OPERA RTC-S1, NASA/JPL, from the repositories dist-s1 (two places of forested mountains) and distmetrics "
    "(Enga, Papua New Guinea), Apache-2.0. Contains modified Copernicus Sentinel data. Terrain: *likely* AW3D30, "
    "(c) JAXA, from the repository landslide-mapping-with-cnn (MIT). The landslides are simulated."
)


@dataclass(frozen=True)
class Stack:
    """Real passes of one or two places, and how they are used.

    Attributes
    ----------
    sites : tuple of str
        Pattern of the files of each place, below the folder of the test data.
    until : str
        Passes before this instant prepare the detector, the others test it.
    ending : str
        What the files' names have more than those that are delivered.
    """

    name: str
    sites: tuple[str, ...]
    until: str
    channels: str = "sar"
    ending: str = ""
    passes: tuple[int, ...] = (1,)


STACKS = (
    Stack(
        "OPERA, two places",
        ("opera_rtc/*T137-292320-IW2*", "opera_rtc/*T137-292321-IW2*"),
        "2023-01-15T00:00:00",
        passes=(1, 2),
    ),
    Stack("Enga, without speckle", ("enga/T009_019294_IW2_cropped_tv/*",), "2024-03-20T00:00:00", ending="_tv_cropped"),
    Stack("Enga, VH", ("enga/T009_019294_IW2_cropped/*",), "2024-03-20T00:00:00", channels="vh", ending="_cropped"),
)


def borrow_terrain(data: Path, bounds: Any, crs: Any, target: Path, skip: int = 0) -> None:
    """Write the real surface of the Hokkaido core, from its column `skip`, as if it lay at other bounds (m)."""
    dsm = rioxarray.open_rasterio(data / "hokkaido_core" / "dsm.tif").squeeze(drop=True).astype("float32")
    ground = dsm.rio.reproject(dsm.rio.estimate_utm_crs(), resolution=30, nodata=np.nan).values[15:-15, 15:-15]
    height, width = (round((bounds[i + 2] - bounds[i] + 2 * MARGIN_M) / 30) for i in (1, 0))
    # beyond the surface its mirror image
    ground = np.pad(ground, [(0, height), (0, width)], mode="reflect")[:height, skip : skip + width]
    corner = rasterio.transform.from_origin(bounds[0] - MARGIN_M, bounds[3] + MARGIN_M, 30, 30)
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "float32", "nodata": np.nan}
    with rasterio.open(target, "w", crs=crs, transform=corner, **profile) as file:
        file.write(ground, 1)


def build_site(data: Path, stack: Stack, number: int, folder: Path) -> Path:
    """Return the path of one place's cube of 10 m, made as any user would make it from a folder of GeoTIFFs."""
    images, target = folder / f"{stack.name} {number}", folder / f"{stack.name} {number}.zarr"
    if target.exists():
        return target
    images.mkdir(parents=True, exist_ok=True)
    for file in sorted(data.glob(stack.sites[number])):
        link = images / file.name.replace(f"{stack.ending}.tif", ".tif")
        if not link.exists():
            link.symlink_to(file.absolute())
    with rasterio.open(next(images.iterdir())) as first:
        bounds, crs = first.bounds, first.crs
    borrow_terrain(data, bounds, crs, images.with_suffix(".dem.tif"), skip=120 * number)
    box = transform_bounds(crs, "EPSG:4326", *bounds)
    # no event is known, and nothing slid: an outline and an instant are asked for, and the labels are not used
    outline = gpd.GeoDataFrame(geometry=[shapely.box(*box)], crs="EPSG:4326")
    event = Event(stack.name, box, stack.until, outline)
    planned = plan(
        event, radar=images, dem=images.with_suffix(".dem.tif"), options=Options((3000, 3000), "bilinear", 0.2)
    )
    print(planned.describe())
    return write(planned, target, progress=False)


def build(data: Path, stack: Stack, folder: Path) -> Path:
    """Return the path of a stack's cube; two places lie side by side, because one has too few chips to train on."""
    parts = [build_site(data, stack, number, folder) for number in range(len(stack.sites))]
    target = folder / f"{stack.name}.zarr"
    if len(parts) == 1 or target.exists():
        return target if len(parts) > 1 else parts[0]
    cubes = [xr.open_zarr(part, decode_coords="all").load().drop_encoding() for part in parts]
    rows = min(cube.sizes["y"] for cube in cubes)
    first = cubes[0].isel(y=slice(rows))
    others = [cube.isel(y=slice(rows)).assign_coords(time=first["time"], y=first["y"]) for cube in cubes[1:]]
    whole = xr.concat([first, *others], "x", data_vars="minimal", combine_attrs="override")
    whole = whole.assign_coords(x=float(first["x"][0]) + pixel_size_m(first) * np.arange(whole.sizes["x"]))
    with atomic_write(target) as part:
        whole.to_zarr(part, zarr_format=2, consolidated=True)
    return target


def score_dates(store: Path, stack: Stack, passes: int, runs_dir: str) -> Iterator[dict[str, Any]]:
    """Yield for each date the score (y, x) of each detector on what was measured, and on that with landslides in it."""
    options = {"channels": stack.channels, "timesteps": passes}
    config = RunConfig(cube=str(store), runs_dir=runs_dir, **options)
    model, _ = run(prepare_quiet(config, until=stack.until)).model()
    cube = open_cube(str(store), event_time="2200-01-01T00:00:00")
    later = cube.isel(time=cube["time"].values > np.datetime64(stack.until))
    for number in range(passes, later.sizes["time"] - passes + 1):
        part = later.isel(time=slice(number - passes, number + passes)).load()
        slid = inject(part, seed=number, timesteps=passes)
        event = {name: slid.attrs[name] for name in ("event_time", "event_end")}
        scores: dict[str, list[xr.DataArray]] = {}
        for made in (part.assign_attrs(event), slid):
            composite = make_composite(made, **options)
            detectors = log_ratio_detectors(composite["image"])
            found = {name: score for name, score in detectors.items() if "smoothed" in name}
            found["prepared"] = map_scene(model, composite, Normalisation.fit(composite["image"], None), progress=False)
            for name, score in found.items():
                scores.setdefault(name, []).append(score.load())
        when = part["time"].values[passes - 1 : passes + 1]
        yield {
            "date": str(when[1])[:10],
            "days": int((when[1] - when[0]) / np.timedelta64(1, "h") / 24 + 0.5),
            "scores": scores,
            "groups": label_groups(slid["landslides"].values > 0),
        }


def count(dates: list[dict[str, Any]], detector: str) -> Iterator[dict[str, Any]]:
    """Yield the false alarms of each date, at the threshold that finds half of all landslides.

    A landslide is found if half of its pixels reach the threshold.
    """
    middles = []
    for date in dates:
        score = date["scores"][detector][1]
        seen = np.where(np.isfinite(score.values), date["groups"], 0)
        middles.append(measure_groups(seen, score=(score.values, "median"))["score"])
    threshold = float(pd.concat(middles).median())
    for date, middle in zip(dates, middles, strict=True):
        score = date["scores"][detector][0]
        pixel_m2 = pixel_size_m(score) ** 2
        alarms = score.values >= threshold
        sizes = np.bincount(label_groups(alarms).ravel())[1:] * pixel_m2
        km2 = float(np.isfinite(score.values).sum()) * pixel_m2 / 1e6
        yield {
            "date": date["date"],
            "days": date["days"],
            "km2": km2,
            "alarms_per_km2": (sizes >= LEAST_M2).sum() / km2,
            "alarmed_percent": 100 * sizes.sum() / 1e6 / km2,
            "landslides": len(middle),
            "found": float((middle >= threshold).mean()),
        }


def measure(data: Path, runs_dir: str) -> Iterator[pd.DataFrame]:
    """Yield the table as it grows: a line for each stack, number of passes, detector and date."""
    lines: list[dict[str, Any]] = []
    for passes, stack in itertools.product((1, 2), STACKS):
        if passes in stack.passes:
            store = build(data, stack, Path(runs_dir) / "quiet")
            dates = list(score_dates(store, stack, passes, runs_dir))
            for detector in dates[0]["scores"]:
                known = {"stack": stack.name, "passes": passes, "detector": detector}
                lines += [known | line for line in count(dates, detector)]
            yield pd.DataFrame(lines)


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Return the least, the middle and the most false alarms over the dates of each stack and detector."""
    groups = table.groupby(["stack", "passes", "detector"], sort=False)
    alarms = groups["alarms_per_km2"]
    out = pd.DataFrame({"dates": alarms.size(), "km2": groups["km2"].median().round(1)})
    for name in ("min", "median", "max"):
        out[f"alarms per km2: {name}"] = getattr(alarms, name)().round(2)
    out["area alarmed (%): median"] = groups["alarmed_percent"].median().round(2)
    out["worst date"] = table.loc[alarms.idxmax(), "date"].to_numpy()
    return out.reset_index()


def say(table: pd.DataFrame) -> list[str]:
    """Return a line for each stack: how many false alarms each detector gives on the middle date."""
    middle = table.groupby(["stack", "passes", "detector"], sort=False)["alarms_per_km2"].median()
    return [
        f"- {stack}, {passes} pass(es) on each side: "
        + "; ".join(f"{name} {rate:.0f}" for (*_, name), rate in alarms.items())
        for (stack, passes), alarms in middle.groupby(["stack", "passes"], sort=False)
    ]


def write_tables(table: pd.DataFrame, page: Path) -> None:
    """Write the table, and a page that says what stands in it."""
    there = set(zip(table["stack"], table["passes"], strict=True))
    wanted = [(stack.name, passes) for stack in STACKS for passes in stack.passes]
    missing = [f"{name}, {passes} pass(es) on each side" for name, passes in wanted if (name, passes) not in there]
    typical = np.exp(SIZES["ln_area_mean"])
    table.round(4).to_csv(page.with_suffix(".csv"), index=False)
    text = (
        "# False alarms of a prepared detector on real passes in which nothing slid",
        "Real Sentinel-1 radar of 30 m; made, with this page, by",
        "```sh\npython benchmarks/false_alarms.py FOLDER\n```",
        "As far as is known, nothing slid in these passes. So whatever a detector marks is a false alarm. Each "
        "detector is taken at the threshold that finds half of the landslides that are simulated in the same passes. "
        "Found means that half of its pixels are above the threshold. A false alarm is a group of pixels of at least "
        f"{LEAST_M2} m2, which is one pixel of the real images.",
        "False alarms per square kilometre on the middle date:",
        "\n".join(say(table)),
        markdown_table(summarise(table)),
        "*Passes* is how many are averaged on each side of the pretended event. The detector is prepared on a stack's "
        "first passes and maps the later ones, date by date. The log ratios need no training.",
        "## What to keep in mind",
        "- There is no elevation beside these images. Real terrain of another place, the Hokkaido core, lies under "
        "them: simulated landslides have the shape and the place of landslides there, and the slopes that brighten are "
        "not those that face the radar here.",
        "- The images are brought to 10 m, because a chip has 128 x 128 pixels. One real pixel is then 3 x 3.",
        "- The places are small: the detector has seen few landslides. A larger place would give a better one.",
        "- The speckle of *Enga, without speckle* was taken out by others: do not compare it with the other stacks. Of "
        "the pixels of *Enga, VH* 35 % have data.",
        *([f"- Not measured yet: {'; '.join(missing)}."] if missing else []),
        "- Half of all landslides are not easy ones: one in six changes nothing at all, and the middle size, "
        f"{typical:.0f} m2, is {typical / LEAST_M2:.0f} pixels of the real images.",
        SOURCE,
        "## Date by date",
        markdown_table(table[table["detector"] == "prepared"].drop(columns="detector").round(2)),
    )
    with atomic_write(page, overwrite=True) as part:
        part.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def main() -> int:
    """Measure, and write table and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs-dir", default="runs")
    given = parser.parse_args()
    missing = [name for name in ("opera_rtc", "enga", "hokkaido_core") if not (given.folder / name).is_dir()]
    if missing:
        raise InputError(
            "real radar cannot be read", [f"the folder {given.folder / name} is missing" for name in missing]
        )
    for table in measure(given.folder, given.runs_dir):
        write_tables(table, PAGE)
        print(summarise(table).to_string(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
