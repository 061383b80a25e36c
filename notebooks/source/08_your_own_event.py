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
# The next earthquake or storm has no published cube. On the day of the event you have a place, a date and time, a first
# map of some landslides, and an archive of radar images on different grids. Here we make a
# [datacube](../docs/glossary.md#datacube) of these, which every other notebook of this course can open.
#
# **Afterwards you can** make a cube from a [bounding box](../docs/glossary.md#bounding-box), a date and time, and
# polygons. You can read a calendar of passes, and check grid, orbits and labels before you use them.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a [composite](../docs/glossary.md#composite) is | [03 Train a landslide detector](03_train.ipynb) |
#
# It works offline: if you give no images of your own, it makes a small folder of **simulated** images, with names like
# those of real ones. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. Leave `radar` empty to practise. For an event of your own, fill in at least
# `radar`, `polygons`, `box` and `event_time`.

# %% tags=["parameters"]
# fmt: off
radar: str = ""  # A folder of OPERA RTC-S1 or NISAR GCOV files, or a STAC catalogue; empty to practise
dem: str = ""  # A raster of elevation in metres; empty takes it from the catalogue
polygons: str = ""  # A file of landslide polygons that geopandas reads
box: str = ""  # west, south, east, north in degrees, such as 141.90, 42.68, 142.02, 42.78
event_time: str = ""  # Date and time of the event in UTC, such as 2018-09-05T18:07:59
name: str = "my event"  # For headings
pixel_size_m: int = 10  # Width and height of the cube's pixels in metres, 5 to 100
collection: str = "sentinel-1-rtc"  # The catalogue's name for Sentinel-1 images that are corrected for terrain
assets: str = "vv, vh"  # The catalogue's names for the two polarisations
dem_collection: str = "cop-dem-glo-30"  # The catalogue's name for elevation
dem_asset: str = "data"  # The name of its asset
folder: str = "your_own_event"  # Where the cube, and simulated images, are written
learner: str = "Ada"  # Your name, or a number from your instructor: it decides the event of the capstone

# %% [markdown]
# The next cell checks names and types of your settings. What can only be checked with the data is checked further down.

# %%
from landslide_utils.experiments.parameters import check_parameters, four_degrees

texts = ["radar", "dem", "polygons", "event_time", "name", "folder", "learner"]
names = ["collection", "assets", "dem_collection", "dem_asset"]
rules = {"box": four_degrees, **dict.fromkeys([*texts, *names], str)}
parameters = check_parameters(globals(), pixel_size_m=range(5, 101), **rules)

# %% [markdown]
# ## What you have on the day of the event
#
# To practise, we cut out a part of the practice cube with landslides.

# %%
from landslide_utils.cube import open_cube

if not radar:
    corner = open_cube("practice_earthquake", progress=True).isel(x=slice(700, 1100), y=slice(600, 1000)).load()

# %% [markdown]
# We write it in the form in which an archive delivers data: one file per image and polarisation, elevation as a file in
# degrees, landslides as polygons. Each file says that it is simulated.

# %%
from landslide_utils.simulate.scene import fingerprint
from landslide_utils.sources import write_catalogue

if not radar:
    archive = write_catalogue(corner, f"{folder}/archive_{fingerprint('practice_earthquake')}")
    name, polygons = "practice event (simulated)", str(archive.polygons)
    radar, dem = str(archive.radar), str(archive.dem)
    box, event_time = ", ".join(f"{edge:.5f}" for edge in archive.box), archive.event_time

# %% [markdown]
# Five things are needed: the place, the date and time, the polygons of landslides, the images, and the elevation.

# %%
degrees = [float(edge) for edge in box.split(",")]
print(f"box {degrees}\ntime {event_time} UTC\npolygons {polygons}\nimages {radar}\nelevation {dem or radar}")

# %% [markdown]
# A catalogue needs an address and a few names, and the names differ from catalogue to catalogue. A folder needs
# neither.

# %%
from landslide_utils.sources import Catalogue

bands = dict(zip(("VV", "VH"), assets.replace(",", " ").split(), strict=False))
catalogue = Catalogue(radar, radar=collection, assets=bands, dem=dem_collection, dem_asset=dem_asset)
source = catalogue if "://" in radar else radar

# %% [markdown]
# ## Plan before you read the images
#
# `plan` finds the images and groups those of one flight. It makes a grid of square pixels in metres over the box, and
# puts the polygons on it. It reads no pixels yet, and says how many it would read.

# %%
from landslide_utils.sources import Event, plan

event = Event(name, degrees, event_time, polygons, pixel_size_m=pixel_size_m)
planned = plan(event, radar=source, dem=dem or source)
print(planned.describe())

