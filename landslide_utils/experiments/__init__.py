"""Runs, each a folder named by its configuration; grids of them on Dask; their results; transfer between regions."""

__all__ = ["config", "grid", "parameters", "results", "runs", "transfer"]
