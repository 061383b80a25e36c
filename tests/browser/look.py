"""How a test looks at a picture."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np


def is_blank(png: bytes) -> bool:
    """Return whether the middle of a screenshot, where a plot has its data and not its frame, is of one colour."""
    pixels = matplotlib.image.imread(io.BytesIO(png))[..., :3]
    height, width = pixels.shape[:2]
    middle = pixels[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
    return bool(np.ptp(middle.reshape(-1, 3), axis=0).max() == 0)
