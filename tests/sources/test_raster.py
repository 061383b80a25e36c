from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from made_event import CRS, LEFT, SHAPE, TOP, opera_name, power, write_dem, write_tif
from rasterio.errors import RasterioError

from landslide_utils.sources.coregistration import find_damaged, find_elevation_faults
from landslide_utils.sources.opera import find_granules
from landslide_utils.sources.raster import ELEVATION, RADAR, find_geotiff_faults, gdal_name, open_geotiff


class Server:
    """A server at which nobody may knock; it counts who does, and answers nobody."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.address = f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def asked(self) -> int:
        """Return how many have come since this was called last."""
        number = 0
        while True:
            try:
                self.listening.accept()[0].close()
            except BlockingIOError:
                return number
            number += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "1")  # a test that fails shall not wait for an answer
    made = Server()
    yield made
    made.listening.close()


def vrt(source: str | Path) -> str:
    """Return a VRT whose pixels lie in another file."""
    height, width = SHAPE
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{LEFT}, 30, 0, {TOP}, 0, -30</GeoTransform>"
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>{source}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a raster of this machine that nobody asked for."""
    return write_tif(tmp_path / "secret.dat", power(46, 0, "VV"))


def test_a_vrt_named_tif_reaches_no_other_file_and_no_server(tmp_path: Path, server: Server, secret: Path) -> None:
    folder = tmp_path / "s1"
    folder.mkdir()
    (folder / opera_name(46, "20180824T204200", "VV")).write_text(vrt(secret), encoding="utf-8")
    (folder / opera_name(46, "20180824T204200", "VH")).write_text(
        vrt(f"/vsicurl/{server.address}/other.tif"), encoding="utf-8"
    )
    with rasterio.open(folder / opera_name(46, "20180824T204200", "VV")) as opened:
        assert opened.driver == "VRT"  # GDAL by itself opens it
    granules, faults = find_granules(folder)
    assert granules == []
    assert len(faults) == 2
    assert all("cannot be read (its first bytes are not a GeoTIFF's" in fault for fault in faults)
    (fault,) = find_elevation_faults(str(folder / opera_name(46, "20180824T204200", "VH")), None)
    assert "other kinds, such as VRT, are not opened); give a GeoTIFF of elevation in metres" in fault
    assert server.asked() == 0


def test_gdal_s_own_names_are_no_paths(server: Server, secret: Path, tmp_path: Path) -> None:
    (tmp_path / "a.vrt").write_text(vrt(secret), encoding="utf-8")
    for name in (f"/vsicurl/{server.address}/a.tif", f"NETCDF:{secret}", f"GTIFF_RAW:{secret}", vrt(secret)[:200]):
        with pytest.raises(RasterioError, match="there is no such file"):
            open_geotiff(name)
    assert server.asked() == 0


def test_gdal_opens_a_geotiff_only_under_the_name_that_it_is_given(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "a.tif").write_text(vrt(secret), encoding="utf-8")
    with pytest.raises(RasterioError):  # as a server could send it, where first bytes are not looked at
        rasterio.open(gdal_name(str(tmp_path / "a.tif")))
    assert gdal_name("https://a.b/c.tif?d=e") == "GTIFF_RAW:/vsisubfile/0,/vsicurl/https://a.b/c.tif?d=e"
    assert gdal_name("s3://bucket/c.tif") == "GTIFF_RAW:/vsisubfile/0,/vsis3/bucket/c.tif"


@pytest.mark.parametrize("profile", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}])
def test_every_kind_of_geotiff_is_opened_with_its_own_overviews_and_no_file_beside_it(
    tmp_path: Path, server: Server, profile: dict[str, Any]
) -> None:
    image = np.arange(600 * 600, dtype="float32").reshape(600, 600)
    path = write_tif(tmp_path / "a, b.tif", image, **profile)
    with rasterio.open(path, "r+") as target:
        target.build_overviews([2])
    for ending in (".ovr", ".msk"):
        Path(f"{path}{ending}").write_text(vrt(f"/vsicurl/{server.address}/{ending}.tif"), encoding="utf-8")
    where = f"/vsicurl/{server.address}/pam.tif"
    metadata = f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{where}</MDI></Metadata>'
    Path(f"{path}.aux.xml").write_text(f"<PAMDataset>{metadata}</PAMDataset>", encoding="utf-8")
    with open_geotiff(str(path)) as source:
        assert find_geotiff_faults(source, path.name, RADAR) == []
        assert source.overviews(1) == [2]
        assert np.array_equal(source.read(1), image)
        assert source.read_masks(1).all()
    assert server.asked() == 0


