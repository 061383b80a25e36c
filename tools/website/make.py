"""Make the website out of executed notebooks: ``python tools/website/make.py``.

With numbers (``00 01``) only those notebooks are run; the others are shown as they are.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import importlib
import inspect
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import landslide_utils
from landslide_utils.files import atomic_write

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
PICTURE = re.compile(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"')
BEST = {"01_explore": "speckle_figure(", "02_chips": "split_figure(", "06_experiments": "hours_figure("}
"""Words of the cell whose picture goes to the front page, where it is not the notebook's last."""


def executed(notebook: Path, kept: Path) -> Path:
    """Return a notebook with its outputs; run it unless that was done with the same notebook and package."""
    import papermill

    sources = [
        notebook,
        *sorted((ROOT / "landslide_utils").rglob("*.py")),
        *sorted((ROOT / "landslide_utils").rglob("*.csv")),
    ]
    stamp = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    target = kept / f"{notebook.stem}.{stamp}.ipynb"
    if not target.exists():
        print(f"running {notebook.stem}", flush=True)
        with tempfile.TemporaryDirectory() as folder, atomic_write(target) as part:
            for name in ("notebooks", "docs", "benchmarks"):  # what notebooks read; they write beside themselves
                shutil.copytree(ROOT / name, Path(folder) / name)
            papermill.execute_notebook(notebook, part, cwd=Path(folder) / "notebooks", progress_bar=False)
        for stale in set(kept.glob(f"{notebook.stem}.*.ipynb")) - {target}:
            stale.unlink()
    return target


def repository() -> str:
    """Return the address of the project's repository, empty if none is set."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(settings["tool"]["landslides"]["repository"])


def settle(text: str, place: Path, top: Path) -> str:
    """Turn links to what is not on the website, and pictures from the network, into their words.

    A file of the project, such as a solved notebook, is linked in the repository, where there is one.
    """

    def replace(found: re.Match[str]) -> str:
        picture, words, link = found.groups()
        if re.match(r"[a-z]+:", link):
            return words if picture else found[0]
        target = (place.parent / link.partition("#")[0]).resolve()
        if link.startswith("#") or (target.is_file() and target.is_relative_to(top)):
            return found[0]
        path = target.relative_to(top).as_posix() if target.is_relative_to(top) else ""
        return f"[{words}]({repository()}/blob/main/{path})" if repository() and (ROOT / path).is_file() else words

    return LINK.sub(replace, text)


def without_kernel(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Return a cell's outputs as a page without a kernel can show them.

    Progress bars are left out; a plot that asks a kernel for its next picture becomes a sentence.
    """
    kept = []
    for output in outputs:
        data = output.get("data", {})
        live = "comm_id" in str(data.get("text/html", ""))
        if live and output.output_type == "execute_result":
            said = "<p><em>In JupyterLab a plot with a slider appears here; it needs a running kernel.</em></p>"
            output.data = NotebookNode({"text/html": said})
            kept.append(output)
        elif not live and "application/vnd.jupyter.widget-view+json" not in data:
            kept.append(output)
    return kept


