"""Every picture of the course, with its alternative text."""
