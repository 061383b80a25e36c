"""A scene of real terrain and, where given, real landslides, with simulated radar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from landslide_utils.files import InputError
from landslide_utils.grid import Window, in_pixels, touches
from landslide_utils.simulate import Scenario, radar
from landslide_utils.simulate.landslides import make_landslides
from landslide_utils.simulate.random_fields import Array
from landslide_utils.simulate.scene import SimulatedScene
from landslide_utils.sources.labels import find_polygon_faults


@dataclass(frozen=True)
class RealScene(SimulatedScene):
    """A scene whose ground, float32 (height, width) in metres, is the caller's."""

    ground: Array | None = None

    def elevation(self, window: Window) -> Array:
        """Return the height of the ground in metres, float32 (height, width); beyond the edge that of the edge."""
        rows = np.clip(np.arange(window.row, window.row + window.height), 0, self.scenario.height - 1)
        cols = np.clip(np.arange(window.col, window.col + window.width), 0, self.scenario.width - 1)
        return self.ground[np.ix_(rows, cols)]


def real_scene(dem: xr.DataArray, landslides: Any = None, scenario: Scenario | None = None) -> RealScene:
    """Return a scene from real terrain and, where given, real landslides; only the radar is simulated.

    Parameters
    ----------
    dem : xarray.DataArray (y, x)
        Elevation in metres with a CRS (``dem.rio.crs``). It is brought to the UTM zone of its place at
        ``scenario.pixel_size_m``.
    landslides : geopandas.GeoSeries or GeoDataFrame, optional
        Polygons with a CRS; without them, landslides are drawn on the terrain.
    scenario : Scenario, optional
        Its height and width are replaced by the terrain's.

    Raises
    ------
    ValueError
        If the DEM has holes, no CRS or is smaller than a chip; if the polygons have no CRS or none lies on the DEM.
    """
    import rioxarray  # noqa: F401  (gives xarray objects their .rio)
    from rasterio.enums import Resampling

    scenario = scenario or Scenario()
    faults = []
    dem = dem.squeeze(drop=True)
    if dem.ndim != 2:
        raise ValueError(f"the DEM has the dimensions {dem.dims}; one band with y and x is needed")
    if dem.rio.crs is None:
        raise ValueError("the DEM has no coordinate reference system; write one with dem.rio.write_crs('EPSG:...')")
    holes = int((~np.isfinite(dem.values)).sum() + (dem.values == dem.rio.nodata).sum())
    if holes:
        faults.append(f"the DEM has {holes} missing pixels; fill them first, for example with dem.rio.interpolate_na()")
    crs = dem.rio.estimate_utm_crs()
    flat = dem.astype("float32").rio.reproject(
        crs, resolution=scenario.pixel_size_m, resampling=Resampling.cubic_spline, nodata=np.nan
    )
    rows, cols = _largest_filled(np.isfinite(flat.values))
    flat = flat[rows, cols]
    if min(flat.shape) < 128:
        faults.append(
            f"the DEM covers {flat.shape[0]} x {flat.shape[1]} pixels of {scenario.pixel_size_m:g} m; "
            "at least 128 x 128 are needed"
        )
    shapes = None
    if landslides is not None:
        geometry = landslides.geometry
        faults += find_polygon_faults(geometry)
        if geometry.crs is not None:
            placed = in_pixels(geometry.to_crs(crs), flat.rio.transform())
            shapes = [shape for shape in placed if touches(shape, Window(0, 0, *flat.shape))]
            if not shapes:
                faults.append(
                    f"none of the {len(geometry)} landslide polygons lies on the DEM; "
                    "check both coordinate reference systems"
                )
    if faults:
        raise InputError("cannot make a scene", faults)
    scenario = scenario.replace(height=flat.shape[0], width=flat.shape[1])
    ground = np.ascontiguousarray(flat.values, np.float32)
    if shapes is None:
        shapes = list(make_landslides(scenario, ground))
    affine = flat.rio.transform()
    signatures = radar.Signatures.draw(scenario, len(shapes))
    return RealScene(scenario, shapes, signatures, f"EPSG:{crs.to_epsg()}", (affine.c, affine.f), ground)


def _largest_filled(valid: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Trim rows and columns, the emptiest edge first, until no pixel is missing (reprojection leaves empty wedges)."""
    top, bottom, left, right = 0, valid.shape[0], 0, valid.shape[1]
    while not valid[top:bottom, left:right].all():
        part = ~valid[top:bottom, left:right]
        edges = {
            "top": part[0].mean(),
            "bottom": part[-1].mean(),
            "left": part[:, 0].mean(),
            "right": part[:, -1].mean(),
        }
        worst = max(edges, key=lambda edge: edges[edge])
        top, bottom = top + (worst == "top"), bottom - (worst == "bottom")
        left, right = left + (worst == "left"), right - (worst == "right")
    return slice(top, bottom), slice(left, right)
