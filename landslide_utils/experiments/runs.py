"""A run: from a configuration to a folder with its scores, network and map, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from filelock import FileLock, Timeout

from landslide_utils import __version__
from landslide_utils.chips import split_chips
from landslide_utils.composite import keep_composite, make_composite, variables_of
from landslide_utils.cube import open_cube
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.measure import FORMAT, METRICS, SCORES, measure
from landslide_utils.files import InputError, as_path, atomic_write, check_file, read_json, remove_leftovers, shorten
from landslide_utils.model import PRESETS, Preset, build_model, read_weights
from landslide_utils.scene import Normalisation, Scene

if TYPE_CHECKING:
    import torch

    from landslide_utils.figures.style import Picture

MEMBERS = ("config.json", "metrics.json", "history.csv", "bootstrap.csv", "model.safetensors", "probability.zarr")


class RunError(InputError):
    """A run's folder that is damaged, half deleted, or of another version."""

    def __init__(self, folder: Path, faults: Sequence[str]) -> None:
        heading = f"the run in {folder} cannot be used; run its configuration again, or delete the folder"
        super().__init__(heading, faults)


class RunBusyError(OSError):
    """A run that another process is training at this moment."""


@dataclass(frozen=True)
class Run:
    """What is kept of a run.

    Attributes
    ----------
    config : RunConfig
    metrics : dict
    history : pandas.DataFrame
        One line for each look at the validation chips.
    bootstrap : pandas.DataFrame
        Draws of the AUPRC, one line a draw: ``auprc`` and ``auprc_landslide_chips``.
    """

    config: RunConfig
    metrics: dict[str, Any]
    history: pd.DataFrame
    bootstrap: pd.DataFrame

    def probability(self) -> xr.DataArray:
        """Read the map of probabilities, float32 (y, x); RunError if it is damaged."""
        from landslide_utils.predict import open_map

        try:
            return open_map(self.config.folder / "probability.zarr").load()
        except (InputError, KeyError) as error:
            raise RunError(self.config.folder, getattr(error, "faults", ["its map has no probability"])) from error

    def model(self) -> tuple[torch.nn.Module, Normalisation]:
        """Read the trained network, and the normalisation that belongs to its weights.

        Raises
        ------
        RunError
            If the weights are damaged, or of another network than the preset's.
        """
        try:
            return read_network(self.config.folder / "model.safetensors", PRESETS[self.config.preset])
        except (OSError, KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
            raise RunError(self.config.folder, [f"model.safetensors cannot be used ({error})"]) from error


def read_network(path: Path, preset: Preset) -> tuple[torch.nn.Module, Normalisation]:
    """Return the network in a file of weights that has its normalisation in its metadata, and that normalisation."""
    (described,), weights = read_weights(path, "normalisation")
    normalisation = Normalisation(**{name: tuple(values) for name, values in described.items()})
    names, numbers = normalisation.channels, np.array([normalisation.mean, normalisation.sd], float)
    shaped = {*map(type, names)} == {str} and numbers.shape == (2, len(names))
    if not shaped or not np.isfinite(numbers).all() or (numbers[1] <= 0).any():
        raise ValueError("its normalisation lacks a name, a mean or a standard deviation of a channel")
    model = build_model(len(normalisation.channels), dataclasses.replace(preset, imagenet=False))
    # as timm names an encoder's parts, or as torchvision does
    model.load_state_dict({name.replace("encoder.model.", "encoder."): weight for name, weight in weights.items()})
    return model.eval(), normalisation


def prepare(config: RunConfig, *, progress: bool = True) -> Scene:
    """Open a configuration's cube, average its passes, share out its chips and measure those that train."""
    _, composite = compose(config, variables=variables_of(config.channels), progress=progress)
    chips = split_chips(composite["landslides"], method=config.split, seed=config.seed)
    return Scene.fit(composite, chips)


def compose(config: RunConfig, *, progress: bool = True, **options: Any) -> tuple[xr.Dataset, xr.Dataset]:
    """Return a configuration's cube, opened with the options of :func:`open_cube`, and its composite."""
    datacube = open_cube(config.cube, event_time=config.event_time or None, progress=progress, **options)
    composite = make_composite(datacube, channels=config.channels, timesteps=config.timesteps, orbit=config.orbit)
    return datacube, keep_composite(composite, progress=progress)


def run(config: RunConfig, *, progress: bool = True) -> Run:
    """Train, map and measure one configuration, unless that has been done, and return what is kept of it.

    It does what notebook 03 does step by step. A training that was stopped goes on from its last checkpoint. Processes
    that share a folder never train the same run at the same time.

    Raises
    ------
    RunBusyError
        If another process is training this run.
    """
    config.folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_beside(config, ".lock"))
    try:
        with lock.acquire(timeout=0):
            remove_leftovers_of(config)
            with contextlib.suppress(FileNotFoundError, RunError):
                return read_run(config.folder)
            try:
                return _run(config, progress)
            finally:
                remove_leftovers_of(config)
    except Timeout:
        raise RunBusyError(f"{config.folder} is being trained by another process") from None


def remove_leftovers_of(config: RunConfig) -> None:
    """Remove what killed processes left of a run: half-written files, and the checkpoint of a run that is whole.

    What a living process is writing stays, and so does a checkpoint from which training can go on.
    """
    remove_leftovers(config.folder.parent)
    if config.folder.exists():
        with contextlib.suppress(RunError):
            read_run(config.folder)
            _beside(config, ".checkpoint.safetensors").unlink(missing_ok=True)


