"""The numbers a practice cube is made from, each with its unit and where it comes from."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from landslide_utils.files import InputError, find_kind_faults
from landslide_utils.grid import PIXEL_SIZE_M, find_size_faults
from landslide_utils.regions import REGIONS, parse_instant


@dataclass(frozen=True)
class Scenario:
    """Parameters of a simulated event; the defaults stand for an earthquake in forested hills like those of Hokkaido.

    Where a comment names no source, the number was set so that the cube is like the published one of Hokkaido.
    """

    seed: int = 2018  # every random number of the cube follows from it
    height: int = 1536  # pixels
    width: int = 1792
    pixel_size_m: float = 10.0
    event_time: str = REGIONS["practice_earthquake"].event_time  # ISO 8601, UTC
    event_hours: float = 0.0  # how long the trigger lasts: nothing for an earthquake, a day or two for a hurricane

    # Days from the event's date (00:00 UTC) to each pass
    days_descending: tuple[float, ...] = (-29.14, -23.14, -17.14, -11.14, -5.14, 0.86, 6.86, 12.86, 18.86)
    days_ascending: tuple[float, ...] = (-27.64, -15.64, -3.64, 8.36, 20.36)
    orbit_names: str = "letters"  # letters, words or absent: how the store says the direction; published cubes do all 3
    incidence_degrees: float = 36.0  # at the scene's centre (Hokkaido: 34.4 to 37.4)

    # Hills, grown from real ones (Jacksboro fault, 3 arc-seconds, shipped with matplotlib)
    relief_scale: float = 0.6  # 0.5: half as wide and half as high; slopes keep their distribution
    hills_row: int = 0  # where in the real terrain the scene begins, pixels; beyond its edges it is mirrored
    hills_col: int = 0
    steepness: float = 1.12  # factor on all heights, so that slopes match those of the Hokkaido core
    roughness_m: float = 3.0  # standard deviation of the detail of 60 to 240 m width that the real model cannot hold

    # Landslides; their sizes are those of the hand-traced inventory of Hokkaido 2018
    landslide_share: float = 0.02  # of the scene, 0 to 1 (published Hokkaido cube: 0.0198)
    ln_area_mean: float = 8.32  # natural logarithm of a landslide's area in square metres
    ln_area_sd: float = 1.0
    elongation: float = 1.8  # median length over width
    shaking_radius_m: float = 3300.0  # standard deviation of the bell of shaking; no landslides below a third of it
    steep_degrees: float = 20.0  # slope that is half as likely to fail as the steepest one

    # What the radar sees of a landslide, dB
    visible_share: float = 0.85  # share of landslides that it sees at all
    facing_gain_db: float = 2.0  # VV change on a slope of 20 degrees that faces the radar; minus that looking away
    slide_vv_db: float = 0.7  # mean change
    slide_vh_db: float = -1.2
    slide_sd_db: float = 1.5  # standard deviation from landslide to landslide

    # Speckle. A ground-range detected image has about 4.4 looks at 10 m, but with so few speckle alone would spread
    # log10 VH by 0.220, and the whole published Hokkaido cube spreads it by 0.189
    looks: float = 5.0
    speckle_neighbour: float = 0.25  # correlation of neighbouring pixels (OPERA RTC-S1: 0.24 to 0.27)
    speckle_polarisations: float = 0.08  # correlation of VV and VH (OPERA RTC-S1: 0.07 to 0.09)

    # Change without a landslide: standard deviations over passes, dB, and shares
    offset_vv_db: float = 0.7  # the whole scene's level (OPERA RTC-S1: 0.7)
    offset_vh_db: float = 0.75  # (OPERA RTC-S1: 0.9 to 1.2; the Hokkaido cube's spread leaves no room for more)
    moisture_db: float = 0.65  # local: rain, dew, wind
    wet_soil_db: float = 0.8  # what rain does to bare soil (fields, clearings)
    harvest_share: float = 0.5  # of the field parcels, during the series
    logging_share: float = 0.04  # of the forest stands

    # Level, dB
    texture_db: float = 0.3  # standard deviation of its slow variation from place to place
    level_vv_db: float = 0.0  # how much brighter than Hokkaido the place is
    level_vh_db: float = 0.0
    snow_line_m: float = 10_000.0  # height above which wet snow darkens the ground on the event's day
    snow_line_rise_m_a_day: float = 0.0
    flattening: float = 0.8  # share of the foreshortening that terrain flattening has removed, 0 to 1
    mask_hidden: bool = True  # whether layover and shadow are missing, or left in: too bright, at the noise floor

    def __post_init__(self) -> None:
        """Refuse impossible parameters, all at once."""
        faults = [
            f"{name}={getattr(self, name)!r}: {rule}"
            for names, is_allowed, rule in _RULES
            for name in (names.split() or _NUMBERS)
            if not _holds(is_allowed, getattr(self, name))
        ]
        if not faults:
            faults = find_size_faults(self.height, self.width)
        if not self.days_descending and not self.days_ascending:
            faults.append("days_descending and days_ascending are both empty: there must be a pass")
        try:
            parse_instant(str(self.event_time))
        except ValueError as error:
            faults.append(str(error))
        if faults:
            raise InputError("impossible scenario", faults)

    def event(self) -> tuple[dt.datetime, dt.datetime]:
        """Return start and end of the event, naive UTC."""
        start = parse_instant(self.event_time)
        return start, start + dt.timedelta(hours=self.event_hours)

    def passes(self) -> list[tuple[dt.datetime, str]]:
        """Return the instant (naive UTC) and orbit direction of each pass, in order of time."""
        midnight = parse_instant(self.event_time).replace(hour=0, minute=0, second=0)
        directions = {"descending": self.days_descending, "ascending": self.days_ascending}
        days = sorted((day, orbit) for orbit, orbit_days in directions.items() for day in orbit_days)
        return [(midnight + dt.timedelta(days=day), orbit) for day, orbit in days]

    def replace(self, **changes: object) -> Scenario:
        """Return the scenario with some parameters changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def _is_count(value: Any) -> bool:
    """Return whether a value is a whole number, 0 or more."""
    return not find_kind_faults("a whole number", value=value) and value >= 0


