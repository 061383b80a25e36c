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
# A radar image is grey and grainy, bright where nothing happened and dark where nothing is wrong. Before a network
# learns from such images we learn to read them: what is measured, what is noise, what is geometry, what is weather, and
# how little is left for the landslides.
#
# **Afterwards you can** turn power into decibels and average it rightly, count looks, tell geometry from change, say
# what a landslide does to backscatter and what it does not, and say where the practice cube is like real radar and
# where it is not.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what the course is about | [00 Start here](00_start_here.ipynb), not required |
#
# It works offline. Most of this course runs on a practice cube: **simulated** radar with known truth, there
# at once. Words that are new are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # practice_earthquake, practice_mountains, practice_hurricane or practice_small
size: int = 360  # Width and height, in pixels, of the corner in which the noise is measured, 60 to 600

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.experiments.parameters import check_parameters
from landslide_utils.simulate.scenario import PRACTICE

parameters = check_parameters(globals(), region=PRACTICE, size=range(60, 601))

# %% [markdown]
# ## A view
#
# We open the cube and take the square of 256 x 256 pixels in which most slid. It has three dimensions: time, and two on
# the ground.

# %%
from landslide_utils.cube import open_cube
from landslide_utils.simulate.truth import busiest_window

datacube = open_cube(region, progress=True)
view = busiest_window(datacube, 256)
view

# %% [markdown]
# A simulator knows what a satellite never tells: what grows on each pixel, how the ground leans, which landslides the
# radar sees. We keep this truth at hand to judge by; a real cube has only labels.

# %%
from landslide_utils.simulate.truth import reveal

truth = reveal(view)

# %% [markdown]
# ## Power and decibels
#
# The radar sends a pulse and measures the **power** that comes back, per area of ground: the
# [backscatter](../docs/glossary.md#backscatter), here gamma nought. Most pixels send back little and a few send back
# very much.

# %%
power = view["vv"].isel(time=0)
print(f"median {float(power.median()):.2f}, greatest {float(power.max()):.1f}")

# %% [markdown]
# The eye, and a network, cope better with its logarithm. A [decibel](../docs/glossary.md#decibel) is ten times the
# logarithm to base ten: 10 dB more is ten times the power, 3 dB more is twice.

# %%
import numpy as np

db = 10 * np.log10(power)

# %% [markdown]
# The same pixels, in both units. Which of the two would you rather draw as an image?

# %%
from landslide_utils.figures.explore import power_figure

power_figure(view)

# %% [markdown]
# Here is a trap. The mean of the decibels is not the mean of the power in decibels: the logarithm weakens the bright
# pixels before they are counted.

# %% tags=["misconception:decibels-can-be-averaged"]
mean_then_db = float(10 * np.log10(power.mean()))
db_then_mean = float(db.mean())
off = db_then_mean - mean_then_db
print(f"mean of power {mean_then_db:.2f} dB, mean of decibels {db_then_mean:.2f} dB: {off:.2f} dB off")

# %% [markdown]
# ### Exercise: the level of the forest
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
# Move the slider through time. Hills stay, grain changes. Can you find a pass after which something else has changed?
# (This slider needs a running kernel; the two after it do not, and beneath them stand the same things as a still
# picture. None needs a network.)

# %%
from landslide_utils.course import sliders

sliders.prepare()
import hvplot.xarray  # noqa: F401

stack = (10 * np.log10(view["vv"])).rename("VV").assign_attrs(long_name="VV", units="dB")
stack["x"].attrs["units"] = stack["y"].attrs["units"] = "m"
stack.hvplot.image(
    x="x", y="y", groupby="time", cmap="gray", clim=(-14, -1), aspect="equal", title="VV (dB), simulated"
)

# %% [markdown]
# The profile along the middle row shows how jagged even a smooth hillside looks, pass by pass.

# %%
stack.isel(y=128).hvplot.line(
    x="x", groupby="time", ylim=(-20, 5), ylabel="VV (dB)",
    title="profile, simulated", width=600, dynamic=False
)

# %% [markdown]
# And the histogram of each pass. Does its shape change, or does it only move as a whole?

# %%
stack.hvplot.hist(
    "VV", groupby="time", bins=80, bin_range=(-20, 5), xlabel="VV (dB)",
    title="histogram, simulated", width=600, dynamic=False
)

# %% [markdown]
# The first pass, as a still picture:

# %%
from landslide_utils.figures.explore import pass_figure

pass_figure(view)

# %% [markdown]
# ## VV and VH
#
# Sentinel-1 sends vertically polarised waves and receives two [polarisations](../docs/glossary.md#polarisation): VV
# comes back as it was sent, VH has been turned on the way. Surfaces send back VV; it takes many scatterers, as in the
# crown of a tree, to turn waves. So VH is weaker, and says more of what grows.

