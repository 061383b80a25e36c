"""Runs, grids of runs, their results, and transfer between regions."""
