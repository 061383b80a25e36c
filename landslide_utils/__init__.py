"""From radar backscatter to a map of landslides: the helper package of the notebooks.

One way through the house, each module knowing only those before it::

    regions -> download -> cube -> composite -> chips -> model -> train -> predict -> polygons, export
                                                                          predict -> runs -> experiments -> results

Importing the package loads nothing heavy: torch comes in where a model is built.
"""

__version__ = "0.1.0"
