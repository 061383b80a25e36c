"""A grid of runs from the command line: ``python -m landslide_utils.experiments --help``."""

import sys

from landslide_utils.__main__ import main

if __name__ == "__main__":  # Dask's workers import this too
    sys.exit(main(["experiments", *sys.argv[1:]]))
