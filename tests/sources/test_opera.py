from __future__ import annotations

import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import make_pipe
from made_event import PASSES, SHAPE, opera_name, power, write_folder, write_gcov, write_tif

from landslide_utils.sources.nisar import GRIDS
from landslide_utils.sources.opera import find_granules
from landslide_utils.sources.passes import MissingExtraError, choose_polarisations


def test_names_and_headers_of_opera_are_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "s1")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    write_tif(folder / (opera_name(46, "20180824T204200", "VV")[:-6] + "mask.tif"), np.ones(SHAPE, "float32"))
    granules, faults = find_granules(folder)
    assert faults == []
    assert len(granules) == 8  # six passes, one of them with two bursts and an older version
    assert {g.relative_orbit: g.orbit for g in granules} == {46: "descending", 68: "ascending"}
    first = next(g for g in granules if "T068" in g.name)
    assert first.instant.strftime("%Y%m%dT%H%M%S") == PASSES[68][0]
    assert {name: Path(file).name[-6:] for name, file in first.files.items()} == {"vv": "VV.tif", "vh": "VH.tif"}
    assert first.polarisations == {"vv": "VV", "vh": "VH"}
    assert first.size == sum(Path(file).stat().st_size for file in first.files.values())
    assert 140.9 < first.footprint.centroid.x < 141.1
    versions = [g for g in granules if g.image == "T046-100000-IW2 20180824T204200"]
    assert sorted(g.produced for g in versions) == ["20190101T000000", "20250101T000000"]
    assert not first.simulated


def test_what_the_header_says_of_the_orbit_comes_before_the_time_of_day(tmp_path: Path) -> None:
    write_tif(
        tmp_path / opera_name(46, "20180824T204200", "VV"),
        np.ones(SHAPE, "float32"),
        tags={"ORBIT_PASS_DIRECTION": "A", "SIMULATED": "true"},
    )
    ((one,), _) = find_granules(tmp_path)
    assert one.orbit == "ascending"
    assert one.simulated


def test_real_names_are_read(real_data: Path) -> None:
    granules, faults = find_granules(real_data / "opera_rtc")
    assert faults == []
    assert len(granules) == 60
    assert {(g.relative_orbit, g.orbit, g.image[:15]) for g in granules} == {
        (137, "ascending", "T137-292320-IW2"), (137, "ascending", "T137-292321-IW2"),
    }  # fmt: skip
    assert min(g.instant for g in granules).isoformat() == "2021-11-19T01:59:00"


def test_every_bad_file_of_a_folder_is_named_at_once(tmp_path: Path) -> None:
    good = power(46, 0, "VV")
    names = [opera_name(46, f"201808{day}T204200", "VV") for day in (10, 11, 12, 13, 14, 15)]
    write_tif(tmp_path / names[0], good)
    (tmp_path / names[1]).write_bytes((tmp_path / names[0]).read_bytes()[:100])
    write_tif(tmp_path / names[2], good, crs=None)
    write_tif(tmp_path / names[3], good, crs="EPSG:4326", transform=(1e-4, 0, 142, 0, -1e-4, 42.7))
    write_tif(tmp_path / names[4], good, transform=(30, 0, 501_000, 0, -20, 4_731_000))
    write_tif(tmp_path / names[5], good, transform=(90, 0, 501_000, 0, -90, 4_731_000))
    granules, faults = find_granules(tmp_path)
    assert len(granules) == 2
    for name, text in (
        (names[1], "cannot be read"),
        (names[2], "has no coordinate reference system; write it into the file"),
        (names[3], "is in degrees (EPSG:4326, WGS 84)"),
        (names[4], ": pixels are 30 wide and 20 high; square ones are needed"),
    ):
        assert any(fault.startswith(name) and text in fault for fault in faults), name
    assert "the GeoTIFFs have pixels of different sizes (1 of 30 m, 1 of 90 m); keep one kind in the folder" in faults
    assert len(faults) == 5


def test_names_without_a_date_and_files_that_are_pipes_are_named(tmp_path: Path) -> None:
    write_tif(tmp_path / opera_name(46, "20189924T204200", "VV"), np.ones(SHAPE, "float32"))
    write_gcov(tmp_path / "NISAR_1.h5", 0, "20180824T204200")
    with h5py.File(tmp_path / "NISAR_1.h5", "r+") as file:
        file["science/LSAR/identification/trackNumber"][()] = 0
        del file["science/LSAR/GCOV/grids/frequencyA/HHHH"]
        file.create_group("science/LSAR/GCOV/grids/frequencyA/HHHH")
    make_pipe(tmp_path / "NISAR_2.h5")
    _, faults = find_granules(tmp_path)
    assert "does not match format" in faults[0]
    assert "NISAR_2.h5 cannot be read as NISAR GCOV" in faults[-1]
    assert "NISAR_2.h5 is not a file, but a folder or a device" in faults[-1]


