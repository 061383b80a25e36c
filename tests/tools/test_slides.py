"""Slides from an executed notebook."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import slides
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PICTURE = '<img src="data:image/png;base64,AAAA" alt="a hill">'


def executed() -> nbformat.NotebookNode:
    def shown(source: str, *tags: str, **data: str) -> nbformat.NotebookNode:
        return new_code_cell(
            source,
            metadata={"tags": list(tags)},
            outputs=[new_output("display_data", data={kind.replace("_", "/"): text for kind, text in data.items()})],
        )

    cells = [
        new_markdown_cell(
            "# 09 Hills\n\nAbout hills, as in [01](01_explore.ipynb#hills) and [a word](../docs/glossary.md#chip).\n\n"
            + "Long. " * 160
        ),
        shown("setup()", "setup", text_plain="ready"),
        new_markdown_cell("## What to run\n\nParameters."),
        shown("size = 3", "parameters", text_plain="3"),
        new_markdown_cell("Checked here."),
        new_markdown_cell("## Hills\n\nA hill:"),
        shown("draw(hill)", text_html=PICTURE, text_plain="Picture"),
        new_markdown_cell("That was a hill.\n\n### Exercise: a valley\n\nDraw it."),
        shown("cube", text_html="<div class='xr-wrap'>long</div>", text_plain="short"),
        new_markdown_cell("A slider."),
        shown("stack.hvplot.image()", text_html="<script src='https://example.org/x.js'></script>"),
    ]
    return new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}, "widgets": {"state": {}}}
    )


def test_headings_and_ideas_become_slides() -> None:
    made = slides.as_slides(executed())
    told = [(cell.metadata["slideshow"]["slide_type"], cell.source.split("\n")[0][:30].strip()) for cell in made.cells]
    assert told == [
        ("slide", "# 09 Hills"),
        ("subslide", "Long. Long. Long. Long. Long."),
        ("slide", "## Hills"),
        ("-", "draw(hill)"),
        ("subslide", PICTURE[:30]),
        ("subslide", "That was a hill."),
        ("subslide", "### Exercise: a valley"),
        ("-", "cube"),
        ("subslide", "A slider."),
    ]
    assert "[01](01_explore.html#hills)" in made.cells[0].source
    assert "[a word](../../docs/glossary.md#chip)" in made.cells[0].source
    assert list(made.cells[7].outputs[0]["data"]) == ["text/plain"]


def test_the_page_needs_nothing_from_a_network_and_keeps_alternative_text(tmp_path: Path) -> None:
    nbformat.write(executed(), tmp_path / "09_hills.ipynb")
    slides.write(tmp_path / "09_hills.ipynb", tmp_path / "09_hills.html", pictures=tmp_path)
    page = (tmp_path / "09_hills.html").read_text(encoding="utf-8")
    fetched = re.findall(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']([^"']+)""", page) + re.findall(
        r"""(?:import|url)\(?\s*["'](https?:[^"']+)""", page
    )
    assert {address.split("/")[0] for address in fetched} == {"node_modules", "data:image"}
    assert 'alt="a hill"' in page
    assert len(re.findall(r"<section", page)) == 2 + 7  # two stacks, seven slides in them
