"""A practice cube from a seed, and what only a simulator knows of it."""
