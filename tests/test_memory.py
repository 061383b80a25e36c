"""What the package sets when it is imported: memory that was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKS = """
import os
import numpy as np
import psutil
import landslide_utils

assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"

def resident_mib():
    return psutil.Process().memory_info().rss / 2**20

before = resident_mib()
np.ones(3 << 20)  # 24 MiB: glibc would from now on keep blocks as large as this
blocks = [np.ones(2 << 20) for _ in range(20)]  # 16 MiB each
held = resident_mib() - before
last = blocks.pop()  # it lies above the others
blocks.clear()
print(held, resident_mib() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have another allocator")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    said = subprocess.run([sys.executable, "-c", BLOCKS], check=True, capture_output=True, text=True, timeout=60).stdout
    held, kept = (float(number) for number in said.split())
    assert held > 300
    assert kept < 40  # the last block, and little besides
