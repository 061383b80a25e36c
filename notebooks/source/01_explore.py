# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Explore backscatter
#
# A radar image is grey and grainy. It is bright or dark in many places where nothing has changed. Before a network
# learns from such images, we learn to read them. What is measured? What is noise, geometry or weather? And how much of
# a change comes from landslides?
#
# **Afterwards you can** convert power to decibels and average it correctly, estimate the number of looks, and tell
# geometry from change. You can say what a landslide is and what it does to backscatter, and what a filter costs. You
# can say where the practice cube is like real radar and where it is not.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what the course is about | [00 Start here](00_start_here.ipynb), not required |
#
# It works offline. Most of this course runs on a practice cube: **simulated** radar with known truth. New words are
# explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # practice_earthquake, practice_mountains, practice_hurricane or practice_small
size: int = 360  # Width and height, in pixels, of the corner in which the noise is measured, 60 to 600
real: str = ""  # A published cube, such as hokkaido_japan, of which a real window is shown (with a network), or ""

# %% [markdown]
# The next cell checks them.

# %%
from landslide_utils.experiments.parameters import check_parameters
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.sources.download import PUBLISHED

parameters = check_parameters(globals(), region=PRACTICE, size=range(60, 601), real=["", *PUBLISHED])

# %% [markdown]
# ## A view
#
# We open the cube and take the square of 256 x 256 pixels with most landslides. It has three dimensions: time, and two
# on the ground.

# %%
from landslide_utils.cube import open_cube
from landslide_utils.simulate.truth import busiest_window

datacube = open_cube(region, progress=True)
view = busiest_window(datacube, 256)
view

# %% [markdown]
# A simulator knows what no satellite can measure: what grows on each pixel, how the ground slopes, and which landslides
# the radar sees. We use this truth to check our results. A real cube has only labels.

# %%
from landslide_utils.simulate.truth import reveal

truth = reveal(view)

# %% [markdown]
# ## Power and decibels
#
# The radar sends a pulse and measures the **power** that comes back, per area of ground: the
# [backscatter](../docs/glossary.md#backscatter). Ours is the version called gamma nought (written γ⁰), which corrects
# for how the slope is tilted. It differs a lot from pixel to pixel. How many times as much as the median does the
# brightest pixel send back? (In the published cube of Hokkaido the greatest value is 881.)

# %%
power = view["vv"].isel(time=0)
median, greatest = float(power.median()), float(power.max())
print(f"median {median:.2f}, greatest {greatest:.1f}: {greatest / median:.0f} times as much")

# %% [markdown]
# Its logarithm is easier to see, and easier to learn from for a network. A [decibel](../docs/glossary.md#decibel) is
# ten times the logarithm to base ten: 10 dB more is ten times the power, 3 dB more is about twice.

# %%
import numpy as np

db = 10 * np.log10(power)

# %% [markdown]
# The same pixels, in both units. Which of the two would you rather draw as an image?

# %%
from landslide_utils.figures.explore import power_figure

power_figure(view)

# %% [markdown]
# Be careful here: the mean of the decibels is not the mean of the power in decibels. The logarithm compresses bright
# values, so they count less in the mean.

# %% tags=["misconception:decibels-can-be-averaged"]
mean_then_db = float(10 * np.log10(power.mean()))
db_then_mean = float(db.mean())
off = db_then_mean - mean_then_db
print(f"mean of power {mean_then_db:.2f} dB, mean of decibels {db_then_mean:.2f} dB: {off:.2f} dB off")

# %% [markdown]
# ### Exercise (easy): the level of the forest
#
# `forest` holds every forest pixel in every pass, and NaN elsewhere. What is its mean backscatter in dB?

# %% tags=["exercise"]
from landslide_utils.course import check

forest = view["vv"].where(truth["cover"] == "forest")
forest_db = ...
# BEGIN SOLUTION NO PROMPT
forest_db = 10 * np.log10(forest.mean())
# END SOLUTION
check.mean_backscatter(forest_db, forest)

# %% [markdown]
# ## Look around
#
# Move the slider through time. The hills stay the same, and the grain changes. Can you find a pass after which
# something else has changed? (Black is -14 dB, white is -1 dB. The values are rounded to half a decibel, which keeps
# the page small. The sliders work offline and without a kernel. Below them the same plots are shown as static
# pictures.)

# %%
from landslide_utils.course import sliders

sliders.prepare()
import hvplot.xarray  # noqa: F401

