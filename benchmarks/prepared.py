"""Ready before the event: a network that saw no label of a place, beside one trained there, elsewhere, and none.

By ``python benchmarks/prepared.py [REGION ...] --seeds 0 1 2``. It uses the passes before the event to prepare, and the
event to test. Networks are kept in the folder of runs, so a run that was stopped goes on; a region that is in the
tables with as many seeds is not measured again. For ``hokkaido_core``, which has real terrain and real outlines, give
the folder of the test data. Its radar and event are simulated, like those of the others.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.chips import corners
from landslide_utils.composite import ORBIT_CHOICES
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.prepared import prepare_quiet
from landslide_utils.experiments.results import markdown_table, pooled, with_range
from landslide_utils.experiments.runs import prepare, run
from landslide_utils.files import atomic_write
from landslide_utils.metrics import bootstrap_auprc, score_map
from landslide_utils.predict import map_scene
from landslide_utils.scene import Normalisation, Scene
from landslide_utils.simulate.inject import MODEL, SHARE
from landslide_utils.simulate.scene import write_cube

TABLE = Path(__file__).parents[1] / "docs" / "results" / "prepared.csv"
CORE = "hokkaido_core"
ELSEWHERE = {
    "practice_earthquake": "practice_hurricane",
    "practice_hurricane": "practice_earthquake",
    "practice_mountains": "practice_earthquake",
    "practice_small": "practice_earthquake",
    CORE: "practice_earthquake",
}
HOME, OTHER, PREPARED, RATIO = "trained at home", "trained elsewhere", "prepared without a label", "log ratio, smoothed"
CHANCE, TEST, ALL = "chance (chips with landslides)", "test chips", "all chips"
PAIRS = {
    "prepared minus log ratio": (PREPARED, RATIO, np.subtract),
    "prepared over log ratio": (PREPARED, RATIO, np.divide),
    "prepared over home": (PREPARED, HOME, np.divide),
}
TIMESTEPS = 2
AIMS = {("prepared over home", TEST): 0.85, ("prepared over log ratio", ALL): 1.2}
Scores = dict[tuple[str, str], list[tuple[float, NDArray[np.float64]]]]
"""By rung and area: the AUPRC of each seed, and its draws."""


def write_core(data: Path, folder: Path) -> str:
    """Return the path of the cube of the Hokkaido core: real terrain and outlines, simulated radar."""
    import geopandas as gpd
    import rioxarray
    from real_scene import real_scene

    source = data / CORE
    dem = rioxarray.open_rasterio(source / "dsm.tif").squeeze(drop=True)
    folder.mkdir(parents=True, exist_ok=True)
    return str(write_cube(real_scene(dem, gpd.read_file(source / "slope_failures.gpkg")), folder / f"{CORE}.zarr"))


def map_by(config: RunConfig, scene: Scene) -> xr.DataArray:
    """Return the map (y, x) of a scene by the network of a run, which is trained if it is not there."""
    model, normalisation = run(config).model()
    return map_scene(model, scene.composite, normalisation)


def best_ratio(scene: Scene) -> xr.DataArray:
    """Return the smoothed log ratio of VV or VH, whichever is better on the validation chips."""
    ratios = [score for name, score in log_ratio_detectors(scene.composite["image"]).items() if "smoothed" in name]
    return max(ratios, key=lambda r: score_map(r, scene.landslides, scene.chips, "validation")["auprc"])


def map_rung(rung: str, home: RunConfig, elsewhere: str, scene: Scene) -> xr.DataArray:
    """Return what one of the four rungs gives each pixel of a region."""
    if rung == RATIO:
        return best_ratio(scene)
    if rung == HOME:
        return map_by(home, scene)
    if rung == OTHER:
        return map_by(RunConfig(**vars(home) | {"cube": elsewhere}), scene)
    # The same direction as at home, where it is known
    orbit = scene.composite.attrs["orbit"]
    config = RunConfig(**vars(home) | {"orbit": orbit if orbit in ORBIT_CHOICES else "auto"})
    model, _ = run(prepare_quiet(config, until=scene.composite.attrs["event_time"])).model()
    return map_scene(model, scene.composite, Normalisation.fit(scene.composite["image"], None))  # as the command maps


def score_rungs(homes: Sequence[RunConfig], elsewhere: str) -> tuple[Scores, dict[str, Any]]:
    """Return the AUPRC on the test chips of each seed, on all chips where no label was used, and what the areas hold.

    Draws of one seed take the same chips on all rungs, so they can be paired.
    """
    scores: Scores = defaultdict(list)
    held: dict[str, Any] = defaultdict(lambda: {"n_chips_with_landslides": 10**6, "prevalence": []})
    for home in homes:
        scene = prepare(home, progress=False)
        areas = {TEST: scene.chips, ALL: scene.chips.assign(part="test")}
        for rung in (RATIO, HOME, PREPARED, OTHER):
            score = map_rung(rung, home, elsewhere, scene)
            for area, chips in areas.items() if rung != HOME else [(TEST, areas[TEST])]:
                found, here = score_map(score, scene.landslides, chips), held[area]
                scores[rung, area].append((found["auprc"], bootstrap_auprc(score, scene.landslides, chips)))
                here["prevalence"].append(found["prevalence"])
                rich = len(corners(chips, "test", only_landslides=True))
                here["n_chips_with_landslides"] = min(rich, here["n_chips_with_landslides"])
            print(home.cube, home.seed, rung, [round(v[-1][0], 3) for (r, _), v in scores.items() if r == rung])
    return scores, {area: here | {"prevalence": np.mean(here["prevalence"])} for area, here in held.items()}


def stack(scores: Scores, rung: str, area: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the AUPRC (seed,) and its draws (draw, seed)."""
    values, draws = zip(*scores[rung, area], strict=True)
    return np.array(values), np.array(draws).T


