"""Ready before the event: a network that saw no label of a place, beside one trained there, elsewhere, and none.

By ``python benchmarks/prepared.py [REGION ...]``. It uses the passes before the event to prepare, the event to test,
and keeps each line of ``docs/results/prepared.csv`` as soon as it is there; what is there is not measured again. All
have 2 passes on each side: no practice region has 8 quiet ones. Radar and event are simulated.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import xarray as xr

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.chips import corners
from landslide_utils.composite import ORBIT_CHOICES
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.prepared import prepare_quiet
from landslide_utils.experiments.results import markdown_table, with_range
from landslide_utils.experiments.runs import prepare, run
from landslide_utils.files import atomic_write
from landslide_utils.metrics import bootstrap_auprc, interval, score_map
from landslide_utils.predict import map_scene
from landslide_utils.regions import REGIONS
from landslide_utils.scene import Scene

TABLE = Path(__file__).parents[1] / "docs" / "results" / "prepared.csv"
ELSEWHERE = {
    "practice_earthquake": "practice_hurricane",
    "practice_hurricane": "practice_earthquake",
    "practice_mountains": "practice_earthquake",
    "practice_small": "practice_earthquake",
}
HOME, OTHER, PREPARED, RATIO = "trained at home", "trained elsewhere", "prepared without a label", "log ratio, smoothed"
CHANCE = "chance (chips with landslides)"
TIMESTEPS = 2


def map_by(config: RunConfig, scene: Scene) -> xr.DataArray:
    """Return the map (y, x) of a scene by the network of a run, which is trained if it is not there."""
    model, normalisation = run(config).model()
    return map_scene(model, scene.composite, normalisation)


def best_ratio(scene: Scene) -> xr.DataArray:
    """Return the smoothed log ratio of VV or VH, whichever is better on the validation chips."""
    detectors = {n: score for n, score in log_ratio_detectors(scene.composite["image"]).items() if "smoothed" in n}
    score = {n: score_map(d, scene.landslides, scene.chips, "validation")["auprc"] for n, d in detectors.items()}
    return detectors[max(score, key=lambda name: score[name])]


def map_rung(rung: str, home: RunConfig, scene: Scene) -> xr.DataArray:
    """Return what one of the four rungs gives each pixel of a region."""
    if rung == RATIO:
        return best_ratio(scene)
    if rung == HOME:
        return map_by(home, scene)
    if rung == OTHER:
        return map_by(RunConfig(**vars(home) | {"cube": ELSEWHERE[home.cube]}), scene)
    # The same direction as at home, where it is known
    orbit = scene.composite.attrs["orbit"]
    config = RunConfig(**vars(home) | {"orbit": orbit if orbit in ORBIT_CHOICES else "auto"})
    return map_by(prepare_quiet(config, until=REGIONS[home.cube].event_time), scene)


def score_rung(score: xr.DataArray, scene: Scene, rung: str) -> Iterator[dict[str, object]]:
    """Yield the AUPRC on the test chips, and on all chips of the scene if no label of it was used."""
    everywhere = scene.chips.assign(part="test")
    areas = {"test chips": scene.chips} | ({} if rung == HOME else {"all chips": everywhere})
    for area, chips in areas.items():
        found = score_map(score, scene.landslides, chips)
        rich = len(corners(chips, "test", only_landslides=True))
        _, low, high = interval(found["auprc"], bootstrap_auprc(score, scene.landslides, chips), rich)
        numbers = {"auprc": found["auprc"], "low": low, "high": high, "prevalence": found["prevalence"]}
        yield {"area": area, **numbers, "n_chips_with_landslides": rich}


def write_page(table: pd.DataFrame) -> None:
    """Write the table as Markdown, with what stands in it and how it was made."""
    table = table.assign(
        region=table["region"].str.removeprefix("practice_"),
        cell=with_range(table, "auprc", "low", "high"),
        chance=[f"{p:.3f} ({n})" for p, n in zip(table["prevalence"], table["n_chips_with_landslides"], strict=True)],
    )
    places, areas = ["region", "rung", "area"], ["test chips", "all chips"]
    chances = table.groupby(["region", "area"], as_index=False)["chance"].first().rename(columns={"chance": "cell"})
    lines = pd.concat([table[[*places, "cell"]], chances.assign(rung=CHANCE)])
    short = lines.pivot(index=places[:2], columns="area", values="cell")[areas]
    short = short.reindex([RATIO, OTHER, PREPARED, HOME, CHANCE], level="rung").fillna("").reset_index()
    steps = " or ".join(map(str, sorted(set(table["steps"]))))
    text = (
        "# Ready before the event",
        "Four ways to map an event (simulated radar, 2 passes on each side); made, with this page, by",
        "```sh\npython benchmarks/prepared.py\n```",
        f"AUPRC with its 95 % interval, one seed, {steps} steps. *{HOME.capitalize()}*: with labels of the event, so "
        f"it is scored on test chips only. *{OTHER.capitalize()}*: with labels of practice_earthquake, and for that "
        f"region with those of practice_hurricane. *{PREPARED.capitalize()}*: on landslides drawn into the place's "
        "passes before the event; what they change comes from a broad distribution of its own. "
        f"*{RATIO.capitalize()}*: VV or VH, whichever is better on the validation chips.",
        markdown_table(short),
    )
    with atomic_write(TABLE.with_suffix(".md"), overwrite=True) as part:
        part.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def main() -> int:
    """Measure what is missing, line by line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("regions", nargs="*", default=list(ELSEWHERE))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0, help="0 takes those of the preset quick")
    parser.add_argument("--runs-dir", default="runs")
    given = parser.parse_args()
    table = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame()
    for region in given.regions:
        home = RunConfig(cube=region, timesteps=TIMESTEPS, seed=given.seed, steps=given.steps, runs_dir=given.runs_dir)
        known = {"region": region, "seed": given.seed, "steps": home.chosen_steps, "timesteps": TIMESTEPS}
        scene = prepare(home, progress=False)
        for rung in (RATIO, HOME, PREPARED, OTHER):
            line = known | {"rung": rung}
            if len(table) and (table[list(line)] == pd.Series(line)).all(axis=1).any():
                continue
            score = map_rung(rung, home, scene)
            lines = [line | numbers | {"simulated": True} for numbers in score_rung(score, scene, rung)]
            table = pd.concat([table, pd.DataFrame(lines)], ignore_index=True)
            with atomic_write(TABLE, overwrite=True) as part:
                table.round(4).to_csv(part, index=False)
            write_page(table)
            print(pd.DataFrame(lines).round(3).to_string(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
