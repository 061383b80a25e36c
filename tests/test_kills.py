from __future__ import annotations

from pathlib import Path

import kills
import pytest


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    found = kills.try_writer("composite", tmp_path, "", kills=2, seed=1)
    assert found["faults"] == []
    assert found["left"] == []


def test_half_a_target_is_found(tmp_path: Path) -> None:
    (tmp_path / "map.tif").write_bytes(b"II*")
    assert kills.find_faults([tmp_path / "map.tif"], kills.check_file)[0].startswith("map.tif: Rasterio")