# %% [markdown]
# ## The calendar of passes
#
# Each row is a pass: one flight over the box. The satellite repeats the same path over the ground, called a track or
# [relative orbit](../docs/glossary.md#relative-orbit), every few days. Only images of one track see the slopes from the
# same side and at the same angle.

# %%
minutes = planned.calendar["time"].dt.strftime("%Y-%m-%d %H:%M")
planned.calendar.assign(time=minutes).round({"days": 1, "covered": 2})

# %% [markdown]
# How long did it take until the first image after the event, and from which direction was it taken?

# %%
from landslide_utils.figures.event import calendar_figure

calendar_figure(planned.calendar)

# %% [markdown]
# Only passes of one track can be averaged, and a change needs passes before and after. So we use only few of all
# passes: we use the track for which the smaller of "passes before" and "passes after" is largest.

# %% tags=["misconception:every-pass-counts"]
sides = planned.calendar.groupby(["orbit", "relative_orbit"])["when"].value_counts().unstack(fill_value=0)
usable = int(sides[["before", "after"]].min(axis=1).max())
print(f"{len(planned.calendar)} passes in all; at most {usable} can be averaged before and after")
sides

# %% [markdown]
# ### Exercise (harder): how long to wait?
#
# With more passes you get a map later, but speckle is weaker. Take the track that we use: the smaller of its "passes
# before" and "passes after" is the largest. How many days after the event did pass number `wanted` take place, counted
# from the event? `planned.calendar` has the columns that you saw above.

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
# ## Which time zone?
#
# All times here are [UTC](../docs/glossary.md#utc), but newspapers print local time. Local time is about one hour ahead
# for every 15 degrees of longitude (behind, where the longitude is negative). If we confuse the local time with UTC,
# the passes in between are on the wrong side of the event:

# %% tags=["misconception:newspapers-print-utc"]
import pandas as pd

hours_ahead = round((degrees[0] + degrees[2]) / 2 / 15)
instant = pd.Timestamp(planned.cube.attrs["event_time"])
printed = instant + pd.Timedelta(hours=hours_ahead)
between = planned.calendar["time"].between(*sorted([instant, printed]))
print(f"{instant} UTC is {printed} there; in between: {planned.calendar['time'][between].astype(str).tolist()}")

# %% [markdown]
# If the list is empty, that is luck. The time is still wrong.
#
# ### Exercise (easy): the first image
#
# The crews ask when the first image after the event was taken. Give date and time of the first pass after the event in
# *their* local time, which is `hours_ahead` of UTC. `pd.Timedelta(hours=...)` can be added to a time.

# %% tags=["exercise"]
first_image = ...
# BEGIN SOLUTION NO PROMPT
first_after = planned.calendar.loc[planned.calendar["when"] == "after", "time"].min()
first_image = first_after + pd.Timedelta(hours=hours_ahead)
# END SOLUTION
check.first_look(first_image, planned.calendar, hours_ahead)

# %% [markdown]
# ## What happens with wrong input
#
# We try a box with its corners swapped, and a date without a time of day. Both are refused before anything is read, and
# one error lists all that is wrong.

# %%
from landslide_utils.sources import EventError

west, south, east, north = degrees
wrong = Event(name, [east, south, west, north], event_time[:10], polygons)
try:
    plan(wrong, radar=source, dem=dem or source)
except EventError as error:
    print(error)

# %% [markdown]
# Not every wrong box can be found. Maps and people name the latitude first. Here the longitude, x, comes first. What
# happens if we swap the two?

# %% tags=["misconception:latitude-comes-first"]
from landslide_utils.grid import find_box_faults

swapped = [south, west, north, east]
print("\n".join(find_box_faults(swapped)) or f"nothing: {swapped} is also a valid box, somewhere else on Earth")

# %% [markdown]
# In Japan the longitude is 141, which cannot be a latitude. In Europe or Africa, where both numbers are small, there
# would be no error.
#
# ### Exercise (harder): a box around the landslides
#
# `planned.polygons` are the landslides, in the cube's [coordinate reference
# system](../docs/glossary.md#coordinate-reference-system). Make the bounding box around all of them, with a margin of
# `margin` degrees on each side. Give it as west, south, east, north in degrees. `to_crs("EPSG:4326")` and
# `total_bounds` help.

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
# The name of the store depends on box, event and images, so that you cannot confuse an old cube with a new one.

# %%
from pathlib import Path

store = Path(folder) / f"cube_{planned.fingerprint}.zarr"
print(store)

# %% [markdown]
# Now the pixels are read, resampled to the same grid, and written block by block. The store is checked before it gets
# its name. If an image is damaged, the error names it and no store is written.

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
# ## Check before you use it
#
# First we check the grid. Its pixels should be square and in metres. The elevation came on another grid. Has it holes
# now?

# %%
from landslide_utils.grid import pixel_size_m as width_of