stack = (10 * np.log10(view["vv"])).rename("VV").assign_attrs(long_name="VV", units="dB")
stack["x"].attrs["units"] = stack["y"].attrs["units"] = "m"
((2 * stack.clip(-14, -1)).round() / 2).hvplot.image(
    x="x", y="y", groupby="time", cmap="gray", clim=(-14, -1), title="VV (dB), simulated", dynamic=False,
    frame_width=300, frame_height=300, xaxis=None, yaxis=None, colorbar=False, toolbar="above",
)

# %% [markdown]
# The profile along the middle row shows how jagged even a smooth hillside looks, pass by pass.

# %%
stack.isel(y=128).hvplot.line(
    x="x", groupby="time", ylim=(-20, 5), xlabel="east (m)", ylabel="VV (dB)", xformatter="%d",
    title="profile, simulated", responsive=True, min_height=300, dynamic=False
)

# %% [markdown]
# Now the histogram of each pass. Does its shape change, or does it only move as a whole?

# %%
stack.hvplot.hist(
    "VV", groupby="time", bins=80, bin_range=(-20, 5), xlabel="VV (dB)",
    title="histogram, simulated", responsive=True, min_height=300, dynamic=False
)

# %% [markdown]
# The first pass, as a static picture. Its histogram stands above, under "Power and decibels".

# %%
from landslide_utils.figures.explore import pass_figure

pass_figure(view)

# %% [markdown]
# ## VV and VH
#
# Sentinel-1 sends vertically polarised waves and receives two [polarisations](../docs/glossary.md#polarisation): VV is
# sent and received vertically. VH is sent vertically and received horizontally, so its direction was turned on the way.
# Surfaces send back mostly VV. Waves are turned where there are many scatterers, as in the crown of a tree. So VH is
# weaker, and tells more about what grows. To see more than forest, we go to the square of the
# scene with the gentlest slopes.

# %%
from landslide_utils import grid, terrain

steepness = terrain.slope(datacube["dem"], grid.pixel_size_m(datacube))
valley = busiest_window(datacube, 256, of=-steepness)
cover = reveal(valley)["cover"]

# %% [markdown]
# VV, VH and what grows there. All passes are from before the event, so no landslide is in the picture.

# %%
from landslide_utils.figures.explore import polarisation_figure

polarisation_figure(valley, cover)

# %% [markdown]
# How bright is each land cover? We take the median over the passes before the event and all pixels.

# %%
quiet = valley[["vv", "vh"]].sel(time=slice(None, valley.attrs["event_time"]))
levels = 10 * np.log10(quiet.median("time")).groupby(cover).median()
levels.drop_vars("spatial_ref").to_dataframe().astype(float).round(1)

# %% [markdown]
# > **C band.** Sentinel-1 works in [C band](../docs/glossary.md#c-band): its waves are 5.5 cm long. They go through
# > clouds, because drops are much smaller than the wave. They are scattered by things of their own size or larger: in a
# > forest by leaves and twigs in the upper part of the crowns. So C band sees little of the ground under dense trees. L
# > band, with waves of about 24 cm, sees deeper. (Flores-Anderson et al. 2019)

# %% [markdown]
# ## Speckle and looks
#
# Each pixel holds many scatterers, and their echoes add up or cancel. This [speckle](../docs/glossary.md#speckle) is
# not the receiver's noise: it *multiplies* the power, so bright places are as grainy as dark ones. Only a simulator can
# show the same place without speckle. Let us look at it.

# %%
from landslide_utils.simulate.truth import resimulate

smooth = resimulate(view, looks=1e6)
speckle_only = view["vv"] / smooth["vv"]

# %% [markdown]
# We divide by the image without speckle, and only the speckle is left. Its mean is 1. How far do single pixels differ
# from 1?

# %%
low, high = speckle_only.quantile([0.05, 0.95]).values
print(f"mean {float(speckle_only.mean()):.2f}, 5 of 100 pixels below {low:.2f}, 5 of 100 above {high:.2f}")

# %% [markdown]
# ### Exercise (easy): looks
#
# The [equivalent number of looks](../docs/glossary.md#equivalent-number-of-looks) says how strong speckle is: the
# squared mean of the power divided by its variance. With twice as many looks the variance is halved. How many looks
# does one pass have? `one_pass` is its speckle.

# %% tags=["exercise"]
one_pass = speckle_only.isel(time=0)
looks = ...
# BEGIN SOLUTION NO PROMPT
looks = one_pass.mean() ** 2 / one_pass.var()
# END SOLUTION
check.number_of_looks(looks, one_pass)

