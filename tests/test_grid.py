from __future__ import annotations

import math

import numpy as np
import pytest
from pyproj import Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info

from landslide_utils.files import InputError
from landslide_utils.grid import find_box_faults, find_crs_faults, make_grid


def test_a_coordinate_reference_system_that_names_a_file_is_refused() -> None:
    for crs in ("+proj=utm +zone=54 +ellps=bessel +nadgrids=/tmp/a +units=m", "+proj=utm +zone=54 +geoidgrids=/tmp/a"):
        (fault,) = find_crs_faults(crs, "the cube")
        assert "it names a file; give an EPSG code" in fault
    assert find_crs_faults("EPSG:32654", "the cube") == []


@pytest.mark.parametrize(
    "box",
    [[141.9, 42.7, 142.0, 42.8], [-66.8, 18.2, -66.7, 18.3], [173.5, -42.3, 173.6, -42.2], [99.9, -0.2, 100.0, -0.1]],
)
def test_the_grid_covers_the_box_in_its_utm_zone_with_square_pixels(box: list[float]) -> None:
    grid = make_grid(box, pixel_size_m=20)
    known = query_utm_crs_info(
        "WGS 84",
        AreaOfInterest((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2),
    )
    assert grid.crs == f"EPSG:{known[0].code}"
    left, top = grid.transform.c, grid.transform.f
    assert left % 20 == top % 20 == 0
    to_metres = Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    for lon in np.linspace(box[0], box[2], 7):
        for lat in np.linspace(box[1], box[3], 7):
            col, row = ~grid.transform * to_metres.transform(lon, lat)
            assert -1e-3 <= col <= grid.width + 1e-3
            assert -1e-3 <= row <= grid.height + 1e-3
    assert grid.width < 20_037_508 / 180 * 0.1 / 20 * 1.1
    assert grid.coordinates["x"].values[0] == left + 10
    assert grid.coordinates["y"].values[-1] == top - 20 * grid.height + 10


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as error:
        make_grid([142.0, 42.8, 141.9, 42.7], pixel_size_m=0, crs="EPSG:4326")
    assert len(error.value.faults) == 4
    text = str(error.value)
    assert (
        "west 142 not left of east 141.9: if the two are swapped, swap them; if the box crosses the antimeridian"
        in text
    )
    assert "south 42.8 not below north 42.7; swap the two" in text
    assert "pixel_size_m=0 is not between 1 and 500 metres" in text
    assert "crs='EPSG:4326' is in degrees (EPSG:4326, WGS 84); areas and slopes need metres" in text


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([42.7, 141.9, 42.8, 142.0], "leaves the Earth .* are longitude and latitude swapped"),
        ([500_000, 4_700_000, 510_000, 4_710_000], "leaves the Earth .* these look like metres"),
        ([179.9, -17.0, -179.9, -16.9], "make one cube on each side of 180 degrees"),
        ([1.0, 2.0, 3.0], "is not four numbers; give west, south, east, north in degrees"),
        ([1.0, math.nan, 3.0, 4.0], "is not four numbers"),
        (["1", "2", "3", "4"], "is not four numbers"),
        ([10.0, 84.5, 10.5, 84.9], "where UTM ends; pass crs"),
    ],
)
def test_boxes_that_are_none(box: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_grid(box)


def test_a_box_beyond_utm_can_be_used_with_a_crs_of_its_own() -> None:
    assert find_box_faults([10.0, 84.5, 10.5, 84.9])
    assert make_grid([10.0, 84.5, 10.5, 84.9], crs="EPSG:3413", pixel_size_m=30).crs == "EPSG:3413"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crs": "EPSG:2225"}, "crs='EPSG:2225' is not in metres but in US survey foot"),  # feet
        ({"crs": "nowhere"}, "crs='nowhere' is not a coordinate reference system"),
        ({"pixel_size_m": 500}, r"the box is \d+ x \d+ pixels of 500 m; 16 to 30000 on each side are allowed"),
    ],
)
def test_grids_that_are_none(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_grid([141.9, 42.7, 141.95, 42.75], **options)  # type: ignore[arg-type]