def best_picture(name: str, notebook: NotebookNode) -> tuple[bytes, str] | None:
    """Return the picture of a notebook that goes to the front page, and its alternative text; None if it has none."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and BEST.get(name, "") in cell.source]
    pages = [str(output.get("data", {}).get("text/html", "")) for cell in cells for output in cell.outputs]
    found = [match for page in pages for match in PICTURE.findall(page)]
    return (base64.b64decode(found[-1][0]), html.unescape(found[-1][1])) if found else None


def gallery(notebooks: list[Path], folder: Path) -> str:
    """Return Markdown that shows a picture of each notebook as a link to it; the pictures are written to a folder."""
    folder.mkdir()
    shown = []
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        picture = best_picture(path.stem, notebook)
        if picture:
            png, alt = picture
            (folder / f"{path.stem}.png").write_bytes(png)
            title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
            words = alt.replace("[", "(").replace("]", ")")
            shown.append(f"- [![{words}]({folder.name}/{path.stem}.png) {title}](notebooks/{path.name})")
    return "\n".join(["{.gallery}", *shown])


def section(readme: str, heading: str) -> str:
    """Return a section of the README with its heading."""
    found = re.search(rf"^## {heading}\n.*?(?=^## |\Z)", readme, re.S | re.M)
    if not found:
        raise SystemExit(f"README.md has no section '## {heading}', which the front page shows")
    return found[0].strip()


def reference() -> str:
    """Return a page that leads to one of each module of the core, and of each that a wing offers, or function or class.

    Sphinx writes those pages from the docstrings.
    """
    found = sorted(pkgutil.iter_modules(landslide_utils.__path__), key=lambda module: module.ispkg)
    offered = {"landslide_utils": [module.name for module in found if not module.ispkg and module.name != "__main__"]}
    for name in (f"landslide_utils.{module.name}" for module in found if module.ispkg):
        values = {each: pkgutil.resolve_name(f"{name}.{each}") for each in importlib.import_module(name).__all__}
        offered[name] = [each for each, value in values.items() if inspect.ismodule(value) or callable(value)]
    lines = ["# The package", "", "```{eval-rst}"]
    for module, names in offered.items():
        lines += [module, "-" * len(module), "", f".. automodule:: {module}", ""]
        lines += [".. autosummary::", "   :toctree: api", "", *(f"   {name}" for name in names), ""]
    return "\n".join([*lines, "```", ""])


def assemble(notebooks: list[Path], top: Path) -> None:
    """Put the website's sources together in a folder: settings, documents, notebooks, front page."""
    for name in ("conf.py", "static", "templates"):
        source = ROOT / "tools" / "website" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, top / name)
    shutil.copytree(ROOT / "docs", top / "docs")
    (top / "notebooks").mkdir()
    places = [Path(shutil.copy(path, top / "notebooks" / f"{path.name.partition('.')[0]}.ipynb")) for path in notebooks]
    for path in places:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = settle(cell.source, path, top)
            else:
                cell.outputs = without_kernel(cell.outputs)
        nbformat.write(notebook, path)
    for path in (top / "docs").rglob("*.md"):
        path.write_text(settle(path.read_text(encoding="utf-8"), path, top), encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = {
        "about": readme.partition("\n## ")[0],
        "gallery": gallery(places, top / "gallery"),
        "course": section(readme, "The course"),
        "experiment": section(readme, "The experiment"),
    }
    page = (ROOT / "tools" / "website" / "index.md").read_text(encoding="utf-8")
    for name, part in parts.items():
        page = page.replace(f"{{{name}}}", part, 1)
    (top / "api.md").write_text(reference(), encoding="utf-8")
    (top / "index.md").write_text(settle(page, top / "index.md", top), encoding="utf-8")


def render(top: Path, out: Path) -> None:
    """Run Sphinx; a warning, such as a link that leads nowhere, is an error."""
    command = [sys.executable, "-m", "sphinx", "--builder", "html", "--fail-on-warning", "--quiet"]
    subprocess.run([*command, "--doctree-dir", str(top / ".doctrees"), str(top), str(out)], check=True)


def main() -> None:
    """Run the notebooks, put the sources together, and render them to out/site."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="run only the notebooks with these numbers, such as 00 01")
    numbers = parser.parse_args().numbers
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    known = [path.stem.partition("_")[0] for path in notebooks]
    if unknown := sorted(set(numbers) - set(known)):
        parser.error(f"no notebook has the number {', '.join(unknown)}; there are {', '.join(known)}")
    shown = [
        executed(path, ROOT / "out" / "executed") if not numbers or path.stem.partition("_")[0] in numbers else path
        for path in notebooks
    ]
    with tempfile.TemporaryDirectory() as folder, atomic_write(ROOT / "out" / "site", overwrite=True) as part:
        assemble(shown, Path(folder).resolve())
        render(Path(folder).resolve(), part)
    print(f"website: {ROOT / 'out' / 'site' / 'index.html'}")


if __name__ == "__main__":
    main()
