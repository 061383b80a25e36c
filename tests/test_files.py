from __future__ import annotations

from pathlib import Path

import pytest

from landslide_utils.files import whole


def test_a_file_appears_when_it_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    with whole(target) as part:
        part.write_text("new")
        part.with_name("beside.tmp").write_text("a library's own")
        assert part.name == target.name
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_there_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    worked = False
    with pytest.raises(FileExistsError, match="pass overwrite=True to replace it"), whole(target):
        worked = True
    assert not worked


def test_what_came_meanwhile_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"

    def write() -> None:
        with whole(target) as part:
            part.write_text("new")
            target.write_text("another process was faster")

    with pytest.raises(FileExistsError, match="exists already"):
        write()
    assert target.read_text() == "another process was faster"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("fault", [OSError("disk full"), KeyboardInterrupt()])
def test_a_fault_leaves_what_was_there(tmp_path: Path, fault: BaseException) -> None:
    target = tmp_path / "store"
    target.mkdir()
    (target / "old").touch()

    def write() -> None:
        with whole(target, overwrite=True) as part:
            part.mkdir()
            raise fault

    with pytest.raises(type(fault)):
        write()
    assert [p.name for p in target.iterdir()] == ["old"]
    with pytest.raises(FileNotFoundError), whole(target, overwrite=True):
        pass  # nothing was written
    assert [p.name for p in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_takes_a_folder_s_place_when_told_to(tmp_path: Path) -> None:
    target = tmp_path / "store"
    for name in ("first", "second"):
        with whole(target, overwrite=True) as part:
            part.mkdir()
            (part / name).touch()
    assert [p.name for p in target.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [target]
