"""The configuration of a run: checked when it is made, with a name that depends on all that its result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landslide_utils import __version__
from landslide_utils.chips import SPLITS
from landslide_utils.composite import CHANNELS, ORBIT_CHOICES
from landslide_utils.experiments.parameters import Rule, check_parameters, instant, named, writable
from landslide_utils.model import PRESETS
from landslide_utils.regions import PATCHES, REGIONS

RUN_RULES: dict[str, Rule] = {
    "cube": named,
    "event_time": instant,
    "channels": CHANNELS,
    "timesteps": range(1, 5),
    "orbit": ORBIT_CHOICES,
    "split": SPLITS,
    "preset": PRESETS,
    "seed": range(2**32),
    "steps": range(1_000_001),
    "runs_dir": named,
}
"""What each field of a :class:`RunConfig` may be."""


@dataclass(frozen=True)
class RunConfig:
    """What is trained, on what, and how.

    Attributes
    ----------
    cube : str
        A region's name, the path or URL of a Zarr store in the published layout, or ``sen12landslides:FOLDER``.
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
    steps : int
        Batches that the network is trained on; 0 takes the preset's.
    runs_dir : str
        Folder of the runs. Not part of a run's identity.

    Raises
    ------
    InputError
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
    steps: int = 0
    runs_dir: str = "runs"

    def __post_init__(self) -> None:
        for name, value in check_parameters(vars(self), **RUN_RULES).items():
            object.__setattr__(self, name, value)  # a whole number of numpy becomes one of Python

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> RunConfig:
        """Return the configuration that a notebook's parameters describe; those that are not of a run are left out.

        Its folder, unlike that of a run that is only read, must be one that can be written to.
        """
        given = {name: parameters[name] for name in RUN_RULES if name in parameters}
        return cls(**check_parameters(given, **RUN_RULES | {"runs_dir": writable}))

    @property
    def hash(self) -> str:
        """Return the run's name: twelve characters that depend on everything that the result depends on."""
        identity: dict[str, Any] = dataclasses.asdict(self) | {"runs_dir": None, "steps": self.chosen_steps}
        if self.cube in REGIONS and REGIONS[self.cube].simulated:
            from landslide_utils.simulate.scene import fingerprint

            identity["cube"] = f"{self.cube} {fingerprint(self.cube)}"
        elif "://" not in self.cube and self.cube not in REGIONS:
            identity["cube"] = str(Path(self.cube.removeprefix(PATCHES)).expanduser().resolve())
        text = json.dumps([__version__, dataclasses.asdict(PRESETS[self.preset]), identity], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def folder(self) -> Path:
        """Return the folder in which the run is saved."""
        return Path(self.runs_dir) / self.hash

    @property
    def chosen_steps(self) -> int:
        """Return how many steps are trained."""
        return self.steps or PRESETS[self.preset].steps
