# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 Your own event
#
# The next earthquake or storm has no published cube. What there is on the day is a place, an instant, a first sketch of landslides, and an archive full of
# radar images on grids of their own. Here we turn these into a cube that every other notebook of this course can open.
#
# **Afterwards you can** make a cube from a bounding box, an instant and polygons, read a calendar of passes, and check grid, orbits and labels before you
# trust them.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a composite is | [03 Train a landslide detector](03_train.ipynb) |
#
# It works without a network: unless you name images of your own, it makes a small folder of **simulated** ones, under the names that real ones have.

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Leave `radar` empty to rehearse; fill in all of the first group for an event of your own.

# %% tags=["parameters"]
# fmt: off
radar: str = ""  # A folder of OPERA RTC-S1 GeoTIFFs or NISAR GCOV files, or the address of a STAC catalogue; empty for a rehearsal with simulated images
dem: str = ""  # A raster of elevation in metres; empty takes it from the catalogue
polygons: str = ""  # A file of landslide polygons that geopandas reads
box: str = ""  # west, south, east, north in degrees, such as 141.90, 42.68, 142.02, 42.78
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59
name: str = "my event"  # For headings
pixel_size_m: int = 10  # Width and height of the cube's pixels in metres, 5 to 100
collection: str = "sentinel-1-rtc"  # The catalogue's name for Sentinel-1 images that are corrected for terrain
assets: str = "vv, vh"  # The catalogue's names for the two polarisations
dem_collection: str = "cop-dem-glo-30"  # The catalogue's name for elevation
dem_asset: str = "data"  # The name of its asset
folder: str = "your_own_event"  # Where the cube, and in a rehearsal the images, are written

# %% [markdown]
# Unknown names and values of the wrong kind are refused here, before any work is done. What only the data can tell is checked further down, all at once.

# %%
from landslide_utils.config import check_parameters

texts = ["radar", "dem", "polygons", "box", "event_time", "name", "collection", "assets", "dem_collection", "dem_asset", "folder"]  # fmt: skip
check_parameters(globals(), pixel_size_m=range(5, 101), **{text: (str(globals()[text]),) for text in texts})

# %% [markdown]
# ## What you have on the day
#
# For a rehearsal we cut a corner out of the practice cube, where landslides are.

# %%
from landslide_utils.cube import open_cube

if not radar:
    corner = open_cube("practice_earthquake", progress=True).isel(x=slice(700, 1100), y=slice(600, 1000)).load()

# %% [markdown]
# It is written as an archive delivers it: one file an image and polarisation, elevation as a file in degrees, landslides as polygons. Each says that it is
# simulated.

# %%
from landslide_utils import rehearsal, simulate

if not radar:
    made = rehearsal.write_rehearsal(corner, f"{folder}/archive_{simulate.fingerprint('practice_earthquake')}")
    name, radar, dem, polygons = "rehearsal (simulated)", str(made.radar), str(made.dem), str(made.polygons)
    box, event_time = ", ".join(f"{edge:.5f}" for edge in made.box), made.event_time

# %% [markdown]
# These five things are all that is needed: where, when, what slid, images, elevation.

# %%
degrees = [float(edge) for edge in box.split(",")]
print(f"box {degrees}\ninstant {event_time} UTC\npolygons {polygons}\nimages {radar}\nelevation {dem or radar}")

# %% [markdown]
# A catalogue is an address and a few names, and names change from catalogue to catalogue. A folder needs neither.

# %%
from landslide_utils.catalogue import Catalogue

bands = dict(zip(("VV", "VH"), assets.replace(",", " ").split(), strict=False))
catalogue = Catalogue(radar, radar=collection, assets=bands, dem=dem_collection, dem_asset=dem_asset)
source = catalogue if "://" in radar else radar

# %% [markdown]
# ## Plan before you read
#
# `plan` finds the images, puts those of one flight together, lays a grid of square pixels in metres over the box, and places the polygons on it. It reads no
# pixel yet, and says how many it would read.

# %%
from landslide_utils import event

planned = event.plan(name, degrees, event_time, polygons, radar=source, dem=dem or source, pixel_size_m=pixel_size_m)
print(planned.describe())

# %% [markdown]
# ## The calendar of passes
#
# Each row is a pass: one flight over the box. The track (relative orbit) is the same path over the ground, flown again every few days; only images of one track
# see the slopes from the same side and at the same angle.

# %%
planned.calendar.round({"days": 1, "covered": 2})

# %% [markdown]
# How long would a responder have waited for the first image, and from which direction did it look?

# %%
from landslide_utils import atlas

