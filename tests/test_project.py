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
from collections import Counter
from pathlib import Path

import build
import jupytext
import nbformat
import pandas as pd
import pytest
import yaml
from kit.install import SETTINGS
from nbformat import NotebookNode
from packaging.specifiers import SpecifierSet
from release import newest_release
from run_notebooks import bound_by, code_cells, is_stub, read_by, versions

import landslide_utils
from landslide_utils.course import check

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch", "huggingface-hub": "huggingface_hub"}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


def test_conda_and_pip_have_the_same_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (python,) = (line for line in environment if re.match("python[=<>]", line))
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python="))
    wanted = {"pip", python}
    for line in project["dependencies"] + project["optional-dependencies"]["event"]:
        name, version = re.fullmatch(r"([a-z0-9-]+)(.*)", line).groups()  # type: ignore[union-attr]
        wanted.add(CONDA_NAMES.get(name, name) + version)
    assert set(environment) == wanted


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    groups = "dependencies|browser|event|site|test|transformer"
    for block in re.findall(rf"^(?:{groups}) = \[\n(.*?)^\]", text, flags=re.S | re.M):
        for line in block.splitlines():
            assert re.search(r'",\s+# \S', line), line


def test_every_import_is_a_dependency() -> None:
    names = {
        "affine": "rasterio",
        "PIL": "matplotlib",
        "mpl_toolkits": "matplotlib",
        "IPython": "jupyterlab",
        "bokeh": "hvplot",
        "holoviews": "hvplot",
        "panel": "hvplot",
        "pyproj": "geopandas",
        "pystac": "pystac-client",
        "odc": "odc-geo",
        "pandas": "xarray",
        "requests": "pooch",
        "urllib3": "pooch",
        "shapely": "geopandas",
        "sklearn": "scikit-learn",
        "nbformat": "jupytext",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = {
        re.match(r"[a-z0-9-]+", line).group().replace("-", "_")  # type: ignore[union-attr]
        for line in project["dependencies"]
        + [line for extra in ("event", "transformer") for line in project["optional-dependencies"][extra]]
    }
    for path in [*(ROOT / "landslide_utils").rglob("*.py"), *(ROOT / "notebooks" / "source").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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


@pytest.mark.parametrize("folder", ["landslide_utils", "tests", "tools", "benchmarks"])
def test_no_text_is_read_or_written_in_the_machine_s_own_encoding(folder: str) -> None:
    # on Windows that is not UTF-8
    found = []
    for path in (ROOT / folder).rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or {"encoding", None} & {keyword.arg for keyword in call.keywords}:
                continue
            method = isinstance(call.func, ast.Attribute)
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            text = {"read_text": 0, "write_text": 1}.get(name) == len(call.args)
            mode = [value.value for value in call.args[1 - method :][:1] if isinstance(value, ast.Constant)]
            if text or (name == "open" and mode and set(str(mode[0])) <= set("rwax+t")):
                found.append(f"{path.name}, line {call.lineno}: {ast.unparse(call)[:80]}")
    assert found == []


def test_threads_and_memory_are_set_alike_by_make_conda_binder_and_kit() -> None:
    """All four keep the same memory; conda and Binder, where a hub shows more cores than it gives, set threads too."""
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["variables"]
    assert all(isinstance(value, str) for value in conda.values())  # some versions of conda refuse numbers
    make = dict(re.findall(r"^export (\w+) \?= (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    binder = dict(re.findall(r"(\w+)=(\d+)", (ROOT / "binder" / "start").read_text(encoding="utf-8")))
    assert make == SETTINGS == {name: value for name, value in conda.items() if name.startswith("MALLOC_")}
    assert conda == binder


def test_binder_uses_the_same_environment() -> None:
    assert (ROOT / "binder" / "environment.yml").is_symlink()
    assert (ROOT / "binder" / "environment.yml").resolve() == ROOT / "environment.yml"
    for script in ("postBuild", "start"):
        assert (ROOT / "binder" / script).stat().st_mode & 0o111
    done = subprocess.run([ROOT / "binder" / "start", "env"], capture_output=True, text=True, check=True)
    assert "OMP_NUM_THREADS=2" in done.stdout


def test_notebooks_are_what_their_sources_say_and_keep_the_house_s_style(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    assert build.main() == 0, capsys.readouterr()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_shows_is_what_the_package_does(path: Path) -> None:
    shown = 0
    for cell in nbformat.read(path, as_version=4).cells:
        for tag in cell.metadata.get("tags", []):
            if tag.startswith("shown:"):
                module, name = tag.removeprefix("shown:").split(".")
                ours = getattr(importlib.import_module(f"landslide_utils.{module}"), name)
                # a module loads torch inside its functions, a notebook once for all cells
                source = inspect.getsource(ours).replace("    import torch\n\n", "").strip()
                assert source in cell.source, f"{tag} differs from the package"
                shown += 1
    assert shown or path.stem != "03_train"


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_a_learner_s_notebook_runs_if_its_exercises_do(name: str) -> None:
    # test_notebooks runs the solved notebook, with the learner's exercises in their places; the rest must be the same
    learner, solved = versions(name)
    exercises = 0
    for place, (asked, answered) in enumerate(zip(learner.cells, solved.cells, strict=True)):
        if is_stub(asked):
            exercises += 1
            made = bound_by(answered.source) - bound_by(asked.source)  # and the answer itself
            made |= set(re.findall(r"^(\w+) = \.\.\.$", asked.source, flags=re.M))
            stored = [
                node for node in ast.walk(ast.parse(answered.source)) if isinstance(node, ast.Attribute | ast.Subscript)
            ]
            assert not [ast.unparse(node) for node in stored if isinstance(node.ctx, ast.Store)]
            for cell in code_cells(learner.cells[place + 1 :]):
                assert not made & read_by(cell.source), cell.source
                made -= bound_by(cell.source)
        elif asked.cell_type == "code":
            assert answered.source == asked.source.replace('"../', '"../../')
            for path in re.findall(r'"(\.\./[^"]+)"', asked.source):
                assert (ROOT / "notebooks" / path).exists()
    assert exercises >= 2


def table(document: str, first: str) -> list[list[str]]:
    """Return the rows of the table of a document whose head begins with a word; code without its backticks."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n| {first} |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    assert lines, f"{document} has no table that begins with {first}"
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def code_of(path: Path) -> list[NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def number_of(path: Path) -> str:
    """Return the number of a notebook, which may end with a letter."""
    return path.stem.partition("_")[0]


def calls(path: Path, pattern: str) -> list[str]:
    return [name for cell in code_of(path) for name in re.findall(pattern, cell.source)]


def test_each_exercise_checks_off_an_objective() -> None:
    rows = table("objectives.md", "notebook")
    used = [(number_of(path), name) for path in NOTEBOOKS for name in calls(path, r"check\.(\w+)\(")]
    listed = [
        (re.match(r"\[(\d\d[a-z]?)\]", row[0]).group(1), row[2].removeprefix("check."))  # type: ignore[union-attr]
        for row in rows
    ]
    assert sorted(listed) == sorted(used)
    assert {name for _, name in used} == set(check.EXERCISES)
    per_notebook = Counter(notebook for notebook, _ in used)
    assert all(2 <= count <= 4 for count in per_notebook.values()), per_notebook
    text = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert path.name in text
        if number_of(path) not in per_notebook:
            assert f"Notebook [{number_of(path)}](../notebooks/{path.name}) has no exercises yet." in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_exercises_of_a_notebook_are_a_ladder(path: Path) -> None:
    """An easy one, a harder one, and an open one that says what a good answer has and where the solutions are."""
    source = (path.parent / "source" / f"{path.stem}.py").read_text(encoding="utf-8")
    steps = re.findall(r"^# ### Exercise \((easy|harder)\): \w", source, flags=re.M)
    assert set(steps) == {"easy", "harder"}
    assert len(steps) == len(re.findall(r"# BEGIN SOLUTION", source)) == source.count("### Exercise")
    _, _, task = source.partition("\n# ### Try\n")
    task = task.partition("\n# %% ")[0]
    assert re.search(r"^# <details><summary>What a good answer has</summary>\n#\n# - ", task, flags=re.M)
    assert f"(solutions/{path.name})" in task


def questions(path: Path) -> list[str]:
    """Return the misconceptions that the quiz in a notebook's source finds, in the order of its questions."""
    return [
        tag.removeprefix("question:")
        for cell in jupytext.read(path.parent / "source" / f"{path.stem}.py").cells
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("question:")
    ]


def test_each_notebook_with_exercises_has_its_quiz() -> None:
    assert {path for path in NOTEBOOKS if calls(path, r"check\.(\w+)\(")} == set(filter(questions, NOTEBOOKS))


def test_each_misconception_is_provoked_by_a_cell_and_found_by_a_question() -> None:
    rows = table("instructor.md", "what people think")
    assert len(rows) >= 12
    provoked = {
        tag.removeprefix("misconception:"): number_of(path)
        for path in NOTEBOOKS
        for cell in code_of(path)
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("misconception:")
    }
    found = {
        name: (number_of(path), f"question {number}")
        for path in NOTEBOOKS
        for number, name in enumerate(questions(path), 1)
    }
    assert len(found) == sum(len(questions(path)) for path in NOTEBOOKS)
    assert {name: number for name, (number, _) in found.items()} == provoked
    listed = [(re.match(r"\[(\d\d[a-z]?), ", where).group(1), question) for _, where, question in rows]  # type: ignore[union-attr]
    assert sorted(listed) == sorted(found.values())


def test_common_wrong_answers_are_listed_for_each_exercise() -> None:
    assert {row[0] for row in table("instructor.md", "exercise")} == set(check.EXERCISES)


def test_each_word_of_the_glossary_is_linked_from_a_notebook_or_another_word() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^## (.+)$", glossary, flags=re.M)
    assert words == sorted(words, key=str.lower)
    prose = glossary + "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "notebooks" / "source").glob("*.py")
    )
    for word in words:
        assert f"#{word.lower().replace(' ', '-')})" in prose, word


def test_the_readme_s_commands_and_links_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M)
    for command in re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.M):
        assert command in targets
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in link:
            assert (ROOT / link).exists(), link


def test_the_simulated_scene_is_called_easier_because_it_is() -> None:
    """README and 06 say so beside the published numbers; here both are read."""
    results = ROOT / "docs" / "results"
    published = pd.read_csv(results / "literature.csv", index_col="what")["published"]
    ours = pd.read_csv(results / "published.csv").query("cube == 'practice_hokkaido'").set_index("recipe").loc["quick"]
    few = ours[(ours["training_chips"] == 110) & (ours["timesteps"] == 1)]["auprc"].item()
    assert f"scores {few:.2f} there" in (readme := " ".join((ROOT / "README.md").read_text(encoding="utf-8").split()))
    assert f"published {published['one pass and 110 training chips']} for the real one" in readme
    assert few > float(published["one pass and 110 training chips"])
    terrain = ours[ours["channels"] == "dem"]["auprc"].item()
    assert f"Terrain alone scores {terrain:.2f}, against {published['terrain alone']}." in readme
    assert terrain > float(published["terrain alone"])


def test_the_larger_network_says_of_terrain_what_the_readme_says() -> None:
    folder = ROOT / "docs" / "results" / "practice_hokkaido_standard"
    verdicts = pd.read_csv(folder / "claims.csv", index_col="claim")["verdict"]
    assert verdicts["4. Terrain helps with 1 pass"] == "holds"
    assert verdicts["4. Terrain helps with 4 passes"] == "makes no difference"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "terrain helps with one pass, and makes no difference with four." in readme


def test_extras_that_are_asked_for_exist() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    files = ["README.md", "Makefile", *(str(path) for path in (ROOT / ".github").rglob("*.yml"))]
    asked = [
        (path, name)
        for path in files
        for found in re.findall(r"--extra[ =](\w+)|\.\[([a-z,]+)\]", (ROOT / path).read_text(encoding="utf-8"))
        for name in "".join(found).split(",")
    ]
    assert len(asked) >= 5
    assert [(path, name) for path, name in asked if name not in known] == []


def test_nothing_compiles_a_network_where_the_compiler_is_left_out() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"][
        "exclude-dependencies"
    ] == ["triton"]
    for folder in ("landslide_utils", "notebooks/source", "tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(
                r"torch\.compile\(|import triton|jit_compile|inductor", path.read_text(encoding="utf-8")
            ), path


def test_the_version_stands_once_and_the_others_agree() -> None:
    from setuptools.config.pyprojecttoml import read_configuration

    assert "version" in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dynamic"]
    assert read_configuration(ROOT / "pyproject.toml")["project"]["version"] == landslide_utils.__version__
    version, day, _ = newest_release((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert landslide_utils.__version__ == version == str(citation["version"])
    assert str(citation["date-released"]) == day


def test_the_citation_file_has_what_zenodo_needs() -> None:
    """It reads none with a list of licences, or without a title and authors at the top (zenodo 2515)."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert (
        citation["license"]
        == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    )
    for entry in (citation, *citation["references"]):
        assert entry["title"]
        assert all(author.keys() in ({"name"}, {"family-names", "given-names"}) for author in entry["authors"])
    assert set(citation) <= {
        *("cff-version", "message", "title", "type", "version", "date-released", "license", "authors"),
        *("abstract", "doi", "identifiers", "keywords", "repository-code", "url", "references"),
    }


def test_the_limits_that_are_written_down_are_those_of_the_code() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| [^|]+ \| ([\d,]+) ?(MB|kB|s|) \| `([\w.]+)\.(\w+)` \|", text)
    assert len(rows) == text.count("` |") >= 10
    for number, unit, module, name in rows:
        limit = getattr(importlib.import_module(f"landslide_utils.{module}"), name)
        factor = {"MB": 1e6, "kB": 1e3}.get(unit, 1)
        assert round(limit / factor) == int(number.replace(",", "")), name


def test_the_citation_file_asks_for_paper_and_data() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert "2211.02869" in json.dumps(citation["references"])
    assert "10.5281/zenodo.7248056" in json.dumps(citation["references"])


def test_the_package_says_who_made_it_and_that_it_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert project["project"]["authors"] == [{"name": author["name"]} for author in citation["authors"]]
    assert "py.typed" in project["tool"]["setuptools"]["package-data"]["landslide_utils"]
    assert (ROOT / "landslide_utils" / "py.typed").exists()
