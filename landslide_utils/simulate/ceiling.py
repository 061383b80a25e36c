"""How well any rule could do that looks at one pixel at a time: known for practice cubes, where the truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from landslide_utils import hand_memory_back
from landslide_utils.composite import choose_passes
from landslide_utils.grid import Window, windows_of
from landslide_utils.simulate import radar
from landslide_utils.simulate.ground import descent
from landslide_utils.simulate.radar import FACING_SHARE, POLARISATIONS, SLIDE_TEXTURE_DB
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.simulate.scene import SimulatedScene
from landslide_utils.terrain import LOOK_AZIMUTH

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
NO_SPECKLE = 1e6
"""So many looks that speckle is below a hundredth of a decibel."""

SIDE = 256  # of the windows that are simulated, in pixels


def likelihood_ratio(
    scene: SimulatedScene, cube: xr.Dataset, mask: xr.DataArray, *, timesteps: int = 4, orbit: str = "auto"
) -> xr.DataArray:
    """Return the logarithm of how much likelier the radar after the event is with a landslide than without.

    It knows all that the simulator knows but two things: which pixels slid, and each pixel's speckle. It knows each
    pixel's backscatter in each pass had nothing slid, and how landslides change it. No rule that looks at the radar of
    one pixel, whatever it has learnt, ranks pixels better (Neyman & Pearson 1933). A network can: it sees neighbours.
    The result is float32 (y, x).

    Parameters
    ----------
    scene : SimulatedScene
        The scene from which the cube was made.
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it.
    mask : xarray.DataArray (y, x), bool
        Where it is wanted; NaN elsewhere.
    timesteps : int
    orbit : {"auto", "descending", "ascending"}
        As for the composite that it is compared with.

    Notes
    -----
    Speckle is gamma distributed and independent between passes, so the sum of measured over undisturbed power says all
    there is to know. The change in dB is normal around a mean that depends on how far the slope leans towards the
    radar; it is integrated by Gauss-Hermite quadrature, the roughness that both polarisations share in an outer loop.
    The small correlation of their speckle (0.08) is not used.
    """
    passes, scenario, inside = choose_passes(cube, timesteps, orbit), scene.scenario, mask.values
    if passes.orbit not in LOOK_AZIMUTH:
        raise ValueError(f"the passes' orbit is {passes.orbit}; the ceiling needs ascending or descending")
    window = Window(0, 0, scenario.height, scenario.width)
    falls = descent(scene.elevation(window.grow(1)), scenario.pixel_size_m)
    effect = radar.facing_effect(falls, passes.orbit)[inside]
    relative_power = _relative_power(scene, cube.isel(time=list(passes.after)), inside)
    visible = np.zeros(effect.shape)
    for texture_db, weight in zip(NODES * SLIDE_TEXTURE_DB, WEIGHTS, strict=True):
        product = np.full(visible.shape, weight)
        for p, mean_db, share in zip(
            POLARISATIONS, (scenario.slide_vv_db, scenario.slide_vh_db), FACING_SHARE, strict=True
        ):
            change_db = mean_db + scenario.facing_gain_db * share * effect + texture_db
            product *= _gain(scenario, relative_power[p], change_db, len(passes.after))
        visible += product
    ratio = np.full(inside.shape, np.nan, np.float32)
    ratio[inside] = np.log(1 - scenario.visible_share + scenario.visible_share * visible)
    hand_memory_back()
    return xr.DataArray(ratio, dims=("y", "x"), coords={"y": cube["y"], "x": cube["x"]}, name="likelihood ratio")


def _relative_power(
    scene: SimulatedScene, cube: xr.Dataset, inside: NDArray[np.bool_]
) -> dict[str, NDArray[np.float32]]:
    """Return each pixel's power over that of a scene without landslides and speckle, summed over a cube's passes.

    That scene is simulated only in the windows where it is wanted.
    """
    scenario = scene.scenario.replace(looks=NO_SPECKLE)
    quiet = dataclasses.replace(scene, scenario=scenario, landslides=[], signatures=radar.Signatures.draw(scenario, 0))
    instants = np.array([instant for instant, _ in scenario.passes()], "datetime64[ns]")
    chosen = np.isin(instants, cube["time"].values)
    total = {p: np.zeros(inside.shape, np.float32) for p in POLARISATIONS}
    for window in windows_of(scenario.height, scenario.width, SIDE):
        place = tuple(window.place.values())
        if inside[place].any():
            expected = quiet.simulate(window)
            for p in POLARISATIONS:
                total[p][place] = (cube[p].isel(window.place).values / expected[p][chosen]).sum(axis=0)
    hand_memory_back()
    return {p: power[inside] for p, power in total.items()}


def _gain(
    scenario: Scenario, total: NDArray[np.float32], mean_db: NDArray[np.float64], passes: int
) -> NDArray[np.float64]:
    """Return the likelihood of a sum of relative powers with a change that is normal in dB, over that without one."""
    likelihood = np.zeros(total.shape)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        change = (mean_db + scenario.slide_sd_db * node) * (np.log(10) / 10)
        likelihood += weight * np.exp(scenario.looks * (total * (1 - np.exp(-change)) - passes * change))
    return likelihood
