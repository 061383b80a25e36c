"""How well any rule could do that looks at one pixel at a time: known for practice cubes only, because only there the truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.composite import choose_passes
from landslide_utils.grid import Window
from landslide_utils.simulate import radar
from landslide_utils.simulate.radar import FACING_SHARE, POLARISATIONS, SLIDE_TEXTURE_DB
from landslide_utils.simulate.scene import SimulatedScene
from landslide_utils.terrain import LOOK_AZIMUTH

NODES = 9
NO_SPECKLE = 1e6
"""So many looks that speckle is below a hundredth of a decibel."""


def likelihood_ratio(
    scene: SimulatedScene,
    cube: xr.Dataset,
    mask: xr.DataArray,
    *,
    polarisations: tuple[str, ...] = POLARISATIONS,
    timesteps: int = 4,
    orbit: str = "auto",
) -> xr.DataArray:
    """Return how much likelier what the radar measured after the event is with a landslide than without, as logarithm.

    It knows all that the simulator knows but two things: which pixels slid, and each pixel's speckle. It knows each pixel's backscatter in each pass had nothing
    slid (weather, season, harvest, geometry), and how landslides change it. No rule that looks at the radar of one pixel, whatever it has learnt, ranks pixels better
    (Neyman & Pearson 1933). A network can: it sees neighbours, and where landslides are likely.

    Parameters
    ----------
    scene : SimulatedScene
        The scene from which the cube was made.
    cube : xarray.Dataset
        As :func:`landslide_utils.cube.open_cube` returns it.
    mask : xarray.DataArray (y, x), bool
        Where it is wanted; NaN elsewhere.
    polarisations : tuple of {"vv", "vh"}
    timesteps : int
    orbit : {"auto", "descending", "ascending"}
        As for the composite that it is compared with.

    Returns
    -------
    xarray.DataArray (y, x), float32

    Notes
    -----
    Speckle is gamma distributed and independent between passes, so the sum of measured over undisturbed power says all there is to know. The change in dB is
    normal around a mean that depends on how far the slope leans towards the radar; it is integrated by Gauss-Hermite quadrature, the roughness that both
    polarisations share in an outer loop. The small correlation of their speckle (0.08) is not used.
    """
    passes = choose_passes(cube, timesteps, orbit)
    quiet = dataclasses.replace(
        scene,
        scenario=dataclasses.replace(scene.scenario, looks=NO_SPECKLE),
        landslides=[],
        slides=radar.Slides.draw(scene.scenario, 0),
    )
    undisturbed = quiet.dataset()
    times = [int(np.flatnonzero(undisturbed["timestep"].values == cube["time"].values[t])[0]) for t in passes.after]
    chosen = mask.values
    sums = {}
    for p in polarisations:
        expected = undisturbed[p].isel(timestep=times).sel(y=cube["y"], x=cube["x"]).values[:, chosen]
        sums[p] = (cube[p].isel(time=list(passes.after)).values[:, chosen] / expected).sum(axis=0)
    scenario = scene.scenario
    tilt = _tilt(scene, passes.orbit)[chosen]
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    visible = np.zeros(chosen.sum())
    for rough, weight in zip(nodes * SLIDE_TEXTURE_DB, weights, strict=True):
        product = np.full(visible.shape, weight)
        for p, mean in (("vv", scenario.slide_vv_db), ("vh", scenario.slide_vh_db)):
            if p in sums:
                facing = scenario.facing_gain_db * FACING_SHARE[POLARISATIONS.index(p)] * tilt
                product *= _gain(
                    sums[p], mean + facing + rough, scenario.slide_sd_db, scenario.looks, len(times), nodes, weights
                )
        visible += product
    out = np.full(chosen.shape, np.nan, np.float32)
    out[chosen] = np.log(1 - scenario.visible_share + scenario.visible_share * visible)
    return xr.DataArray(out, dims=("y", "x"), coords={"y": cube["y"], "x": cube["x"]}, name="likelihood ratio")


def _tilt(scene: SimulatedScene, orbit: str) -> NDArray[np.float32]:
    """Return the tilt towards the radar as the simulator limits it, (height, width) of the whole scene."""
    scenario = scene.scenario
    wide = scene.elevation(Window(-1, -1, scenario.height + 2, scenario.width + 2))
    down_row, down_col = (-np.gradient(wide, scenario.pixel_size_m, axis=axis)[1:-1, 1:-1] for axis in (0, 1))
    if orbit not in LOOK_AZIMUTH:
        raise ValueError(f"the passes' orbit is {orbit}; the ceiling needs ascending or descending")
    return np.asarray(np.clip(radar.facing(down_row, down_col, orbit) / radar.UNIT_TILT, -1.5, 1.5), np.float32)


def _gain(
    total: NDArray[np.float64],
    mean_db: NDArray[np.float64],
    sd_db: float,
    looks: float,
    passes: int,
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the likelihood of a sum of relative powers with a change that is normal in dB, over that without a change."""
    out = np.zeros(total.shape)
    for node, weight in zip(nodes, weights, strict=True):
        change = (mean_db + sd_db * node) * (np.log(10) / 10)
        out += weight * np.exp(looks * (total * (1 - np.exp(-change)) - passes * change))
    return out