def _holds(is_allowed: Callable[[Any], bool], value: Any) -> bool:
    """Return whether a rule holds; for a value of another type it does not."""
    try:
        return bool(is_allowed(value))
    except (TypeError, ValueError, OverflowError):
        return False


_NUMBERS = [field.name for field in dataclasses.fields(Scenario) if field.type == "float"]
_RULES: list[tuple[str, Callable[[Any], bool], str]] = [
    ("", lambda value: not find_kind_faults("a number", value=value) and abs(value) < 1e9, "must be a number"),
    ("seed height width hills_row hills_col", _is_count, "must be a whole number, 0 or more"),
    (
        "height width",
        lambda size: not _is_count(size) or size >= 128,
        "a scene must be at least one chip (128 pixels) wide and high",
    ),
    (
        "relief_scale steepness ln_area_sd elongation shaking_radius_m looks",
        lambda value: value > 0,
        "must be positive",
    ),
    (
        "pixel_size_m",
        lambda size: PIXEL_SIZE_M[0] <= size <= PIXEL_SIZE_M[1],
        "must be between {:g} and {:g} m".format(*PIXEL_SIZE_M),
    ),
    (
        "landslide_share visible_share harvest_share logging_share flattening",
        lambda share: 0 <= share <= 1,
        "a share must be between 0 and 1",
    ),
    (
        "roughness_m slide_sd_db offset_vv_db offset_vh_db moisture_db wet_soil_db texture_db event_hours",
        lambda value: value >= 0,
        "must not be negative",
    ),
    ("ln_area_mean", lambda value: 0 <= value <= 20, "must be between 0 (1 m2) and 20 (485 km2)"),
    ("speckle_neighbour", lambda value: 0 <= value < 0.5, "must be at least 0 and below 0.5"),
    ("speckle_polarisations", lambda value: -1 < value < 1, "a correlation must be between -1 and 1"),
    ("incidence_degrees", lambda angle: 15 <= angle <= 60, "must be between 15 and 60 (Sentinel-1: 29 to 46)"),
    ("orbit_names", lambda name: name in ("letters", "words", "absent"), "must be letters, words or absent"),
    ("days_descending days_ascending", lambda days: all(map(math.isfinite, days)), "every day must be a number"),
]
"""Names of parameters, what is allowed, and the rule in words."""


