"""Pictures in one style, each with a text for those who cannot see it: of radar, chips, events, scores and maps."""

from landslide_utils.figures import chips, event, explore, maps, scores
from landslide_utils.figures.style import Picture

__all__ = ["Picture", "chips", "event", "explore", "maps", "scores"]