def test_a_chunk_of_gcov_has_a_limit_of_size(tmp_path: Path) -> None:
    write_gcov(tmp_path / "NISAR_1.h5", 0, "20180824T204200")
    with h5py.File(tmp_path / "NISAR_1.h5", "r+") as file:
        grid = file["science/LSAR/GCOV/grids/frequencyA"]
        del grid["HHHH"]
        grid.create_dataset("HHHH", (130, 140), "float32", maxshape=(None, None), chunks=(9000, 9000), compression=1)
        grid["HHHH"].dims[0].attach_scale(grid["yCoordinates"])
        grid["HHHH"].dims[1].attach_scale(grid["xCoordinates"])
    (_, (fault,)) = find_granules(tmp_path)
    assert "NISAR_1.h5 has chunks of 648MB; rechunk it" in fault


def test_folders_that_hold_no_image(tmp_path: Path) -> None:
    (tmp_path / "other.tif").write_bytes(b"")
    assert "no image in" in find_granules(tmp_path)[1][0]
    assert "(1 other files)" in find_granules(tmp_path)[1][0]
    assert "is not a folder; give the folder with the GeoTIFFs" in find_granules(tmp_path / "nowhere")[1][0]


def test_gcov_is_read_under_the_project_s_names(tmp_path: Path) -> None:
    write_gcov(tmp_path / "NISAR_L2_PR_GCOV_a.h5", 0, "20260105T030458")
    ((one,), faults) = find_granules(tmp_path)
    assert faults == []
    assert one.polarisations == {"vv": "HH", "vh": "HV"}
    assert (one.band, one.orbit, one.relative_orbit) == ("L", "descending", 77)
    assert one.instant.isoformat() == "2026-01-05T03:04:58"
    west, south, east, north = one.footprint.bounds
    assert west < 141.02 < east
    assert south < 42.71 < north


def test_gcov_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    write_gcov(tmp_path / "a.h5", 0, "20260105T030458", convention="beta0")
    shutil.copy(tmp_path / "a.h5", tmp_path / "b.h5")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:2000])
    import h5py

    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["x"] = 1
    write_gcov(tmp_path / "d.h5", 0, "20260105T030458")
    with h5py.File(tmp_path / "d.h5", "a") as file:
        del file[f"{GRIDS}/HHHH"]
        file[f"{GRIDS}/HHHH"] = np.float32(0.1)
    granules, faults = find_granules(tmp_path)
    assert granules == []
    assert [fault[:4] for fault in faults] == ["a.h5", "b.h5", "c.h5", "d.h5"]
    assert faults.pop() == "d.h5 has images without a row and a column for each pixel; get it again"
    assert "holds beta0, where gamma0 in linear power is needed" in faults[0]
    assert all("cannot be read as NISAR GCOV" in fault for fault in faults[1:])


def test_of_four_polarisations_vv_and_vh_are_taken() -> None:
    files = {sent: f"{sent}.tif" for sent in ("HH", "VV", "VH", "HV")}
    assert choose_polarisations(files) == ({"vv": "VV.tif", "vh": "VH.tif"}, {"vv": "VV", "vh": "VH"})
    assert choose_polarisations({"HH": "a"}) == ({"vv": "a"}, {"vv": "HH"})


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gcov(tmp_path / "a.h5", 0, "20260105T030458")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py is not installed; .* pip install 'landslide-utils\[event\]'"):
        find_granules(tmp_path)


def test_gcov_files_that_keep_their_numbers_elsewhere_or_complex_ones_are_named(tmp_path: Path) -> None:
    import h5py

    power, term = "science/LSAR/GCOV/grids/frequencyA/HHHH", "HHHH"
    write_gcov(tmp_path / "secret.dat", 0, "20260105T030458")
    layout = h5py.VirtualLayout((130, 140), "float32")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.dat"), power, (130, 140))
    for name in ("a.h5", "b.h5", "c.h5", "d.h5"):
        write_gcov(tmp_path / name, 0, "20260105T030458")
        with h5py.File(tmp_path / name, "r+") as file:
            del file[power]
            if name == "a.h5":
                file[power] = h5py.ExternalLink(str(tmp_path / "secret.dat"), power)
            elif name == "b.h5":
                file.create_virtual_dataset(power, layout)
            elif name == "c.h5":
                where = [(str(tmp_path / "secret.dat"), 0, 130 * 140 * 4)]
                file.create_dataset(power, (130, 140), "float32", external=where)
            else:
                file[power] = np.ones((130, 140), "complex64")
                file[power].dims[0].attach_scale(file[power.replace(term, "yCoordinates")])
                file[power].dims[1].attach_scale(file[power.replace(term, "xCoordinates")])
    granules, faults = find_granules(tmp_path)
    assert granules == []
    assert len(faults) == 4
    for name, fault in zip("abc", faults[:3], strict=True):
        assert fault == f"{name}.h5 keeps {power} in another file, which is not opened; get it again whole"
    assert faults[3] == "d.h5 holds complex64; power (gamma nought, linear) as floating-point numbers is needed"
