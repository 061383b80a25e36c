"""Transfer: the scores of a network in regions that it was not trained in, with and without remedies."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm.auto import tqdm

from landslide_utils.baselines import log_ratio_detectors
from landslide_utils.chips import corners
from landslide_utils.composite import variables_of
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.prepared import INJECTED
from landslide_utils.experiments.results import markdown_table, radar_of, with_range, write_page
from landslide_utils.experiments.runs import Run, compose, prepare, run
from landslide_utils.figures.scores import METHODS, transfer_figure
from landslide_utils.files import InputError
from landslide_utils.metrics import bootstrap_auprc, interval, score_map
from landslide_utils.model import PRESETS, Preset
from landslide_utils.predict import map_scene
from landslide_utils.scene import Normalisation, Scene
from landslide_utils.terrain import LOOK_AZIMUTH, find_layover_and_shadow

if TYPE_CHECKING:
    import torch
    import xarray as xr

THERE, AS_TRAINED, BY_REGION, FINE_TUNED, FEW_ALONE, LOG_RATIO = METHODS
FEW, STEPS = 8, 48
"""Labelled chips with landslides that fine-tuning is given, and how many batches it is trained on."""


def few_chips(chips: pd.DataFrame, count: int = FEW, seed: int = 0) -> pd.DataFrame:
    """Return a table of chips of which only a few train: `count` with landslides, and as many without.

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
    slid = train["landslide_share"] > 0
    if not 1 <= count <= slid.sum():
        raise ValueError(f"count={count}: there are {slid.sum()} training chips with landslides; choose from 1 to that")
    few = [group.sample(min(count, len(group)), random_state=seed) for group in (train[slid], train[~slid])]
    return pd.concat([*few, chips[chips["part"] != "train"]]).sort_index()


def fine_tune(
    scene: Scene,
    chips: pd.DataFrame,
    preset: Preset,
    *,
    weights: Mapping[str, torch.Tensor] | None,
    steps: int = STEPS,
    seed: int = 0,
    progress: bool = True,
) -> torch.nn.Module:
    """Return a network that was trained a little on a few chips of a new region, normalised by that region.

    Parameters
    ----------
    chips : pandas.DataFrame
        Of the scene, as :func:`few_chips` returns it.
    weights : mapping of torch.Tensor, optional
        Of a network that was trained elsewhere: it is trained with a tenth of the preset's learning rate. Without them
        the network starts from nothing.
    """
    from landslide_utils.train import fit, start_session

    if weights is not None:
        preset = dataclasses.replace(preset, learning_rate=preset.learning_rate / 10)
    scene = dataclasses.replace(scene, chips=chips)
    session = start_session(scene, preset, steps=steps, seed=seed, weights=weights)
    for _ in fit(session, progress=progress):
        pass
    model: torch.nn.Module = session.model
    return model


def map_elsewhere(model: torch.nn.Module, normalisation: Normalisation, scene: Scene) -> xr.DataArray:
    """Return the map (y, x) that a network makes where a scene is scored, normalised as given."""
    scored = scene.chips[scene.chips["part"] != "train"]
    return map_scene(model, scene.composite, normalisation, chips=scored, progress=False)


