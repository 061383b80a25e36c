"""Runs, each a folder named by its configuration; grids of them on Dask; their results; transfer between regions."""

import importlib
from typing import Any

__all__ = ["Run", "RunConfig", "check_parameters", "collect", "plan_runs", "read_run", "run", "run_grid"]

_MODULES = {
    "config": ("RunConfig",),
    "grid": ("collect", "plan_runs", "run_grid"),
    "parameters": ("check_parameters",),
    "runs": ("Run", "read_run", "run"),
}


def __getattr__(name: str) -> Any:
    """Return a public name; its module is imported only then, so that the help of a command is quick."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
