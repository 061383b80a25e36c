"""Make slides of executed notebooks: ``python tools/slides.py [NAME ...]`` writes out/slides/NAME.html.

They can be shown offline; S opens the speaker's view. A heading starts a slide, each further idea (a sentence and its
cell) stands beneath it. What only sets up a run is left out, and so are plots that need a kernel, which have a still
picture beside them. A picture has a slide of its own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build
import lint
import measure
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

REVEAL = "reveal.js@5.2.1"
OUT = build.ROOT / "out" / "slides"
HEADING = re.compile(r"^(?=#{1,3} )", re.M)
LONG = 900
"""Characters of prose that fit on a slide; what is longer goes on beneath."""


def _room(prose: str) -> int:
    """Return how much of a slide prose takes, in characters; a picture takes half of it."""
    return len(prose) + prose.count("![") * LONG // 2


def pieces(prose: str) -> list[str]:
    """Return the slides of a Markdown cell: each heading begins one, and so does a paragraph that would not fit."""
    found: list[str] = []
    for part in filter(str.strip, HEADING.split(prose)):
        found.append("")
        for paragraph in part.strip().split("\n\n"):
            if found[-1] and _room(found[-1]) + _room(paragraph) > LONG:
                found.append("")
            found[-1] += paragraph + "\n\n"
    return found


def as_slides(notebook: NotebookNode) -> NotebookNode:
    """Return an executed notebook as slides: cells cut at headings, each with its kind of slide."""
    made = nbformat.v4.new_notebook(metadata={"kernelspec": notebook.metadata["kernelspec"]})
    skipping = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for text in pieces(cell.source):
                heading = re.match(r"#{1,2} .*", text)
                skipping = text.startswith("## What to run") if heading else skipping
                if not skipping:
                    links = re.sub(r"\]\((\d\d[a-z]?_\w+)\.ipynb", r"](\1.html", text)
                    links = re.sub(r"(?<!!)\[([^\]]*)\]\((?:\.\./)+docs/", r"[\1](../../docs/", links)
                    kind = "slide" if heading else "subslide"
                    made.cells.append(new_markdown_cell(links, metadata={"slideshow": {"slide_type": kind}}))
        elif not (skipping or lint.SETUP in cell.metadata.get("tags", []) or ".hvplot." in cell.source):
            cell.metadata = {"tags": cell.metadata.get("tags", []), "slideshow": {"slide_type": "-"}}
            pages = [output.get("data", {}).get("text/html", "") for output in cell.outputs]
            for output, page in zip(cell.outputs, pages, strict=True):
                if 'class="xr-' in page or "class='xr-" in page:  # is folded by hand; as text it fits
                    del output["data"]["text/html"]
            kept = [output for output, page in zip(cell.outputs, pages, strict=True) if "<img" not in page]
            cell.outputs = kept
            made.cells.append(cell)
            for page in pages:
                if "<img" in page:
                    made.cells.append(new_markdown_cell(page, metadata={"slideshow": {"slide_type": "subslide"}}))
    return made


def write(executed: Path, target: Path, *, pictures: Path) -> None:
    """Write an executed notebook as a page of slides; pictures in its prose are read from a folder and put inside."""
    from nbconvert import SlidesExporter

    exporter = SlidesExporter(
        template_name="slides",
        extra_template_basedirs=[str(build.ROOT / "tools" / "templates")],
        embed_images=True,
        reveal_theme="white",
        reveal_url_prefix=f"node_modules/{REVEAL.partition('@')[0]}",
    )
    notebook = as_slides(nbformat.read(executed, as_version=4))
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": target.stem, "path": str(pictures)}})
    target.write_text(page, encoding="utf-8")


def main() -> int:
    """Run notebooks, unless it was done since their sources changed, and write their slides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sources = {source.stem: source for source in sorted((build.NOTEBOOKS / "source").glob("*.py"))}
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 03_train; the whole course if none is named")
    names = parser.parse_args().names or list(sources)
    if unknown := sorted(set(names) - set(sources)):
        parser.error(f"no notebook {', '.join(unknown)}; there are {', '.join(sources)}")
    if not shutil.which("npm"):
        parser.error("npm is missing; with it the slides' own script (reveal.js) is fetched once")
    OUT.mkdir(parents=True, exist_ok=True)
    if not (OUT / "node_modules").exists():
        subprocess.run(["npm", "install", "--silent", "--prefix", str(OUT), REVEAL], check=True)
    for name in names:
        executed, source = OUT / f"{name}.ipynb", sources[name]
        if not executed.exists() or executed.stat().st_mtime < source.stat().st_mtime:
            measure.run_as_learner(source, executed)
        write(executed, OUT / f"{name}.html", pictures=build.NOTEBOOKS)
        print(OUT / f"{name}.html", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
