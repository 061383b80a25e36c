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
# The next earthquake or storm has no published cube. What there is on the day is a place, an instant, a first sketch of
# landslides, and an archive full of radar images on grids of their own. Here we turn these into a
# [datacube](../docs/glossary.md#datacube) that every other notebook of this course can open.
#
# **Afterwards you can** make a cube from a [bounding box](../docs/glossary.md#bounding-box), an instant and polygons,
# read a calendar of passes, and check grid, orbits and labels before you trust them.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a [composite](../docs/glossary.md#composite) is | [03 Train a landslide detector](03_train.ipynb) |
#
# It works offline: unless you name images of your own, it makes a small folder of **simulated** ones, under
# the names that real ones have. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Leave `radar` empty to practise; fill in all of the first
# group for an event of your own.

# %% tags=["parameters"]
# fmt: off
radar: str = ""  # A folder of OPERA RTC-S1 or NISAR GCOV files, or a STAC catalogue; empty to practise
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
folder: str = "your_own_event"  # Where the cube, and simulated images, are written

# %% [markdown]
# Unknown names and values of the wrong kind are refused here, before any work is done. What only the data can tell is
# checked further down, all at once.

# %%
from landslide_utils.experiments.parameters import check_parameters

texts = ["radar", "dem", "polygons", "box", "event_time", "name", "folder"]
names = ["collection", "assets", "dem_collection", "dem_asset"]
parameters = check_parameters(globals(), pixel_size_m=range(5, 101), **dict.fromkeys([*texts, *names], str))

# %% [markdown]
# ## What you have on the day
#
# To practise, we cut a corner out of the practice cube, where landslides are.

# %%
from landslide_utils.cube import open_cube

if not radar:
    corner = open_cube("practice_earthquake", progress=True).isel(x=slice(700, 1100), y=slice(600, 1000)).load()

# %% [markdown]
# It is written as an archive delivers it: one file an image and polarisation, elevation as a file in degrees,
# landslides as polygons. Each says that it is simulated.

# %%
from landslide_utils.simulate.scene import fingerprint
from landslide_utils.sources import write_catalogue

if not radar:
    archive = write_catalogue(corner, f"{folder}/archive_{fingerprint('practice_earthquake')}")
    name, polygons = "practice event (simulated)", str(archive.polygons)
    radar, dem = str(archive.radar), str(archive.dem)
    box, event_time = ", ".join(f"{edge:.5f}" for edge in archive.box), archive.event_time

# %% [markdown]
# These five things are all that is needed: where, when, what slid, images, elevation.

# %%
degrees = [float(edge) for edge in box.split(",")]
print(f"box {degrees}\ninstant {event_time} UTC\npolygons {polygons}\nimages {radar}\nelevation {dem or radar}")

# %% [markdown]
# A catalogue is an address and a few names, and names change from catalogue to catalogue. A folder needs neither.

# %%
from landslide_utils.sources import Catalogue

bands = dict(zip(("VV", "VH"), assets.replace(",", " ").split(), strict=False))
catalogue = Catalogue(radar, radar=collection, assets=bands, dem=dem_collection, dem_asset=dem_asset)
source = catalogue if "://" in radar else radar

# %% [markdown]
# ## Plan before you read
#
# `plan` finds the images, puts those of one flight together, lays a grid of square pixels in metres over the box, and
# places the polygons on it. It reads no pixel yet, and says how many it would read.

# %%
from landslide_utils.sources import Event, plan

event = Event(name, degrees, event_time, polygons, pixel_size_m=pixel_size_m)
planned = plan(event, radar=source, dem=dem or source)
print(planned.describe())

# %% [markdown]
# ## The calendar of passes
#
# Each row is a pass: one flight over the box. The track ([relative orbit](../docs/glossary.md#relative-orbit)) is the
# same path over the ground, flown again every few days; only images of one track see the slopes from the same side and
# at the same angle.

# %%
planned.calendar.round({"days": 1, "covered": 2})

