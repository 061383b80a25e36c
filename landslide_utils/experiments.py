"""A run: its configuration, checked at the door, and the folder that keeps what came of it."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from landslide_utils import __version__
from landslide_utils.chips import SPLITS, Normalisation
from landslide_utils.composite import CHANNELS, ORBIT_CHOICES
from landslide_utils.model import PRESETS
from landslide_utils.regions import REGIONS, parse_instant
from landslide_utils.scenario import PRACTICE
from landslide_utils.simulate import fingerprint

if TYPE_CHECKING:
    import torch

    from landslide_utils.metrics import Curve
    from landslide_utils.plots import Picture

MEMBERS = ("config.json", "metrics.json", "history.csv", "model.safetensors", "probability.zarr")
MOST_TIMESTEPS = 4


class ConfigError(ValueError):
    """A configuration that cannot be run. ``faults`` lists everything that is wrong, not only the first."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = list(faults)
        super().__init__("these parameters cannot be run:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True)
class RunConfig:
    """What is trained, on what, and how.

    Attributes
    ----------
    cube : str
        A region's name, or the path or URL of a Zarr store in the published layout.
    event_time : str
        Instant of the event, ISO 8601, UTC; empty when the region or the store knows it.
    channels : {"vv", "vh", "sar", "sar_dem", "dem"}
    timesteps : int
        Passes averaged before and after the event, 1 to 4.
    orbit : {"auto", "descending", "ascending"}
    split : {"blocked", "random"}
    preset : {"quick", "standard", "paper"}
    seed : int
        Of the split, the first weights and the order of chips.
    epochs : int
        Instead of the preset's; 0 takes the preset's.
    runs_dir : str
        Folder of the runs. Not part of a run's identity.

    Raises
    ------
    ConfigError
        Listing every value that is not allowed.
    """

    cube: str = "practice_earthquake"
    event_time: str = ""
    channels: str = "sar"
    timesteps: int = 4
    orbit: str = "auto"
    split: str = "blocked"
    preset: str = "quick"
    seed: int = 0
    epochs: int = 0
    runs_dir: str = "runs"

    def __post_init__(self) -> None:
        faults = []
        choices = {"channels": tuple(CHANNELS), "orbit": ORBIT_CHOICES, "split": SPLITS, "preset": tuple(PRESETS)}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                faults.append(f"{name}={getattr(self, name)!r} is not one of {', '.join(allowed)}")
        ranges = {"timesteps": (1, MOST_TIMESTEPS), "seed": (0, 2**32 - 1), "epochs": (0, 100_000)}
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                faults.append(f"{name}={value!r} is not a whole number from {least} to {most}")
        for name in ("cube", "runs_dir"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                faults.append(f"{name}={getattr(self, name)!r} is not a name, path or URL")
        if self.event_time:
            try:
                parse_instant(str(self.event_time))
            except ValueError as error:
                faults.append(str(error))
        if faults:
            raise ConfigError(faults)

    @property
    def hash(self) -> str:
        """Return the run's name: twelve characters that depend on everything that the result depends on."""
        identity: dict[str, Any] = dataclasses.asdict(self) | {"runs_dir": None, "epochs": self.chosen_epochs}
        if self.cube in PRACTICE:
            identity["cube"] = f"{self.cube} {fingerprint(self.cube)}"
        elif "://" not in self.cube and self.cube not in REGIONS:
            identity["cube"] = str(Path(self.cube).expanduser().resolve())
        text = json.dumps([__version__, dataclasses.asdict(PRESETS[self.preset]), identity], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Return the folder in which the run is saved."""
        return Path(self.runs_dir) / self.hash

    @property
    def chosen_epochs(self) -> int:
        """Return how many epochs are trained."""
        return self.epochs or PRESETS[self.preset].epochs


def read_parameters(namespace: Mapping[str, Any]) -> RunConfig:
    """Make a configuration from a notebook's parameters.

    papermill only warns of a name that the notebook does not know and then runs the defaults; here it is refused.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``.

    Raises
    ------
    ConfigError
        Listing every unknown name and every value that is not allowed.
    """
    fields = [field.name for field in dataclasses.fields(RunConfig)]
    unknown = _unknown(namespace, fields)
    try:
        config = RunConfig(**{name: namespace[name] for name in fields if name in namespace})
    except ConfigError as error:
        raise ConfigError(unknown + error.faults) from None
    if unknown:
        raise ConfigError(unknown)
    return config


def check_parameters(namespace: Mapping[str, Any], **allowed: Sequence[Any]) -> None:
    """Refuse a notebook's parameters if papermill set an unknown one, or one has a value that is not allowed.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``.
    **allowed : sequence
        For each parameter the values that it may have.

    Raises
    ------
    ConfigError
        Listing everything that is wrong.
    """
    faults = _unknown(namespace, list(allowed))
    for name, values in allowed.items():
        if type(namespace[name]) is not type(values[0]) or namespace[name] not in values:
            text = f"{values[0]} to {values[-1]}" if isinstance(values, range) else ", ".join(map(str, values))
            faults.append(f"{name}={namespace[name]!r} is not one of {text}")
    if faults:
        raise ConfigError(faults)


def _unknown(namespace: Mapping[str, Any], known: list[str]) -> list[str]:
    return [
        f"{name} is not a parameter; these are: {', '.join(known)}"
        for name in _injected(namespace.get("In", []))
        if name not in known
    ]


def _injected(cells: list[str]) -> list[str]:
    """Return the names that papermill set: it puts a cell after the parameters that starts with a comment of its own."""
    names: list[str] = []
    for cell in cells:
        if cell.startswith("# Parameters\n"):
            names = [
                target.id
                for node in ast.parse(cell).body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            ]
    return names


def save_run(
    config: RunConfig,
    *,
    metrics: Mapping[str, Any],
    history: pd.DataFrame,
    model: torch.nn.Module,
    normalisation: Normalisation,
    probability: xr.DataArray,
    pictures: Mapping[str, Picture] | None = None,
) -> Path:
    """Save a run; its folder appears whole or not at all, and takes the place of an earlier one of the same configuration.

    Returns
    -------
    pathlib.Path
        ``<runs_dir>/<hash>/`` with ``config.json``, ``metrics.json``, ``history.csv``, ``model.safetensors`` (the normalisation in its metadata) and
        ``probability.zarr``, and each picture as ``<name>.png``.
    """
    from safetensors.torch import save_file

    target = config.folder
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{config.hash}.{uuid.uuid4().hex[:8]}.part"
    part.mkdir()
    try:
        described = dataclasses.asdict(config) | {"hash": config.hash, "version": __version__}
        (part / "config.json").write_text(json.dumps(described, indent=1))
        (part / "metrics.json").write_text(json.dumps(_without_nan(metrics), indent=1, allow_nan=False))
        history.to_csv(part / "history.csv", index=False)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in model.state_dict().items()}
        metadata = {"normalisation": json.dumps(dataclasses.asdict(normalisation)), "preset": config.preset}
        save_file(weights, part / "model.safetensors", metadata=metadata)
        for name, picture in (pictures or {}).items():
            picture.save(part / f"{name}.png")
        probability.to_dataset(name="probability").to_zarr(part / "probability.zarr", zarr_format=2, consolidated=True)
        _replace(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _without_nan(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Write a number that does not exist as null: JSON knows no NaN."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in metrics.items()
    }


def _replace(part: Path, target: Path) -> None:
    """Put a finished folder in its place, moving an earlier one aside first; a folder cannot be renamed onto one that is not empty."""
    for _ in range(10):
        aside = part.with_suffix(".old")
        try:
            os.rename(target, aside)
            shutil.rmtree(aside, ignore_errors=True)
        except FileNotFoundError:
            pass
        try:
            os.rename(part, target)
            return
        except OSError:
            if not target.exists():
                raise  # not the other process that was faster, but a real fault
    raise OSError(f"{target} keeps being written by another process; stop it, or choose another runs_dir")


def summary(
    measured: Mapping[str, float],
    curves: Mapping[str, Curve],
    history: pd.DataFrame,
    chips: pd.DataFrame,
    composite: xr.Dataset,
) -> dict[str, Any]:
    """Put together what a run measured, as it stands in ``metrics.json``.

    Parameters
    ----------
    measured : mapping
        From :func:`landslide_utils.metrics.score_map`.
    curves : mapping of Curve
        By detector; of those that are log ratios the best is reported.
    history, chips : pandas.DataFrame
    composite : xarray.Dataset
    """
    ratios = {name: found.auprc for name, found in curves.items() if "log ratio" in name}
    best = max(ratios, key=lambda name: ratios[name], default=None)
    return {
        **measured,
        "auprc_log_ratio": ratios[best] if best else None,
        "best_log_ratio": best,
        "seconds_train": float(history["seconds"].sum()),
        "n_train_chips": int((chips["part"] == "train").sum()),
        "n_test_chips": int((chips["part"] == "test").sum()),
        "n_test_blocks_with_landslides": int(
            chips[(chips["part"] == "test") & (chips["landslide_share"] > 0)]["block"].nunique()
        ),
        "passes_before": ", ".join(composite.attrs.get("passes_before", [])),
        "passes_after": ", ".join(composite.attrs.get("passes_after", [])),
        "orbit": composite.attrs.get("orbit", "none"),
        "simulated": bool(composite.attrs["simulated"]),
    }
