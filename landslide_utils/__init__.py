"""From radar backscatter to a map of landslides: the helper package of the notebooks.

One way from a cube to a map; each step takes what the step before made, and knows nothing of those after it::

    region -> cube -> composite -> chips -> model
    -> train -> metrics -> predict -> export

Importing the package loads nothing heavy: torch comes in where a model is built.
"""

import contextlib
import ctypes
import os

__version__ = "0.1.0"

# Mapping is a fifth faster with large pages, which torch asks Linux for if this is set before its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
with contextlib.suppress(OSError, AttributeError):  # other systems have no such call
    # M_MMAP_THRESHOLD: Linux gets blocks from 8 MiB back when they are freed; kept, they would fill a notebook's 1.5 GB
    ctypes.CDLL("libc.so.6").mallopt(-3, 8 << 20)


def hand_memory_back() -> None:
    """Give memory that was freed back to the system: Linux's allocator keeps 0.1 GB, which a notebook needs."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
