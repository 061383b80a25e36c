"""The shape of the package: which module may import which, how large each part may be. Imports are read, not run."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "landslide_utils"
COMMANDS = "landslide_utils.__main__"
LAZY = ("landslide_utils.regions", COMMANDS)
"""Core modules that may import a wing inside a function: `regions` knows how a cube is had, a command what it does."""
MODULE_LINES, FUNCTION_LINES, PARAMETERS, CORE_MODULES = 350, 60, 8, 15
PACKAGE_LINES = 14_425
"""Lines of the whole package. The aim is 9,500: whoever deletes lowers this number."""
PUBLIC_NAMES = range(3, 9)
NOT_HEAVY = ("torch", "matplotlib", "scipy.stats")
"""What most of the core must not load: each takes a second or more."""
LOAD_TORCH = ("model", "train", "predict")
"""Core modules that may load something heavy."""


parse = functools.cache(ast.parse)
"""Parse a text; the package's modules, which many tests ask about, only once."""


class Import(NamedTuple):
    """One module that imports another, and whether it does so inside a function."""

    importer: str
    imported: str
    in_function: bool


def modules_of(package: Path) -> dict[str, Path]:
    """Return the file of each module of a package by the module's dotted name."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def wings_of(package: Path) -> list[str]:
    """Return the dotted names of the folders directly below a package."""
    return [f"{package.name}.{path.parent.name}" for path in sorted(package.glob("*/__init__.py"))]


def core_of(package: Path) -> list[str]:
    """Return the dotted names of the modules directly below a package, without __init__ and __main__."""
    return [f"{package.name}.{path.stem}" for path in sorted(package.glob("*.py")) if not path.stem.startswith("__")]


def wing_of(module: str) -> str:
    """Return the wing that a module lies in; a module of the core is its own."""
    return ".".join(module.split(".")[:2])


def imported_by(node: ast.AST, base: list[str], known: dict[str, Path]) -> list[str]:
    """Return the modules that one statement imports, or that a text names in full, as a lazy import does.

    ``base`` is the dotted name, in parts, that the dots of a relative import count from.
    """
    match node:
        case ast.Import(names=names):
            named = [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            start = ".".join([*(base[: len(base) - level + 1] if level else []), *([module] if module else [])])
            named = [full if (full := f"{start}.{alias.name}") in known else start for alias in names]
        case ast.Constant(value=str(text)) if "." in text:
            named = [text]
        case _:
            named = []
    return [name for name in named if name in known]


def imports_of(package: Path) -> list[Import]:
    """Return all imports between modules of a package: those for type checking and those inside functions too."""
    known = modules_of(package)

    def walk(node: ast.AST, module: str, in_function: bool) -> Iterator[Import]:
        base = module.split(".") if known[module].stem == "__init__" else module.split(".")[:-1]
        for name in imported_by(node, base, known):
            yield Import(module, name, in_function or isinstance(node, ast.Constant))
        in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, module, in_function)

    return [
        found
        for module, path in known.items()
        for found in walk(parse(path.read_text(encoding="utf-8")), module, False)
    ]


def circle(package: Path, lazy: tuple[str, ...] = ()) -> list[str]:
    """Return modules that import each other in a circle, the first of them again at the end; empty if there is none.

    An import inside a function counts, but for those from the ``lazy`` modules into a wing.
    """
    wings = wings_of(package)
    graph: dict[str, set[str]] = {}
    for importer, imported, in_function in imports_of(package):
        if not (in_function and importer in lazy and wing_of(imported) in wings):
            graph.setdefault(importer, set()).add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def core_to_wing(package: Path, lazy: tuple[str, ...] = ()) -> list[str]:
    """List the imports that lead from the core into a wing, but for those inside functions of the ``lazy`` modules."""
    core, wings = {*core_of(package), package.name, f"{package.name}.__main__"}, wings_of(package)
    return [
        f"{importer} imports {imported}"
        for importer, imported, in_function in imports_of(package)
        if importer in core and wing_of(imported) in wings and not (in_function and importer in lazy)
    ]


def into_wing(package: Path, wing: str) -> list[str]:
    """List the imports of a wing from outside it."""
    wing = f"{package.name}.{wing}"
    return [
        f"{importer} imports {imported}"
        for importer, imported, _ in imports_of(package)
        if wing_of(imported) == wing and wing_of(importer) != wing
    ]


def lines_of(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions_of(package: Path) -> dict[str, tuple[int, int]]:
    """Return each function's lines of code and number of parameters, by its module and name.

    Lines of code are those of the function without its decorators, its docstring, comments and empty lines. The object
    or class that a method belongs to is no parameter.
    """
    functions = {}
    for module, path in modules_of(package).items():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.walk(parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = lines[node.lineno - 1 : node.end_lineno]
                if ast.get_docstring(node) is not None:
                    docstring = node.body[0]
                    del body[docstring.lineno - node.lineno : (docstring.end_lineno or 0) - node.lineno + 1]
                code = [line for line in body if line.strip() and not line.strip().startswith("#")]
                given = node.args
                names = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
                parameters = [name for name in names if name is not None and name.arg not in ("self", "cls")]
                functions[f"{module}.{node.name} in line {node.lineno}"] = len(code), len(parameters)
    return functions


def wing_faults(package: Path) -> list[str]:
    """List the wings that do not say in one paragraph what they do, or do not name 3 to 8 public names."""
    faults = []
    for wing in wings_of(package):
        tree = parse(modules_of(package)[wing].read_text(encoding="utf-8"))
        said = ast.get_docstring(tree)
        if not said or said.count("\n\n") > 1:
            faults.append(f"{wing}: its docstring must be one paragraph, or a sentence and a paragraph")
        public: list[str] = []
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
                public = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        if len(public) not in PUBLIC_NAMES:
            faults.append(f"{wing}: {len(public)} names in __all__")
    return faults


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(PACKAGE, LAZY) == []


def test_the_core_imports_no_wing_but_lazily_where_a_region_s_cube_is_had() -> None:
    assert core_to_wing(PACKAGE, LAZY) == []


def test_only_its_command_imports_the_course() -> None:
    assert into_wing(PACKAGE, "course") == [f"{COMMANDS} imports landslide_utils.course.demo"]


def test_no_module_is_too_long() -> None:
    lines = {module: lines_of(path) for module, path in modules_of(PACKAGE).items()}
    assert {module: number for module, number in lines.items() if number > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    found = {name: lines for name, (lines, _) in functions_of(PACKAGE).items() if lines > FUNCTION_LINES}
    assert found == {}


def test_no_function_has_too_many_parameters() -> None:
    found = {name: number for name, (_, number) in functions_of(PACKAGE).items() if number > PARAMETERS}
    assert found == {}


def test_the_package_stays_small() -> None:
    lines = sum(map(lines_of, modules_of(PACKAGE).values()))
    assert lines <= PACKAGE_LINES
    assert len(core_of(PACKAGE)) <= CORE_MODULES


def test_each_wing_says_what_it_does_and_what_it_offers() -> None:
    assert wing_faults(PACKAGE) == []


def test_what_the_wings_offer_is_there() -> None:
    # this takes each name of __all__, and loads the modules among them
    code = "\n".join(f"from {wing} import *" for wing in wings_of(PACKAGE))
    subprocess.run([sys.executable, "-c", code], check=True)


def loaded_by(*modules: str) -> set[str]:
    """Return which heavy libraries a new interpreter has loaded after it imported these modules."""
    code = f"import sys, {', '.join(modules)}; print(*[name for name in {NOT_HEAVY} if name in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_and_most_of_the_core_loads_nothing_heavy() -> None:
    light = [module for module in core_of(PACKAGE) if module.rpartition(".")[2] not in LOAD_TORCH]
    assert len(light) >= 10
    assert loaded_by(PACKAGE.name, *light) == set()


@pytest.fixture
def made_package(tmp_path: Path) -> Path:
    """Return a small package that keeps all rules: a core of two modules, `regions` and `cube`, and three wings."""
    package = tmp_path / "made"
    write(package, "__init__.py", '"""A package."""\n')
    write(package, "regions.py", "def find():\n    from made.simulate import scene\n\n    return scene\n")
    write(package, "cube.py", "from made import regions\n")
    for wing in ("simulate", "figures", "course"):
        write(package, f"{wing}/__init__.py", f'"""What {wing} does."""\n\n__all__ = ["a", "b", "c"]\n')
    write(package, "simulate/scene.py", "from made.cube import open_cube\n")
    write(package, "figures/maps.py", "import made.simulate.scene\n")
    write(package, "course/check.py", "from ..figures import maps\n")
    return package


def write(package: Path, name: str, text: str) -> None:
    """Write one module of a made-up package."""
    (package / name).parent.mkdir(parents=True, exist_ok=True)
    (package / name).write_text(text, encoding="utf-8")


LAZY_HERE = ("made.regions",)


def test_a_package_that_keeps_the_rules_has_no_faults(made_package: Path) -> None:
    assert circle(made_package, LAZY_HERE) == []
    assert core_to_wing(made_package, LAZY_HERE) == []
    assert into_wing(made_package, "course") == []
    assert wing_faults(made_package) == []
    assert core_of(made_package) == ["made.cube", "made.regions"]
    assert functions_of(made_package) == {"made.regions.find in line 1": (3, 0)}


def test_a_way_round_through_a_lazy_import_is_a_circle_if_it_is_not_allowed(made_package: Path) -> None:
    assert set(circle(made_package)) == {"made.regions", "made.cube", "made.simulate.scene"}


@pytest.mark.parametrize(
    "text",
    [
        "import made.figures.maps",
        "from made.figures import maps",
        "from ..figures.maps import draw",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.figures.maps import draw",
        "def draw():\n    from made.figures.maps import draw\n",
        "class Scene:\n    def draw(self):\n        import made.figures.maps as maps\n",
        "import importlib\n\nLATER = importlib.import_module('made.figures.maps')",
    ],
)
def test_a_circle_is_found_whatever_the_import_looks_like(made_package: Path, text: str) -> None:
    write(made_package, "simulate/scene.py", text)
    assert set(circle(made_package, LAZY_HERE)) == {"made.simulate.scene", "made.figures.maps"}


def test_a_module_that_imports_itself_is_a_circle(made_package: Path) -> None:
    write(made_package, "cube.py", "def run():\n    from made.cube import run as importable\n")
    assert set(circle(made_package)) == {"made.cube"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cube.py", "from made.simulate.scene import make"),
        ("cube.py", "from .simulate import scene"),
        ("cube.py", "def open_cube():\n    import made.simulate.scene"),
        ("regions.py", "from made.simulate.scene import make"),
        ("__init__.py", "from made.simulate.scene import make"),
        ("__main__.py", "from made.simulate import scene"),
    ],
)
def test_an_import_from_the_core_into_a_wing_is_found(made_package: Path, name: str, text: str) -> None:
    write(made_package, name, text)
    importer = "made" if name == "__init__.py" else f"made.{name.removesuffix('.py')}"
    assert core_to_wing(made_package, LAZY_HERE) == [f"{importer} imports made.simulate.scene"]


@pytest.mark.parametrize("name", ["figures/maps.py", "cube.py", "simulate/__init__.py"])
def test_an_import_of_the_course_is_found(made_package: Path, name: str) -> None:
    write(made_package, name, "def f():\n    from made.course.check import exercise\n")
    (found,) = into_wing(made_package, "course")
    assert re.fullmatch(r"made\.[a-z.]+ imports made\.course\.check", found)


def test_lines_and_parameters_are_counted(made_package: Path) -> None:
    text = '''
    class Model:
        @property
        def fit(self, a, /, b, *rest, c=1, **more):
            """Return a model.

            Of two lines.
            """
            # a comment

            x = (
                1,
            )  # a comment behind code

            def inner(y):
                return y

            return x

        async def wait(self): ...
    '''
    write(made_package, "cube.py", re.sub("^    ", "", text.lstrip("\n"), flags=re.M))
    counted = functions_of(made_package)
    assert counted["made.cube.fit in line 3"] == (7, 5)
    assert counted["made.cube.inner in line 14"] == (2, 1)
    assert counted["made.cube.wait in line 19"] == (1, 0)
    assert lines_of(made_package / "cube.py") == 19


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('__all__ = ["a", "b", "c"]', "its docstring must be one paragraph, or a sentence and a paragraph"),
        (
            '"""One.\n\nTwo.\n\nThree.\n"""\n__all__ = ["a", "b", "c"]',
            "its docstring must be one paragraph, or a sentence and a paragraph",
        ),
        ('"""One."""', "0 names in __all__"),
        ('"""One."""\n__all__ = ["a", "b"]', "2 names in __all__"),
        (f'"""One."""\n__all__: list[str] = {list("abcdefghi")}', "9 names in __all__"),
    ],
)
def test_a_wing_that_does_not_say_what_it_is_for_is_found(made_package: Path, text: str, fault: str) -> None:
    write(made_package, "figures/__init__.py", text)
    assert wing_faults(made_package) == [f"made.figures: {fault}"]


@pytest.mark.slow
def test_what_a_module_loads_is_found() -> None:
    assert loaded_by(*NOT_HEAVY) == {*NOT_HEAVY}