# %%
from landslide_utils.figures.explore import polarisation_figure

polarisation_figure(view, truth["cover"])

# %% [markdown]
# How bright is each land cover? We take the median over all passes and pixels.

# %%
levels = 10 * np.log10(view[["vv", "vh"]].median("time")).groupby(truth["cover"]).median()
levels.drop_vars("spatial_ref").to_dataframe().round(1)

# %% [markdown]
# ## Speckle and looks
#
# Each pixel holds many scatterers, and their echoes add up or cancel. This [speckle](../docs/glossary.md#speckle) is
# not the receiver's noise: it *multiplies* the power, so bright places are as grainy as dark ones. Let us see the same
# place without it, which only a simulator can show.

# %%
from landslide_utils.simulate.truth import resimulate

smooth = resimulate(view, looks=1e6)
speckle_only = view["vv"] / smooth["vv"]

# %% [markdown]
# Divided by the image without speckle only speckle is left. Its mean is 1. How far do single pixels stray?

# %%
low, high = speckle_only.quantile([0.05, 0.95]).values
print(f"mean {float(speckle_only.mean()):.2f}, 5 of 100 pixels below {low:.2f}, 5 of 100 above {high:.2f}")

# %% [markdown]
# ### Exercise: looks
#
# The [equivalent number of looks](../docs/glossary.md#equivalent-number-of-looks) says how strong speckle is: the
# squared mean of the power over its variance. Twice as many looks, half the variance. How many looks has one pass?
# `one_pass` is its speckle.

# %% tags=["exercise"]
one_pass = speckle_only.isel(time=0)
looks = ...
# BEGIN SOLUTION NO PROMPT
looks = one_pass.mean() ** 2 / one_pass.var()
# END SOLUTION
check.number_of_looks(looks, one_pass)

# %% [markdown]
# So what does it mean when a pixel changes? We take two passes of one orbit before the event, when nothing happened,
# and count the pixels that changed by more than 3 dB, a factor of two.

# %% tags=["misconception:every-change-is-real"]
from landslide_utils.composite import choose_passes

passes = choose_passes(view, 3)
earlier, later = (stack.isel(time=i) for i in passes.before[-2:])
print(f"{float((abs(later - earlier) > 3).mean()):.0%} of the pixels changed by more than 3 dB, before anything slid")

# %% [markdown]
# ## What averaging buys
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
# Both cost something. Averaging in space blurs: a landslide of three pixels' width is gone after 5 x 5. Averaging in
# time needs passes, and after a disaster nobody wants to wait. Now count looks: are nine neighbours worth nine?

# %% tags=["misconception:neighbours-are-independent"]
def count_looks(x):
    return float(x.mean() ** 2 / x.var())


over_time = {n: count_looks(speckle_only[:n].mean("time")) for n in (1, 2, 4)}
over_space = {k * k: count_looks(one_pass.coarsen(x=k, y=k, boundary="trim").mean()) for k in (2, 3, 4)}

# %% [markdown]
# On the dotted line each value averaged would bring one more pass's worth of looks.

# %%
from landslide_utils.figures.explore import averaging_figure

averaging_figure(over_time, over_space)

# %% [markdown]
# ## Geometry
#
# The radar looks sideways and sorts echoes by distance. A slope that faces it is squeezed into few pixels and looks
# bright ([foreshortening](../docs/glossary.md#foreshortening)); one steeper than the line of sight falls on top of what
# lies before it ([layover](../docs/glossary.md#layover)); behind a steep mountain lies
# [shadow](../docs/glossary.md#shadow). To see it we make the same hills steeper, and leave out the corrections that a
# good product has.

# %%
steep = resimulate(
    view, steepness=2.5, flattening=0.0, mask_hidden=False, looks=1e6, days_descending=(-2.4,), days_ascending=(-1.6,)
)

# %% [markdown]
# Sentinel-1 always looks to the right of its flight. A [descending](../docs/glossary.md#orbit-direction) pass flies
# south and looks west; an ascending one flies north and looks east. Nothing has slid yet: every difference is geometry.

# %%
from landslide_utils.figures.explore import geometry_figure

geometry_figure(steep)

# %% [markdown]
# Narrow and bright on a slope: that is what people mistake for a landslide. How many of the brightest pixels of this
# pass lie on ground that leans towards the radar?

# %% tags=["misconception:bright-slopes-are-landslides"]
seen = steep["vv"].isel(time=0)
brightest = seen > seen.quantile(0.98)
facing = float((truth["descending"].where(brightest) > 0).sum() / brightest.sum())
print(f"{facing:.0%} of the brightest pixels face the radar; none has slid yet")