def map_cube(
    trained: Run,
    config: RunConfig,
    *,
    crs: str | None = None,
    incidence_degrees: float | None = None,
    out: Path | None = None,
    scheduler: str | None = None,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the map (y, x) of a cube by a run's network, silent in layover and shadow, and the cube's elevation (m).

    The configuration says which cube is mapped; its channels, passes and orbit must be those of the run. `crs` and
    `incidence_degrees` come before the cube's own, `out` and `scheduler` are those of
    :func:`landslide_utils.predict.map_scene`.
    """
    both = [(name, vars(config)[name], vars(trained.config)[name]) for name in ("channels", "timesteps", "orbit")]
    if faults := [f"{name}={new!r}, but it was trained with {old!r}" for name, new, old in both if new != old]:
        raise InputError("this network cannot be used so", faults)
    variables = [*variables_of(config.channels), "dem"]
    datacube, composite = compose(config, crs=crs, needs_crs=True, variables=variables)
    model, normalisation = trained.model()
    if Path(trained.config.cube).parent.name == INJECTED:  # before the event nobody knows the weather of its passes
        normalisation = Normalisation.fit(composite["image"], None)
    orbit, hidden = composite.attrs.get("orbit"), None
    if orbit in LOOK_AZIMUTH:  # without radar, or without its direction, nothing can be said
        hidden = find_layover_and_shadow(datacube, orbit=orbit, incidence_degrees=incidence_degrees)
    probability = map_scene(model, composite, normalisation, hidden=hidden, out=out, scheduler=scheduler)
    return probability, datacube["dem"].load()


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
        A line for each pair of regions and each of `METHODS` that is possible there: ``train_region``,
        ``test_region``, ``seed``, ``run``, ``method``, ``auprc`` with ``low`` and ``high`` (its 95 % interval) and
        ``prevalence`` on all test chips, ``auprc_landslide_chips`` and ``prevalence_landslide_chips``,
        ``n_few_chips``, ``n_test_chips_with_landslides``, ``simulated``.
    """
    regions = {config.cube for config in configs}
    if table is None:
        table = pd.DataFrame({"run": [], "test_region": []})
    else:
        _check_pairs(table)
    tested = table.groupby("run")["test_region"].agg(set).to_dict()
    missing = [config for config in configs if tested.get(config.hash) != regions]
    table = table[table["run"].isin({config.hash for config in configs if config not in missing})]
    yield table
    with tqdm(desc="networks", unit="network", total=len(missing), disable=not progress) as bar:
        for seed in sorted({config.seed for config in missing}):
            scenes = {c.cube: prepare(c, progress=progress) for c in configs if c.seed == seed}
            for config in [config for config in missing if config.seed == seed]:
                trained = run(config, progress=progress)
                lines = [
                    {"train_region": config.cube, "test_region": name, "seed": seed, "run": config.hash, **line}
                    for name, scene in scenes.items()
                    for line in _measure(trained, scene, there=name == config.cube)
                ]
                table = pd.concat([table, pd.DataFrame(lines)], ignore_index=True)
                bar.update()
                yield table


def _measure(trained: Run, scene: Scene, *, there: bool) -> Iterator[dict[str, Any]]:
    """Yield a line for each method, whether the scene is of the region of the training or of another."""
    count = min(FEW, len(corners(scene.chips, "train", only_landslides=True)))
    tested = len(corners(scene.chips, "test", only_landslides=True))
    few = few_chips(scene.chips, count, trained.config.seed)
    for method, score in _maps_there(trained, scene, few) if there else _maps_elsewhere(trained, scene, few):
        scores = score_map(score, scene.landslides, scene.chips)
        draws = bootstrap_auprc(score, scene.landslides, scene.chips)
        _, low, high = interval(scores["auprc"], draws, tested)
        yield {
            "method": method,
            **scores,
            "low": low,
            "high": high,
            "n_few_chips": count if method in (FINE_TUNED, FEW_ALONE) else 0,
            "n_test_chips_with_landslides": tested,
            "simulated": bool(scene.composite.attrs["simulated"]),
        }


def _maps_there(trained: Run, scene: Scene, few: pd.DataFrame) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the maps of the region of the training, each with its method."""
    yield THERE, map_elsewhere(*trained.model(), scene)
    if ratios := log_ratio_detectors(scene.composite["image"]).values():
        yield LOG_RATIO, max(ratios, key=lambda r: score_map(r, scene.landslides, scene.chips, "validation")["auprc"])
    yield FEW_ALONE, _map_tuned(trained.config, scene, few, weights=None)


def _maps_elsewhere(trained: Run, scene: Scene, few: pd.DataFrame) -> Iterator[tuple[str, xr.DataArray]]:
    """Yield the maps of another region, each with its method."""
    model, normalisation = trained.model()
    yield AS_TRAINED, map_elsewhere(model, normalisation, scene)
    yield BY_REGION, map_elsewhere(model, scene.normalisation, scene)
    yield FINE_TUNED, _map_tuned(trained.config, scene, few, weights=model.state_dict())


def _map_tuned(
    config: RunConfig, scene: Scene, few: pd.DataFrame, *, weights: Mapping[str, torch.Tensor] | None
) -> xr.DataArray:
    """Return the map of a network that was trained on a few chips of the scene."""
    model = fine_tune(scene, few, PRESETS[config.preset], weights=weights, seed=config.seed, progress=False)
    return map_elsewhere(model, scene.normalisation, scene)


def _check_pairs(table: pd.DataFrame) -> None:
    """Raise InputError if a table is not one that :func:`measure_pairs` has made."""
    columns = ("train_region", "test_region", "seed", "run", "method", "auprc", "prevalence", "simulated")
    if absent := [name for name in columns if name not in table]:
        advice = "make it with: landslides transfer"
        raise InputError("the table of pairs cannot be used", [f"it lacks {', '.join(absent)}; {advice}"])


def honest_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return one line for each way to map a region: the mean AUPRC over seeds, with the least and the most.

    Parameters
    ----------
    pairs : pandas.DataFrame
        As :func:`measure_pairs` yields it.

    Returns
    -------
    pandas.DataFrame
        ``train_region``, ``test_region``, ``method``, ``mean``, ``least``, ``most``, ``chance``, ``seeds``.
    """
    _check_pairs(pairs)
    groups = pairs.groupby(["train_region", "test_region", "method"], sort=False, as_index=False)
    table = groups.agg(
        mean=("auprc", "mean"),
        least=("auprc", "min"),
        most=("auprc", "max"),
        chance=("prevalence", "mean"),
        seeds=("seed", "nunique"),
    )
    table.attrs["simulated"] = bool(pairs["simulated"].all())
    return table


def _by_region(averages: pd.DataFrame) -> Iterator[str]:
    """Yield paragraphs: for each region tested a heading, and a table of methods by region of the training."""
    for region, tested in averages.replace("^practice_", "", regex=True).groupby("test_region", sort=False):
        cells = tested.assign(cell=with_range(tested, "mean", "least", "most"))
        table = cells.pivot(index="method", columns="train_region", values="cell").reindex(METHODS).fillna("")
        yield f"## Tested in {region}, where chance is {tested['chance'].mean():.3f}"
        yield markdown_table(table.reset_index())


def write_pairs(table: pd.DataFrame, folder: str | os.PathLike[str], *, command: str) -> None:
    """Write ``transfer.png``, and ``transfer.md`` to look at, with the command that made them."""
    averages = honest_table(table)
    few = table.loc[table["method"] == FINE_TUNED, "n_few_chips"]
    networks, regions, seeds = (table[name].nunique() for name in ("run", "test_region", "seed"))
    write_page(
        Path(folder) / "transfer.md",
        [
            "# From one region to another",
            f"{networks} networks ({radar_of(table)}), each tested in {regions} regions",
            f"AUPRC on all test chips of the region, the mean over {seeds} seeds, with least and most; a column "
            "for each region of the training. Compare within a region only: chance differs. "
            f"*{BY_REGION.capitalize()}*: levels measured on the new region's training chips, without a label. "
            f"*{FINE_TUNED.capitalize()}*: trained a little on {few.max():.0f} labelled chips with landslides there "
            f"(fewer where there are not so many), and as many without; *{FEW_ALONE}*: trained on those alone.",
            *_by_region(averages),
        ],
        figure=transfer_figure(averages),
        picture="transfer.png",
        command=command,
    )
