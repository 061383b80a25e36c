"""A practice cube from a seed, and what only a simulator knows of it.

A :class:`Scenario` holds the numbers. :func:`make_scene` grows hills from real terrain, lets landslides run down them
and, window by window, computes what Sentinel-1 would measure there; :func:`write_cube` writes it in the layout of the
published cubes. `PRACTICE` has the scenarios of the practice regions. One more region has a published cube's size, and
its cube is made only when asked for, by :mod:`.full_size`. :func:`inject` draws landslides on a real place's terrain
and into its quiet passes. :func:`reveal` and :func:`resimulate` say what no satellite can: what is on the ground, and
how it would look under other conditions. The hardest limit, what any rule for single pixels could reach, is in
:mod:`.ceiling`.
"""

from landslide_utils.simulate.inject import inject
from landslide_utils.simulate.scenario import PRACTICE, Scenario
from landslide_utils.simulate.scene import make_scene, write_cube
from landslide_utils.simulate.truth import busiest_window, resimulate, reveal

__all__ = [
    "PRACTICE",
    "Scenario",
    "busiest_window",
    "inject",
    "make_scene",
    "resimulate",
    "reveal",
    "write_cube",
]
