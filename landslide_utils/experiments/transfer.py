"""From one region to another: what a trained network is worth where it has never been, and what mends it.

``python -m landslide_utils.experiments.transfer --results docs/results`` measures all pairs of the practice regions.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm.auto import tqdm

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.chips import Normalisation, Scene, SplitError
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.results import markdown_table
from landslide_utils.experiments.runs import Run, prepare, run
from landslide_utils.files import InputError, atomic_write
from landslide_utils.metrics import bootstrap_auprc, interval, score_map
from landslide_utils.model import PRESETS, Preset
from landslide_utils.predict import map_scene
from landslide_utils.simulate.scenario import PRACTICE

if TYPE_CHECKING:
    import torch
    import xarray as xr

THERE, AS_TRAINED, BY_REGION, FINE_TUNED, FEW_ALONE, LOG_RATIO = METHODS = (
    "trained there",
    "as trained",
    "normalised by region",
    "fine-tuned",
    "few chips alone",
    "log ratio",
)
FEW, EPOCHS = 8, 12
"""Labelled chips with landslides that fine-tuning is given, and how often it sees them."""


def few_chips(chips: pd.DataFrame, count: int = FEW, seed: int = 0) -> pd.DataFrame:
    """Return a table of chips in which only a few train: so many with landslides, and as many without.

    Parameters
    ----------
    chips : pandas.DataFrame
        As :func:`landslide_utils.chips.split_chips` returns it. Validation and test chips stay as they are.
    count, seed : int

    Raises
    ------
    ValueError
        If there are fewer training chips with landslides.
    """
    train = chips[chips["part"] == "train"]
    rich = train["landslide_share"] > 0
    if not 1 <= count <= rich.sum():
        raise ValueError(f"count={count}: there are {rich.sum()} training chips with landslides; choose from 1 to that")
    kept = [some.sample(min(count, len(some)), random_state=seed) for some in (train[rich], train[~rich])]
    return pd.concat([*kept, chips[chips["part"] != "train"]]).sort_index()


def fine_tune(
    scene: Scene,
    chips: pd.DataFrame,
    preset: Preset,
    *,
    weights: Mapping[str, torch.Tensor] | None,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: bool = True,
) -> torch.nn.Module:
    """Train a little on a few chips of a new region, normalised by that region, and return the network.

    Parameters
    ----------
    scene : Scene
        Of the new region.
    chips : pandas.DataFrame
        As :func:`few_chips` returns it.
    preset : Preset
        With a tenth of its learning rate a network that knows something is changed; with all of it one that knows nothing is trained.
    weights : mapping of torch.Tensor, optional
        Of a network that was trained elsewhere; without them it starts from nothing.
    epochs, seed : int
    progress : bool
    """
    from landslide_utils.train import fit, start_session

    if weights is not None:
        preset = dataclasses.replace(preset, learning_rate=preset.learning_rate / 10)
    scene = dataclasses.replace(scene, chips=chips)
    session = start_session(scene, preset, epochs=epochs, seed=seed, weights=weights)
    for _ in fit(session, epochs, progress=progress):
        pass
    model: torch.nn.Module = session.model
    return model


def map_elsewhere(model: torch.nn.Module, normalisation: Normalisation, scene: Scene) -> xr.DataArray:
    """Return the map (y, x) that a network makes of a scene, normalised by what is given: that of its training, or the scene's own."""
    image = normalisation.apply(scene.composite["image"])
    return map_scene(model, image, valid=scene.valid, progress=False)


def measure_pairs(
    configs: Sequence[RunConfig], table: pd.DataFrame | None = None, *, progress: bool = True
) -> Iterator[pd.DataFrame]:
    """Train in each region and test in all, and yield the table as it grows, region by region.

    Parameters
    ----------
    configs : sequence of RunConfig
        One a region and seed. Those of one seed are paired with each other.
    table : pandas.DataFrame, optional
        What has been measured before; it is not measured again.
    progress : bool

    Yields
    ------
    pandas.DataFrame
        A line for each pair of regions and each of `METHODS` that can be had there: ``train_region``, ``test_region``, ``seed``, ``run``, ``method``,
        ``auprc`` with ``low`` and ``high`` (its 95 % interval) and ``prevalence`` on all test chips, ``auprc_landslide_chips`` and
        ``prevalence_landslide_chips``, ``n_few_chips``, ``n_test_chips_with_landslides``, ``simulated``.
    """
    regions = {config.cube for config in configs}
    table = pd.DataFrame({"run": [], "test_region": []}) if table is None else table
    tested = table.groupby("run")["test_region"].agg(set).to_dict()
    missing = [config for config in configs if tested.get(config.hash) != regions]
    table = table[table["run"].isin({config.hash for config in configs if config not in missing})]
    yield table
    with tqdm(desc="networks", unit="network", total=len(missing), disable=not progress) as bar:
        for seed, some in itertools.groupby(sorted(missing, key=lambda c: c.seed), key=lambda c: c.seed):
            scenes = {c.cube: prepare(c, progress=progress) for c in configs if c.seed == seed}
            for config in some:
                found = run(config, progress=progress)
                lines = [
                    {"train_region": config.cube, "test_region": name, "seed": seed, "run": config.hash, **line}
                    for name, scene in scenes.items()
                    for line in _measure(found, scene, there=name == config.cube)
                ]
                table = pd.concat([table, pd.DataFrame(lines)], ignore_index=True)
                bar.update()
                yield table


