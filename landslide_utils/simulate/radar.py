"""What Sentinel-1 would measure over simulated ground: geometry, land cover, season, landslides, speckle."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from landslide_utils import terrain
from landslide_utils.grid import Window
from landslide_utils.simulate import random_fields
from landslide_utils.simulate.ground import BUILT_UP, FIELD, FOREST, Cover
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scenario import Scenario
from landslide_utils.terrain import LOOK_AZIMUTH

POLARISATIONS = ("vv", "vh")
LEVEL_DB = ((-6.8, -8.2, -7.8, -17.0, 0.0), (-12.35, -13.8, -13.4, -22.0, -7.0))
"""Typical C-band gamma nought (VV, VH) of each of `COVERS`; the scene's mean is the published Hokkaido cube's."""

SEASON_DB = (0.3, 0.8, 0.4, 0.0, 0.0)
SOIL = (0.0, 1.0, 0.7, 0.0, 0.0)
"""How much of the soil's wetness the radar sees of each of `COVERS`: a forest covers it."""

CHANGE_DB = {"harvest": (-2.5, -2.0), "logging": (-1.2, -2.2)}
FACING_SHARE = (1.0, 0.4)
"""How much of the facing effect VV and VH show: rough soil scatters by its surface (VV), forest by its volume (VH)."""

SLIDE_TEXTURE_DB = 0.7
"""How uneven a landslide's own change is, both polarisations alike."""

UNIT_TILT = np.float32(np.tan(np.radians(20.0)))
"""Tangent of the tilt at which a slope shows the whole facing effect."""

WET_SNOW_DB = -3.5
LAYOVER_DB = 5.0
NOISE_FLOOR_DB = -24.0
REACH = 64
"""Pixels within which one place can hide another from the radar."""


@dataclass(frozen=True)
class Surface:
    """What the radar looks at in one window (height, width).

    ``ground`` is the elevation in metres, REACH columns wider on either side; ``descent`` that along rows and along
    columns, metres a metre; ``slide`` the number of the landslide on each pixel, 0 for none.
    """

    window: Window
    ground: Array
    descent: tuple[Array, Array]
    cover: Cover
    slide: NDArray[np.int32]


@dataclass(frozen=True)
class Signatures:
    """What each landslide changes on flat ground, in dB, and whether the radar sees it; index 0 stands for none."""

    vv: Array
    vh: Array
    visible: Array

    @classmethod
    def draw(cls, scenario: Scenario, count: int) -> Signatures:
        """Return the signatures of `count` landslides: of either sign, some invisible."""
        random = random_fields.generator(scenario.seed, "signature")
        visible = random.uniform(size=count) < scenario.visible_share
        vv, vh = (
            np.where(visible, random.normal(mean, scenario.slide_sd_db, count), 0)
            for mean in (scenario.slide_vv_db, scenario.slide_vh_db)
        )
        return cls(*(np.append(np.float32(0), values).astype(np.float32) for values in (vv, vh, visible)))


@dataclass(frozen=True)
class View:
    """How one orbit direction sees a window: foreshortening and landslides (VV, VH) in dB, layover, shadow."""

    foreshortening_db: Array
    slide_db: tuple[Array, Array]
    layover: NDArray[np.bool_]
    shadow: NDArray[np.bool_]


def facing(down_row: Array, down_col: Array, orbit: str) -> Array:
    """Return the tangent of the tilt towards the radar of an orbit direction: positive where the ground faces it.

    ``down_row`` and ``down_col`` are the descent along rows (southward) and columns (eastward), metres a metre.
    """
    look = np.radians(LOOK_AZIMUTH[orbit])
    return np.asarray(down_row * np.cos(look) - down_col * np.sin(look), np.float32)


def facing_effect(descent: tuple[Array, Array], orbit: str) -> Array:
    """Return the part of the facing effect that each pixel shows: 1 at `UNIT_TILT`, from -1.5 to 1.5."""
    return np.asarray(np.clip(facing(*descent, orbit) / UNIT_TILT, -1.5, 1.5), np.float32)


