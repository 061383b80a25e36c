"""Published cubes, downloaded once, and a cube of one's own event from a box, an instant, polygons and images."""

from landslide_utils.sources.build import plan, write
from landslide_utils.sources.catalogue import Catalogue
from landslide_utils.sources.event import Event, EventError, Options
from landslide_utils.sources.recorded import write_catalogue

__all__ = ["Catalogue", "Event", "EventError", "Options", "plan", "write", "write_catalogue"]