# %% [markdown]
# > **GRD and SLC.** Sentinel-1 images come in two forms. [SLC](../docs/glossary.md#slc) keeps strength and phase of the
# > echo, with one look. For [GRD](../docs/glossary.md#grd), several looks are averaged, the phase is dropped, and the
# > echoes are placed on the ground. That makes it smaller and less grainy. The practice cube is like GRD: about five
# > looks and no phase. (ESA, *Sentinel-1 Product Definition*)

# %% [markdown]
# So what does it mean when a pixel changes? We take two passes of one orbit before the event, when nothing happened,
# and count the pixels that changed by more than 3 dB, a factor of two.

# %% tags=["misconception:every-change-is-real"]
from landslide_utils.composite import choose_passes

passes = choose_passes(view, 3)
earlier, later = (stack.isel(time=i) for i in passes.before[-2:])
print(f"{float((abs(later - earlier) > 3).mean()):.0%} of the pixels changed by more than 3 dB, before anything slid")

# %% [markdown]
# ## What averaging brings
#
# More looks come from averaging: over passes (in time) or over neighbours (in space). The left image is one pass, the
# right one the truth without speckle.

# %%
from landslide_utils.figures.explore import speckle_figure

same_orbit = view["vv"].isel(time=view["orbit"].values == passes.orbit)
in_space = same_orbit[0].rolling(x=5, y=5, center=True).mean()
in_time, best = same_orbit[:3].mean("time"), smooth["vv"][passes.before[0]]
images = {"one pass": same_orbit[0], "5 x 5 pixels": in_space, "three passes": in_time, "no speckle": best}
speckle_figure(images, view)

# %% [markdown]
# Both cost something. Averaging in space blurs: a landslide that is 3 pixels wide nearly disappears in a 5 x 5 average.
# Averaging in time needs more passes, and after a disaster nobody wants to wait. Now estimate the looks: do nine
# neighbours bring nine times as many?

# %% tags=["misconception:neighbours-are-independent"]
def count_looks(x):
    return float(x.mean() ** 2 / x.var())


over_time = {n: count_looks(speckle_only[:n].mean("time")) for n in (1, 2, 4)}
over_space = {k * k: count_looks(one_pass.coarsen(x=k, y=k, boundary="trim").mean()) for k in (2, 3, 4)}

# %% [markdown]
# The dotted line shows how many looks we would get if all averaged values were independent.

# %%
from landslide_utils.figures.explore import averaging_figure

averaging_figure(over_time, over_space)

# %% [markdown]
# ## Geometry
#
# The radar looks sideways and sorts echoes by distance. A slope that faces it is squeezed into few pixels and looks
# bright ([foreshortening](../docs/glossary.md#foreshortening)). A slope that is steeper than the radar beam is drawn on
# top of the ground in front of it ([layover](../docs/glossary.md#layover)). Behind a steep mountain there is
# [shadow](../docs/glossary.md#shadow). The drawing shows why. Follow the wave fronts, which are at right angles to the
# arrow: each place is recorded when a front reaches it. In which order do the places 1 to 6 appear in the image?

# %%
from landslide_utils.figures.drawings import side_looking_figure

side_looking_figure()

# %% [markdown]
# Summit 5 comes before its foot 4, because it is nearer to the satellite. Place 6 gives no echo.
#
# To see this from above, we make our hills steeper, and leave out the corrections that a good product has.

# %%
steep = resimulate(
    view, steepness=2.0, flattening=0.0, mask_hidden=False, looks=1e6, days_descending=(-2.4,), days_ascending=(-1.6,)
)

# %% [markdown]
# Sentinel-1 always looks to the right of its flight. A [descending](../docs/glossary.md#orbit-direction) pass flies
# south and looks west; an ascending one flies north and looks east. Both passes are from before the event, so every
# difference is geometry. On the left the hills are drawn in light and shade, as if lit from the north-west, and layover
# is coloured. On the right is what the radar sees. Find a slope that is white above and dark below.

# %%
from landslide_utils.figures.explore import geometry_figure

geometry_figure(steep)

# %% [markdown]
# People often take such a narrow bright stripe on a slope for a landslide. How many of the brightest pixels of this
# pass lie on ground that faces the radar?

# %% tags=["misconception:bright-slopes-are-landslides"]
seen = steep["vv"].isel(time=0)
brightest = seen > seen.quantile(0.98)
facing = float((truth["descending"].where(brightest) > 0).sum() / brightest.sum())
print(f"{facing:.0%} of the brightest pixels face the radar; none has slid yet")