atlas.calendar_figure(planned.calendar, simulated=planned.cube.attrs["simulated"])

# %% [markdown]
# ## What a wrong question looks like
#
# A box with its corners swapped, or an instant without a time of day, is refused before anything is read, and all that is wrong is said at once.

# %%
from landslide_utils.grid import EventError

west, south, east, north = degrees
try:
    event.plan(name, [east, south, west, north], event_time[:10], polygons, radar=source, dem=dem or source)
except EventError as error:
    print(error)

# %% [markdown]
# ## Read and write
#
# Where to? The name of the store changes with the question, so that no old cube is taken for a new one.

# %%
from pathlib import Path

store = Path(folder) / f"cube_{planned.fingerprint}.zarr"
print(store)

# %% [markdown]
# Now the pixels are read, brought to the one grid, and written block by block. The store is checked before it appears; if an image is damaged, it is named and
# nothing is left behind.

# %%
if not store.exists():
    event.write(planned, store)

# %% [markdown]
# It opens like any other cube of this course.

# %%
cube = open_cube(str(store))
cube

# %% [markdown]
# ## Check before you trust
#
# First the grid: square pixels in metres, and the elevation, which came on a grid of its own, without holes.

# %%
print(f"{cube.attrs['crs']}, pixels of {cube.attrs['pixel_size_m']:g} m, {cube.sizes['y']} x {cube.sizes['x']}")
print(f"elevation missing in {float(cube['dem'].isnull().mean()):.1%} of the pixels")

# %% [markdown]
# Then each pass: is its median like its neighbours'? Over real forested mountains it varies by about 0.7 dB from pass to pass
# ([01 Explore backscatter](01_explore.ipynb)); much more than that is weather, snow, or a fault.

# %%
import numpy as np

medians = 10 * np.log10(cube[["vv", "vh"]].median(("y", "x")))
medians.to_dataframe().round(2)

# %% [markdown]
# Last the labels: do the outlines lie where the ground changed? An inventory that is off by a few pixels teaches a network the wrong place.

# %%
atlas.overlay_figure(cube, planned.polygons)

# %% [markdown]
# ## What this orbit cannot see
#
# Slopes that face the radar are pressed together, and very steep ones fold over (layover); behind ridges lies shadow. We look along the track that has most
# passes. For Sentinel-1 we take the middle of its swath, 39 degrees from the vertical, and its usual direction.

# %%
from landslide_utils.composite import choose_passes

orbit = choose_passes(cube, 1).orbit
view = {"incidence_degrees": 39.0, "look_azimuth_degrees": {"descending": 280.0}.get(orbit, 80.0)}

# %% [markdown]
# How steeply each place is looked at follows from the elevation and the line of sight.

# %%
from landslide_utils import terrain

dem_m, pixel_m = cube["dem"].load(), cube.attrs["pixel_size_m"]
incidence = terrain.local_incidence(dem_m, pixel_m, **view)
hidden = terrain.hidden(dem_m, pixel_m, **view)

# %% [markdown]
# The darker a slope, the more it faces the radar. Layover and shadow are in colour, where there are any; gentle hills have none.

# %%
atlas.incidence_figure(incidence, hidden, orbit=orbit, simulated=cube.attrs["simulated"])

# %% [markdown]
# ## The first composite
#
# With the cube made, nothing is special about this event any more. How many passes has the best track on its shorter side? Four at most are averaged.

# %%
sides = planned.calendar.groupby(["orbit", "relative_orbit"])["when"].value_counts().unstack(fill_value=0)
timesteps = min(4, int(sides[["before", "after"]].min(axis=1).max()))

# %% [markdown]
# So many passes before, and so many after, as everywhere in this course:

# %%
from landslide_utils.composite import make_composite

composite = make_composite(cube, channels="sar_dem", timesteps=timesteps).load()
print(f"{composite.attrs['passes_before']} and {composite.attrs['passes_after']}")

# %% [markdown]
# Before, after, change, and labels:

# %%
from landslide_utils import plots

plots.composite_figure(composite)

# %% [markdown]
# ## What we learnt
#
# - A box, an instant and polygons make a cube; the images may lie in a folder or in a catalogue, and each pass knows its track.
# - Everything is brought to one grid of square pixels in metres. What a catalogue says of its images' grids is not trusted; the images' own headers are.
# - A cube is checked before it is trusted: grid, passes, labels.
#
# Train on it: `papermill 03_train.ipynb out.ipynb -p cube <path>`, with the path that was printed above.
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; NISAR L2 GCOV product specification, NASA/JPL; SpatioTemporal Asset Catalog (STAC)
# API, item search; Small 2011 on flattening gamma.
