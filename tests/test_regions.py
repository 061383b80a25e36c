from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from landslide_utils.cube import CubeError, open_cube
from landslide_utils.files import InputError
from landslide_utils.regions import REGIONS, data_folder, find_region, parse_instant


def test_a_region_is_found_by_name_path_and_url() -> None:
    for source in (
        "talakmau_indonesia",
        "/data/talakmau_indonesia.zarr/",
        "https://example.org/x/talakmau_indonesia.zarr",
    ):
        region = find_region(source)
        assert region is not None
        assert region.event_time == "2022-02-25T01:39:27"
    assert find_region("elsewhere.zarr") is None


def test_every_event_time_is_an_instant() -> None:
    for region in REGIONS.values():
        start = parse_instant(region.event_time)
        assert region.event_end is None or parse_instant(region.event_end) > start


def test_an_offset_is_turned_into_utc() -> None:
    assert parse_instant("2018-09-06T03:07:59+09:00") == dt.datetime(2018, 9, 5, 18, 7, 59)
    assert parse_instant("2018-09-05T18:07:59Z") == dt.datetime(2018, 9, 5, 18, 7, 59)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2018-09-05", "is a day"),
        ("last week", "not an ISO 8601 instant"),
        ("0001-01-01T00:00:00+23:00", "the year 1;"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_instant(text)


def test_the_data_folder_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", "/somewhere")
    assert data_folder() == Path("/somewhere")


def test_a_data_folder_longer_than_a_path_may_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSLIDE_DATA", "/ab" * 2000)
    with pytest.raises(InputError, match="is too long, or has a name too long"):
        data_folder()
    with pytest.raises(CubeError, match="is too long, or has a name too long"):
        open_cube("practice_small")


MAKES_A_SCRATCH_FOLDER = """
import os, sys
from landslide_utils.regions import scratch_folder
(scratch_folder() / "map").write_text("large", encoding="utf-8")
print(len(list(scratch_folder().parent.iterdir())), scratch_folder())
if sys.argv[1:]:
    os.kill(os.getpid(), 9)
"""


def _in_a_process(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAKES_A_SCRATCH_FOLDER, *arguments]
    environment = os.environ | {"LANDSLIDE_DATA": str(data)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_what_memory_cannot_hold_goes_with_its_process_or_after_a_kill_with_the_next(tmp_path: Path) -> None:
    killed = _in_a_process(tmp_path, "kill")
    assert killed.returncode == -signal.SIGKILL if os.name == "posix" else killed.returncode
    (left,) = [path for path in (tmp_path / "scratch").iterdir() if path.is_dir()]
    assert (left / "map").read_text(encoding="utf-8") == "large"
    ended = _in_a_process(tmp_path)
    assert ended.stdout.split()[0] == "1", ended.stderr  # its own only
    assert not list((tmp_path / "scratch").iterdir())