# %% [markdown]
# How long would a responder have waited for the first image, and from which direction did it look?

# %%
from landslide_utils.figures.event import calendar_figure

calendar_figure(planned.calendar)

# %% [markdown]
# Only passes of one track can be averaged, and a change needs both sides. So of all passes few count: those on the
# track whose shorter side is longest.

# %% tags=["misconception:every-pass-counts"]
sides = planned.calendar.groupby(["orbit", "relative_orbit"])["when"].value_counts().unstack(fill_value=0)
usable = int(sides[["before", "after"]].min(axis=1).max())
print(f"{len(planned.calendar)} passes in all; at most {usable} can be averaged on each side")
sides

# %% [markdown]
# ### Exercise: how long to wait?
#
# More passes make a better map, and a later one. On the track that has most passes on its shorter side, how many days
# after the event was pass number `wanted` after it? `planned.calendar` has the columns that you saw above.

# %% tags=["exercise"]
from landslide_utils.course import check

wanted = min(3, usable)
wait_days = ...
# BEGIN SOLUTION NO PROMPT
orbit, track = sides[["before", "after"]].min(axis=1).idxmax()
own = planned.calendar.query("orbit == @orbit and relative_orbit == @track and when == 'after'")
wait_days = own["days"].iloc[wanted - 1]
# END SOLUTION
check.waiting_days(wait_days, planned.calendar, wanted)

# %% [markdown]
# ## Whose clock?
#
# All times here are [UTC](../docs/glossary.md#utc); newspapers print the time of the place. By the sun, clocks are one
# hour ahead for every 15 degrees of longitude (behind, where it is negative). Had we taken the newspaper's time for
# UTC, the passes in between would have changed sides:

# %% tags=["misconception:newspapers-print-utc"]
import pandas as pd

hours_ahead = round((degrees[0] + degrees[2]) / 2 / 15)
instant = pd.Timestamp(planned.cube.attrs["event_time"])
printed = instant + pd.Timedelta(hours=hours_ahead)
between = planned.calendar["time"].between(*sorted([instant, printed]))
print(f"{instant} UTC is {printed} there; passes in between: {planned.calendar['time'][between].astype(str).tolist()}")

# %% [markdown]
# If the list is empty, that is luck, and a wrong instant all the same.
#
# ### Exercise: the first image
#
# The crews on the ground ask since when there is an image from after the event. Give the instant of the first pass
# after it by *their* clocks, `hours_ahead` of UTC. `pd.Timedelta(hours=...)` can be added to a time.

# %% tags=["exercise"]
first_image = ...
# BEGIN SOLUTION NO PROMPT
first_after = planned.calendar.loc[planned.calendar["when"] == "after", "time"].min()
first_image = first_after + pd.Timedelta(hours=hours_ahead)
# END SOLUTION
check.first_look(first_image, planned.calendar, hours_ahead)

# %% [markdown]
# ## What a wrong question looks like
#
# A box with its corners swapped, or an instant without a time of day, is refused before anything is read, and all that
# is wrong is said at once.

# %%
from landslide_utils.sources import EventError

west, south, east, north = degrees
wrong = Event(name, [east, south, west, north], event_time[:10], polygons)
try:
    plan(wrong, radar=source, dem=dem or source)
except EventError as error:
    print(error)

# %% [markdown]
# Not every wrong box can be refused. Maps and people name the latitude first; here the longitude, x, comes first. What
# is said of our box if the two change places?

# %% tags=["misconception:latitude-comes-first"]
from landslide_utils.grid import find_box_faults

swapped = [south, west, north, east]
find_box_faults(swapped) or f"nothing: {swapped} is a box as well, somewhere else on Earth"

# %% [markdown]
# In Japan 141 cannot be a latitude. In Europe or Africa, where both numbers are small, nothing would have warned you.
#
# ### Exercise: a box around the landslides
#
# `planned.polygons` are the landslides, in the cube's [coordinate reference
# system](../docs/glossary.md#coordinate-reference-system). Make the box that one would ask a catalogue for: around all
# of them, with `margin` degrees to spare on each side, as west, south, east, north in degrees. `to_crs("EPSG:4326")`
# and `total_bounds` help.

