"""What only a simulator knows of a practice scene: its land cover, which landslides the radar sees, the same place under other conditions."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate import ground, radar
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.simulate.scene import SimulatedScene, make_scene
from landslide_utils.terrain import LOOK_AZIMUTH

COVERS = {
    ground.FOREST: "forest",
    ground.FIELD: "field",
    ground.CLEARING: "clearing",
    ground.WATER: "water",
    ground.BUILT_UP: "built-up",
}


def busiest_window(cube: xr.Dataset, size: int) -> xr.Dataset:
    """Return the square of `size` x `size` pixels, on a grid of such squares, in which most slid, loaded into memory."""
    share = cube["landslides"].astype("float32").coarsen(y=size, x=size, boundary="trim").mean()
    row, col = np.unravel_index(int(share.values.argmax()), share.shape)
    return cube.isel(y=slice(row * size, (row + 1) * size), x=slice(col * size, (col + 1) * size)).load()


def _scene(view: xr.Dataset) -> tuple[SimulatedScene, Window]:
    """Return the scene that a part of a practice cube was cut from, and where it lies in it."""
    name = view.attrs["opened_from"]
    if name not in PRACTICE:
        raise ValueError(
            f"the truth of {name!r} is not known; it is known of the practice regions {', '.join(PRACTICE)}"
        )
    scene = make_scene(PRACTICE[name])
    pixel = scene.scenario.pixel_size_m
    row = round((scene.corner[1] - float(view["y"][0])) / pixel - 0.5)
    col = round((float(view["x"][0]) - scene.corner[0]) / pixel - 0.5)
    return scene, Window(row, col, view.sizes["y"], view.sizes["x"])


def reveal(view: xr.Dataset) -> xr.Dataset:
    """Return what the simulator knows of a part of a practice cube.

    Parameters
    ----------
    view : xarray.Dataset
        A rectangle of an opened practice cube, of full resolution.

    Returns
    -------
    xarray.Dataset (y, x)
        ``cover``, the land cover in words; ``visible``, whether a pixel belongs to a landslide that the radar sees at all; ``descending`` and
        ``ascending``, by how many degrees the ground leans towards the radar of such a pass (negative: away from it).

    Raises
    ------
    ValueError
        If the cube is not of a practice region.
    """
    scene, window = _scene(view)
    height = scene.elevation(window.grow(1))
    rise = [np.gradient(height, scene.scenario.pixel_size_m, axis=axis)[1:-1, 1:-1] for axis in (0, 1)]
    kind = ground.land_cover(scene.scenario, window, np.degrees(np.arctan(np.hypot(*rise)))).kind
    slide = rasterise(scene.landslides, window)
    layers = {
        "cover": np.array(list(COVERS.values()))[kind],
        "visible": scene.slides.visible[slide] > 0,
    } | {
        orbit: np.degrees(np.arctan(radar.facing(-rise[0], -rise[1], orbit))).astype(np.float32)
        for orbit in LOOK_AZIMUTH
    }
    coords = {"y": view["y"], "x": view["x"]}
    return xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()}, coords, {"simulated": True})


def resimulate(view: xr.Dataset, **changes: object) -> xr.Dataset:
    """Return the same place with the same landslides under other conditions.

    Parameters
    ----------
    view : xarray.Dataset
        A rectangle of an opened practice cube.
    **changes
        Attributes of :class:`landslide_utils.simulate.scenario.Scenario` and their new values, such as ``looks=1000.0`` for hardly any speckle.

    Returns
    -------
    xarray.Dataset
        As the view: ``vv`` and ``vh`` (time, y, x) in linear power, ``dem`` and ``landslides`` (y, x), coordinates ``time`` and ``orbit``.

    Raises
    ------
    ValueError
        If the cube is not of a practice region, or the scenario is impossible.
    """
    scene, window = _scene(view)
    scenario = scene.scenario.replace(**changes)
    made = dataclasses.replace(scene, scenario=scenario).simulate(window)
    instants, orbits = zip(*scenario.passes(), strict=True)
    stack, plane = ("time", "y", "x"), ("y", "x")
    return xr.Dataset(
        {
            "vv": (stack, made["vv"]),
            "vh": (stack, made["vh"]),
            "dem": (plane, made["dem"]),
            "landslides": (plane, np.isfinite(made["landslides"])),
        },
        {
            "time": np.array(instants, "datetime64[ns]"),
            "orbit": ("time", list(orbits)),
            "y": view["y"],
            "x": view["x"],
        },
        view.attrs,
    )