def foreshortening(tilt: Array, incidence_degrees: float) -> Array:
    """Return how much brighter than flat ground a slope is, in dB, because more of it falls into one step of range.

    ``tilt`` is what :func:`facing` returns. After Small (2011), Flattening gamma: radiometric terrain correction for
    SAR imagery, IEEE TGRS 49; here in the plane of range only.
    """
    flat = np.radians(incidence_degrees)
    local = np.clip(flat - np.arctan(tilt), np.radians(8), np.pi / 2)
    return np.asarray(10 * np.log10(np.sin(flat) / np.sin(local)), np.float32)


@lru_cache(maxsize=4)
def speckle_table(looks: float) -> tuple[Array, Array]:
    """Return a table from standard normal to the decibels of gamma-distributed speckle of mean power 1."""
    normal = np.linspace(-6, 6, 4001)
    power = stats.gamma(looks, scale=1 / looks).ppf(stats.norm.cdf(normal))
    return normal.astype(np.float32), (10 * np.log10(power)).astype(np.float32)


def backscatter(scenario: Scenario, surface: Surface, signatures: Signatures) -> dict[str, Array]:
    """Return VV and VH of every pass over one window.

    ``vv`` and ``vh`` are float32 arrays (time, height, width) of gamma nought in linear power, NaN in layover and
    shadow, unless the scenario leaves them in.
    """
    passes, (event, _) = scenario.passes(), scenario.event()
    first, last = passes[0][0], passes[-1][0]
    views = {orbit: _view(scenario, surface, signatures, orbit) for orbit in LOOK_AZIMUTH}
    level_db = _level_db(scenario, surface)
    changes = _when_changed(scenario, surface.cover)
    power = {p: np.empty((len(passes), *surface.slide.shape), np.float32) for p in POLARISATIONS}
    for number, (instant, orbit) in enumerate(passes):
        view = views[orbit]
        elapsed = (instant - first) / max(last - first, dt.timedelta(days=1))
        conditions_db = _conditions_db(scenario, surface, number, instant) + view.foreshortening_db
        offsets_db = _offsets_db(scenario, number)
        speckle_db = _speckle_db(scenario, surface.window, number)
        for i, p in enumerate(POLARISATIONS):
            db = level_db[i] + conditions_db + offsets_db[i]
            for name, when in changes.items():
                db += np.where(when < elapsed, np.float32(CHANGE_DB[name][i]), np.float32(0))
            if instant > event:
                db += view.slide_db[i]
            power[p][number] = _measured_power(scenario, view, db, speckle_db[i])
    return power


def _view(scenario: Scenario, surface: Surface, signatures: Signatures, orbit: str) -> View:
    """Return what does not change from pass to pass of one orbit direction."""
    tilt = facing(*surface.descent, orbit) / UNIT_TILT * UNIT_TILT
    foreshortening_db = foreshortening(tilt, scenario.incidence_degrees) * np.float32(1 - scenario.flattening)
    texture_db = random_fields.smooth(scenario.seed, ("slide texture",), surface.window, 3)
    texture_db *= np.float32(SLIDE_TEXTURE_DB)
    effect, slide = facing_effect(surface.descent, orbit), surface.slide
    vv_db, vh_db = (
        flat_db[slide] + signatures.visible[slide] * (np.float32(scenario.facing_gain_db * share) * effect + texture_db)
        for flat_db, share in zip((signatures.vv, signatures.vh), FACING_SHARE, strict=True)
    )
    layover, shadow = terrain.layover_and_shadow_along_rows(
        surface.ground,
        first_col=surface.window.col - REACH,
        pixel_size_m=scenario.pixel_size_m,
        looks_east=orbit == "ascending",
        incidence_degrees=scenario.incidence_degrees,
        reach=REACH,
    )
    return View(foreshortening_db, (vv_db, vh_db), layover, shadow)


