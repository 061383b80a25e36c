from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from conftest import make_pipe
from made_event import CRS, landslides
from shapely.geometry import mapping

from landslide_utils.sources import labels


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Yield a socket at which nobody may knock."""
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "1")  # a test that fails shall not wait for an answer
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening
        with pytest.raises(BlockingIOError):
            listening.accept()


def address_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.json"])
@pytest.mark.parametrize("crs", ["EPSG:4326", CRS])
def test_outlines_are_read_from_each_kind_of_file(tmp_path: Path, name: str, crs: str) -> None:
    made = landslides().to_crs(crs)
    made.to_file(tmp_path / name, driver="GeoJSON" if "json" in name else None)
    table, faults = labels.read_polygons(tmp_path / name)
    assert faults == []
    assert table is not None
    placed, expected = (found.to_crs(CRS).geometry.normalize() for found in (table, made))
    assert placed.geom_equals_exact(expected, 0.05).all()  # metres; GeoJSON has seven digits of a degree


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.geojson", "a.vrt"])
def test_a_vrt_under_another_name_reaches_no_other_file_and_no_server(
    tmp_path: Path, server: socket.socket, name: str
) -> None:
    landslides().to_file(tmp_path / "secret.gpkg")
    for source in (tmp_path / "secret.gpkg", f"/vsicurl/{address_of(server)}/a.geojson"):
        layer = f'<OGRVRTLayer name="secret"><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer>'
        (tmp_path / name).write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>", encoding="utf-8")
        table, (fault,) = labels.read_polygons(tmp_path / name)
        assert table is None
        assert "cannot be read (its first bytes are none of a GeoPackage's, GeoJSON's or shapefile's)" in fault


@pytest.mark.parametrize("kind", ["link", "url"])
def test_a_geojson_s_coordinate_reference_system_is_asked_of_no_server(
    tmp_path: Path, server: socket.socket, kind: str
) -> None:
    content = json.loads(landslides().to_json())
    where = {"href": f"{address_of(server)}/a.prj", "url": f"{address_of(server)}/a.prj"}
    (tmp_path / "a.geojson").write_text(
        json.dumps(content | {"crs": {"type": kind, "properties": where}}), encoding="utf-8"
    )
    table, (fault,) = labels.read_polygons(tmp_path / "a.geojson")
    assert table is None
    assert "cannot be read" in fault


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "Feature", "geometry": mapping(landslides().geometry[0])}, "it is no FeatureCollection"),
        ([], "its first bytes are none of"),
        ({"type": "FeatureCollection", "features": []}, "the landslides hold no polygon"),
    ],
)
def test_other_geojson_is_refused(tmp_path: Path, content: Any, text: str) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(content), encoding="utf-8")
    assert text in labels.read_polygons(tmp_path / "a.geojson")[1][0]


def test_a_geopackage_is_read_where_its_path_has_a_colon_as_on_windows(tmp_path: Path) -> None:
    place = tmp_path / ("here" if sys.platform == "win32" else "C:") / "a.gpkg"
    place.parent.mkdir()
    landslides().to_file(place)
    table, faults = labels.read_polygons(place)
    assert faults == []
    assert len(table) == len(landslides())  # type: ignore[arg-type]


def test_other_sqlite_zips_and_large_files_are_refused(tmp_path: Path) -> None:
    landslides().to_file(tmp_path / "a.gpkg")
    content = (tmp_path / "a.gpkg").read_bytes()
    (tmp_path / "b.gpkg").write_bytes(content[:68] + b"\0\0\0\0" + content[72:])
    shutil.make_archive(str(tmp_path / "c"), "zip", tmp_path, "a.gpkg")
    for name in ("b.gpkg", "c.zip"):
        assert "its first bytes are none of" in labels.read_polygons(tmp_path / name)[1][0]
    with (tmp_path / "a.gpkg").open("r+b") as file:
        file.truncate(257_000_000)  # a file with a hole takes no room
    landslides().to_file(tmp_path / "b.shp")
    with (tmp_path / "b.dbf").open("r+b") as file:
        file.truncate(257_000_000)
    for name in ("a.gpkg", "b.shp"):
        assert "it has 257 MB, more than 256: keep the outlines" in labels.read_polygons(tmp_path / name)[1][0]


def test_columns_are_not_read(tmp_path: Path) -> None:
    for name in ("a.gpkg", "a.shp"):
        landslides().assign(note="x" * 200).to_file(tmp_path / name)
        table, faults = labels.read_polygons(tmp_path / name)
        assert faults == []
        assert list(table) == ["geometry"]  # type: ignore[arg-type]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    make_pipe(tmp_path / "a.gpkg")
    (_, (fault,)) = labels.read_polygons(tmp_path / "a.gpkg")
    assert "is not a file, but a folder or a device" in fault


def test_real_outlines_are_read(real_data: Path) -> None:
    table, faults = labels.read_polygons(real_data / "mesetas" / "colombia_landslides.gpkg")
    assert faults == []
    assert table is not None
    assert len(table) == len(gpd.read_file(real_data / "mesetas" / "colombia_landslides.gpkg"))