def _measure(found: Run, scene: Scene, *, there: bool) -> Iterator[dict[str, Any]]:
    """Yield a line for each way to map one scene with one trained network."""
    model, normalisation = found.model()
    config, preset = found.config, PRESETS[found.config.preset]
    scores: dict[str, Any] = {}
    if there:
        scores[THERE] = lambda: map_elsewhere(model, normalisation, scene)
        ratios = log_ratio_detectors(scene.composite["image"])
        validation = {n: score_map(s, scene.landslides, scene.chips, "validation")["auprc"] for n, s in ratios.items()}
        if ratios:
            scores[LOG_RATIO] = lambda: ratios[max(validation, key=lambda name: validation[name])]
    else:
        scores[AS_TRAINED] = lambda: map_elsewhere(model, normalisation, scene)
        scores[BY_REGION] = lambda: map_elsewhere(model, scene.normalisation, scene)
    rich = int(((scene.chips["part"] == "train") & (scene.chips["landslide_share"] > 0)).sum())
    few = few_chips(scene.chips, min(FEW, rich), config.seed)
    for method, weights in ((FEW_ALONE, None),) if there else ((FINE_TUNED, model.state_dict()),):

        def tuned(weights: Any = weights) -> xr.DataArray:
            changed = fine_tune(scene, few, preset, weights=weights, epochs=EPOCHS, seed=config.seed, progress=False)
            return map_elsewhere(changed, scene.normalisation, scene)

        scores[method] = tuned
    tested = int(((scene.chips["part"] == "test") & (scene.chips["landslide_share"] > 0)).sum())
    for method, make in scores.items():
        score = make()
        line = score_map(score, scene.landslides, scene.chips)
        drawn = bootstrap_auprc(score, scene.landslides, scene.chips)
        _, low, high = interval(line["auprc"], drawn, tested)
        yield {
            "method": method,
            **line,
            "low": low,
            "high": high,
            "n_few_chips": min(FEW, rich) if method in (FINE_TUNED, FEW_ALONE) else 0,
            "n_test_chips_with_landslides": tested,
            "simulated": bool(scene.composite.attrs["simulated"]),
        }


def honest_table(pairs: pd.DataFrame, measure: str = "auprc") -> pd.DataFrame:
    """Return one line for each way to map a region: the mean over seeds of the regions trained in, with the least and the most.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As :func:`measure_pairs` yields it.
    measure : str

    Returns
    -------
    pandas.DataFrame
        ``train_region``, ``test_region``, ``method``, ``mean``, ``least``, ``most``, ``chance``, ``seeds``.
    """
    by = ["train_region", "test_region", "method"]
    chance = "prevalence" + measure.removeprefix("auprc")
    table = pairs.groupby(by, sort=False).agg(
        mean=(measure, "mean"),
        least=(measure, "min"),
        most=(measure, "max"),
        chance=(chance, "mean"),
        seeds=("seed", "nunique"),
    )
    return table.reset_index()


def write_pairs(table: pd.DataFrame, folder: str | os.PathLike[str], *, command: str) -> None:
    """Write ``transfer.csv``, ``transfer.png``, and ``transfer.md`` to look at, with what made them."""
    from landslide_utils.figures.scores import transfer_figure

    out = Path(folder)
    figure = transfer_figure(honest_table(table), simulated=bool(table["simulated"].all()))
    with atomic_write(out / "transfer.png", overwrite=True) as part:
        figure.save(part)
    kind = "simulated radar" if table["simulated"].all() else "measured radar"
    few = table.loc[table["method"] == FINE_TUNED, "n_few_chips"]
    parts = [
        "# From one region to another",
        f"{table['run'].nunique()} networks ({kind}), each tested in {table['test_region'].nunique()} regions; made, with this page, by",
        f"```sh\n{command}\n```",
        f"![{figure.alt}](transfer.png)",
        f"AUPRC on all test chips of the region, the mean over {table['seed'].nunique()} seeds, with the least and the most. Compare within a region only: chance differs "
        f"from region to region. *{BY_REGION.capitalize()}*: levels measured on the new region's training chips, without a label. *{FINE_TUNED.capitalize()}*: trained a "
        f"little on {few.max():.0f} labelled chips with landslides there (fewer where there are not so many), and as many without; *{FEW_ALONE}*: trained on those and nothing else.",
        markdown_table(honest_table(table).round(3)),
    ]
    with atomic_write(out / "transfer.md", overwrite=True) as part:
        part.write_text("\n\n".join(parts) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all pairs from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m landslide_utils.experiments.transfer",
        description="Train in each region, test in all, with and without remedies; what is there already is not measured again.",
    )
    add = parser.add_argument
    add("--cubes", nargs="+", default=list(PRACTICE), help="regions (default: all practice regions)")
    add("--channels", default="sar")
    add("--timesteps", type=int, default=4)
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--preset", default="quick", help="quick, standard or paper")
    add("--epochs", type=int, default=0, help="instead of the preset's")
    add("--runs-dir", default="runs", help="folder of the runs")
    add("--results", default="results", help="folder in which transfer.csv, the figure and transfer.md are written")
    asked = parser.parse_args(arguments)
    command = shlex.join(["python", "-m", "landslide_utils.experiments.transfer", *(arguments or sys.argv[1:])])
    try:
        same = {name: getattr(asked, name) for name in ("channels", "timesteps", "preset", "epochs", "runs_dir")}
        configs = [RunConfig(cube=cube, seed=seed, **same) for seed in asked.seeds for cube in asked.cubes]
        kept = Path(asked.results) / "transfer.csv"
        for table in measure_pairs(configs, pd.read_csv(kept) if kept.exists() else None):
            with atomic_write(kept, overwrite=True) as part:
                table.round(6).to_csv(part, index=False)
    except (InputError, SplitError) as error:
        print(error, file=sys.stderr)
        return 1
    write_pairs(table, asked.results, command=command)
    print(honest_table(table).round(3).to_string())
    return 0


if __name__ == "__main__":
    sys.exit(main())
