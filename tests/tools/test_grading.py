"""The course for nbgrader: metadata by its schema, exercises that are graded, checks that raise an error there."""

from __future__ import annotations

import json
from pathlib import Path

import build
import grading
import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from landslide_utils.course import check

SOURCES = sorted((build.NOTEBOOKS / "source").glob("*.py"))
KEYS = {"schema_version", "grade_id", "grade", "points", "solution", "locked"}


def marked(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that nbgrader knows."""
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_exercise_of_the_sources_has_an_answer_and_a_locked_check_that_is_graded(source: Path) -> None:
    exercises = [cell for cell in build.read_source(source).cells if "exercise" in cell.metadata.get("tags", [])]
    assert exercises
    notebook, files = grading.assignment(source)
    code = [cell for cell in marked(notebook) if cell.cell_type == "code"]
    for asked, answer, graded in zip(exercises, code[::2], code[1::2], strict=True):
        assert f"{answer.source}\n{graded.source}" == asked.source
        name = graded.metadata["nbgrader"]["grade_id"]
        assert f"check.{name}(" in graded.source
        assert answer.metadata["nbgrader"]["grade_id"] == f"{name}-answer"
        assert (answer.metadata["nbgrader"]["solution"], answer.metadata["nbgrader"]["locked"]) == (True, False)
        assert (graded.metadata["nbgrader"]["solution"], graded.metadata["nbgrader"]["locked"]) == (False, True)
    assert len({cell.metadata["nbgrader"]["grade_id"] for cell in marked(notebook)}) == len(marked(notebook))
    for cell in marked(notebook):  # nbgrader's schema of version 3, without nbgrader
        given = cell.metadata["nbgrader"]
        assert {*given, "points"} == KEYS
        assert given["schema_version"] == 3
        assert ("points" in given) == given["grade"]
        assert given.get("points", 1) > 0
        assert given["grade_id"].replace("-", "_").isidentifier()
    assert all((build.ROOT / name).exists() for name in files)
    assert '"../' not in "".join(cell.source for cell in notebook.cells)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nbgrader_itself_finds_nothing_wrong(source: Path) -> None:
    v3 = pytest.importorskip("nbgrader.nbgraderformat.v3", reason="nbgrader is not installed; its validator is not run")
    v3.MetadataValidatorV3().validate_nb(grading.assignment(source)[0])


def test_an_open_question_is_graded_by_a_person_with_a_point_for_each_thing_a_good_answer_has() -> None:
    asked = new_markdown_cell("### Try\n\nWhere first?\n\n- A place.\n- A reason.\n")
    question, answer = grading.graded(asked)
    assert question is asked
    assert answer.metadata["nbgrader"] == {
        "schema_version": 3,
        "grade_id": "try",
        "grade": True,
        "points": 2,
        "solution": True,
        "locked": False,
    }
    for other in (new_markdown_cell("Try it."), new_code_cell("x = 1")):
        assert grading.graded(other) == [other]
        assert other.metadata == {}


def test_a_course_holds_what_its_notebooks_read_and_keeps_the_settings_of_a_teacher(tmp_path: Path) -> None:
    (source,) = [path for path in SOURCES if path.stem == "06_experiments"]
    for wanted in (grading.CONFIG, "# mine"):  # the second time over what is there
        grading.write_course(tmp_path, [source])
        place = tmp_path / "source" / "06_experiments"
        notebook = nbformat.read(place / "06_experiments.ipynb", as_version=4)
        assert (place / "docs" / "results" / "practice_hokkaido" / "runs.csv").exists()
        assert (place / "benchmarks" / "presets.csv").exists()
        assert ".ipynb" not in json.dumps([cell.source for cell in notebook.cells if cell.cell_type == "markdown"])
        config = tmp_path / "nbgrader_config.py"
        assert config.read_text(encoding="utf-8") == wanted
        config.write_text("# mine", encoding="utf-8")


def test_where_nbgrader_grades_an_answer_that_is_not_right_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.uninformed_loss(0.5, 0.02).state == check.NOT_YET
    monkeypatch.setenv(check.GRADING, "autograde")
    for answer, said in ((..., "Not done yet"), (0.5, "Not yet")):
        with pytest.raises(AssertionError, match=rf"^{said}\. "):
            check.uninformed_loss(answer, 0.02)
    assert check.uninformed_loss(0.0980392, 0.02) is None  # a value would be taken for points
    assert "Right." in capsys.readouterr().out
