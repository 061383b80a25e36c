"""What a configuration trains and tests on: a cube's passes averaged, its chips shared out, its levels measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import xarray as xr

from landslide_utils.chips import Normalisation, split_chips
from landslide_utils.composite import make_composite, variables_of
from landslide_utils.config import RunConfig
from landslide_utils.cube import open_cube


@dataclass(frozen=True)
class TrainingScene:
    """What a configuration trains and tests on, ready to be normalised.

    Attributes
    ----------
    composite : xarray.Dataset
        As :func:`landslide_utils.composite.make_composite` returns it, in memory.
    chips : pandas.DataFrame
    normalisation : Normalisation
        Of its own training chips.
    """

    composite: xr.Dataset
    chips: pd.DataFrame
    normalisation: Normalisation

    @property
    def landslides(self) -> xr.DataArray:
        """Return the labels, bool (y, x)."""
        return self.composite["landslides"]

    @cached_property
    def valid(self) -> xr.DataArray:
        """Return where every channel has data, bool (y, x)."""
        return self.composite["image"].notnull().all("channel")


def prepare(config: RunConfig, *, progress: bool = True) -> TrainingScene:
    """Open a configuration's cube, average its passes, share out its chips and measure those that train."""
    datacube = open_cube(
        config.cube, event_time=config.event_time or None, variables=variables_of(config.channels), progress=progress
    )
    composite = make_composite(
        datacube, channels=config.channels, timesteps=config.timesteps, orbit=config.orbit
    ).load()
    chips = split_chips(composite["landslides"], method=config.split, seed=config.seed)
    return TrainingScene(composite, chips, Normalisation.fit(composite["image"], chips))
