"""What a lesson needs: checks of its exercises, plots with sliders that work offline, and how noisy real radar is."""

__all__ = ["capstone", "check", "sliders", "speckle"]