# %% [markdown]
# And what if we took one pass of each direction, as if one were before and the other after an event?

# %% tags=["misconception:orbits-can-be-mixed"]
apart = 10 * np.log10(steep["vv"][1] / steep["vv"][0])
print(f"{float((abs(apart) > 3).mean()):.0%} of the pixels differ by more than 3 dB, and nothing happened")

# %% [markdown]
# ### Exercise: which pass?
#
# A slope falls towards the **west**. Which passes see it bright, as it faces them: `"ascending"` or `"descending"`?
# Look at the figure, or think of where the satellite stands.

# %% tags=["exercise"]
orbit = ...
# BEGIN SOLUTION NO PROMPT
orbit = "ascending"
# END SOLUTION
check.facing_orbit(orbit)

# %% [markdown]
# ## Season and weather
#
# Leaves, dew and rain change backscatter too, and whole scenes at once. Here is a year of passes over our view, every
# twelve days, without speckle and without landslides, by land cover.

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
# So a change counts only against the change of its surroundings.
#
# ## What a landslide does
#
# Now at last: before and after. We average the power of three passes on each side of the event, all of one orbit
# direction.

# %%
before = view["vv"].isel(time=list(passes.before)).mean("time")
after = view["vv"].isel(time=list(passes.after)).mean("time")

# %% [markdown]
# ### Exercise: the log ratio
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
# The package has the same measure. We take off the median, because rain changes the whole scene, and look at it where
# the landslides are.

# %%
from landslide_utils.baselines import log_ratio
from landslide_utils.figures.explore import change_figure

ratio = log_ratio(10 * np.log10(before), 10 * np.log10(after))
ratio = ratio - ratio.median()
change_figure(ratio, view, truth[passes.orbit if passes.orbit in truth else "descending"])

# %% [markdown]
# Do landslides get brighter or darker?

# %% tags=["misconception:landslides-have-one-sign"]
slid = ratio.where(view["landslides"])
brighter, darker = (float(some.sum() / slid.notnull().sum()) for some in (slid > 0, slid < 0))
print(f"brighter: {brighter:.0%} of the landslide pixels, darker: {darker:.0%}")

# %% [markdown]
# Some landslides do not show at all: the trees slid standing, or the new ground sends back as much as the old. Only the
# simulator knows which.

# %%
visible = float(truth["visible"].where(view["landslides"]).mean())
print(f"the radar sees a change on {visible:.0%} of the landslide pixels, by construction")

# %% [markdown]
# And other things change: fields are harvested, trees are felled. How many of the pixels that changed most are
# landslides?

# %%
strongest = abs(ratio) > abs(ratio).quantile(0.95)
among_these = float(view["landslides"].where(strongest).mean())
print(f"{among_these:.0%} of the 5 % that changed most, {float(view['landslides'].mean()):.0%} of all pixels")

# %% [markdown]
# That is a beginning: better than chance, far from a map. A network looks at shapes and neighbours as well as at single
# pixels.
#
# ## How much is the practice cube like real radar?
#
# What we learn on simulated radar is worth only as much as it is like the real thing. So we put it beside real
# Sentinel-1 radar, with one ruler for both. Speckle is what is left when nothing happens: we take the upper left corner
# of the scene, away from the middle where it shook most, and the passes of one orbit direction.

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
# each), with pixels of 30 m. The images are not part of the course; what was measured on them is.

# %%
from landslide_utils.course import speckle

real, real_fluctuations = speckle.measured()
real.round(2)

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

statistics = real.join(pd.DataFrame({name: speckle.describe(vv, vh) for name, (vv, vh) in practice.items()}))
statistics.round(2)

# %% [markdown]
# And how often does a pixel depart from its own mean by so many decibels?

# %%
apart = {
    f"{name}, {p}": speckle.fluctuations(stack)
    for name, pair in practice.items()
    for p, stack in zip(("VV", "VH"), pair, strict=True)
}
fluctuations = real_fluctuations.join(pd.DataFrame(apart))

# %% [markdown]
# Side by side, the two real sites first:

# %%
from landslide_utils.figures.explore import noise_figure

noise_figure(statistics, fluctuations)

# %% [markdown]
# Averaging 3 x 3 independent pixels would multiply the number of looks by nine. What did it really do? Neighbours share
# speckle, and weather moves whole neighbourhoods together, so expect less.

# %%
looks = statistics.loc["VV: equivalent number of looks"]
fine, coarse_looks = looks["practice (simulated), 10 m"], looks["practice (simulated), as 30 m"]
print(f"from {fine:.1f} to {coarse_looks:.1f} looks: a factor of {coarse_looks / fine:.1f}")

