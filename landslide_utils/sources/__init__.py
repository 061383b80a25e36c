"""What comes from outside: published cubes, catalogues, images and outlines of one's own event."""
