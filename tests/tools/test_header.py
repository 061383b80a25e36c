"""What the build writes into a notebook's opening, and the set-up cell for Colab, which is run."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import build
import header
import lint
import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

REPOSITORY = "https://github.com/someone/landslides-from-radar"
SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "01_explore.py"
"""A notebook that draws with hvplot and has exercises."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one source that draws, measured, of a project with an address."""
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(build, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(header, "PYPROJECT", tmp_path / "pyproject.toml")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.landslides]\n# where it is\nrepository = ""\nother = "kept"\n', encoding="utf-8"
    )
    header.set_repository(REPOSITORY + ".git")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "01_explore.py").write_text(SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    entry = {"seconds": 105.2, "memory_gb": 1.11, "cores": 2, "code": "?"}
    build.MEASURED.write_text(json.dumps({"01_explore": entry}), encoding="utf-8")
    return tmp_path / "source" / "01_explore.py"


def test_the_address_stands_once_and_only_github_is_taken(made: Path) -> None:
    assert (
        header.PYPROJECT.read_text(encoding="utf-8")
        == f'[tool.landslides]\n# where it is\nrepository = "{REPOSITORY}"\nother = "kept"\n'
    )
    for wrong in (
        "github.com/a/b",
        "https://example.org/a/b",
        "https://github.com/a",
        "https://github.com/a/b/c",
        'https://github.com/a/"b',
    ):
        with pytest.raises(ValueError, match=r"is not an address such as https://github.com/OWNER/"):
            header.set_repository(wrong)
    header.set_repository("")
    assert header.settings()["repository"] == ""


def test_the_package_s_urls_come_from_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = header.PYPROJECT.read_text(encoding="utf-8")
    written = tomllib.loads(real)
    assert written["project"].get("urls", {}) == header.urls_of(header.settings()["repository"])
    monkeypatch.setattr(header, "PYPROJECT", tmp_path / "pyproject.toml")
    header.PYPROJECT.write_text(real, encoding="utf-8")
    header.set_repository("")
    without = header.PYPROJECT.read_text(encoding="utf-8")
    assert "urls" not in tomllib.loads(without)["project"]
    for address in (REPOSITORY, REPOSITORY + "-2"):
        header.set_repository(address)
        project = tomllib.loads(header.PYPROJECT.read_text(encoding="utf-8"))["project"]
        assert project["urls"]["Repository"] == address
        assert project["urls"] == header.urls_of(address)
        assert all(url.startswith(address) for url in project["urls"].values())
        assert project["optional-dependencies"] == written["project"]["optional-dependencies"]
    header.set_repository("")
    assert header.PYPROJECT.read_text(encoding="utf-8") == without


def test_badges_numbers_and_setup_stand_in_every_notebook(made: Path) -> None:
    learner, solved = build.build(made).values()
    for notebook, path, up in (
        (learner, "notebooks/01_explore.ipynb", ""),
        (solved, "notebooks/solutions/01_explore.ipynb", "../"),
    ):
        title, gap, badges, *rest = notebook.cells[0].source.splitlines()
        assert (title, gap) == ("# 01 Explore backscatter", "")
        assert (
            f"[![Open in Colab]({up}../docs/badges/colab.svg)](https://colab.research.google.com/github/someone/landslides-from-radar/blob/main/{path})"
            in badges
        )
        assert (
            f"[![Open in Binder]({up}../docs/badges/binder.svg)](https://mybinder.org/v2/gh/someone/landslides-from-radar/main?labpath={path})"
            in badges
        )
        assert rest[-1] == (
            "*Measured: 1 min 46 s for the computer, at most 1.2 GB of memory, on 2 cores, "
            "with the practice scenes made before.*"
        )
        assert "google.colab" in notebook.cells[2].source
        assert lint.notebook_faults("01_explore", notebook) == []
        nbformat.validate(notebook)
    for name in ("colab", "binder"):
        assert (Path(__file__).parents[2] / "docs" / "badges" / f"{name}.svg").exists()


def test_the_whole_course_keeps_the_house_s_style_with_badges_too(made: Path) -> None:
    for source in SOURCE.parent.glob("*.py"):
        for path, notebook in build.build(source).items():
            assert "google.colab" in notebook.cells[2].source
            assert lint.notebook_faults(str(path), notebook) == []


def test_without_an_address_there_are_no_badges_and_without_a_measurement_no_numbers(made: Path) -> None:
    header.set_repository("")
    learner = next(iter(build.build(made).values()))
    assert "Measured: 1 min 46 s" in learner.cells[0].source
    build.MEASURED.unlink()
    text = nbformat.writes(next(iter(build.build(made).values())))
    assert not any(word in text for word in ("badge", "colab", "Measured", "hvplot.extension"))


def test_a_changed_cell_makes_a_measurement_stale_and_changed_prose_does_not(made: Path) -> None:
    assert any("measured with other code for 01_explore" in note for note in build.stale_notes([made]))
    build.MEASURED.write_text(
        json.dumps({"01_explore": {"code": header.fingerprint(build.read_source(made))}}), encoding="utf-8"
    )
    assert build.stale_notes([made]) == []
    made.write_text(SOURCE.read_text(encoding="utf-8").replace("## Look around", "## Look about"), encoding="utf-8")
    assert build.stale_notes([made]) == []
    made.write_text(SOURCE.read_text(encoding="utf-8").replace("bins=80", "bins=70"), encoding="utf-8")
    assert any("01_explore; run: make measure" in note for note in build.stale_notes([made]))
    build.MEASURED.unlink()
    assert any("never measured for 01_explore" in note for note in build.stale_notes([made]))


def test_durations_are_rounded_up() -> None:
    assert [header.duration(seconds) for seconds in (0.2, 59.2, 105.2, 240)] == [
        "1 s",
        "1 min 0 s",
        "1 min 46 s",
        "4 min 0 s",
    ]


def test_the_guide_plans_a_learner_s_minutes_for_every_notebook_and_its_opening_says_them(made: Path) -> None:
    planned = dict(header.PLANNED.findall(header.GUIDE.read_text(encoding="utf-8")))
    assert set(planned) == {source.stem.partition("_")[0] for source in SOURCE.parent.glob("*.py")}
    for notebook in build.build(made).values():
        assert f"*Planned: about {planned['01']} minutes for you, " in notebook.cells[0].source
    assert header.planned_line("notebooks/09_example.ipynb") == ""


def test_the_openings_of_the_course_say_what_was_measured() -> None:
    measured = build.read_measured()
    assert measured
    for source in (build.NOTEBOOKS / "source").glob("*.py"):
        for folder in (build.NOTEBOOKS, build.NOTEBOOKS / "solutions"):
            path = folder / f"{source.stem}.ipynb"
            if path.exists():
                opening = nbformat.read(path, as_version=4).cells[0].source
                lines = [line for line in opening.splitlines() if "Measured:" in line]
                wanted = [header.measured_line(measured[source.stem])] if source.stem in measured else []
                assert lines == wanted, path


def colab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands in for Colab's machine: git is real and finds the address in a folder.

    pip only writes down what it is called with.
    """
    content, origin = tmp_path / "content", tmp_path / "origin" / "someone" / "landslides-from-radar"
    content.mkdir()
    (origin / "notebooks").mkdir(parents=True)
    (origin / "notebooks" / "x.txt").write_text("x", encoding="utf-8")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "."], [*who, "commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *command], cwd=origin, check=True)
    (tmp_path / "fake" / "pip").mkdir(parents=True)
    (tmp_path / "fake" / "pip" / "__init__.py").touch()
    (tmp_path / "fake" / "pip" / "__main__.py").write_text(
        f"import sys\nopen({str(tmp_path / 'pip.txt')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n",
        encoding="utf-8",
    )
    for name, value in {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path}/origin/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "PYTHONPATH": str(tmp_path / "fake"),
    }.items():
        monkeypatch.setenv(name, value)
    return content


@pytest.mark.slow
@pytest.mark.parametrize("on_colab", [True, False])
def test_the_setup_cell_installs_on_colab_and_does_nothing_elsewhere(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_colab: bool
) -> None:
    content = colab(tmp_path, monkeypatch)
    setup = next(iter(build.build(made).values())).cells[2].source.replace("/content", str(content))
    stand_in = (
        "import sys, types\nsys.modules.update({name: types.ModuleType(name) for name in ('google', 'google.colab')})"
    )
    lines = [
        stand_in if on_colab else "",
        setup,
        setup,
        "import os\nprint(os.getcwd())",
        "x = 1",
        "x  # a.hvplot.b",
        "x  # a.hvplot.c",
    ]
    notebook = new_notebook(cells=[new_code_cell(line) for line in lines])
    NotebookClient(notebook, resources={"metadata": {"path": str(content)}}).execute()
    where, plain, *drawing = ([str(output) for output in cell.outputs] for cell in notebook.cells[3:])
    assert not any("BokehJS" in output for output in plain)
    assert [any("Bokeh" in output for output in outputs) for outputs in drawing] == [on_colab, on_colab]
    if on_colab:
        assert f"{content}/landslides/notebooks" in where[0]
        assert (content / "landslides" / "notebooks" / "x.txt").exists()
        assert (tmp_path / "pip.txt").read_text(encoding="utf-8") == f"install --quiet {content}/landslides\n" * 2
    else:
        assert f"{content}\\n" in where[0]
        assert not list(content.iterdir())
        assert not (tmp_path / "pip.txt").exists()