print(f"{cube.rio.crs}, pixels of {width_of(cube):g} m, {cube.sizes['y']} x {cube.sizes['x']}")
print(f"elevation missing in {float(cube['dem'].isnull().mean()):.1%} of the pixels")

# %% [markdown]
# Then we check each pass: is its median like that of the passes before and after it? Over real forested mountains the
# standard deviation of the median is about 0.7 dB in VV ([01 Explore backscatter](01_explore.ipynb)). A much larger
# difference is probably weather, snow, or an error.

# %%
from landslide_utils.composite import decibels

medians = decibels(cube[["vv", "vh"]].median(("y", "x")))
medians.drop_vars("spatial_ref").to_dataframe().round(2)

# %% [markdown]
# Last we check the labels: are the outlines where the ground changed? If an inventory is shifted by a few pixels, the
# network learns the wrong places.

# %%
from landslide_utils.figures.event import overlay_figure

overlay_figure(cube, planned.polygons)

# %% [markdown]
# Does a small shift matter? We move the labels three pixels east, as in a badly aligned inventory. How many of the
# landslide pixels still have a correct label?

# %% tags=["misconception:outlines-lie-where-they-should"]
labels = cube["landslides"].load()
moved = labels.shift(x=3, fill_value=False)
still = float((labels & moved).sum() / labels.sum())
print(f"moved by {3 * width_of(cube):g} m, {still:.0%} of the landslide pixels are still labelled")

# %% [markdown]
# ## What this orbit cannot see
#
# Slopes that face the radar are squeezed into few pixels ([foreshortening](../docs/glossary.md#foreshortening)). Very
# steep ones are drawn on top of the ground in front of them ([layover](../docs/glossary.md#layover)). Behind ridges
# there is [shadow](../docs/glossary.md#shadow). We compute this for the orbit direction that we use. For Sentinel-1 we
# take the middle of its swath, an [incidence angle](../docs/glossary.md#incidence-angle) of 39 degrees, and its usual
# direction.

# %%
from landslide_utils import grid, terrain
from landslide_utils.composite import choose_passes

orbit = choose_passes(cube, 1).orbit
view = {"incidence_degrees": 39.0, "look_azimuth_degrees": terrain.LOOK_AZIMUTH[orbit]}

# %% [markdown]
# The angle at which the radar looks at each slope follows from the elevation and the line of sight.

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
# Now that the cube exists, this event works like any other. We average the same number of passes before and after: as
# many as the track has on both sides, but at most four.

# %%
from landslide_utils.composite import make_composite

composite = make_composite(cube, channels="sar_dem", timesteps=min(4, usable)).load()
print("before:", *composite.attrs["passes_before"])
print("after: ", *composite.attrs["passes_after"])

# %% [markdown]
# Before, after, change, and labels:

# %%
from landslide_utils.figures.chips import composite_figure

composite_figure(composite)

# %% [markdown]
# ## Ready before the event
#
# On the day of the event nobody has labels of it. But a network can be trained before, on passes of a quiet time. We
# draw landslides on the terrain of the place, and multiply what they change into the later half of these passes.
# Speckle, weather and terrain stay as they were, and only the landslides are simulated. Here are the passes before our
# event. A place without steep slopes, or with fewer than two passes, is refused:

# %%
from landslide_utils.files import InputError
from landslide_utils.simulate.inject import inject, open_quiet

