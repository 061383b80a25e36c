"""What Sentinel-1 would measure over simulated ground: geometry, land cover, season, the landslides' signature, speckle."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landslide_utils import terrain
from landslide_utils.grid import Window
from landslide_utils.simulate import random_fields
from landslide_utils.simulate.ground import BUILT_UP, CLEARING, FIELD, FOREST, WATER, Cover
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.terrain import LOOK_AZIMUTH

POLARISATIONS = ("vv", "vh")
LEVEL_DB = {  # gamma nought of C-band (VV, VH): typical values of land covers, set so that the scene's mean is the published Hokkaido cube's
    FOREST: (-6.8, -12.35),
    FIELD: (-8.2, -13.8),
    CLEARING: (-7.8, -13.4),
    WATER: (-17.0, -22.0),
    BUILT_UP: (0.0, -7.0),
}
SOIL = {FOREST: 0.0, FIELD: 1.0, CLEARING: 0.7, WATER: 0.0, BUILT_UP: 0.0}
"""How much of the soil's wetness the radar sees: a forest hides it."""

SEASON_DB = {FOREST: 0.3, FIELD: 0.8, CLEARING: 0.4, WATER: 0.0, BUILT_UP: 0.0}
CHANGE_DB = {"harvest": (-2.5, -2.0), "logging": (-1.2, -2.2)}
FACING_SHARE = (1.0, 0.4)
"""How much of the facing effect VV and VH show: rough soil scatters by its surface (VV), forest by its volume (VH)."""

SLIDE_TEXTURE_DB = 0.7
"""How uneven a landslide's own change is, both polarisations alike."""

UNIT_TILT = float(np.tan(np.radians(20.0)))
"""Tangent of the tilt at which a slope shows the whole facing effect."""

WET_SNOW_DB = -3.5
LAYOVER_DB = 5.0
NOISE_FLOOR_DB = -24.0
REACH = 64
"""Pixels within which one place can hide another from the radar."""


@dataclass(frozen=True)
class Slides:
    """The signature of each landslide in dB, by polarisation, on flat ground; index 0 stands for no landslide."""

    vv: Array
    vh: Array
    visible: Array

    @classmethod
    def draw(cls, scenario: Scenario, count: int) -> Slides:
        """Draw the signatures of `count` landslides: of either sign, some invisible."""
        random = random_fields.generator(scenario.seed, "signature")
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


def foreshortening(leaning: Array, incidence_degrees: float) -> Array:
    """Return how much brighter than flat ground a slope is, in dB, because more of it falls into one step of slant range.

    Parameters
    ----------
    leaning : float32 array
        Tangent of the tilt towards the radar, as :func:`facing` returns it.
    incidence_degrees : float

    References
    ----------
    Small (2011), Flattening gamma: radiometric terrain correction for SAR imagery, IEEE TGRS 49; here in the plane of range only.
    """
    flat = np.radians(incidence_degrees)
    local = np.clip(flat - np.arctan(leaning), np.radians(8), np.pi / 2)
    return np.asarray(10 * np.log10(np.sin(flat) / np.sin(local)), np.float32)


def speckle_table(looks: float) -> tuple[Array, Array]:
    """Return a table from standard normal to the decibels of gamma-distributed speckle of mean power 1."""
    normal = np.linspace(-6, 6, 4001)
    return normal.astype(np.float32), (
        10 * np.log10(stats.gamma(looks, scale=1 / looks).ppf(stats.norm.cdf(normal)))
    ).astype(np.float32)