# %% tags=["exercise"]
margin = 0.01
around = ...
# BEGIN SOLUTION NO PROMPT
low_x, low_y, high_x, high_y = planned.polygons.to_crs("EPSG:4326").total_bounds
around = [low_x - margin, low_y - margin, high_x + margin, high_y + margin]
# END SOLUTION
check.surrounding_box(around, planned.polygons, margin)

# %% [markdown]
# ## Read and write
#
# Where to? The name of the store changes with the question, so that no old cube is taken for a new one.

# %%
from pathlib import Path

store = Path(folder) / f"cube_{planned.fingerprint}.zarr"
print(store)

# %% [markdown]
# Now the pixels are read, brought to the one grid, and written block by block. The store is checked before it appears;
# if an image is damaged, it is named and nothing is left behind.

# %%
from landslide_utils.sources import write

if not store.exists():
    write(planned, store)

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
from landslide_utils.grid import pixel_size_m as width_of

print(f"{cube.rio.crs}, pixels of {width_of(cube):g} m, {cube.sizes['y']} x {cube.sizes['x']}")
print(f"elevation missing in {float(cube['dem'].isnull().mean()):.1%} of the pixels")

# %% [markdown]
# Then each pass: is its median like its neighbours'? Over real forested mountains it varies by about 0.7 dB from pass
# to pass ([01 Explore backscatter](01_explore.ipynb)); much more than that is weather, snow, or a fault.

# %%
from landslide_utils.composite import decibels

medians = decibels(cube[["vv", "vh"]].median(("y", "x")))
medians.drop_vars("spatial_ref").to_dataframe().round(2)

# %% [markdown]
# Last the labels: do the outlines lie where the ground changed? An inventory that is off by a few pixels teaches a
# network the wrong place.

# %%
from landslide_utils.figures.event import overlay_figure

overlay_figure(cube, planned.polygons)

# %% [markdown]
# How much does a little matter? We move the labels east by three pixels, as a careless inventory may lie. Of the
# landslide pixels, how many are still labelled right?

# %% tags=["misconception:outlines-lie-where-they-should"]
labels = cube["landslides"].load()
moved = labels.shift(x=3, fill_value=False)
still = float((labels & moved).sum() / labels.sum())
print(f"moved by {3 * width_of(cube):g} m, {still:.0%} of the landslide pixels are still labelled")

# %% [markdown]
# ## What this orbit cannot see
#
# Slopes that face the radar are pressed together ([foreshortening](../docs/glossary.md#foreshortening)), and very steep
# ones fold over ([layover](../docs/glossary.md#layover)); behind ridges lies [shadow](../docs/glossary.md#shadow). We
# look along the track that has most passes. For Sentinel-1 we take the middle of its swath, an [incidence
# angle](../docs/glossary.md#incidence-angle) of 39 degrees, and its usual direction.

# %%
from landslide_utils import grid, terrain
from landslide_utils.composite import choose_passes

orbit = choose_passes(cube, 1).orbit
view = {"incidence_degrees": 39.0, "look_azimuth_degrees": terrain.LOOK_AZIMUTH[orbit]}

# %% [markdown]
# How steeply each place is looked at follows from the elevation and the line of sight.

# %%
dem_m, pixel_m = cube["dem"].load(), grid.pixel_size_m(cube)
incidence = terrain.local_incidence(dem_m, pixel_m, **view)
layover_and_shadow = terrain.layover_and_shadow(dem_m, pixel_m, **view)

# %% [markdown]
# The darker a slope, the more it faces the radar. Layover and shadow are in colour, where there are any; gentle hills
# have none.

# %%
from landslide_utils.figures.event import incidence_figure

incidence_figure(cube, incidence, layover_and_shadow, orbit=orbit)