half, picture = max(1, min(2, int(sides["before"].max()) // 2)), None
try:
    ready = inject(open_quiet(str(store), until=event_time), timesteps=half)
    picture = composite_figure(make_composite(ready, timesteps=half))
except InputError as error:
    print(error)
picture

# %% [markdown]
# The command `landslides prepare` does the same, and trains a network on it:
#
#     landslides prepare --cube quiet.zarr --timesteps 2
#
# To make `quiet.zarr`, plan and write a cube as above. Leave `polygons` out, and give the end of the quiet time as
# `event_time`. The cube then has no labels, and needs no pass after that time. It needs twice as many passes of one
# track as `--timesteps` says. When the event has come, make its cube as above, again without `polygons`. Map it with
# the run whose folder was printed:
#
#     landslides map --run runs/HASH --cube event.zarr
#
# Nobody knows beforehand what the landslides of an event will change. So what they do is drawn from a broad
# distribution: brighter, darker, or nothing at all. Fields and clear-cuts change too, and are no landslides.
# [A page of results](../docs/results/prepared.md) says how good such a network is on the practice regions.
# [Another one](../docs/real/false_alarms.md) counts its false alarms on real passes without an event.

# %% [markdown]
# ## Capstone: from a cube to a letter
#
# Now you do the whole work alone, on a practice event that is only yours: `learner` decides its hills and landslides.
# It is **simulated**. A first inventory shows the landslides of the western part. Those of the eastern part are not in
# your files. Your instructor can make them again, and compares your map with them.

# %%
from landslide_utils.course.capstone import make_event

own = make_event(learner, Path(folder) / "_".join(["capstone", *learner.split()]))
own

# %% [markdown]
# `mapped` is the western part, for the training. `event` is the whole scene. What does the inventory know of each?

# %%
for part, path in own.items():
    known = open_cube(str(path))["landslides"]
    print(f"{part}: {known.sizes['x']} x {known.sizes['y']} pixels, {int(known.sum())} are mapped as landslide")

# %% [markdown]
# ### Try
#
# The three steps take about two minutes on two cores, and you about two hours. In a terminal, in this folder:
#
# 1. Train on `mapped`. This prints the folder of the run, and its score on the western test chips:
#    `landslides train --cube PATH/mapped.zarr --steps 240`
# 2. Map the whole event with this run: `landslides map --run runs/HASH --cube PATH/event.zarr`
# 3. Look at the map, as in [05 A map](05_map.ipynb). Write half a page to the mayor of the eastern valley, who has one
#    helicopter and three crews.
#
# Hand in the map `maps/probability.tif`, the half page, and the commands that you ran. You may choose other bands,
# passes, steps and thresholds. Write down why.
#
# <details><summary>What a good answer has</summary>
#
# - A map of the eastern part that is much better than random guessing, with a threshold for which there is a reason.
# - Where to go first, with coordinates, and why there.
# - How many of the landslides such a map misses, and how many of its places are wrong, as numbers from the western test
#   chips.
# - What the radar cannot see, and that a place without a polygon is not safe.
# - Words that a mayor knows. No "AUPRC" and no "logit".
#
# </details>
#
# The [instructor's guide](../docs/instructor.md#capstone) has the rubric. Stuck in the exercises above? Here is [this
# notebook with its solutions](solutions/08_your_own_event.ipynb).

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:every-pass-counts"]
# **1.** Track 46 has nine passes before the event and one after it; track 68 has three before and three after. How many
# can be averaged on each side?
#
# <details><summary>Four: there are four after the event</summary>
#
# **No.** They are of two tracks, which see the slopes from different sides or at different angles.
#
# </details>
#
# <details><summary>Three, on track 68</summary>
#
# **Right.** An average needs passes of one track, and a change needs passes before and after. The smaller number
# counts.
#
# </details>
#
# <details><summary>Nine, on track 46</summary>
#
# **No.** Track 46 has nine passes before, but only one after. The change has all the speckle of that one.
#
# </details>

# %% [markdown] tags=["question:newspapers-print-utc"]
# **2.** A newspaper in Japan, nine hours ahead of UTC, says that the earthquake struck on 6 September at 3:08. What do
# you enter?
#
# <details><summary>2018-09-06T03:08</summary>
#
# **No.** That is read as UTC, and is nine hours too late. A pass within these hours is on the wrong side.
#
# </details>
#
# <details><summary>2018-09-06T12:08</summary>
#
# **No.** Clocks in Japan are ahead. UTC is earlier: subtract the hours.
#
# </details>
#
# <details><summary>2018-09-05T18:08</summary>
#
# **Right.** It is nine hours earlier, on the day before.
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
# **No.** That is also a valid box, in the east of Ethiopia, and no error warns you.
#
# </details>
#
# <details><summary>7.9, 8.2, 46.0, 46.2</summary>
#
# **No.** Both longitudes first is not the order: west, south, east, north.
#
# </details>

# %% [markdown] tags=["question:outlines-lie-where-they-should"]
# **4.** An inventory was traced on air photographs and is shifted by 30 m against the radar image. Does it matter?
#
# <details><summary>No, 30 m is little on a map of 10 km</summary>
#
# **No.** Most landslides are only a few pixels wide. A shift of three pixels often misses the landslide.
#
# </details>
#
# <details><summary>No, the network will learn the right place</summary>
#
# **No.** It learns from the labels: the wrong places, or nothing at all.
#
# </details>
#
# <details><summary>Yes: look at outlines and image together before you train</summary>
#
# **Right.** Many pixels would have a wrong label, in training and in the test.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A cube is made from a box, a date and time, and polygons. The images can be in a folder or in a catalogue.
# - Everything is resampled to one grid of square pixels in metres. The grid of an image is read from the image itself,
#   not from the catalogue.
# - A box is west, south, east, north in degrees, and times are in UTC. A mistake in these does not always give an
#   error.
# - Passes must be of one track, before and after the event. More passes mean a longer wait.
# - Check grid, passes and labels of a cube before you use it.
# - A map is finished when somebody who has to decide can use it.
#
# Train on it: `papermill 03_train.ipynb out.ipynb -p cube <path>`, with the path that was printed above.
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; NISAR L2 GCOV product specification, NASA/JPL;
# SpatioTemporal Asset Catalog (STAC) API, item search; Small 2011 on flattening gamma.