def _beside(config: RunConfig, ending: str) -> Path:
    """Return the path of a hidden file of a run, which lies beside its folder."""
    return config.folder.parent / f".{config.hash}{ending}"


def _run(config: RunConfig, progress: bool) -> Run:
    from landslide_utils.predict import map_scene
    from landslide_utils.train import CheckpointError, fit, start_session

    preset = PRESETS[config.preset]
    scene = prepare(config, progress=progress)
    checkpoint = _beside(config, ".checkpoint.safetensors")

    def train() -> tuple[torch.nn.Module, pd.DataFrame]:
        session = start_session(scene, preset, steps=config.chosen_steps, seed=config.seed)
        history = pd.DataFrame(fit(session, progress=progress, checkpoint=checkpoint))
        return session.model, history

    try:
        model, history = train()
    except CheckpointError as error:
        warnings.warn(f"{error}. Starting over", stacklevel=2)
        checkpoint.unlink()
        model, history = train()
    scored = scene.chips[scene.chips["part"] != "train"]
    probability = map_scene(model, scene.composite, scene.normalisation, chips=scored, progress=progress)
    metrics, bootstrap = measure(probability, scene, history)
    save_run(
        config,
        metrics=metrics,
        bootstrap=bootstrap,
        history=history,
        model=model,
        normalisation=scene.normalisation,
        probability=probability,
    )
    return read_run(config.folder)


def read_run(folder: str | os.PathLike[str]) -> Run:
    """Read a run's folder, without its weights and its map.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    RunError
        Listing all faults, if it is not whole, was made by another version, or is not the run that its name says.
    """
    folder = as_path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no run in {folder}")
    missing = [name for name in MEMBERS if not (folder / name).exists()]
    if missing:
        raise RunError(folder, [f"{', '.join(missing)} missing"])
    faults = []
    try:
        described, metrics = (read_json(folder / f"{name}.json") for name in ("config", "metrics"))
        history, bootstrap = (_read_table(folder / f"{name}.csv") for name in ("history", "bootstrap"))
        if (found := metrics.get("format")) != FORMAT:
            faults.append(f"metrics.json has layout {found}, this version reads {FORMAT}")
        elif absent := [name for name in METRICS if name not in metrics]:
            faults.append(f"metrics.json lacks {shorten(absent)}")
        if described["hash"] != folder.name:
            faults.append(f"config.json is that of run {described['hash']}")
        config = RunConfig(**{field.name: described[field.name] for field in dataclasses.fields(RunConfig)})
        if wrong := [name for name in SCORES if not isinstance(metrics.get(name), float | None)]:
            faults.append(f"metrics.json has no number for {shorten(wrong)}")
        if absent := [name for name in ("step", "seconds", "validation_auprc") if name not in history]:
            faults.append(f"history.csv lacks {', '.join(absent)}")
        if absent := [name for name in ("auprc", "auprc_landslide_chips") if name not in bootstrap]:
            faults.append(f"bootstrap.csv lacks {', '.join(absent)}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        faults.append(f"it cannot be read ({type(error).__name__}: {error})")
    if not (folder / "probability.zarr" / ".zmetadata").exists():
        faults.append("probability.zarr is not whole")
    if faults:
        raise RunError(folder, faults)
    return Run(dataclasses.replace(config, runs_dir=str(folder.parent)), metrics, history, bootstrap)


def _read_table(path: Path) -> pd.DataFrame:
    """Return a table of a run; ValueError if it is no file, too large, or has more columns than any here."""
    with check_file(path, 2**20).open(encoding="utf-8") as file:
        if len(file.readline(1000)) == 1000:  # pandas takes minutes over many names that are the same
            raise ValueError(f"{path.name} has too many columns")
    return pd.read_csv(path)


def save_run(
    config: RunConfig,
    *,
    metrics: Mapping[str, Any],
    bootstrap: pd.DataFrame,
    history: pd.DataFrame,
    model: torch.nn.Module,
    normalisation: Normalisation,
    probability: xr.DataArray,
    pictures: Mapping[str, Picture] | None = None,
) -> Path:
    """Save a run and return its folder.

    It appears whole or not at all, and takes the place of an earlier one of the same configuration.

    Returns
    -------
    pathlib.Path
        ``<runs_dir>/<hash>/`` with ``config.json``, ``metrics.json``, ``history.csv``, ``bootstrap.csv``,
        ``model.safetensors`` (the normalisation in its metadata) and ``probability.zarr``, and each picture as
        ``<name>.png``.
    """
    from safetensors.torch import save_file

    target = config.folder
    with atomic_write(target, overwrite=True) as part:
        part.mkdir()
        described = dataclasses.asdict(config) | {"hash": config.hash, "version": __version__}
        (part / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
        # JSON has null and no NaN
        scores = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in metrics.items()
        }
        (part / "metrics.json").write_text(json.dumps(scores, indent=1, allow_nan=False), encoding="utf-8")
        history.to_csv(part / "history.csv", index=False)
        bootstrap.round(6).to_csv(part / "bootstrap.csv", index=False)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()}
        metadata = {"normalisation": json.dumps(dataclasses.asdict(normalisation))}
        save_file(weights, part / "model.safetensors", metadata=metadata)
        for name, picture in (pictures or {}).items():
            picture.save(part / f"{name}.png")
        probability.to_dataset(name="probability").to_zarr(part / "probability.zarr", zarr_format=2, consolidated=True)
    _beside(config, ".checkpoint.safetensors").unlink(missing_ok=True)
    return target