# %% [markdown]
# What if we compare one pass of each direction, as if one were before and the other after an event?

# %% tags=["misconception:orbits-can-be-mixed"]
apart = 10 * np.log10(steep["vv"][1] / steep["vv"][0])
print(f"{float((abs(apart) > 3).mean()):.0%} of the pixels differ by more than 3 dB, and nothing happened")

# %% [markdown]
# ### Exercise (harder): which pass?
#
# A slope falls towards the **west**. In which of the two passes is it brighter, and why? First guess from where the
# satellite is. Then measure it. `falls_west` marks such slopes:

# %%
from landslide_utils import grid, terrain

toward_east, _ = terrain.aspect_parts(steep["dem"], grid.pixel_size_m(view))
falls_west = toward_east < -0.7

# %% [markdown]
# Average the power of these slopes in each pass of `steep`; the first is the descending one. By how many dB is the
# ascending pass brighter than the descending one? Give one number, with its sign.

# %% tags=["exercise"]
brighter_db = ...
# BEGIN SOLUTION NO PROMPT
descending, ascending = 10 * np.log10(steep["vv"].where(falls_west).mean(("y", "x"))).values
brighter_db = ascending - descending
# END SOLUTION
check.facing_orbit(brighter_db, steep, falls_west)

# %% [markdown]
# > **Terrain correction.** A radar image lies in order of time, as the row in the drawing. Radiometric
# > [terrain correction](../docs/glossary.md#terrain-correction) (RTC) uses an elevation model to bring each echo to its
# > place on the map. It also divides the power by the area that the radar sees there, which gives gamma nought. Then a
# > squeezed slope is no longer bright only because it is squeezed. What lies in layover or shadow cannot be
# > brought back. (Small 2011)

# %% [markdown]
# ## Season and weather
#
# Leaves, dew and rain change backscatter too, and often in the whole scene at once. Here is a year of passes over our
# view, every twelve days, without speckle and without landslides, by land cover.

# %%
import xarray as xr

from landslide_utils.figures.explore import season_figure

year = resimulate(view, looks=1e6, days_descending=tuple(range(-366, 0, 12)), days_ascending=(), harvest_share=0.0)
by_cover = {name: year["vv"].where(truth["cover"] == name).median(("x", "y")) for name in ("forest", "field")}
season_figure(10 * np.log10(xr.Dataset(by_cover).to_dataframe()[list(by_cover)]))

# %% [markdown]
# How much does the level of the whole scene jump between two passes, with no event at all?

# %% tags=["misconception:the-whole-scene-changed-by-the-event"]
jumps = abs(10 * np.log10(year["vv"].median(("x", "y"))).diff("time"))
print(f"the scene's median jumps by {float(jumps.mean()):.1f} dB on average, by {float(jumps.max()):.1f} dB at most")

# %% [markdown]
# So always compare the change of a pixel with the change of its surroundings.

# %% [markdown]
# ## What a landslide is
#
# In a [landslide](../docs/glossary.md#landslide) soil, rock or debris moves down a slope. Where it broke off, a steep
# step of bare ground remains: the [scarp](../docs/glossary.md#scarp). On its **path** it takes trees and soil with it.
# Where it stops, it leaves a **deposit**. The drawing has the median size of the 6,116 landslides that were traced by
# hand after the earthquake in Hokkaido (sources at the end).

# %%
from landslide_utils.figures.drawings import landslide_figure

landslide_figure()

# %% [markdown]
# **Why do slopes fail?** Gravity pulls the ground down the slope. Friction and roots hold it. A slope fails when the
# pull is stronger. Four things decide (Highland & Bobrowsky 2008):
#
# - *slope*: the steeper, the stronger the pull;
# - *rock and soil*: a weak layer gives way first;
# - *rain*: water between the grains takes away friction;
# - *shaking*: an earthquake adds to the pull.
#
# In Hokkaido they came together: hills under about 1.5 m of loose pumice from a volcano, almost 100 mm of rain in three
# days, then the earthquake (Yamagishi & Yamazaki 2018).

# %% [markdown]
# **How is an inventory traced?** A [landslide inventory](../docs/glossary.md#landslide-inventory) is a map of all
# landslides. Mostly, people compare air photographs and draw each outline by hand, and visit some places to check. This
# takes a long time (Guzzetti et al. 2012). One outline holds scarp, path and deposit together. As labels we take the
# pixels whose middle lies inside, grey in the drawing. How would the labels change if the outline was 10 m off?

