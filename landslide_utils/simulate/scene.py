"""A practice cube with known truth, in the layout of the published cubes. It is simulated, and says so in its attributes."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import uuid
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from landslide_utils.files import atomic_write
from landslide_utils.grid import Window, rasterise
from landslide_utils.regions import data_folder
from landslide_utils.simulate import radar
from landslide_utils.simulate.ground import elevation, land_cover
from landslide_utils.simulate.landslides import make_landslides
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import PRACTICE, Scenario

MODEL = 4
"""Number of the simulator's model: raised whenever the same scenario gives other data, so that no stale cube is read from the cache."""

CHUNK = 512
MANIFEST = ".checksums.json"


@dataclass(frozen=True)
class SimulatedScene:
    """Everything about a simulated scene that does not fit in one window: its scenario, its place, its landslides, and a caller's ground if any.

    Attributes
    ----------
    scenario : Scenario
    crs : str
        A projected coordinate reference system in metres.
    corner : (float, float)
        Easting and northing of the upper left corner, metres.
    landslides : list of shapely geometry
        In pixel units (x column, y row).
    ground : float32 array (height, width) or None
        The caller's elevation in metres; None for simulated hills.
    slides : radar.Slides
        The signature of each landslide.
    """

    scenario: Scenario
    crs: str
    corner: tuple[float, float]
    landslides: list[BaseGeometry]
    ground: Array | None
    slides: radar.Slides

    def elevation(self, window: Window) -> Array:
        """Return the height of the ground in metres, float32 (height, width)."""
        if self.ground is None:
            return elevation(self.scenario, window)
        rows = np.clip(np.arange(window.row, window.row + window.height), 0, self.scenario.height - 1)
        cols = np.clip(np.arange(window.col, window.col + window.width), 0, self.scenario.width - 1)
        return self.ground[np.ix_(rows, cols)]

    def simulate(self, window: Window) -> dict[str, NDArray[Any]]:
        """Return the variables of one window: ``vv`` and ``vh`` (time, y, x), ``dem`` and ``landslides`` (y, x)."""
        reach = radar.REACH
        wide = self.elevation(Window(window.row - 1, window.col - reach, window.height + 2, window.width + 2 * reach))
        near = wide[:, reach - 1 : -reach + 1]
        rise = [np.gradient(near, self.scenario.pixel_size_m, axis=axis)[1:-1, 1:-1] for axis in (0, 1)]
        descent = (-rise[0], -rise[1])
        cover = land_cover(self.scenario, window, np.degrees(np.arctan(np.hypot(*descent))))
        slide = rasterise(self.landslides, window)
        power = radar.backscatter(self.scenario, window, wide[1:-1], descent, cover, slide, self.slides)
        return {
            **power,
            "dem": near[1:-1, 1:-1],
            "landslides": np.where(slide > 0, np.float32(1), np.float32(np.nan)),
        }

    def dataset(self, chunk: int = CHUNK) -> xr.Dataset:
        """Return the whole cube in the published layout, lazily: each block of `chunk` x `chunk` pixels is made when it is asked for."""
        scenario = self.scenario
        passes, (start, end) = scenario.passes(), scenario.event()
        windows = [
            [
                Window(row, col, min(chunk, scenario.height - row), min(chunk, scenario.width - col))
                for col in range(0, scenario.width, chunk)
            ]
            for row in range(0, scenario.height, chunk)
        ]
        scene = dask.delayed(self)
        blocks = [[scene.simulate(window) for window in row] for row in windows]

        def mosaic(name: str, lead: tuple[int, ...]) -> da.Array:
            rows = [
                [
                    da.from_delayed(block[name], (*lead, window.height, window.width), np.float32)
                    for block, window in zip(*row, strict=True)
                ]
                for row in zip(blocks, windows, strict=True)
            ]
            mosaicked: da.Array = da.block(rows)
            return mosaicked

        cube, plane = ("timestep", "y", "x"), ("y", "x")
        half = scenario.pixel_size_m / 2
        out = xr.Dataset(
            {
                "vv": (cube, mosaic("vv", (len(passes),)), {"long_name": "VV gamma nought", "units": "1"}),
                "vh": (cube, mosaic("vh", (len(passes),)), {"long_name": "VH gamma nought", "units": "1"}),
                "dem": (plane, mosaic("dem", ()), {"long_name": "elevation", "units": "m"}),
                "landslides": (plane, mosaic("landslides", ()), {"long_name": "landslide (1) or not (NaN)"}),
            },
            coords={
                "timestep": np.array([instant for instant, _ in passes], "datetime64[ns]"),
                "y": self.corner[1] - half - scenario.pixel_size_m * np.arange(scenario.height),
                "x": self.corner[0] + half + scenario.pixel_size_m * np.arange(scenario.width),
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
        names = {"letters": [orbit[0] for _, orbit in passes], "words": [orbit for _, orbit in passes]}
        if scenario.orbit_names in names:
            out = out.assign_coords({"sat:orbit_state": ("timestep", names[scenario.orbit_names])})
        return out


def make_scene(scenario: Scenario) -> SimulatedScene:
    """Make the scene of a scenario, with its own hills and its own landslides."""
    ground = elevation(scenario, Window(0, 0, scenario.height, scenario.width))
    slides = make_landslides(scenario, ground)
    return SimulatedScene(
        scenario, "EPSG:32654", (500_000.0, 4_740_000.0), list(slides), None, radar.Slides.draw(scenario, len(slides))
    )


def write_cube(scene: SimulatedScene, path: str | os.PathLike[str], *, progress: bool = False) -> Path:
    """Write a scene's cube as Zarr. It appears whole or not at all; one that is there already is left alone.

    Parameters
    ----------
    scene : SimulatedScene
    path : path
        Where the store shall be, usually ending in ``.zarr``.
    progress : bool
        Whether to show a progress bar.
    """
    from tqdm.auto import tqdm
    from tqdm.dask import TqdmCallback

    target = Path(path)
    if target.exists():
        return target
    cube = scene.dataset()
    encoding = {
        name: {"chunks": (1, CHUNK, CHUNK)[-cube[name].ndim :], "compressors": None} for name in cube.data_vars
    }  # speckle does not compress
    try:
        with atomic_write(target) as part:
            writing = cube.to_zarr(part, compute=False, encoding=encoding, zarr_format=2, consolidated=True)
            with TqdmCallback(desc="simulating radar", tqdm_class=tqdm) if progress else contextlib.nullcontext():
                writing.compute(scheduler="threads")
            (part / MANIFEST).write_text(json.dumps(_checksums(part)))
    except OSError:
        if not target.exists():  # otherwise another process was faster, and its cube is the same
            raise
    return target


def _checksums(store: Path) -> dict[str, int]:
    """Return the CRC-32 of every file of a store but the list itself."""
    files = sorted(path for path in store.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(store).as_posix(): zlib.crc32(path.read_bytes()) for path in files}


def is_whole(store: Path) -> bool:
    """Return whether a store that :func:`write_cube` made is still what it was: nothing missing, nothing changed."""
    try:
        return bool(json.loads((store / MANIFEST).read_text()) == _checksums(store))
    except (OSError, ValueError):
        return False


def fingerprint(name: str) -> str:
    """Return twelve characters that depend on everything that a practice region's cube depends on."""
    text = json.dumps([MODEL, dataclasses.asdict(PRACTICE[name])], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def practice_cube(name: str, *, progress: bool = False) -> Path:
    """Return the path of a practice region's cube.

    It is made on first use, kept in :func:`landslide_utils.regions.data_folder`, and verified on every later use; a damaged one is made anew.
    """
    if name not in PRACTICE:
        raise ValueError(f"{name!r} is not a practice region; these are: {', '.join(PRACTICE)}")
    target = data_folder() / fingerprint(name) / f"{name}.zarr"
    if target.exists():
        if is_whole(target):
            return target
        warnings.warn(f"the cube {target} is damaged; it is made anew", stacklevel=2)
        aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
        with contextlib.suppress(FileNotFoundError):  # another process saw it too and was faster
            os.rename(target, aside)
        shutil.rmtree(aside, ignore_errors=True)
    return write_cube(make_scene(PRACTICE[name]), target, progress=progress)
