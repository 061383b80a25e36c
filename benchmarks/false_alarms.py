"""How many false alarms does a prepared detector give on real passes in which nothing slid? Date by date.

By ``python benchmarks/false_alarms.py FOLDER`` with the folder of the test data that holds ``opera_rtc``, ``enga`` and
``hokkaido_core``. A detector is prepared on a stack's first passes and maps the others. It writes ``false_alarms.csv``,
``false_alarms_why.csv`` and ``false_alarms.md`` to ``docs/real``. Networks are kept in the folder of runs.
"""

from __future__ import annotations

import argparse
import itertools
import string
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
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from scipy import ndimage

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.composite import decibels, make_composite
from landslide_utils.cube import RADAR, open_cube
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

Array = NDArray[Any]
PAGE = Path(__file__).parents[1] / "docs" / "real" / "false_alarms.md"
MARGIN_M = 900
LEAST_M2 = 900
"""Area of one pixel of the real images: smaller groups are not counted."""
CLEAR_DB, CLEAR_M2 = 3.0, 4 * LEAST_M2
"""Change and area from which a simulated landslide counts as clear."""
QUIET_ALARMS = 1.0
"""Alarms per square kilometre that a threshold may give on the first date, to be tried on the others."""
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
    speckled: bool = True


STACKS = (
    Stack(
        "OPERA, two places",
        ("opera_rtc/*T137-292320-IW2*", "opera_rtc/*T137-292321-IW2*"),
        "2023-01-15T00:00:00",
        passes=(1, 2),
    ),
    Stack(
        "Enga, without speckle",
        ("enga/T009_019294_IW2_cropped_tv/*",),
        "2024-03-20T00:00:00",
        ending="_tv_cropped",
        speckled=False,
    ),
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


def draw_speckle(part: xr.Dataset, quiet: xr.Dataset, seed: int) -> xr.Dataset:
    """Return passes in which nothing but speckle changes: the mean of the quiet ones times random numbers.

    They have the looks that ``looks.csv`` has for real radar, differ from one real pixel to the next, and are brought
    to 10 m as the images were, by interpolation, which leaves less speckle between real pixels.
    """
    measured = pd.read_csv(PAGE.with_name("looks.csv")).query("not simulated")
    random, out = np.random.default_rng(seed), part.copy()
    for name in (name for name in RADAR if name in part):
        looks = float(measured[f"{name.upper()}: looks"].mean())
        count, height, width = part[name].shape
        speckle = random.gamma(looks, 1 / looks, (count, -(-height // 3), -(-width // 3)))
        fine = ndimage.zoom(speckle, (1, 3, 3), order=1)[:, :height, :width]
        out[name] = (quiet[name].mean("time") * xr.DataArray(fine, dims=("time", "y", "x"))).transpose(*part[name].dims)
        out[name] = out[name].astype(np.float32).where(part[name] > 0)
    return out


def describe_place(quiet: xr.Dataset) -> dict[str, Array]:
    """Return masks (y, x) of parts of a place, by its quiet passes: each is where false alarms may lie."""
    power = quiet[next(name for name in RADAR if name in quiet)]
    level = decibels(power.where(power > 0).mean("time").values)
    spread = decibels(power.where(power > 0)).std("time").values
    there = np.isfinite(level)
    low, high = np.nanpercentile(level, (10, 90))
    edge = there & (ndimage.distance_transform_edt(np.pad(there, 1))[1:-1, 1:-1] * pixel_size_m(quiet) <= 90)
    variable = spread > np.nanpercentile(spread, 90)
    return {"darkest": level < low, "brightest": level > high, "variable": variable, "edge": edge, "all": there}


def score_dates(store: Path, stack: Stack, passes: int, runs_dir: str) -> Iterator[dict[str, Any]]:
    """Yield for each date the score (y, x) of each detector on what was measured, and on that with landslides in it.

    The prepared one also has a score on speckle alone, where the stack has speckle.
    """
    options = {"channels": stack.channels, "timesteps": passes}
    config = RunConfig(cube=str(store), runs_dir=runs_dir, **options)
    model, _ = run(prepare_quiet(config, until=stack.until)).model()
    cube = open_cube(str(store), event_time="2200-01-01T00:00:00")
    is_later = cube["time"].values > np.datetime64(stack.until)
    later, quiet = cube.isel(time=is_later), cube.isel(time=~is_later).load()
    place = describe_place(quiet)
    for number in range(passes, later.sizes["time"] - passes + 1):
        part = later.isel(time=slice(number - passes, number + passes)).load()
        slid = inject(part, seed=number, timesteps=passes)
        event = {name: slid.attrs[name] for name in ("event_time", "event_end")}
        scores: dict[str, list[xr.DataArray]] = {}
        speckle = [draw_speckle(part, quiet, number).assign_attrs(event)] if stack.speckled else []
        changes = []
        for made in (part.assign_attrs(event), slid, *speckle):
            composite = make_composite(made, **options).load()
            changes.append(composite["image"].values)
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
            "place": place,
            "strength": np.abs(changes[1] - changes[0]).max(axis=0),
            "rise": float(np.nanmedian(changes[0][1] - changes[0][0])),
            "groups": label_groups(slid["landslides"].values > 0),
        }


def measure_landslides(date: dict[str, Any], detector: str, left_out: Any = False) -> pd.DataFrame:
    """Return of each landslide the ``score`` that half of its pixels reach, its change (dB) and its area (m2)."""
    score = date["scores"][detector][1]
    seen = np.where(np.isfinite(score.values) & ~np.asarray(left_out), date["groups"], 0)
    table = measure_groups(seen, score=(score.values, "median"), change=(date["strength"], "median"))
    return table.assign(area=table["pixels"] * pixel_size_m(score) ** 2)


def find_alarms(
    score: xr.DataArray, threshold: float, left_out: Any = False, least: float = LEAST_M2
) -> tuple[Any, ...]:
    """Return the areas (m2) of the alarms of at least some area, those of all, and the area that is seen (km2)."""
    pixel_m2, seen = pixel_size_m(score) ** 2, np.isfinite(score.values) & ~np.asarray(left_out)
    sizes = np.bincount(label_groups((score.values >= threshold) & seen).ravel())[1:] * pixel_m2
    return sizes[sizes >= least], sizes, float(seen.sum()) * pixel_m2 / 1e6


def count(dates: list[dict[str, Any]], detector: str) -> Iterator[dict[str, Any]]:
    """Yield the false alarms of each date, at the threshold that finds half of all landslides.

    A landslide is found if half of its pixels reach the threshold.
    """
    middles = [measure_landslides(date, detector)["score"] for date in dates]
    threshold = float(pd.concat(middles).median())
    for date, middle in zip(dates, middles, strict=True):
        alarms, sizes, km2 = find_alarms(date["scores"][detector][0], threshold)
        yield {
            "date": date["date"],
            "days": date["days"],
            "km2": km2,
            "alarms_per_km2": len(alarms) / km2,
            "alarmed_percent": 100 * sizes.sum() / 1e6 / km2,
            "landslides": len(middle),
            "found": float((middle >= threshold).mean()),
        }


def rate(dates: list[dict[str, Any]], threshold: float, which: int = 0, **options: Any) -> float:
    """Return the alarms of the prepared detector per square kilometre on the middle date; `which` of its scores."""
    found = (find_alarms(date["scores"]["prepared"][which], threshold, **options) for date in dates)
    return float(np.median([len(alarms) / km2 for alarms, _, km2 in found]))


def explain(dates: list[dict[str, Any]]) -> dict[str, float]:
    """Return where the alarms of the prepared detector lie, what else explains them, and what three remedies do."""
    place = dates[0]["place"]
    slides = pd.concat([measure_landslides(date, "prepared") for date in dates])
    is_clear = (slides["change"] >= CLEAR_DB) & (slides["area"] >= CLEAR_M2)
    threshold, clear = slides["score"].median(), slides[is_clear]["score"].median()
    alarmed = np.sum([date["scores"]["prepared"][0].values >= threshold for date in dates], axis=0)
    quiet = min(t for t in np.linspace(0, 1, 1001) if rate(dates[:1], t) <= QUIET_ALARMS and t >= threshold)
    outside = pd.concat([measure_landslides(date, "prepared", place["variable"]) for date in dates])["score"].median()
    alarms = [count["alarms_per_km2"] for count in count(dates, "prepared")]
    found = {f"area_{name}": mask[place["all"]].mean() for name, mask in place.items() if name != "all"}
    found |= {f"alarmed_{name}": alarmed[mask].sum() / alarmed.sum() for name, mask in place.items() if name != "all"}
    if len(dates[0]["scores"]["prepared"]) > 2:
        found["alarms_of_speckle"] = rate(dates, threshold, which=2)
    rises = pd.Series([abs(date["rise"]) for date in dates])
    found["rank_correlation_with_scene"] = rises.corr(pd.Series(alarms), method="spearman")
    return found | {
        "alarms": float(np.median(alarms)),
        "landslides": len(slides),
        "clear": int(is_clear.sum()),
        "found_clear": (slides[is_clear]["score"] >= threshold).mean(),
        "found_others": (slides[~is_clear]["score"] >= threshold).mean(),
        "alarms_if_half_of_clear": rate(dates, clear, least=CLEAR_M2),
        "alarms_outside_variable": rate(dates, outside, left_out=place["variable"]),
        "alarms_at_quiet_threshold": rate(dates[1:], quiet),
        "found_at_quiet_threshold": (slides["score"] >= quiet).mean(),
        "found_clear_at_quiet_threshold": (slides[is_clear]["score"] >= quiet).mean(),
    }


def measure(data: Path, runs_dir: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield two tables as they grow: a line for each stack, passes, detector and date; and what explains each stack."""
    lines: list[dict[str, Any]] = []
    reasons: list[dict[str, Any]] = []
    for passes, stack in itertools.product((1, 2), STACKS):
        if passes in stack.passes:
            store = build(data, stack, Path(runs_dir) / "quiet")
            dates = list(score_dates(store, stack, passes, runs_dir))
            for detector in dates[0]["scores"]:
                known = {"stack": stack.name, "passes": passes, "detector": detector}
                lines += [known | line for line in count(dates, detector)]
            reasons.append({"stack": stack.name, "passes": passes, **explain(dates)})
            yield pd.DataFrame(lines), pd.DataFrame(reasons)


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


def say_why(reasons: pd.DataFrame) -> list[str]:
    """Return a line for each thing that was looked at, with the numbers of each stack."""

    def each(text: str) -> str:
        needed = [name for _, name, *_ in string.Formatter().parse(text) if name]
        lines = reasons.reindex(columns=[*reasons.columns.union(needed)]).dropna(subset=needed)
        words = [(text.format(**line), line["stack"], line["passes"]) for line in lines.to_dict("records")]
        return "; ".join(f"{found} ({stack}, {passes} pass{'es' * (passes > 1)})" for found, stack, passes in words)

    return [
        f"- {heading}: {each(text)}."
        for heading, text in {
            "With speckle alone, drawn over the mean of the quiet passes, alarms per km2": "{alarms_of_speckle:.0f} of "
            "{alarms:.0f}",
            f"Landslides that are clear, of at least {CLEAR_DB:g} dB and {CLEAR_M2:.0f} m2": "{clear:.0f} of "
            "{landslides:.0f}, found {found_clear:.0%}; of the others {found_others:.0%}",
            "The darkest tenth of the place (water, shadow, slopes that look away) has of the alarmed area": (
                "{alarmed_darkest:.0%}"
            ),
            "The brightest tenth (slopes that face the radar, layover)": "{alarmed_brightest:.0%}",
            "The tenth that changed most between the quiet passes": "{alarmed_variable:.0%}",
            "Less than 90 m from where data are missing": "{alarmed_edge:.0%}, on {area_edge:.0%} of the area",
            "Rank correlation, over the dates, of the alarms and of the change of the whole scene": (
                "{rank_correlation_with_scene:+.2f}"
            ),
            "Tried: a threshold that finds half of the clear landslides, and no alarm smaller than those": (
                "{alarms_if_half_of_clear:.1f} alarms per km2 instead of {alarms:.1f}"
            ),
            "Tried: to leave out the tenth that changed most between the quiet passes": (
                "{alarms_outside_variable:.1f} instead of {alarms:.1f}"
            ),
            f"Tried: the threshold that gives {QUIET_ALARMS:g} alarm per km2 on the first date, on the others": (
                "{alarms_at_quiet_threshold:.1f} alarms, and of the landslides {found_at_quiet_threshold:.0%} are "
                "found, of the clear ones {found_clear_at_quiet_threshold:.0%}"
            ),
        }.items()
        if each(text)
    ]


def write_tables(table: pd.DataFrame, reasons: pd.DataFrame, page: Path) -> None:
    """Write the table, and a page that says what stands in it."""
    there = set(zip(table["stack"], table["passes"], strict=True))
    wanted = [(stack.name, passes) for stack in STACKS for passes in stack.passes]
    missing = [f"{name}, {passes} pass(es) on each side" for name, passes in wanted if (name, passes) not in there]
    typical = np.exp(SIZES["ln_area_mean"])
    table.round(4).to_csv(page.with_suffix(".csv"), index=False)
    reasons.round(4).to_csv(page.with_name("false_alarms_why.csv"), index=False)
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
        "## Why there are so many",
        "The numbers are those of the prepared detector; `false_alarms_why.csv` has them too. If speckle alone gives "
        "about as many alarms as the real passes, then season, weather and terrain add little. Half of all landslides "
        "are found only at a threshold that speckle reaches too, because most of them are small or change little.",
        "\n".join(say_why(reasons)),
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
    for table, reasons in measure(given.folder, given.runs_dir):
        write_tables(table, reasons, PAGE)
        print(summarise(table).to_string(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
