"""What only a simulator knows of a practice scene: land cover, which landslides the radar sees, other conditions."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr

from landslide_utils.grid import Window, rasterise
from landslide_utils.simulate import radar
from landslide_utils.simulate.ground import COVERS, descent, land_cover
from landslide_utils.simulate.scenario import SCENARIOS
from landslide_utils.simulate.scene import SimulatedScene, make_scene
from landslide_utils.terrain import LOOK_AZIMUTH


def busiest_window(cube: xr.Dataset, size: int, of: xr.DataArray | None = None) -> xr.Dataset:
    """Return the square of so many pixels each way, of a grid, in which most slid or `of` (y, x) is most, in memory."""
    layer = cube["landslides"] if of is None else of
    share = layer.coarsen(y=size, x=size, boundary="trim").mean()
    row, col = np.unravel_index(int(share.values.argmax()), share.shape)
    return cube.isel(y=slice(row * size, (row + 1) * size), x=slice(col * size, (col + 1) * size)).load()


def _locate(view: xr.Dataset) -> tuple[SimulatedScene, Window]:
    """Return the scene that a part of a practice cube was cut from, and where it lies in it."""
    name = view.attrs["opened_from"]
    if name not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise ValueError(f"the truth of {name!r} is not known; it is known of the practice regions {known}")
    scene = make_scene(SCENARIOS[name])
    return scene, scene.locate(view)


def reveal(view: xr.Dataset) -> xr.Dataset:
    """Return what the simulator knows of a part of a practice cube.

    Parameters
    ----------
    view : xarray.Dataset
        A rectangle of an opened practice cube, of full resolution. ValueError if it is of no practice region.

    Returns
    -------
    xarray.Dataset (y, x)
        ``cover``, the land cover in words; ``visible``, whether a pixel belongs to a landslide that the radar sees at
        all; ``descending`` and ``ascending``, by how many degrees the ground leans towards the radar of such a pass.
    """
    scene, window = _locate(view)
    falls = descent(scene.elevation(window.grow(1)), scene.scenario.pixel_size_m)
    kind = land_cover(scene.scenario, window, np.degrees(np.arctan(np.hypot(*falls)))).kind
    layers = {
        "cover": np.array(COVERS)[kind],
        "visible": scene.signatures.visible[rasterise(scene.landslides, window)] > 0,
        **{orbit: np.degrees(np.arctan(radar.facing(*falls, orbit))) for orbit in LOOK_AZIMUTH},
    }
    coords = {"y": view["y"], "x": view["x"]}
    return xr.Dataset({name: (("y", "x"), values) for name, values in layers.items()}, coords, {"simulated": True})


def resimulate(view: xr.Dataset, **changes: object) -> xr.Dataset:
    """Return the same place with the same landslides under other conditions.

    Parameters
    ----------
    view : xarray.Dataset
        As for :func:`reveal`.
    **changes
        Attributes of :class:`landslide_utils.simulate.scenario.Scenario` and their new values, such as
        ``looks=1000.0`` for hardly any speckle. ValueError if the scenario is impossible.

    Returns
    -------
    xarray.Dataset
        As the view: ``vv`` and ``vh`` (time, y, x) in linear power, ``dem`` and ``landslides`` (y, x), coordinates
        ``time`` and ``orbit``.
    """
    scene, window = _locate(view)
    scenario = scene.scenario.replace(**changes)
    values = dataclasses.replace(scene, scenario=scenario).simulate(window)
    values["landslides"] = np.isfinite(values["landslides"])
    instants, orbits = zip(*scenario.passes(), strict=True)
    return xr.Dataset(
        {name: (("time", "y", "x")[-layer.ndim :], layer) for name, layer in values.items()},
        {
            "time": np.array(instants, "datetime64[ns]"),
            "orbit": ("time", list(orbits)),
            "y": view["y"],
            "x": view["x"],
        },
        view.attrs,
    )