# %% [markdown]
# ## The first composite
#
# With the cube made, nothing is special about this event any more. As many passes as the best track has on its shorter
# side, but four at most, are averaged before and after, as everywhere in this course:

# %%
from landslide_utils.composite import make_composite

composite = make_composite(cube, channels="sar_dem", timesteps=min(4, usable)).load()
print(f"{composite.attrs['passes_before']} and {composite.attrs['passes_after']}")

# %% [markdown]
# Before, after, change, and labels:

# %%
from landslide_utils.figures.chips import composite_figure

composite_figure(composite)

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:every-pass-counts"]
# **1.** Track 46 has nine passes before the event and one after it; track 68 has three before and three after. How many
# can be averaged on each side?
#
# <details><summary>Four: there are four after the event</summary>
#
# **No.** Those after it are of two tracks, which see each slope from another side.
#
# </details>
#
# <details><summary>Three, on track 68</summary>
#
# **Right.** An average needs passes of one track, and a change needs both sides. The shorter side counts.
#
# </details>
#
# <details><summary>Nine, on track 46</summary>
#
# **No.** Nine before, but only one after: its change has the speckle of that one.
#
# </details>

# %% [markdown] tags=["question:newspapers-print-utc"]
# **2.** A newspaper in Japan, nine hours ahead of UTC, says that the earthquake struck on 6 September at 3:08. What do
# you enter?
#
# <details><summary>2018-09-06T03:08</summary>
#
# **No.** That is read as UTC, nine hours too late. A pass within them is put on the wrong side.
#
# </details>
#
# <details><summary>2018-09-06T12:08</summary>
#
# **No.** Clocks in Japan are ahead. UTC is earlier: take the hours away.
#
# </details>
#
# <details><summary>2018-09-05T18:08</summary>
#
# **Right.** Nine hours less, which is on the day before.
#
# </details>

# %% [markdown] tags=["question:latitude-comes-first"]
# **3.** Somebody gives you a box as 'latitude 46.0 to 46.2, longitude 7.9 to 8.2'. What do you enter?
#
# <details><summary>7.9, 46.0, 8.2, 46.2</summary>
#
# **Right.** West, south, east, north: x first, then y, the south-western corner before the other.
#
# </details>
#
# <details><summary>46.0, 7.9, 46.2, 8.2</summary>
#
# **No.** That is a box as well, in the east of Ethiopia, and no error warns you.
#
# </details>
#
# <details><summary>7.9, 8.2, 46.0, 46.2</summary>
#
# **No.** Both longitudes first is not the order: west, south, east, north.
#
# </details>

# %% [markdown] tags=["question:outlines-lie-where-they-should"]
# **4.** An inventory was traced on air photographs and lies 30 m beside the radar's grid. Does it matter?
#
# <details><summary>No, 30 m is little on a map of 10 km</summary>
#
# **No.** Landslides are a few pixels wide. Three pixels beside is often beside the landslide.
#
# </details>
#
# <details><summary>No, the network will learn the right place</summary>
#
# **No.** It learns what the labels say: the wrong place, or nothing at all.
#
# </details>
#
# <details><summary>Yes: look at outlines and image together before you train</summary>
#
# **Right.** Many pixels would be labelled wrong, in training and in the test.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A box, an instant and polygons make a cube; the images may lie in a folder or in a catalogue, and each pass knows
#   its track.
# - Everything is brought to one grid of square pixels in metres. What a catalogue says of its images' grids is not
#   trusted; the images' own headers are.
# - A box is west, south, east, north in degrees, and instants are in UTC: two things that most often go wrong, and not
#   always with an error.
# - Passes count on one track and on both sides; more of them mean a longer wait.
# - A cube is checked before it is trusted: grid, passes, labels.
#
# Train on it: `papermill 03_train.ipynb out.ipynb -p cube <path>`, with the path that was printed above.
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; NISAR L2 GCOV product specification, NASA/JPL;
# SpatioTemporal Asset Catalog (STAC) API, item search; Small 2011 on flattening gamma.
