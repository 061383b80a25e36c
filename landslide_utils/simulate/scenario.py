"""The numbers a practice cube is made from, each with its unit and where it comes from."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass

from landslide_utils.regions import parse_instant


@dataclass(frozen=True)
class Scenario:
    """Parameters of a simulated event; the defaults stand for an earthquake in forested hills.

    Attributes
    ----------
    seed : int
        Every random number of the cube follows from it.
    height, width : int
        Size of the scene in pixels.
    pixel_size_m : float
        Ground size of a pixel, metres.
    event_time : str
        Instant of the event, ISO 8601, UTC.
    days_descending, days_ascending : tuple of float
        Days from the event's date (00:00 UTC) to each pass.
    relief_scale : float
        Size of the simulated hills against the real ones that they are grown from (Jacksboro fault, 3 arc-seconds, shipped with matplotlib): 0.5
        gives hills half as wide and half as high. Terrain is nearly self-similar, so slopes keep their distribution.
    hills_row, hills_col : int
        Where in the real terrain the scene begins, pixels from its north-west corner; beyond its edges it is mirrored.
    steepness : float
        Factor on all heights, chosen so that slopes match those of the Hokkaido core.
    roughness_m : float
        Standard deviation, in metres, of the detail of 60 to 240 m width that a 3 arc-second model cannot hold.
    landslide_share : float
        Share of the scene that slid, 0 to 1 (published Hokkaido cube: 0.0198).
    ln_area_mean, ln_area_sd : float
        Mean and standard deviation of the natural logarithm of a slide's area in square metres. Source: the hand-traced inventory of Hokkaido 2018.
    elongation : float
        Median length over width of a slide (same source).
    shaking_radius_m : float
        Standard deviation of the bell-shaped shaking around the epicentre, metres; slides stop where shaking falls below a third.
    steep_degrees : float
        Slope at which a hillside is half as likely to fail as the steepest one, degrees.
    visible_share : float
        Share of slides whose signature the radar sees at all.
    facing_gain_db, slide_vv_db, slide_vh_db, slide_sd_db : float
        Signature in dB: VV change on a slope of 20 degrees that faces the radar (and minus that on one looking away), the mean changes of VV and VH,
        and the standard deviation from slide to slide.
    looks : float
        Equivalent number of looks of one pass. A ground-range detected image at 10 m has about 4.4. With that few, speckle alone would spread log10 VH
        by 0.220, and the whole published Hokkaido cube spreads it by 0.189; so the default is at the upper end of what a product can have.
    speckle_neighbour, speckle_polarisations : float
        Correlation of the speckle of neighbouring pixels, and of VV and VH (measured on OPERA RTC-S1: 0.24 to 0.27 and 0.07 to 0.09).
    offset_vv_db, offset_vh_db : float
        Standard deviation over passes of the whole scene's level, dB (same source: 0.7 and 0.9 to 1.2; VH is
        set lower, because the Hokkaido cube's total spread of VH leaves no room for more beside its speckle).
    moisture_db : float
        Standard deviation over passes of local changes (rain, dew, wind), dB.
    harvest_share, logging_share : float
        Shares of field parcels and of forest stands that change for reasons other than a landslide during the series.
    wet_soil_db : float
        Standard deviation over passes of what rain does to bare soil (fields, clearings), dB.
    texture_db : float
        Standard deviation of the slow variation of the level from place to place, dB.
    level_vv_db, level_vh_db : float
        Added to every land cover's level, dB: how much brighter than Hokkaido the place is.
    snow_line_m, snow_line_rise_m_a_day : float
        Height above which wet snow darkens the ground on the event's day, and how fast it climbs.
    flattening : float
        Share of the foreshortening (slopes that face the radar look bright) that terrain flattening has removed, 0 to 1.
    mask_hidden : bool
        Whether layover and shadow are missing, as in a good product, or left in: layover too bright, shadow at the noise floor.
    orbit_names : {"letters", "words", "absent"}
        How the store says the orbit direction; the published cubes do all three.
    event_hours : float
        How long the trigger lasts, hours: nothing for an earthquake, a day or two for a hurricane.
    incidence_degrees : float
        Incidence angle at the scene's centre (Hokkaido: 34.4 to 37.4 degrees).
    """

    seed: int = 2018
    height: int = 1536
    width: int = 1792
    pixel_size_m: float = 10.0
    event_time: str = "2018-09-05T18:07:59"
    days_descending: tuple[float, ...] = (-29.14, -23.14, -17.14, -11.14, -5.14, 0.86, 6.86, 12.86, 18.86)
    days_ascending: tuple[float, ...] = (-27.64, -15.64, -3.64, 8.36, 20.36)
    relief_scale: float = 0.6
    hills_row: int = 0
    hills_col: int = 0
    steepness: float = 1.12
    roughness_m: float = 3.0
    landslide_share: float = 0.02
    ln_area_mean: float = 8.32
    ln_area_sd: float = 1.0
    elongation: float = 1.8
    shaking_radius_m: float = 3300.0
    steep_degrees: float = 20.0
    visible_share: float = 0.85
    facing_gain_db: float = 2.0
    slide_vv_db: float = 0.7
    slide_vh_db: float = -1.2
    slide_sd_db: float = 1.5
    looks: float = 5.0
    speckle_neighbour: float = 0.25
    speckle_polarisations: float = 0.08
    offset_vv_db: float = 0.7
    offset_vh_db: float = 0.75
    moisture_db: float = 0.65
    harvest_share: float = 0.5
    logging_share: float = 0.04
    wet_soil_db: float = 0.8
    texture_db: float = 0.3
    level_vv_db: float = 0.0
    level_vh_db: float = 0.0
    snow_line_m: float = 10_000.0
    snow_line_rise_m_a_day: float = 0.0
    flattening: float = 0.8
    mask_hidden: bool = True
    orbit_names: str = "letters"
    event_hours: float = 0.0
    incidence_degrees: float = 36.0

    def __post_init__(self) -> None:
        """Refuse impossible parameters, all at once."""
        faults = []
        for name in ("seed", "height", "width", "hills_row", "hills_col"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                faults.append(f"{name}={value!r}: must be a whole number, 0 or more")
        for name in ("height", "width"):
            if isinstance(getattr(self, name), int) and getattr(self, name) < 128:
                faults.append(
                    f"{name}={getattr(self, name)}: a scene must be at least one chip (128 pixels) wide and high"
                )
        for name in (
            "pixel_size_m",
            "relief_scale",
            "steepness",
            "ln_area_sd",
            "elongation",
            "shaking_radius_m",
            "looks",
        ):
            if not getattr(self, name) > 0:
                faults.append(f"{name}={getattr(self, name)}: must be positive")
        for name in ("landslide_share", "visible_share", "harvest_share", "logging_share", "flattening"):
            if not 0 <= getattr(self, name) <= 1:
                faults.append(f"{name}={getattr(self, name)}: a share must be between 0 and 1")
        for name in (
            "roughness_m",
            "slide_sd_db",
            "offset_vv_db",
            "offset_vh_db",
            "moisture_db",
            "wet_soil_db",
            "texture_db",
            "event_hours",
        ):
            if not getattr(self, name) >= 0:
                faults.append(f"{name}={getattr(self, name)}: must not be negative")
        if not 0 <= self.speckle_neighbour < 0.5:
            faults.append(f"speckle_neighbour={self.speckle_neighbour}: must be at least 0 and below 0.5")
        if not -1 < self.speckle_polarisations < 1:
            faults.append(f"speckle_polarisations={self.speckle_polarisations}: a correlation must be between -1 and 1")
        if not 15 <= self.incidence_degrees <= 60:
            faults.append(
                f"incidence_degrees={self.incidence_degrees}: must be between 15 and 60 (Sentinel-1: 29 to 46)"
            )
        if self.orbit_names not in ("letters", "words", "absent"):
            faults.append(f"orbit_names={self.orbit_names!r}: must be letters, words or absent")
        if not all(math.isfinite(day) for day in (*self.days_descending, *self.days_ascending)):
            faults.append("days_descending or days_ascending holds a day that is not a number")
        if not self.days_descending and not self.days_ascending:
            faults.append("days_descending and days_ascending are both empty: there must be a pass")
        try:
            parse_instant(str(self.event_time))
        except ValueError as error:
            faults.append(str(error))
        if faults:
            raise ValueError("impossible scenario:\n  - " + "\n  - ".join(faults))

    def event(self) -> tuple[dt.datetime, dt.datetime]:
        """Return start and end of the event, naive UTC."""
        start = parse_instant(self.event_time)
        return start, start + dt.timedelta(hours=self.event_hours)

    def passes(self) -> list[tuple[dt.datetime, str]]:
        """Return the instant (naive UTC) and orbit direction of each pass, in order of time."""
        midnight = parse_instant(self.event_time).replace(hour=0, minute=0, second=0)
        days = [(day, "descending") for day in self.days_descending] + [
            (day, "ascending") for day in self.days_ascending
        ]
        return [(midnight + dt.timedelta(days=day), orbit) for day, orbit in sorted(days)]

    def replace(self, **changes: object) -> Scenario:
        """Return the scenario with some parameters changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


PRACTICE = {
    "practice_earthquake": Scenario(),
    "practice_mountains": Scenario(
        seed=2016,
        height=1280,
        width=1280,
        event_time="2016-11-13T11:02:56",
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
    "practice_hurricane": Scenario(
        seed=2017,
        height=1280,
        width=1280,
        event_time="2017-09-20T10:15:00",
        event_hours=36.0,
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
    "practice_small": Scenario(
        seed=2022,
        height=1280,
        width=1280,
        event_time="2022-02-25T01:39:27",
        days_descending=(-40.02, -28.02, -16.02, -4.02, 7.98, 19.98, 31.98, 43.98),
        days_ascending=(-45.53, -33.53, -21.53, -9.53, 2.47, 14.47, 26.47, 38.47),
        relief_scale=0.8,
        hills_row=1150,
        hills_col=900,
        landslide_share=0.0048,
        shaking_radius_m=3000.0,
        orbit_names="letters",
        incidence_degrees=37.0,
    ),
}
"""The practice regions: they stand for Hokkaido, Kaikoura, Puerto Rico and Mount Talakmau, and are none of them."""