# %% [markdown]
# ## What a landslide does
#
# Now we compare before and after. We average the power of three passes on each side of the event, all of one orbit
# direction.

# %%
before = view["vv"].isel(time=list(passes.before)).mean("time")
after = view["vv"].isel(time=list(passes.after)).mean("time")

# %% [markdown]
# ### Exercise (easy): the log ratio
#
# The usual measure of change is the [log ratio](../docs/glossary.md#log-ratio): by how many dB a pixel became brighter.
# Make it from `before` and `after`, which are linear power.

# %% tags=["exercise"]
change = ...
# BEGIN SOLUTION NO PROMPT
change = 10 * np.log10(after) - 10 * np.log10(before)
# END SOLUTION
check.log_ratio(change, before, after)

# %% [markdown]
# The package has the same measure. We subtract the median, because rain changes the whole scene. Then we look at the
# change where the landslides are.

# %%
from landslide_utils.baselines import log_ratio
from landslide_utils.composite import decibels
from landslide_utils.figures.explore import change_figure

ratio = log_ratio(decibels(before), decibels(after))
ratio = ratio - ratio.median()
change_figure(ratio, view, truth[passes.orbit if passes.orbit in truth else "descending"])

# %% [markdown]
# Do pixels get brighter or darker where there is a landslide?

# %% tags=["misconception:landslides-have-one-sign"]
slid = ratio.where(view["landslides"])
brighter, darker = (float(some.sum() / slid.notnull().sum()) for some in (slid > 0, slid < 0))
print(f"brighter: {brighter:.0%} of the landslide pixels, darker: {darker:.0%}")

# %% [markdown]
# Some landslides cannot be seen at all: the trees moved downhill without falling, or the new surface is as bright as
# the old one. Only the simulator knows which.

# %%
visible = float(truth["visible"].where(view["landslides"]).mean())
print(f"the radar sees a change on {visible:.0%} of the landslide pixels, by construction")

# %% [markdown]
# Other things change too: fields are harvested, trees are cut. How many of the pixels that changed most are landslides?

# %%
strongest = abs(ratio) > abs(ratio).quantile(0.95)
among_these = float(view["landslides"].where(strongest).mean())
print(f"{among_these:.0%} of the 5 % that changed most, {float(view['landslides'].mean()):.0%} of all pixels")

# %% [markdown]
# Random guessing would give the second number. If the first is larger, the change of single pixels helps, but it is not
# a good map yet. A network also looks at shapes and neighbours.

# %% [markdown]
# > **Coherence.** [Coherence](../docs/glossary.md#coherence) says how alike the phases of two passes are, from 0 to 1.
# > It falls where the ground between them was moved. The published cubes hold it for pairs of passes; the paper's code
# > drops all that belongs to pairs, and does not say why. Over forest it is low even when nothing happens. For the
# > landslides of Hokkaido it is disputed how much it helps (Jung & Yun 2020; for other events Burrows et al. 2020).

# %% [markdown]
# ## A filter that keeps edges
#
# The 5 x 5 mean removes speckle, but it also blurs the edges of a landslide. A **speckle filter** decides pixel by
# pixel. The [Lee filter](../docs/glossary.md#lee-filter) (Lee 1980) compares how much a neighbourhood varies with how
# much speckle alone would vary. If there is no more than speckle, it takes the mean. If there is much more, there must
# be an edge, and it keeps the pixel. Between them, it mixes both by a weight.

# %%
def lee(power, looks):
    around = power.rolling(x=5, y=5, center=True)
    mean, variance = around.mean(), around.var()
    weight = (1 - mean**2 / looks / variance).clip(0)
    return mean + weight * (power - mean)


# %% [markdown]
# We filter one pass before the event and one after it, in three ways.

# %%
pair = [view["vv"].isel(time=i) for i in (passes.before[-1], passes.after[0])]
filtered = {
    "one pass": pair,
    "5 x 5 mean": [one.rolling(x=5, y=5, center=True).mean() for one in pair],
    "Lee, 5 x 5": [lee(one, looks=count_looks(one_pass)) for one in pair],
}

# %% [markdown]
# The pass after the event, in the small square with most landslides. Compare the edges, and then the even ground.

# %%
near = busiest_window(view, 64)
clean = [smooth["vv"].isel(time=i) for i in (passes.before[-1], passes.after[0])]
after_event = {name: after for name, (_, after) in {**filtered, "no speckle": clean}.items()}
speckle_figure({name: image.sel(x=near["x"], y=near["y"]) for name, image in after_event.items()}, view)