def lines_of(scores: Scores, held: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the mean AUPRC of each rung and area, with an interval that counts chips and seeds."""
    for rung, area in scores:
        mean = pooled(*map(special.logit, stack(scores, rung, area)), held[area]["n_chips_with_landslides"])
        numbers = dict(zip(("auprc", "low", "high"), special.expit(mean), strict=True))
        yield {"rung": rung, "area": area, **numbers, **held[area], "simulated": True}


def pairs_of(scores: Scores, held: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield how the prepared network compares with two other rungs, chip by chip and seed by seed."""
    for comparison, (first, second, how) in PAIRS.items():
        for area in [area for rung, area in scores if rung == second]:
            both = zip(stack(scores, first, area), stack(scores, second, area), strict=True)
            # ratios on the scale of their logarithm, on which twice as good is as far as half as good
            values, draws = (how(a, b) if how is np.subtract else np.log(a / b) for a, b in both)
            found = np.array(pooled(values, draws, held[area]["n_chips_with_landslides"]))
            numbers = dict(zip(("value", "low", "high"), found if how is np.subtract else np.exp(found), strict=True))
            yield {"comparison": comparison, "area": area, "aim": AIMS.get((comparison, area), ""), **numbers}


def verdict(line: pd.Series) -> str:
    """Return whether an aim is reached, by the interval; nothing where there is no aim."""
    if line["aim"] == "":
        return ""
    reached = "yes" if line["value"] >= float(line["aim"]) else "no"
    return f"{reached}, but it may be chance" if line["low"] < float(line["aim"]) <= line["high"] else reached


def shortened(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of scores with a line for each region and rung, and a column for each area."""
    table = table.assign(
        region=table["region"].str.removeprefix("practice_"),
        cell=with_range(table, "auprc", "low", "high"),
        chance=[f"{p:.3f} ({n})" for p, n in zip(table["prevalence"], table["n_chips_with_landslides"], strict=True)],
    )
    chances = table.groupby(["region", "area"], as_index=False)["chance"].first().rename(columns={"chance": "cell"})
    lines = pd.concat([table[["region", "rung", "area", "cell"]], chances.assign(rung=CHANCE)])
    short = lines.pivot(index=["region", "rung"], columns="area", values="cell")[[TEST, ALL]]
    return short.reindex([RATIO, OTHER, PREPARED, HOME, CHANCE], level="rung").fillna("").reset_index()


def judged(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the table of comparisons with an interval in one column, and whether each aim is reached."""
    lines = pairs.assign(
        region=pairs["region"].str.removeprefix("practice_"),
        measured=with_range(pairs, "value", "low", "high"),
        reached=pairs.apply(verdict, axis=1),
    )
    return lines[["region", "comparison", "area", "measured", "aim", "reached"]]


def write_page(table: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Write both tables as Markdown, with what stands in them and how they were made."""
    missing = [region for region in ELSEWHERE if region not in set(table["region"])]
    seeds = " or ".join(map(str, sorted(set(table["seeds"]))))
    text = (
        "# Ready before the event",
        f"Four ways to map an event (simulated radar, {TIMESTEPS} passes on each side); made, with this page, by",
        "```sh\npython benchmarks/prepared.py\n```",
        "Mean AUPRC over seeds with its 95 % interval, which counts both the chips and the seeds. "
        f"Number of seeds: {seeds}.",
        f"- *{HOME.capitalize()}*: with labels of the event, so it is scored on the test chips only.\n"
        f"- *{OTHER.capitalize()}*: with labels of practice_earthquake, and for that region with those of "
        "practice_hurricane.\n"
        f"- *{PREPARED.capitalize()}*: on landslides drawn into the place's passes before the event. Their sizes and "
        "changes come from broad distributions, and not from the region's own. It is given the mean and the spread of "
        "the event's whole image, without a label, because rain and season move the levels of all pixels.\n"
        f"- *{RATIO.capitalize()}*: VV or VH, whichever is better on the validation chips.",
        f"{CORE} is the heart of the event of 2018: its terrain and the outlines of its landslides are real, its radar "
        f"is simulated. What its landslides change comes from the same distribution as in practice_earthquake, so "
        f"*{OTHER}* is too good there." + (f" Not measured yet: {', '.join(missing)}." if missing else ""),
        "Injection 1 had the sizes of Hokkaido's landslides only, and its network kept the levels of the quiet passes. "
        f"Injection 2 had landslides on 2 % of the area; injection {MODEL} has them on {SHARE:.0%}, so the network "
        "sees more of them.",
        f"There are {TIMESTEPS} passes on each side, not 4. To prepare with 4, a place needs 8 quiet passes of one "
        "track, and these regions have 4 or 5 before their event.",
        "## Is it good enough?",
        f"The aims: {AIMS['prepared over home', TEST]} of what training at home gives, and "
        f"{AIMS['prepared over log ratio', ALL]} times the smoothed log ratio on all chips. Differences and ratios "
        "are paired: each draw of chips scores both maps.",
        markdown_table(judged(pairs)),
        "## AUPRC",
        markdown_table(shortened(table)),
        "Terrain of hokkaido_core: *likely* AW3D30, (c) JAXA, from the repository landslide-mapping-with-cnn (MIT). "
        "Outlines: clipped from github.com/koukita/2018_09_06_atumatyou.",
    )
    with atomic_write(TABLE.with_suffix(".md"), overwrite=True) as part:
        part.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def keep(name: str, known: dict[str, Any], lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a table after a region's lines were replaced in it and it was written."""
    path, table = TABLE.with_name(name), pd.DataFrame([known | line for line in lines])
    if path.exists():
        there = pd.read_csv(path)
        table = pd.concat([there[there["region"] != known["region"]], table], ignore_index=True)
    table = table.sort_values("region", key=lambda names: names.map([*ELSEWHERE].index), kind="stable").round(4)
    with atomic_write(path, overwrite=True) as part:
        table.to_csv(part, index=False)
    return pd.read_csv(path, keep_default_na=False)


def main() -> int:
    """Measure what is missing, region by region."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regions", nargs="*", default=list(ELSEWHERE)[:-1])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=0, help="0 takes those of the preset quick")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--data", type=Path, help=f"folder that holds {CORE}")
    given = parser.parse_args()
    for region in given.regions:
        cube = region if region != CORE else write_core(given.data, Path(given.runs_dir))
        options = {"timesteps": TIMESTEPS, "steps": given.steps, "runs_dir": given.runs_dir}
        configs = [RunConfig(cube=cube, seed=seed, **options) for seed in given.seeds]
        known = {"region": region, "seeds": len(configs), "steps": configs[0].chosen_steps, "timesteps": TIMESTEPS}
        known |= {"injection": MODEL}
        if TABLE.exists() and (pd.read_csv(TABLE).reindex(columns=list(known)) == pd.Series(known)).all(axis=1).any():
            continue
        scores, held = score_rungs(configs, ELSEWHERE[region])
        table = keep("prepared.csv", known, list(lines_of(scores, held)))
        write_page(table, keep("prepared_pairs.csv", known, list(pairs_of(scores, held))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
