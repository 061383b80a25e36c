"""Trained networks that come with the package, one for each practice region: a map without waiting for a training."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landslide_utils.chips import SIZE, richest_test_block, split_chips
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.runs import read_network
from landslide_utils.files import InputError, read_json
from landslide_utils.grid import Window
from landslide_utils.model import PRESETS

if TYPE_CHECKING:
    import pandas as pd
    import torch
    import xarray as xr

    from landslide_utils.scene import Normalisation

FOLDER = Path(__file__).parent / "weights"
"""One folder a region, made by ``tools/weights.py``."""


@dataclass(frozen=True)
class Pretrained:
    """A trained network that comes with the package.

    Attributes
    ----------
    config : RunConfig
        How it was trained, and so which chips it has seen.
    metrics : dict
        As in a run's ``metrics.json``, measured with the weights as they are kept, in 16 bits.
    folder : pathlib.Path
        ``README.md``, which describes it, and what ``segmentation_models_pytorch.from_pretrained`` reads too:
        ``config.json`` and ``model.safetensors``.
    """

    config: RunConfig
    metrics: dict[str, Any]
    folder: Path

    def model(self) -> tuple[torch.nn.Module, Normalisation]:
        """Read the network, and the normalisation that belongs to its weights."""
        return read_network(self.folder / "model.safetensors", PRESETS[self.config.preset])

    def find_unseen(self, cube: xr.Dataset) -> tuple[xr.Dataset, pd.DataFrame]:
        """Return a part of its region with chips that the network has never seen, and these chips.

        Parameters
        ----------
        cube : xarray.Dataset
            The whole region.

        Returns
        -------
        part : xarray.Dataset
            The block of test chips in which most slid, with a chip's width of pixels around it where there are any.
        chips : pandas.DataFrame
            The chips of this block, ``row`` and ``col`` counted in the part.
        """
        chips = split_chips(cube["landslides"] > 0, method=self.config.split, seed=self.config.seed)
        block = richest_test_block(chips)
        (top, left), (bottom, right) = (block[["row", "col"]].agg(how) for how in ("min", "max"))
        window = Window(top, left, bottom - top + SIZE, right - left + SIZE).grow(SIZE)
        window = window.clip(cube.sizes["y"], cube.sizes["x"])
        return cube.isel(window.place), block.assign(row=block["row"] - window.row, col=block["col"] - window.col)


def read_pretrained(region: str) -> Pretrained:
    """Return the network that was trained in a practice region; the hash of its weights is checked.

    Raises
    ------
    InputError
        If no network of this region comes with the package, or its files are not those that were shipped.
    """
    if region not in (known := sorted(path.name for path in FOLDER.glob("*/"))):
        raise InputError("no network can be read", [f"{region!r} has none; these have one: {', '.join(known)}"])
    folder, faults = FOLDER / region, []
    try:
        described = read_json(folder / "config.json")
        config, metrics = RunConfig(**described["_run"]), described["_metrics"]
        if hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() != described["_sha256"]:
            faults.append("model.safetensors is damaged: its hash is not the one in config.json")
        if config.cube != region:
            faults.append(f"config.json is that of {config.cube}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults.append(f"it cannot be read ({type(error).__name__}: {error})")
    if faults:
        raise InputError(f"the trained network in {folder} cannot be used; install the package again", faults)
    return Pretrained(config, metrics, folder)


def find_pretrained(config: RunConfig) -> Pretrained | None:
    """Return the network that was trained on the chips of a configuration, with any preset and steps; or None."""
    if not (FOLDER / config.cube / "config.json").exists():
        return None
    found = read_pretrained(config.cube)
    same = ("event_time", "channels", "timesteps", "orbit", "split", "seed")
    return found if all(vars(found.config)[name] == vars(config)[name] for name in same) else None