# %% [markdown]
# Now we measure. `looks` is the number of looks on even ground. `edge kept` is the share of the true change that is
# left at the outlines of landslides. [`AUPRC`](../docs/glossary.md#auprc) says how well the log ratio finds landslides:
# 1 is perfect, and random guessing gets the share of landslides, which you saw above. Which of the two filters has more
# looks, and which keeps more of the edges?

# %%
from landslide_utils.course import speckle

speckle.judge(filtered, clean, view["landslides"]).round(2)

# %% [markdown]
# The weight decides between the two: where Lee's filter keeps an edge, it also keeps its speckle. So there is no best
# filter for everything. Our networks get no filtered images; they can learn filters of their own.

# %% [markdown]
# ## How much is the practice cube like real radar?
#
# Lessons from simulated radar are useful only if it resembles real radar. So we measure both in the same way. We want
# to measure speckle where nothing else changes. So we take the upper left corner of the scene, far from the epicentre,
# and the passes of one orbit direction.

# %%
corner = datacube.isel(x=slice(0, size), y=slice(0, size))
corner = corner.isel(time=corner["orbit"].values == corner["orbit"].values[0]).load()

# %% [markdown]
# How much of it is landslide, and is it really simulated?

# %%
print(f"{float(corner['landslides'].mean()):.2%} landslide, {corner.sizes['time']} passes")
print(f"simulated: {corner.attrs['simulated']}")

# %% [markdown]
# These numbers were measured on real Sentinel-1 images of forested mountains (OPERA RTC-S1, two places, 30 passes
# each), with pixels of 30 m. The images themselves are not part of the course.

# %%
opera, opera_fluctuations = speckle.measured()
opera.round(2)

# %% [markdown]
# The practice cube has pixels of 10 m. To compare like with like we also average its power over blocks of 3 x 3 pixels.

# %%
coarse = corner[["vv", "vh"]].coarsen(x=3, y=3, boundary="trim").mean()
practice = {
    "practice (simulated), 10 m": (corner["vv"], corner["vh"]),
    "practice (simulated), as 30 m": (coarse["vv"], coarse["vh"]),
}

# %% [markdown]
# The same function measures both. Where do real and simulated agree, and where not?

# %%
import pandas as pd

statistics = opera.join(pd.DataFrame({name: speckle.describe(vv, vh) for name, (vv, vh) in practice.items()}))
statistics.round(2)

# %% [markdown]
# How often does a pixel differ from its own mean by a given number of decibels?

# %%
apart = {
    f"{name}, {p}": speckle.fluctuations(stack)
    for name, pair in practice.items()
    for p, stack in zip(("VV", "VH"), pair, strict=True)
}
fluctuations = opera_fluctuations.join(pd.DataFrame(apart))

# %% [markdown]
# Side by side, the two real sites first:

# %%
from landslide_utils.figures.explore import noise_figure

noise_figure(statistics, fluctuations)

# %% [markdown]
# Averaging 3 x 3 independent pixels would multiply the number of looks by nine. By how much was it really multiplied?
# Neighbours share speckle, and weather changes whole neighbourhoods together, so expect less. And how many looks does
# real radar have with pixels of the same size?

# %%
looks = statistics.loc["VV: equivalent number of looks"]
fine, coarse_looks = looks["practice (simulated), 10 m"], looks["practice (simulated), as 30 m"]
print(f"practice: from {fine:.1f} to {coarse_looks:.1f} looks, a factor of {coarse_looks / fine:.1f}")
print(f"real, 30 m: {' and '.join(f'{count:.1f}' for count in opera.loc[looks.name])} looks")

# %% [markdown]
# Fewer looks mean stronger speckle. Where real radar has fewer looks than the practice cube, expect a map of a real
# event to be worse than a map of the practice event.
#
# Does a real 30 m pixel change as much from one pass to the next as our average of nine 10 m pixels?

# %%
change = statistics.loc["VV: temporal standard deviation of a pixel (dB)"]
print(f"real {opera.loc[change.name].mean():.2f} dB, practice as 30 m {change['practice (simulated), as 30 m']:.2f} dB")

# %% [markdown]
# Now the images themselves: the two real places and the practice cube as 30 m, all on one grey scale, VV left and VH
# right. Compare the grain of the rows: the fewer looks, the more of it. Then compare an ordinary day with the brightest
# one: in which rows does the whole scene change? So expect maps of a real event to be worse than those of this course.
# ([Numbers, source and command](../docs/real/pictures.md). OPERA RTC-S1, NASA/JPL; contains modified Copernicus
# Sentinel data.)