def _practice(name: str, **parameters: Any) -> Scenario:
    """Return the scenario of a practice region; when its event was, the region knows."""
    region = REGIONS[name]
    lasting = parse_instant(region.event_end or region.event_time) - parse_instant(region.event_time)
    return Scenario(event_time=region.event_time, event_hours=lasting / dt.timedelta(hours=1), **parameters)


PRACTICE = {
    "practice_earthquake": _practice("practice_earthquake"),
    "practice_mountains": _practice(
        "practice_mountains",
        seed=2016,
        height=1280,
        width=1280,
        days_descending=(),
        days_ascending=(-44.6, -32.6, -20.6, -8.6, 3.4, 15.4, 27.4, 39.4),
        relief_scale=1.0,
        hills_row=1700,
        hills_col=100,
        steepness=1.6,
        roughness_m=5.0,
        shaking_radius_m=3600.0,
        level_vv_db=-1.9,
        level_vh_db=-2.3,
        texture_db=0.6,
        snow_line_m=1400.0,
        snow_line_rise_m_a_day=8.0,
        orbit_names="words",
        incidence_degrees=39.0,
    ),
    "practice_hurricane": _practice(
        "practice_hurricane",
        seed=2017,
        height=1280,
        width=1280,
        days_descending=(-48.57, -36.57, -24.57, -12.57, -0.57, 11.43, 23.43, 35.43, 47.43),
        days_ascending=(),
        relief_scale=0.45,
        hills_row=700,
        hills_col=60,
        landslide_share=0.012,
        ln_area_mean=6.2,
        ln_area_sd=0.8,
        shaking_radius_m=4200.0,
        harvest_share=0.3,
        logging_share=0.08,
        slide_vh_db=-1.6,
        moisture_db=0.8,
        orbit_names="absent",
        incidence_degrees=38.0,
    ),
    "practice_small": _practice(
        "practice_small",
        seed=2022,
        height=1280,
        width=1280,
        days_descending=(-40.02, -28.02, -16.02, -4.02, 7.98, 19.98, 31.98, 43.98),
        days_ascending=(-45.53, -33.53, -21.53, -9.53, 2.47, 14.47, 26.47, 38.47),
        relief_scale=0.8,
        hills_row=1150,
        hills_col=900,
        landslide_share=0.0048,
        shaking_radius_m=3000.0,
        incidence_degrees=37.0,
    ),
}
"""The practice regions: they stand for Hokkaido, Kaikoura, Puerto Rico and Mount Talakmau, and are none of them."""

FULL_SIZE = {
    "practice_hokkaido": _practice(
        "practice_hokkaido",
        seed=2019,
        height=5382,
        width=4398,
        # The published cube's order of directions, ddadddaddaddaddaddadaddadd. Two satellites, each back after 12 days,
        # pass every 6 days; some ascending passes are left out. 9 and 4 are before the event, as many after it
        days_descending=tuple(round(-53.14 + 6 * n, 2) for n in range(18)),
        days_ascending=(-45.64, -27.64, -15.64, -3.64, 8.36, 20.36, 26.36, 38.36),
        relief_scale=1.0,
        hills_row=900,
        hills_col=1500,
        landslide_share=0.0198,
        shaking_radius_m=9000.0,
    ),
}
"""Practice regions of a published cube's size: 313 of 1428 chips hold landslides, which cover 9.1 % of these chips.

In the published cube of Hokkaido it is 309 chips and 9.2 %.
"""

SCENARIOS = ChainMap(FULL_SIZE, PRACTICE)
"""All practice regions: those made on first use, and those made only when asked for."""