def test_a_geotiff_whose_overviews_lie_in_another_file_is_refused(tmp_path: Path, server: Server) -> None:
    path = write_tif(tmp_path / opera_name(46, "20180824T204200", "VV"), power(46, 0, "VV"))
    with rasterio.open(path, "r+") as target:
        target.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=f"/vsicurl/{server.address}/a.tif")
    ((), (fault,)) = find_granules(tmp_path)
    assert f"{path.name} names another file for its overviews" in fault
    assert any("names another file for its overviews" in fault for fault in find_elevation_faults(str(path), None))
    assert server.asked() == 0


def test_only_real_numbers_are_read(tmp_path: Path) -> None:
    for kind, radar, dem in (
        ("complex64", ["a.tif holds complex64; power (gamma nought, linear) as floating-point numbers is needed"], 1),
        ("int16", ["a.tif holds int16; power (gamma nought, linear) as floating-point numbers is needed"], 0),
        ("float64", [], 0),
    ):
        write_tif(tmp_path / "a.tif", np.ones(SHAPE, kind), dtype=kind, nodata=None)
        with open_geotiff(str(tmp_path / "a.tif")) as source:
            assert find_geotiff_faults(source, "a.tif", RADAR) == radar
            assert len(find_geotiff_faults(source, "a.tif", ELEVATION)) == dem


def test_an_image_with_two_bands_is_not_read_as_its_first(tmp_path: Path) -> None:
    path = write_tif(tmp_path / opera_name(46, "20180824T204200", "VV"), power(46, 0, "VV"), count=2)
    ((), (fault,)) = find_granules(tmp_path)
    assert fault == f"{path.name} has 2 bands; one band of {RADAR} is needed"
    (fault,) = find_elevation_faults(str(path), None)
    assert fault == f"dem={str(path)!r} has 2 bands; one band of {ELEVATION} is needed"


def test_complex_radar_and_a_complex_or_text_dem_are_named_before_any_work(tmp_path: Path) -> None:
    write_tif(tmp_path / opera_name(46, "20180824T204200", "VV"), np.ones(SHAPE, "complex64"), dtype="complex64")
    ((), (fault,)) = find_granules(tmp_path)
    assert fault.endswith("_VV.tif holds complex64; power (gamma nought, linear) as floating-point numbers is needed")
    dem = write_dem(tmp_path / "dem.tif", dtype="complex64")
    (fault,) = find_elevation_faults(str(dem), None)
    assert fault == f"dem={str(dem)!r} holds complex64; elevation in metres as real numbers is needed"
    (tmp_path / "dem.asc").write_text("ncols 1\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n5\n", encoding="utf-8")
    (fault,) = find_elevation_faults(str(tmp_path / "dem.asc"), None)
    assert "dem.asc' cannot be read (its first bytes are not a GeoTIFF's" in fault


def test_a_tile_has_a_limit_of_size(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=20_000, height=2_000, count=1, dtype="float32", crs=CRS,
        transform=rasterio.Affine(20, 0, LEFT, 0, -20, TOP), blockysize=2_000, compress="deflate", sparse_ok=True,
    ):  # fmt: skip
        pass
    (fault,) = find_elevation_faults(str(tmp_path / "a.tif"), None)
    assert "has tiles or strips of 320MB; copy it with gdal_translate -co TILED=YES" in fault


def test_an_image_without_a_place_is_refused(tmp_path: Path) -> None:
    path = write_tif(tmp_path / "a.tif", power(46, 0, "VV"), transform=rasterio.Affine.identity())
    (fault,) = find_elevation_faults(str(path), None)
    assert "has no transform from pixels to coordinates; write it into the file" in fault


def test_a_damaged_image_is_found_without_opening_another(tmp_path: Path, server: Server) -> None:
    (tmp_path / "a.tif").write_text(vrt(f"/vsicurl/{server.address}/a.tif"), encoding="utf-8")
    good = write_dem(tmp_path / "dem.tif")
    (fault,) = find_damaged([str(tmp_path / "a.tif"), str(good)])
    assert "a.tif is damaged (its first bytes are not a GeoTIFF's" in fault
    assert server.asked() == 0