# %%
from landslide_utils.figures import Picture

Picture.open("../docs/real/opera.png")

# %% [markdown]
# With a network, real radar with pixels of 10 m is one cell away. Set `real = "hokkaido_japan"` among the settings.
# Then the next cell reads a small window of the published cube, and keeps it, so that a second look works offline. It
# says first how many megabytes that is. If it cannot be had, the cell says why, and we go on.

# %%
from landslide_utils.cube import CubeError

cubes = {region: view.isel(time=[passes.before[-1]])}
try:
    if real:
        cubes[real] = open_cube(real, window=(2000, 1500, 256, 256), timesteps=1, progress=True)
except CubeError as error:
    print(error)

# %% [markdown]
# The last pass before the event in each, on one grey scale. (No picture if `real` is empty.) Which of the two has more
# grain?

# %%
from landslide_utils.figures.explore import beside_figure

beside_figure(cubes) if len(cubes) > 1 else None

# %% [markdown]
# ## What the simulator does not model
#
# A simulator knows only what was put into it. This list shows which conclusions do **not** hold for real cubes.
#
# | not modelled | so do not conclude |
# |---|---|
# | coherence and phase | anything about interferometry |
# | the loss of resolution on foreshortened slopes | how small a landslide is found on a slope that faces the radar |
# | labels that are wrong, shifted or missing | how good a network gets on a real inventory: it will be worse |
# | landslides that go on moving, debris flows in rivers, floods | how a detector behaves months after the event |
# | real forests, crops and towns, with their own shapes | how many false alarms a real valley gives |
# | the exact change that a landslide makes, which is not well measured | that real data give the same score |
# | errors of geocoding and of the elevation model | how well slope and aspect help in reality |
#
# In the published Hokkaido cube log10 VH has a standard deviation of 0.19. Our speckle alone, with 4.4 looks, gives
# 0.22. So our simulated speckle is, if anything, too strong for pixels of 10 m.

# %% [markdown]
# ### Try
#
# Take another land cover of `truth["cover"]`, such as field, and repeat one cell of this notebook that was about the
# whole view or about forest. What is different there, and why?
#
# <details><summary>What a good answer has</summary>
#
# - One number of the same cell for both land covers, with its unit.
# - How many pixels each number rests on.
# - A reason from the physics, such as speckle, season, rain or harvest, and a cell that supports it.
# - What it means for a map of landslides: would this land cover give more false alarms?
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/01_explore.ipynb).

# %% [markdown]
# ## Quiz
#
# Seven short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:decibels-can-be-averaged"]
# **1.** Two pixels have -10 dB and 0 dB. What is their mean backscatter?
#
# <details><summary>-5 dB</summary>
#
# **No.** That is the mean of the logarithms. In power they are 0.1 and 1.
#
# </details>
#
# <details><summary>-2.6 dB</summary>
#
# **Right.** In power 0.1 and 1, on average 0.55, which is -2.6 dB. The bright one counts more.
#
# </details>
#
# <details><summary>0 dB</summary>
#
# **No.** The brighter pixel counts most, but not alone: (0.1 + 1) / 2 is 0.55.
#
# </details>

# %% [markdown] tags=["question:every-change-is-real"]
# **2.** In a single pass before and a single one after, a forest pixel got 3 dB brighter. What happened to it?
#
# <details><summary>A landslide</summary>
#
# **No.** Many pixels where nothing happened change by as much: speckle alone does that.
#
# </details>
#
# <details><summary>The trees were cut</summary>
#
# **No.** It may be. But pixels where nothing happened also change by as much between two passes.
#
# </details>
#
# <details><summary>Perhaps nothing</summary>
#
# **Right.** A pixel of a few looks changes by 3 dB from pass to pass without any change on the ground.
#
# </details>

# %% [markdown] tags=["question:neighbours-are-independent"]
# **3.** You average 3 x 3 pixels of 5 looks each. How many looks does the mean have?
#
# <details><summary>45</summary>
#
# **No.** Only if neighbours had nothing in common. They share a part of their speckle.
#
# </details>
#
# <details><summary>Fewer than 45</summary>
#
# **Right.** Neighbouring pixels share speckle, so nine of them bring fewer looks than nine independent ones.
#
# </details>
#
# <details><summary>5, it is the same ground</summary>
#
# **No.** Each pixel also has speckle of its own, and a mean makes it smaller.
#
# </details>

