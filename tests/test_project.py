"""What must agree between the project's files."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch"}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def test_conda_and_pip_have_the_same_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    wanted = {"pip", f"python{project['requires-python']}"}
    for line in project["dependencies"] + project["optional-dependencies"]["event"]:
        name, version = re.fullmatch(r"([a-z0-9-]+)(.*)", line).groups()  # type: ignore[union-attr]
        wanted.add(CONDA_NAMES.get(name, name) + version)
    assert set(environment) == wanted


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    for block in re.findall(r"^(?:dependencies|event|test) = \[\n(.*?)^\]", text, flags=re.S | re.M):
        for line in block.splitlines():
            assert re.search(r'",\s+# \S', line), line


def test_every_import_is_a_dependency() -> None:
    names = {
        "affine": "rasterio",
        "bokeh": "hvplot",
        "branca": "folium",
        "holoviews": "hvplot",
        "panel": "hvplot",
        "pyproj": "geopandas",
        "pystac": "pystac-client",
        "odc": "odc-stac",
        "pandas": "xarray",
        "requests": "pooch",
        "shapely": "geopandas",
        "sklearn": "scikit-learn",
        "nbformat": "jupytext",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = {
        re.match(r"[a-z0-9-]+", line).group().replace("-", "_")  # type: ignore[union-attr]
        for line in project["dependencies"] + project["optional-dependencies"]["event"]
    }
    for path in [*(ROOT / "landslide_utils").glob("*.py"), *(ROOT / "notebooks" / "source").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            modules = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for module in modules:
                top = module.split(".")[0]
                assert (
                    top in sys.stdlib_module_names
                    or top == "landslide_utils"
                    or names.get(top, top).replace("-", "_") in known
                ), f"{path.name} imports {top}"


def test_binder_uses_the_same_environment() -> None:
    assert (ROOT / "binder" / "environment.yml").is_symlink()
    assert (ROOT / "binder" / "environment.yml").resolve() == ROOT / "environment.yml"
    for script in ("postBuild", "start"):
        assert (ROOT / "binder" / script).stat().st_mode & 0o111
    done = subprocess.run([ROOT / "binder" / "start", "env"], capture_output=True, text=True, check=True)
    assert "OMP_NUM_THREADS=2" in done.stdout


def test_notebooks_are_what_their_sources_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "notebooks" / "build.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_the_house_s_style(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for cell, before in zip(notebook.cells[1:], notebook.cells, strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", f"no sentence before: {cell.source[:60]}"
            assert not cell.outputs
            assert cell.execution_count is None
            assert len([line for line in cell.source.splitlines() if line.strip()]) <= 20
    lengths = sorted(
        len([line for line in cell.source.splitlines() if line.strip()])
        for cell in notebook.cells
        if cell.cell_type == "code"
    )
    assert lengths[len(lengths) // 2] <= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_shows_is_what_the_package_does(path: Path) -> None:
    shown = 0
    for cell in nbformat.read(path, as_version=4).cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("shown:"):
                module, name = tag.removeprefix("shown:").split(".")
                ours = getattr(importlib.import_module(f"landslide_utils.{module}"), name)
                assert inspect.getsource(ours).strip() in cell.source, f"{tag} differs from the package"
                shown += 1
    assert shown or path.stem != "03_train"


def test_the_readme_s_commands_and_links_exist() -> None:
    text = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M)
    for command in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.M):
        assert command in targets
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in link:
            assert (ROOT / link).exists(), link


def test_the_citation_file_asks_for_paper_and_data() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert "2211.02869" in json.dumps(citation["references"])
    assert "10.5281/zenodo.7248056" in json.dumps(citation["references"])
