"""What is run: a configuration, checked at the door, with a name that depends on all that its result depends on."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landslide_utils import __version__
from landslide_utils.chips import SPLITS
from landslide_utils.composite import CHANNELS, ORBIT_CHOICES
from landslide_utils.model import PRESETS
from landslide_utils.regions import REGIONS, parse_instant
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.simulate.scene import fingerprint

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


def read_parameters(namespace: Mapping[str, Any], also: Sequence[str] = ()) -> RunConfig:
    """Make a configuration from a notebook's parameters.

    papermill only warns of a name that the notebook does not know and then runs the defaults; here it is refused.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``.
    also : sequence of str
        Names of parameters that the notebook has beside these.

    Raises
    ------
    ConfigError
        Listing every unknown name and every value that is not allowed.
    """
    fields = [field.name for field in dataclasses.fields(RunConfig)]
    unknown = _unknown(namespace, [*fields, *also])
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


def refuse_unknown(namespace: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a notebook's parameters if papermill set one that it does not know.

    Parameters
    ----------
    namespace : mapping
        The notebook's ``globals()``.
    known : sequence of str

    Raises
    ------
    ConfigError
        Listing every unknown name.
    """
    faults = _unknown(namespace, list(known))
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