# %% [markdown] tags=["question:bright-slopes-are-landslides"]
# **4.** A narrow bright stripe runs along a steep slope in one image from after the event. What do you do first?
#
# <details><summary>Map it as a landslide</summary>
#
# **No.** Slopes that face the radar are bright in every pass: foreshortening and layover.
#
# </details>
#
# <details><summary>Look at the same stripe before the event</summary>
#
# **Right.** If it was there before, it is the geometry. What counts is the change.
#
# </details>
#
# <details><summary>Discard the image</summary>
#
# **No.** It is a good image of a steep place. The change between two passes of one orbit is still useful.
#
# </details>

# %% [markdown] tags=["question:orbits-can-be-mixed"]
# **5.** There is one ascending pass before the event and one descending pass after it. May you subtract them?
#
# <details><summary>Yes, both are Sentinel-1</summary>
#
# **No.** One looks east and the other west. Each slope is seen from another side, so everything seems to change.
#
# </details>
#
# <details><summary>Yes, if both are in decibels</summary>
#
# **No.** The unit is not the problem. Each slope is seen from another side.
#
# </details>
#
# <details><summary>No, wait for a pass of the same orbit</summary>
#
# **Right.** Only passes of the same orbit see each slope from the same side.
#
# </details>

# %% [markdown] tags=["question:landslides-have-one-sign"]
# **6.** How does a fresh landslide look in the change of VV?
#
# <details><summary>Brighter: bare soil is rough</summary>
#
# **No.** On slopes that face the radar it is often brighter. On slopes that look away it is often darker.
#
# </details>
#
# <details><summary>Darker: the trees are gone</summary>
#
# **No.** On slopes that look away it is often darker. On slopes that face the radar it is often brighter.
#
# </details>
#
# <details><summary>Brighter, darker or not at all</summary>
#
# **Right.** It depends on the slope, the soil and what grew there. Some cannot be seen.
#
# </details>

# %% [markdown] tags=["question:the-whole-scene-changed-by-the-event"]
# **7.** After the event every forest in the scene is 1 dB brighter. Why?
#
# <details><summary>The earthquake shook all trees</summary>
#
# **No.** Compare two passes before the event: their brightness differs as much.
#
# </details>
#
# <details><summary>Rain, dew or season, most likely</summary>
#
# **Right.** The brightness of the whole scene changes from pass to pass. So we compare a place with its surroundings.
#
# </details>
#
# <details><summary>Landslides are everywhere</summary>
#
# **No.** They cover only a small part. What changes in the same way everywhere is weather.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - Backscatter is power. It is averaged as power and shown in decibels.
# - Speckle multiplies the power. The number of looks says how strong it is. Averaging gives more looks: over time it
#   costs waiting, over space it costs detail. A filter keeps more of the edges and removes less of the speckle.
# - A radar looks sideways and sorts echoes by time. Bright stripes on slopes are geometry. Only passes of one orbit
#   direction may be compared.
# - The brightness of the whole scene changes with season and weather. A landslide may be brighter, darker or unseen.
# - Four numbers describe the noise of a stack. Where those of the practice cube differ from those of real radar,
#   conclusions do not hold for real radar.
#
# Next: [02 From cube to chips](02_chips.ipynb).
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; Boehm et al. 2022,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Small 2011 on flattening gamma; Kropatsch & Strobl 1990 on
# layover and shadow; Lee 1980, *Digital image enhancement and noise filtering by use of local statistics*, IEEE PAMI 2;
# Flores-Anderson et al. 2019, *The SAR Handbook*, [doi:10.25966/nr2c-s697](https://doi.org/10.25966/nr2c-s697); ESA,
# *Sentinel-1 Product Definition*.
#
# **Sources on landslides.** Highland & Bobrowsky 2008, *The Landslide Handbook*,
# [USGS Circular 1325](https://pubs.usgs.gov/circ/1325/); Guzzetti et al. 2012, *Landslide inventory maps: New tools for
# an old problem*, Earth-Science Reviews 112; Yamagishi & Yamazaki 2018,
# [doi:10.1007/s10346-018-1092-z](https://doi.org/10.1007/s10346-018-1092-z); the inventory of
# [koukita](https://github.com/koukita/2018_09_06_atumatyou); Jung & Yun 2020,
# [doi:10.3390/rs12020265](https://doi.org/10.3390/rs12020265); Burrows et al. 2020,
# [doi:10.5194/nhess-20-3197-2020](https://doi.org/10.5194/nhess-20-3197-2020).