# %% [markdown]
# Does a real 30 m pixel change as much from one pass to the next as our average of nine 10 m pixels?

# %%
change = statistics.loc["VV: temporal standard deviation of a pixel (dB)"]
print(f"real {real.loc[change.name].mean():.2f} dB, practice as 30 m {change['practice (simulated), as 30 m']:.2f} dB")

# %% [markdown]
# ## What the simulator does not model
#
# A simulator knows only what was put in. This list says which conclusions do **not** carry over from practice cubes to
# real ones.
#
# | not modelled | so do not conclude |
# |---|---|
# | coherence and phase | anything about interferometry |
# | the loss of resolution on foreshortened slopes | how small a landslide is found on a slope that faces the radar |
# | labels that are wrong, shifted or missing | how good a network gets on a real inventory: it will be worse |
# | landslides that go on moving, debris flows in rivers, floods | how a detector behaves months after the event |
# | real forests, crops and towns, with their own shapes | how many false alarms a real valley gives |
# | the exact signature of a landslide, which nobody has measured well enough | that a score here is a score there |
# | errors of geocoding and of the elevation model | how well slope and aspect help in reality |
#
# The published Hokkaido cube bounds our choices too: speckle of 4.4 looks alone would spread log10 VH by 0.22, and all
# of that cube spreads it by 0.19.

# %% [markdown]
# ## Quiz
#
# Seven short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

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
# **Right.** In power 0.1 and 1, on average 0.55, which is -2.6 dB. The bright one counts most.
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
# **No.** Look at how many untouched pixels change by as much: speckle alone does that.
#
# </details>
#
# <details><summary>The forest was felled</summary>
#
# **No.** It may be; but untouched pixels change by as much between any two passes.
#
# </details>
#
# <details><summary>Perhaps nothing</summary>
#
# **Right.** A pixel of a few looks changes by 3 dB from pass to pass without any change on the ground.
#
# </details>

# %% [markdown] tags=["question:neighbours-are-independent"]
# **3.** You average 3 x 3 pixels of 5 looks each. How many looks has the mean?
#
# <details><summary>45</summary>
#
# **No.** Only if neighbours had nothing in common. They share a part of their speckle.
#
# </details>
#
# <details><summary>Fewer than 45</summary>
#
# **Right.** Neighbouring pixels share speckle, so nine of them are worth less than nine.
#
# </details>
#
# <details><summary>5, it is the same ground</summary>
#
# **No.** Each pixel has speckle of its own, and averaging it out is what the mean is for.
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
# **No.** It is a good image of a steep place. The change between two of one orbit is still of use.
#
# </details>

# %% [markdown] tags=["question:orbits-can-be-mixed"]
# **5.** There is one ascending pass before the event and one descending pass after it. May you subtract them?
#
# <details><summary>Yes, both are Sentinel-1</summary>
#
# **No.** One looks east and the other west. Each slope is lit from another side: everything seems to change.
#
# </details>
#
# <details><summary>Yes, if both are in decibels</summary>
#
# **No.** The unit is not the trouble. Each slope is lit from another side.
#
# </details>
#
# <details><summary>No, wait for a pass of the same orbit</summary>
#
# **Right.** Only the same view shows the same slopes in the same light.
#
# </details>

# %% [markdown] tags=["question:landslides-have-one-sign"]
# **6.** How does a fresh landslide look in the change of VV?
#
# <details><summary>Brighter: bare soil is rough</summary>
#
# **No.** On slopes that face the radar it often is. On those that look away it is often darker.
#
# </details>
#
# <details><summary>Darker: the trees are gone</summary>
#
# **No.** On slopes that look away it often is. On those that face the radar it is often brighter.
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
# **No.** Compare two passes before the event: their levels differ as much.
#
# </details>
#
# <details><summary>Rain, dew or season, most likely</summary>
#
# **Right.** The whole scene's level changes from pass to pass. So we compare a place with its surroundings.
#
# </details>
#
# <details><summary>Landslides are everywhere</summary>
#
# **No.** They cover a few percent. What is the same everywhere is weather.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - Backscatter is power. It is averaged as power and shown in decibels.
# - Speckle multiplies. Looks say how strong it is; averaging buys looks, in time at the price of waiting, in space at
#   the price of detail.
# - Bright stripes on slopes are geometry. Only passes of one orbit direction may be compared.
# - The whole scene moves with season and weather. A landslide may be brighter, darker or unseen.
# - Four numbers describe the noise of a stack. Where the practice cube's differ from real radar's, conclusions do not
#   carry over.
#
# Next: [02 From cube to chips](02_chips.ipynb).
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; Boehm et al. 2022,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Small 2011 on flattening gamma; Kropatsch & Strobl 1990 on
# layover and shadow.
