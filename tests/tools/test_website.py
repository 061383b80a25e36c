"""The website's sources: put together from notebooks that were executed before."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from landslide_utils.figures.style import Picture

ROOT = Path(__file__).parents[2]
PNG = b"\x89PNG\r\n\x1a\nthe picture's bytes"


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_site", ROOT / "tools" / "website" / "make.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def notebook(path: Path, *, alt: str = 'two [maps] & a "bar"') -> Path:
    """Write a notebook as if it had been executed: two pictures, the second with alternative text of its own."""
    shown = [Picture(png, words)._repr_html_() for png, words in ((b"first", "first"), (PNG, alt))]
    cells = [
        nbformat.v4.new_markdown_cell(
            "# 00 Start here\n\n[a word](../docs/glossary.md#chip), [solved](solutions/00_start_here.ipynb), ![badge](https://example.org/badge.svg)"
        ),
        *(
            nbformat.v4.new_code_cell("show()", outputs=[nbformat.v4.new_output("execute_result", {"text/html": page})])
            for page in shown
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_the_front_page_has_a_picture_of_each_notebook_with_its_words_and_a_link(
    make: ModuleType, tmp_path: Path
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make.assemble([notebook(tmp_path / "00_start_here.0123456789ab.ipynb")], top)
    page = (top / "index.md").read_text(encoding="utf-8")
    assert '- [![two (maps) & a "bar"](gallery/00_start_here.png) 00 Start here](notebooks/00_start_here.ipynb)' in page
    assert (top / "gallery" / "00_start_here.png").read_bytes() == PNG
    assert "## The course" in page
    assert "## The experiment" in page
    assert "make test" not in page
    assert (top / "api.md").read_text(encoding="utf-8") == make.reference()
    assert not re.search(r"\{(about|gallery|course|experiment)\}", page)


def test_links_to_what_is_not_on_the_website_become_words(make: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make.assemble([notebook(tmp_path / "00_start_here.ipynb")], top)
    first = nbformat.read(top / "notebooks" / "00_start_here.ipynb", as_version=4).cells[0].source
    assert first.endswith("[a word](../docs/glossary.md#chip), solved, badge")
    texts = {path: path.read_text(encoding="utf-8") for path in top.rglob("*.md")}
    for path, text in texts.items():
        for link in re.findall(r"\]\(([^)\s#]+)", text):
            assert re.match("[a-z]+:", link) or (path.parent / link).exists(), f"{path.name}: {link}"
    assert "[00](../notebooks/00_start_here.ipynb)" in texts[top / "docs" / "objectives.md"]
    assert "| 01 |" in texts[top / "docs" / "objectives.md"]  # not among the notebooks of this test


def test_solved_notebooks_are_linked_in_the_repository(
    make: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "repository", lambda: "https://github.com/me/it")
    place, link = tmp_path / "notebooks" / "00_start_here.ipynb", "[solved](solutions/00_start_here.ipynb)"
    there = "https://github.com/me/it/blob/main/notebooks/solutions/00_start_here.ipynb"
    assert make.settle(link, place, tmp_path) == f"[solved]({there})"
    assert make.settle("[gone](solutions/none.ipynb)", place, tmp_path) == "gone"


def test_a_page_has_no_dead_slider_and_no_progress_bar(make: ModuleType) -> None:
    still, live, setup, bar = (
        nbformat.v4.new_output("execute_result", {"text/html": "<b>still</b>"}),
        nbformat.v4.new_output("execute_result", {"text/html": '<div></div><script>{"comm_id": "1"}</script>'}),
        nbformat.v4.new_output("display_data", {"text/html": '<script>{"comm_id": "1"}</script>'}),
        nbformat.v4.new_output("display_data", {"text/plain": "0%", "application/vnd.jupyter.widget-view+json": {}}),
    )
    first, second = make.without_kernel([setup, still, bar, live])
    assert first == still
    assert second.data == {
        "text/html": "<p><em>In JupyterLab a plot with a slider appears here; it needs a running kernel.</em></p>"
    }


def test_a_notebook_without_pictures_is_left_out_of_the_gallery(make: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "00_start_here.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 00 Start here")]), path)
    assert make.gallery([path], tmp_path / "gallery") == "{.gallery}"


def test_a_section_that_the_readme_lost_is_missed(make: ModuleType) -> None:
    assert make.section("# a\n\n## The course\n\ntext\n\n## Other\n", "The course") == "## The course\n\ntext"
    with pytest.raises(SystemExit, match=r"README\.md has no section '## The course', which the front page shows"):
        make.section("# a\n\n## Other\n", "The course")


def test_the_package_s_page_names_the_core_and_what_each_wing_offers(make: ModuleType) -> None:
    page = make.reference()
    tables = re.findall(r"automodule:: (\S+)\n\n\.\. autosummary::\n   :toctree: api\n\n((?:   \w+\n)+)", page)
    listed = {module: names.split() for module, names in tables}
    core = [path.stem for path in (ROOT / "landslide_utils").glob("[!_]*.py")]
    assert listed.pop("landslide_utils") == sorted(core)
    assert listed.keys() == {
        f"landslide_utils.{path.parent.name}" for path in (ROOT / "landslide_utils").glob("*/__init__.py")
    }
    for wing, names in listed.items():
        assert set(names) == set(importlib.import_module(wing).__all__) - {"PRACTICE"}  # a table has no docstring


@pytest.mark.slow
def test_a_notebook_is_run_once(make: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "09_short.ipynb"
    cells = [nbformat.v4.new_code_cell("import uuid; print(uuid.uuid4())")]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), source)
    first = make.executed(source, tmp_path / "kept")
    words = first.read_text(encoding="utf-8")
    assert "uuid4())" in words
    assert '"stdout"' in words
    assert make.executed(source, tmp_path / "kept").read_text(encoding="utf-8") == words
    cells[0].source += "  # changed"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), source)
    second = make.executed(source, tmp_path / "kept")
    assert second != first
    assert list((tmp_path / "kept").iterdir()) == [second]


def test_every_document_is_on_the_website() -> None:
    trees = re.findall(
        r"```\{toctree\}\n(.*?)```", (ROOT / "tools" / "website" / "index.md").read_text(encoding="utf-8"), re.S
    )
    wanted = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    for path in (ROOT / "docs").rglob("*.md"):
        page = path.relative_to(ROOT).with_suffix("")
        assert any(page.match(pattern) for pattern in wanted), f"{page} is in no toctree of tools/website/index.md"
