from __future__ import annotations

import datetime as dt

import pytest
from shapely import box

from landslide_utils.sources.passes import (
    Granule,
    calendar,
    direction_of,
    find_pass_faults,
    find_side_faults,
    group_passes,
    is_complete,
    polarisations_of,
)

AREA = (0.0, 0.0, 1.0, 1.0)
START = dt.datetime(2018, 9, 5, 18, 7, 59)


def granule(
    when: str,
    *,
    name: str = "",
    south: float = 0.0,
    north: float = 1.0,
    track: int = 46,
    orbit: str = "descending",
    **options: object,
) -> Granule:
    instant = dt.datetime.fromisoformat(when)
    settings: dict[str, object] = {
        "files": {"vv": "a", "vh": "b"}, "polarisations": {"vv": "VV", "vh": "VH"},
        "footprint": box(0, south, 1, north),
    } | options  # fmt: skip
    return Granule(name or when, name or f"{when} {south}", instant, orbit, track, **settings)  # type: ignore[arg-type]


def test_frames_of_one_flight_are_one_pass_and_flights_of_another_track_are_not() -> None:
    passes = group_passes(
        [
            granule("2018-09-05T20:42:25", south=0.4),
            granule("2018-09-05T20:42:00", north=0.5),
            granule("2018-09-05T20:42:10", track=47),
            granule("2018-09-17T20:42:00"),
            granule("2018-09-05T08:41:00", track=68, orbit="ascending"),
        ],
        AREA,
    )
    assert [(one.instant.isoformat(), one.relative_orbit, len(one.granules)) for one in passes] == [
        ("2018-09-05T08:41:00", 68, 1),
        ("2018-09-05T20:42:00", 46, 2),
        ("2018-09-05T20:42:10", 47, 1),
        ("2018-09-17T20:42:00", 46, 1),
    ]
    assert passes[1].covered == pytest.approx(1)
    assert passes[1].orbit == "descending"


def test_of_an_image_processed_twice_the_last_is_used_whatever_the_order() -> None:
    versions = [granule("2018-09-05T20:42", name="same", produced=day, south=0.5) for day in ("2019", "2025", "2021")]
    for order in (versions, versions[::-1]):
        (one,) = group_passes(order, AREA)
        assert [g.produced for g in one.granules] == ["2025"]
        assert one.covered == pytest.approx(0.5)
    assert group_passes([granule("2018-09-05T20:42", south=3, north=4)], AREA) == []


def test_the_calendar_counts_days_from_the_end_of_an_event_that_lasts() -> None:
    end = START + dt.timedelta(days=2)
    passes = group_passes(
        [granule("2018-09-04T18:07:59"), granule("2018-09-06T20:42"), granule("2018-09-10T18:07:59")], AREA
    )
    table = calendar(passes, START, end)
    assert list(table["when"]) == ["before", "during", "after"]
    assert list(table["days"].round(3)) == [-1, 1.107, 3]


def test_a_track_needs_a_pass_on_either_side() -> None:
    passes = group_passes([granule("2018-09-01T20:42"), granule("2018-09-10T08:41", track=68, orbit="ascending")], AREA)
    (fault,) = find_side_faults(passes, START, START)
    assert "no track has a pass both before 2018-09-05T18:07:59 and after" in fault
    assert "ascending track 68: 0 before, 1 after; descending track 46: 1 before, 0 after" in fault
    both = group_passes([granule("2018-09-01T20:42"), granule("2018-09-10T20:42")], AREA)
    assert find_side_faults(both, START, START) == find_pass_faults(both) == []
    assert find_side_faults([], START, START) == []
    assert find_pass_faults([]) == ["no pass covers the box"]


def test_unlike_radar_is_no_stack() -> None:
    other = {"polarisations": {"vv": "HH", "vh": "HV"}, "band": "L"}
    passes = group_passes([granule("2018-09-01T20:42"), granule("2018-09-10T20:42", **other)], AREA)
    (fault,) = find_pass_faults(passes)
    assert fault == "unlike images cannot be one stack: C-band VV/VH, L-band HH/HV; keep one kind"
    assert polarisations_of(passes[1:]) == {"vv": "HH", "vh": "HV"}
    (single,) = group_passes([granule("2018-09-01T20:42", files={"vv": "a"}, polarisations={"vv": "VV"})], AREA)
    assert polarisations_of([single]) == {"vv": "VV"}
    assert not is_complete(single, ("vv", "vh"))


@pytest.mark.parametrize(
    ("instant", "longitude", "orbit"),
    [  # real acquisitions whose direction is known
        ("2018-09-05T20:42", 142.0, "descending"),  # Hokkaido, track 46
        ("2018-09-01T08:41", 142.0, "ascending"),  # Hokkaido, track 68
        ("2021-11-19T01:59", -119.8, "ascending"),  # California, track 137
        ("2017-09-21T22:23", -66.5, "ascending"),  # Puerto Rico, track 135
        ("2017-09-23T10:15", -66.5, "descending"),  # Puerto Rico, track 98
    ],
)
def test_direction_from_the_local_time_of_day(instant: str, longitude: float, orbit: str) -> None:
    assert direction_of(dt.datetime.fromisoformat(instant), longitude) == orbit
