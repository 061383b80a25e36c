"""What Sentinel-1 would measure over simulated ground: geometry, land cover, season, the landslides' signature, speckle."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landslide_utils import noise
from landslide_utils.landscape import BUILT_UP, CLEARING, FIELD, FOREST, WATER, Cover
from landslide_utils.noise import Array, Window
from landslide_utils.scenario import Scenario

POLARISATIONS = ("vv", "vh")
LOOK_AZIMUTH = {"descending": 280.0, "ascending": 80.0}
"""Compass direction, degrees, in which the right-looking antenna looks: westward when flying south, eastward when flying north."""

LEVEL_DB = {  # gamma nought of C-band (VV, VH): typical values of land covers, set so that the scene's mean is the published Hokkaido cube's
    FOREST: (-6.8, -12.35),
    FIELD: (-8.2, -13.8),
    CLEARING: (-7.8, -13.4),
    WATER: (-17.0, -22.0),
    BUILT_UP: (0.0, -7.0),
}
SEASON_DB = {FOREST: 0.3, FIELD: 0.8, CLEARING: 0.4, WATER: 0.0, BUILT_UP: 0.0}
CHANGE_DB = {"harvest": (-2.5, -2.0), "logging": (-1.2, -2.2)}
RESIDUAL_DB = 0.6
"""What terrain flattening leaves: dB by which a slope of 20 degrees that faces the radar is still too bright."""


@dataclass(frozen=True)
class Slides:
    """The signature of each landslide in dB, by polarisation, on flat ground; index 0 stands for no landslide."""

    vv: Array
    vh: Array
    facing: Array

    @classmethod
    def draw(cls, scenario: Scenario, count: int) -> Slides:
        """Draw the signatures of `count` landslides: of either sign, some invisible."""
        random = noise.generator(scenario.seed, "signature")
        visible = random.uniform(size=count) < scenario.visible_share
        change = {
            name: np.where(visible, random.normal(mean, scenario.slide_sd_db, count), 0)
            for name, mean in (("vv", scenario.slide_vv_db), ("vh", scenario.slide_vh_db))
        }
        first = np.zeros(1)
        return cls(
            *(
                np.concatenate([first, values]).astype(np.float32)
                for values in (change["vv"], change["vh"], visible * 1.0)
            )
        )


def facing(down_row: Array, down_col: Array, orbit: str) -> Array:
    """Return how far the ground leans towards the radar, as tangent of the tilt: positive facing it, negative looking away.

    Parameters
    ----------
    down_row, down_col : float32 arrays (height, width)
        Descent in metres a metre along increasing rows (southward) and columns (eastward).
    orbit : {"descending", "ascending"}
    """
    look = np.radians(LOOK_AZIMUTH[orbit])
    return np.asarray(down_row * np.cos(look) - down_col * np.sin(look), np.float32)


def speckle_table(looks: float) -> tuple[Array, Array]:
    """Return a table from standard normal to the decibels of gamma-distributed speckle of mean power 1."""
    normal = np.linspace(-6, 6, 4001)
    return normal.astype(np.float32), (
        10 * np.log10(stats.gamma(looks, scale=1 / looks).ppf(stats.norm.cdf(normal)))
    ).astype(np.float32)


def backscatter(
    scenario: Scenario,
    window: Window,
    descent: tuple[Array, Array],
    cover: Cover,
    slide: NDArray[np.int32],
    slides: Slides,
    passes: list[tuple[dt.datetime, str]],
    event: dt.datetime,
) -> dict[str, Array]:
    """Return VV and VH of every pass over one window.

    Returns
    -------
    dict of float32 arrays (time, height, width)
        ``vv`` and ``vh``, gamma nought in linear power; NaN in layover and shadow.
    """
    seed = scenario.seed
    unit = np.float32(np.tan(np.radians(20.0)))
    leaning = {orbit: facing(*descent, orbit) for orbit in LOOK_AZIMUTH}
    texture = {p: noise.smooth(seed, ("texture", p), window, 60) * np.float32(0.3) for p in POLARISATIONS}
    rough = noise.smooth(seed, ("slide texture",), window, 3) * np.float32(0.7)
    bright = noise.white(seed, ("corner",), window) > (2.2 if scenario.pixel_size_m <= 20 else 2.8)
    towns = np.where((cover.kind == BUILT_UP) & bright, np.float32(9), np.float32(0))
    level = {
        p: np.array([LEVEL_DB[kind][i] for kind in range(5)], np.float32)[cover.kind] + towns
        for i, p in enumerate(POLARISATIONS)
    }
    season = np.array([SEASON_DB[kind] for kind in range(5)], np.float32)[cover.kind]
    first, last = passes[0][0], passes[-1][0]
    changed = {
        "harvest": np.where(
            (cover.kind == FIELD) & (cover.parcel < scenario.harvest_share),
            cover.parcel / max(scenario.harvest_share, 1e-9),
            2,
        ),
        "logging": np.where(
            (cover.kind == FOREST) & (cover.stand < scenario.logging_share),
            cover.stand / max(scenario.logging_share, 1e-9),
            2,
        ),
    }
    near, normal_to_db = speckle_table(scenario.looks)
    mix = scenario.speckle_polarisations
    out = {p: np.empty((len(passes), window.height, window.width), np.float32) for p in POLARISATIONS}
    for t, (instant, orbit) in enumerate(passes):
        elapsed = (instant - first) / (last - first) if last > first else 0.0
        random = noise.generator(seed, "pass", t)
        offsets = random.standard_normal(2) * (scenario.offset_vv_db, scenario.offset_vh_db)
        day = season * np.float32(np.cos(2 * np.pi * (instant.timetuple().tm_yday - 200) / 365))
        wet = noise.smooth(seed, ("moisture", t), window, 25) * np.float32(scenario.moisture_db)
        tilt = leaning[orbit] / unit
        incidence = np.radians(scenario.incidence_degrees)
        lean_angle = np.arctan(leaning[orbit])
        hidden = (lean_angle >= incidence) | (lean_angle <= incidence - np.pi / 2)
        noises = (
            noise.speckled(seed, ("speckle", "vv", t), window, scenario.speckle_neighbour),
            noise.speckled(seed, ("speckle", "vh", t), window, scenario.speckle_neighbour),
        )
        speckle = {"vv": noises[0], "vh": np.float32(mix) * noises[0] + np.float32(np.sqrt(1 - mix**2)) * noises[1]}
        for i, p in enumerate(POLARISATIONS):
            db = level[p] + texture[p] + day + wet + np.float32(offsets[i]) + np.float32(RESIDUAL_DB) * tilt
            for kind, when in changed.items():
                db += np.where(when < elapsed, np.float32(CHANGE_DB[kind][i]), np.float32(0))
            if instant > event:
                gain = np.float32(scenario.facing_gain_db * (1.0 if p == "vv" else 0.4))
                own = getattr(slides, p)[slide] + slides.facing[slide] * (gain * np.clip(tilt, -1.5, 1.5) + rough)
                db += own
            db += np.interp(speckle[p], near, normal_to_db).astype(np.float32)
            out[p][t] = np.where(hidden, np.float32(np.nan), np.power(np.float32(10), db / np.float32(10)))
    return out