def _level_db(scenario: Scenario, surface: Surface) -> list[Array]:
    """Return the mean level of each pixel in VV and VH, in dB, before season, weather and speckle."""
    seed, window, cover = scenario.seed, surface.window, surface.cover
    is_corner = random_fields.white(seed, ("corner",), window) > 2.2  # one pixel in seventy reflects straight back
    corners_db = np.where((cover.kind == BUILT_UP) & is_corner, np.float32(9), np.float32(0))
    levels = []
    for i, offset in enumerate((scenario.level_vv_db, scenario.level_vh_db)):
        texture = random_fields.smooth(seed, ("texture", POLARISATIONS[i]), window, 60)
        cover_db = (np.array(LEVEL_DB[i]) + offset).astype(np.float32)[cover.kind]
        levels.append(cover_db + corners_db + texture * np.float32(scenario.texture_db))
    return levels


def _when_changed(scenario: Scenario, cover: Cover) -> dict[str, Array]:
    """Return when each pixel changes without a landslide, as share of the series' length; 2 means never."""
    harvest, logging = max(scenario.harvest_share, 1e-9), max(scenario.logging_share, 1e-9)
    harvested = (cover.kind == FIELD) & (cover.parcel < harvest)
    logged = (cover.kind == FOREST) & (cover.stand < logging)
    return {
        "harvest": np.where(harvested, cover.parcel / np.float32(harvest), np.float32(2)),
        "logging": np.where(logged, cover.stand / np.float32(logging), np.float32(2)),
    }


def _offsets_db(scenario: Scenario, number: int) -> Array:
    """Return what one pass adds to the whole scene's VV and VH, and to wet soil, in dB."""
    spread = (scenario.offset_vv_db, scenario.offset_vh_db, scenario.wet_soil_db)
    return (random_fields.generator(scenario.seed, "pass", number).standard_normal(3) * spread).astype(np.float32)


def _conditions_db(scenario: Scenario, surface: Surface, number: int, instant: dt.datetime) -> Array:
    """Return what moisture, season, rain and snow of one pass add to each pixel, VV and VH alike, in dB."""
    kind, wet_soil = surface.cover.kind, _offsets_db(scenario, number)[2]
    season = np.float32(np.cos(2 * np.pi * (instant.timetuple().tm_yday - 200) / 365))
    added = random_fields.smooth(scenario.seed, ("moisture", number), surface.window, 25)
    added *= np.float32(scenario.moisture_db)
    added += np.array(SEASON_DB, np.float32)[kind] * season + np.array(SOIL, np.float32)[kind] * wet_soil
    days = (instant - scenario.event()[0]).total_seconds() / 86_400
    snow_line = scenario.snow_line_m + scenario.snow_line_rise_m_a_day * days
    added += np.where(surface.ground[:, REACH:-REACH] > snow_line, np.float32(WET_SNOW_DB), np.float32(0))
    return added


def _speckle_db(scenario: Scenario, window: Window, number: int) -> tuple[Array, Array]:
    """Return the speckle of VV and VH of one pass, in dB."""
    vv, vh = (
        random_fields.speckled(scenario.seed, ("speckle", p, number), window, scenario.speckle_neighbour)
        for p in POLARISATIONS
    )
    mix = np.float32(scenario.speckle_polarisations)
    vh = mix * vv + np.sqrt(1 - mix**2) * vh
    table = speckle_table(scenario.looks)
    return np.interp(vv, *table).astype(np.float32), np.interp(vh, *table).astype(np.float32)


def _measured_power(scenario: Scenario, view: View, db: Array, speckle_db: Array) -> Array:
    """Return linear power with speckle; layover and shadow are missing or, where the scenario says so, left in."""
    if scenario.mask_hidden:
        db = np.where(view.layover | view.shadow, np.float32(np.nan), db)
    else:
        bright_db = np.where(view.layover, db + np.float32(LAYOVER_DB), db)
        db = np.where(view.shadow, np.float32(NOISE_FLOOR_DB), bright_db)
    return np.asarray(np.power(np.float32(10), (db + speckle_db) / np.float32(10)), np.float32)
