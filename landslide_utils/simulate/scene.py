"""A practice cube with known truth, in the layout of the published cubes; its attributes say that it is simulated."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from landslide_utils.files import InputError, atomic_write
from landslide_utils.grid import Window, rasterise
from landslide_utils.regions import data_folder
from landslide_utils.simulate import radar
from landslide_utils.simulate.blocks import CHUNK, blocks_of, fill, is_intact
from landslide_utils.simulate.ground import descent, elevation, land_cover
from landslide_utils.simulate.landslides import make_landslides
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import FULL_SIZE, PRACTICE, SCENARIOS, Scenario

MODEL = 4
"""Raised whenever the same scenario gives other data, so that no stale cube is read from the cache."""


@dataclass(frozen=True)
class SimulatedScene:
    """Everything about a simulated scene that does not fit in one window."""

    scenario: Scenario
    landslides: list[BaseGeometry]  # in pixel units (x column, y row)
    signatures: radar.Signatures
    crs: str = "EPSG:32654"  # projected, in metres
    corner: tuple[float, float] = (500_000.0, 4_740_000.0)  # easting and northing of the upper left one, metres

    def elevation(self, window: Window) -> Array:
        """Return the height of the ground in metres, float32 (height, width)."""
        return elevation(self.scenario, window)

    def simulate(self, window: Window) -> dict[str, NDArray[Any]]:
        """Return the variables of one window: ``vv`` and ``vh`` (time, y, x), ``dem`` and ``landslides`` (y, x)."""
        reach = radar.REACH
        wide = self.elevation(Window(window.row - 1, window.col - reach, window.height + 2, window.width + 2 * reach))
        falls = descent(wide[:, reach - 1 : -reach + 1], self.scenario.pixel_size_m)
        cover = land_cover(self.scenario, window, np.degrees(np.arctan(np.hypot(*falls))))
        slide = rasterise(self.landslides, window)
        surface = radar.Surface(window, wide[1:-1], falls, cover, slide)
        return {
            **radar.backscatter(self.scenario, surface, self.signatures),
            "dem": wide[1:-1, reach:-reach],
            "landslides": np.where(slide > 0, np.float32(1), np.float32(np.nan)),
        }

    def locate(self, part: xr.Dataset) -> Window:
        """Return where a part of the scene's cube lies in it."""
        pixel = self.scenario.pixel_size_m
        row = round((self.corner[1] - float(part["y"][0])) / pixel - 0.5)
        col = round((float(part["x"][0]) - self.corner[0]) / pixel - 0.5)
        return Window(row, col, part.sizes["y"], part.sizes["x"])

    def dataset(self, chunk: int = CHUNK) -> xr.Dataset:
        """Return the whole cube in the published layout, in blocks of `chunk` x `chunk` pixels, made when asked for."""
        scenario = self.scenario
        instants, orbits = zip(*scenario.passes(), strict=True)
        start, end = scenario.event()
        stack, plane = ("timestep", "y", "x"), ("y", "x")
        sizes = (len(instants), scenario.height, scenario.width)
        empty = da.zeros(sizes, dtype=np.float32, chunks=(-1, chunk, chunk))
        pixels = scenario.pixel_size_m * np.arange(max(scenario.height, scenario.width))
        half = scenario.pixel_size_m / 2
        layout = xr.Dataset(
            {
                "vv": (stack, empty, {"long_name": "VV gamma nought", "units": "1"}),
                "vh": (stack, empty, {"long_name": "VH gamma nought", "units": "1"}),
                "dem": (plane, empty[0], {"long_name": "elevation", "units": "m"}),
                "landslides": (plane, empty[0], {"long_name": "landslide (1) or not (NaN)"}),
            },
            coords={
                "timestep": np.array(instants, "datetime64[ns]"),
                "y": self.corner[1] - half - pixels[: scenario.height],
                "x": self.corner[0] + half + pixels[: scenario.width],
            },
            attrs={
                "event_time": start.isoformat(),
                "event_end": end.isoformat(),
                "crs": self.crs,
                "source": "simulated by landslide_utils.simulate",
                "simulated": True,
                "scenario": json.dumps(dataclasses.asdict(scenario), sort_keys=True),
            },
        )
        cube: xr.Dataset = xr.map_blocks(
            lambda block: block.copy(data=self.simulate(self.locate(block))), layout, template=layout
        )
        if scenario.orbit_names == "absent":
            return cube
        names = [orbit[0] if scenario.orbit_names == "letters" else orbit for orbit in orbits]
        # a published cube calls it sat:orbit_state, which is no name of a folder on Windows
        return cube.assign_coords(orbit=("timestep", names))


def make_scene(scenario: Scenario) -> SimulatedScene:
    """Return the scene of a scenario, with its own hills and its own landslides."""
    landslides = make_landslides(scenario, elevation(scenario, Window(0, 0, scenario.height, scenario.width)))
    return SimulatedScene(scenario, landslides, radar.Signatures.draw(scenario, len(landslides)))


def write_cube(
    scene: SimulatedScene, path: str | os.PathLike[str], *, overwrite: bool = False, progress: bool = False
) -> Path:
    """Return the path of a scene's cube, a Zarr store that appears whole or not at all.

    One that is there already is left alone, or replaced with ``overwrite``. ``progress`` shows a progress bar.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        return target
    cube = scene.dataset()
    try:
        with atomic_write(target, overwrite=overwrite) as temporary:
            fill(cube, temporary, scene.simulate, blocks_of(cube), progress=progress)
    except OSError:
        if overwrite or not target.exists():  # otherwise another process was faster, and its cube is the same
            raise
    return target


def fingerprint(name: str) -> str:
    """Return twelve characters that depend on everything that a practice region's cube depends on."""
    text = json.dumps([MODEL, dataclasses.asdict(SCENARIOS[name])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def place_of(name: str) -> Path:
    """Return where a practice region's cube is kept, in :func:`landslide_utils.regions.data_folder`."""
    if name not in SCENARIOS:
        raise InputError("no such cube", [f"{name!r} is not a practice region; these are: {', '.join(SCENARIOS)}"])
    return data_folder() / fingerprint(name) / f"{name}.zarr"


def practice_cube(name: str, *, progress: bool = False) -> Path:
    """Return the path of a practice region's cube.

    It is made on first use, kept in :func:`landslide_utils.regions.data_folder`, and verified on every later use; a
    damaged one is made anew. One of full size is not made here, see :mod:`.full_size`, and only whether all of its
    files are there is verified: to read it takes too long.

    Raises
    ------
    landslide_utils.files.InputError
        If it is of full size, and is missing or not whole; or if there is no such practice region.
    """
    target = place_of(name)
    is_there = target.exists()
    if name in FULL_SIZE:
        if is_there and is_intact(target, contents=False):
            return target
        state = f"the cube {target} lacks files" if is_there else f"{name} is large, so it is made only when asked for"
        raise InputError("no such cube", [f"{state}; make it with: landslides simulate --cube {name}"])
    if is_there:
        if is_intact(target):
            return target
        warnings.warn(f"the cube {target} is damaged; it is made anew", stacklevel=2)
    return write_cube(make_scene(PRACTICE[name]), target, overwrite=is_there, progress=progress)
