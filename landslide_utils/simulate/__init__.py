"""A practice cube from a seed, and what only a simulator knows of it.

A :class:`Scenario` holds the numbers. :func:`make_scene` grows hills from real terrain, lets landslides run down them
and, window by window, computes what Sentinel-1 would measure there; :func:`write_cube` writes it in the layout of the
published cubes. `PRACTICE` has the scenarios of the practice regions, :func:`practice_cube` makes the cube of one.
One more region has a published cube's size, and its cube is made only when asked for, by :mod:`.full_size`.
:func:`reveal` and :func:`resimulate` say what no satellite can: what is on the ground, and how it would look under
other conditions. The hardest limit, what any rule for single pixels could reach, is in :mod:`.ceiling`.
"""

from landslide_utils.simulate.scenario import PRACTICE, Scenario
from landslide_utils.simulate.scene import make_scene, practice_cube, write_cube
from landslide_utils.simulate.truth import busiest_window, resimulate, reveal

__all__ = [
    "PRACTICE",
    "Scenario",
    "busiest_window",
    "make_scene",
    "practice_cube",
    "resimulate",
    "reveal",
    "write_cube",
]