def backscatter(
    scenario: Scenario,
    window: Window,
    ground: Array,
    descent: tuple[Array, Array],
    cover: Cover,
    slide: NDArray[np.int32],
    slides: Slides,
) -> dict[str, Array]:
    """Return VV and VH of every pass over one window.

    Parameters
    ----------
    scenario : Scenario
    window : Window
    ground : float32 array (height, width + 2 * REACH)
        Elevation in metres, with REACH columns more on either side than the window.
    descent : two float32 arrays (height, width)
        Descent along rows and columns, metres a metre.
    cover : Cover
    slide : int32 array (height, width)
        Number of the landslide on each pixel, 0 for none.
    slides : Slides
        The signature of each landslide.

    Returns
    -------
    dict of float32 arrays (time, height, width)
        ``vv`` and ``vh``, gamma nought in linear power; NaN in layover and shadow, unless the scenario leaves them in.
    """
    seed, passes = scenario.seed, scenario.passes()
    event, _ = scenario.event()
    unit = np.float32(UNIT_TILT)
    tilts = {orbit: facing(*descent, orbit) / unit for orbit in LOOK_AZIMUTH}
    bent = {
        orbit: foreshortening(tilt * unit, scenario.incidence_degrees) * np.float32(1 - scenario.flattening)
        for orbit, tilt in tilts.items()
    }
    masks = {orbit: _layover_and_shadow(scenario, window, ground, orbit) for orbit in LOOK_AZIMUTH}
    level = _level(scenario, window, cover)
    season, soil = (np.array([table[kind] for kind in range(5)], np.float32)[cover.kind] for table in (SEASON_DB, SOIL))
    changed = _when_changed(scenario, cover)
    rough = random_fields.smooth(seed, ("slide texture",), window, 3) * np.float32(SLIDE_TEXTURE_DB)
    normal, speckle_db = speckle_table(scenario.looks)
    mix = np.float32(scenario.speckle_polarisations)
    height = ground[:, REACH:-REACH]
    out = {p: np.empty((len(passes), window.height, window.width), np.float32) for p in POLARISATIONS}
    for t, (instant, orbit) in enumerate(passes):
        elapsed = (instant - passes[0][0]) / max(passes[-1][0] - passes[0][0], dt.timedelta(days=1))
        *offsets, rain = random_fields.generator(seed, "pass", t).standard_normal(3) * (
            scenario.offset_vv_db,
            scenario.offset_vh_db,
            scenario.wet_soil_db,
        )
        common = random_fields.smooth(seed, ("moisture", t), window, 25) * np.float32(scenario.moisture_db)
        common += season * np.float32(
            np.cos(2 * np.pi * (instant.timetuple().tm_yday - 200) / 365)
        ) + soil * np.float32(rain)
        days = (instant - event).total_seconds() / 86_400
        snow_line = scenario.snow_line_m + scenario.snow_line_rise_m_a_day * days
        common += np.where(height > snow_line, np.float32(WET_SNOW_DB), np.float32(0))
        common += bent[orbit]
        own = [
            random_fields.speckled(seed, ("speckle", p, t), window, scenario.speckle_neighbour) for p in POLARISATIONS
        ]
        own[1] = mix * own[0] + np.sqrt(1 - mix**2) * own[1]
        for i, p in enumerate(POLARISATIONS):
            db = level[p] + common + np.float32(offsets[i])
            for kind, when in changed.items():
                db += np.where(when < elapsed, np.float32(CHANGE_DB[kind][i]), np.float32(0))
            if instant > event:
                gain = np.float32(scenario.facing_gain_db * FACING_SHARE[i])
                db += getattr(slides, p)[slide] + slides.visible[slide] * (
                    gain * np.clip(tilts[orbit], -1.5, 1.5) + rough
                )
            layover, shadow = masks[orbit]
            if not scenario.mask_hidden:
                db = np.where(shadow, np.float32(NOISE_FLOOR_DB), np.where(layover, db + np.float32(LAYOVER_DB), db))
            db += np.interp(own[i], normal, speckle_db).astype(np.float32)
            if scenario.mask_hidden:
                db[layover | shadow] = np.nan
            out[p][t] = np.power(np.float32(10), db / np.float32(10))
    return out


def _layover_and_shadow(
    scenario: Scenario, window: Window, ground: Array, orbit: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return layover and shadow of one orbit direction."""
    return terrain.layover_and_shadow_along_rows(
        ground,
        first_col=window.col - REACH,
        pixel_size_m=scenario.pixel_size_m,
        looks_east=orbit == "ascending",
        incidence_degrees=scenario.incidence_degrees,
        reach=REACH,
    )


def _level(scenario: Scenario, window: Window, cover: Cover) -> dict[str, Array]:
    """Return the mean level of each pixel in dB, before season, weather and speckle."""
    bright = (
        random_fields.white(scenario.seed, ("corner",), window) > 2.2
    )  # one pixel in seventy of a town is a corner that reflects straight back
    towns = np.where((cover.kind == BUILT_UP) & bright, np.float32(9), np.float32(0))
    offsets = (scenario.level_vv_db, scenario.level_vh_db)
    return {
        p: np.array([LEVEL_DB[kind][i] + offsets[i] for kind in range(5)], np.float32)[cover.kind]
        + towns
        + random_fields.smooth(scenario.seed, ("texture", p), window, 60) * np.float32(scenario.texture_db)
        for i, p in enumerate(POLARISATIONS)
    }


def _when_changed(scenario: Scenario, cover: Cover) -> dict[str, Array]:
    """Return when each pixel changes for another reason than a landslide, as share of the series' length; 2 means never."""
    never = np.float32(2)
    harvest, logging = max(scenario.harvest_share, 1e-9), max(scenario.logging_share, 1e-9)
    return {
        "harvest": np.where(
            (cover.kind == FIELD) & (cover.parcel < harvest), cover.parcel / np.float32(harvest), never
        ),
        "logging": np.where((cover.kind == FOREST) & (cover.stand < logging), cover.stand / np.float32(logging), never),
    }
