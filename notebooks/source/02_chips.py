# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 From cube to chips
#
# A network never sees a datacube. It sees small squares of a prepared image, and it learns any mistake in the
# preparation as if it were real. Here we prepare the images by hand, step by step. On the way we show mistakes that
# even published work has made.
#
# **Afterwards you can** choose passes by time and orbit direction, average them to a composite, split the chips so that
# test data do not leak into training, and normalise without using the test chips.
#
# | you should know | where it is taught |
# |---|---|
# | what backscatter in dB is, and why passes are averaged | [01 Explore backscatter](01_explore.ipynb) |
# | Python, a little NumPy and pandas | any beginner's course |
#
# It works offline. The cube is **simulated**: a practice scene with known truth. New words are explained in the
# [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # practice_earthquake, practice_mountains, practice_hurricane or practice_small
timesteps: int = 3  # Passes averaged before and after the event, 1 to 3
seed: int = 0  # Of the split, 0 to 99

# %% [markdown]
# The next cell checks them.

# %%
from landslide_utils.experiments.parameters import check_parameters
from landslide_utils.simulate.scenario import PRACTICE

parameters = check_parameters(globals(), region=PRACTICE, timesteps=range(1, 4), seed=range(100))

# %% [markdown]
# ## The cube
#
# We open it without reading its pixels yet, and draw its passes on a time line.

# %%
from landslide_utils.cube import open_cube
from landslide_utils.figures.event import timeline_figure

cube = open_cube(region, progress=True)
timeline_figure(cube)

# %% [markdown]
# ## Which passes are before?
#
# We know date and time of the event and of each pass. Comparing only the days looks simpler. What happens then to
# passes close to the event?

# %% tags=["misconception:cut-by-day"]
import numpy as np

times, event = cube["time"].values, np.datetime64(cube.attrs["event_time"])
by_day = times.astype("datetime64[D]") <= event.astype("datetime64[D]")
print(f"the event: {event}; on the wrong side by day: {times[by_day & (times > event)].astype('datetime64[m]')}")

# %% [markdown]
# A pass on the wrong side shows the landslides in the image *before*. If the list is empty for this region, that is
# only luck.
#
# Passes are compared only within one [orbit direction](../docs/glossary.md#orbit-direction): seen from the other side
# every slope looks different. We count the passes before and after the event for each direction, and take the direction
# whose smaller count is larger.

# %%
from landslide_utils.composite import choose_passes

orbit = choose_passes(cube, timesteps).orbit
print(f"we use the {orbit} passes")

# %% [markdown]
# ### Exercise (easy): the last passes before the event
#
# Find the times of the last `timesteps` passes before the event, all of direction `orbit`. `times` has the time of each
# pass, and `cube["orbit"].values` its direction.

# %% tags=["exercise"]
from landslide_utils.course import check

last_before = ...
# BEGIN SOLUTION NO PROMPT
same_orbit = times[cube["orbit"].values == orbit]
last_before = same_orbit[same_orbit < event][-timesteps:]
# END SOLUTION
check.passes_before(last_before, cube, timesteps, orbit)

# %% [markdown]
# The package chooses in the same way, and also takes the first passes after the event. The chosen passes have a ring in
# the figure.

# %%
passes = choose_passes(cube, timesteps, orbit)
timeline_figure(cube, times[[*passes.before, *passes.after]])

# %% [markdown]
# ## From passes to one image
#
# Now we read the pixels of these passes only. One band before the event is a small stack: time, y, x. So is one band
# after it.

# %%
vv_before = cube["vv"].isel(time=list(passes.before)).load()
vv_after = cube["vv"].isel(time=list(passes.after)).load()

# %% [markdown]
# We first average the power, then convert the mean to decibels. This is the image before the event:

# %%
vv_before_db = 10 * np.log10(vv_before.mean("time"))

# %% [markdown]
# ### Exercise (easy): a pass that ends inside the scene
#
# Some real passes end inside the scene. Where they have no measurement, many files hold 0. We imitate this: in `swath`
# the last pass after the event has only the western half.

# %%
western_half = vv_after["x"] < float(vv_after["x"].mean())
swath = vv_after.where(western_half | (vv_after["time"] < vv_after["time"].max()), 0)

# %% [markdown]
# Make the image after the event from `swath`, in decibels. The zeros are no measurements, so they must not count.

# %% tags=["exercise"]
vv_after_db = ...
# BEGIN SOLUTION NO PROMPT
vv_after_db = 10 * np.log10(swath.where(swath > 0).mean("time"))
# END SOLUTION
check.composite(vv_after_db, swath)

# %% [markdown]
# What if we average the decibels? The image becomes darker. The stronger the speckle, the darker it becomes. In the
# change from before to after most of this cancels, but only if both have the same number of passes and looks.

# %%
in_db = (10 * np.log10(vv_before)).mean("time")
print(f"averaging decibels lowers the image by {float((vv_before_db - in_db).mean()):.2f} dB")

# %% [markdown]
# The package makes the same image for all four bands. Is it really the same? If not, the notebook stops here with an
# error.

# %%
import xarray as xr

from landslide_utils.composite import make_composite

composite = make_composite(cube, channels="sar", timesteps=timesteps, orbit=orbit).load()
by_package = composite["image"].sel(channel="vv_before", drop=True)
xr.testing.assert_allclose(by_package.variable, vv_before_db.variable, atol=1e-3)

# %% [markdown]
# This is what the network gets as input, and what it should find, where most slid.

# %%
from landslide_utils.figures.chips import composite_figure

composite_figure(composite)

# %% [markdown]
# ## Chips
#
# The image is cut into [chips](../docs/glossary.md#chip) of 128 x 128 pixels, and each is used for training, validation
# or test. The simplest way is to assign them at random.

# %%
from landslide_utils.chips import SIZE, split_chips
from landslide_utils.figures.chips import split_figure

at_random = split_chips(composite["landslides"], method="random", seed=seed)
split_figure(composite, at_random)

# %% [markdown]
# ### Exercise (harder): neighbours
#
# How many training chips does a test chip touch, at an edge or a corner, on average over all test chips? Chips touch if
# their `row` and their `col` both differ by at most `SIZE`.

# %% tags=["exercise"]
test_places = at_random.loc[at_random["part"] == "test", ["row", "col"]].to_numpy()
train_places = at_random.loc[at_random["part"] == "train", ["row", "col"]].to_numpy()
touching = ...
# BEGIN SOLUTION NO PROMPT
apart = np.abs(test_places[:, None] - train_places[None])
touching = (apart <= SIZE).all(axis=2).sum() / len(test_places)
# END SOLUTION
check.leaking_chips(touching, at_random)

# %% [markdown]
# Does it matter? [Leakage](../docs/glossary.md#leakage) can be shown without any radar. We guess the share of
# landslides of each test chip: it is that of the nearest training chip. If test and training chips were independent,
# this guess would not be correlated with the truth.

# %%
from sklearn.neighbors import KNeighborsRegressor


def guess_from_the_neighbour(chips):
    train, test = (chips[chips["part"] == part] for part in ("train", "test"))
    nearest = KNeighborsRegressor(1).fit(train[["row", "col"]], train["landslide_share"])
    return np.corrcoef(nearest.predict(test[["row", "col"]]), test["landslide_share"])[0, 1]


# %% [markdown]
# The other method keeps whole blocks of chips together, with a gap of 32 pixels between blocks: a [blocked
# split](../docs/glossary.md#blocked-split).

# %%
chips = split_chips(composite["landslides"], method="blocked", seed=seed)
split_figure(composite, chips)

# %% [markdown]
# How good is the guess? One split could be luck, so we make eight of each kind.

# %% tags=["misconception:random-splits-are-fair"]
def guesses(method):
    splits = [split_chips(composite["landslides"], method=method, seed=s) for s in range(8)]
    return [guess_from_the_neighbour(split) for split in splits]


for method in ("random", "blocked"):
    print(f"{method}: correlation of guess and truth {np.median(guesses(method)):.2f} (median of 8 splits)")

# %% [markdown]
# In the blocked split no test chip touches a training chip. The correlation that is left has another cause: landslides
# cluster around the epicentre, and a block split cannot hide that. No split within one event is completely independent.
# The strictest test is another event.
#
# ## What is scored
#
# Most chips hold no landslide. Some papers leave those chips out of the test. What happens then to the
# [prevalence](../docs/glossary.md#prevalence)? It is the AUPRC of random guessing, which we call
# [chance](../docs/glossary.md#chance).

# %% tags=["misconception:scores-compare-everywhere"]
tested = chips[chips["part"] == "test"]
with_landslides = tested[tested["landslide_share"] > 0]
print(f"chance on all {len(tested)} test chips {tested['landslide_share'].mean():.3f}")
print(f"on the {len(with_landslides)} with landslides {with_landslides['landslide_share'].mean():.3f}")

# %% [markdown]
# ## Normalisation
#
# A network learns best from numbers around zero. So we [normalise](../docs/glossary.md#normalisation): we subtract the
# mean and divide by the standard deviation, channel by channel. But the mean of which pixels? We compare the means of
# the training chips with those of the whole scene.

# %% tags=["misconception:normalising-first-is-harmless"]
import pandas as pd

from landslide_utils.chips import part_mask

image, train = composite["image"], part_mask(chips, "train", composite["landslides"])
means = {"training chips": image.where(train).mean(("y", "x")), "whole scene": image.mean(("y", "x"))}
pd.DataFrame(means, index=image["channel"].values).round(2)

# %% [markdown]
# The smaller the difference, the less it is noticed. It grows when the test differs from the training: another event,
# another season or another satellite. That is exactly when a fair test matters most.
#
# ### Exercise (harder): normalise
#
# Normalise `image` with the mean and the standard deviation of each channel over the training chips. `train` is true on
# their pixels.

# %% tags=["exercise"]
normalised = ...
# BEGIN SOLUTION NO PROMPT
seen = image.where(train)
normalised = (image - seen.mean(("y", "x"))) / seen.std(("y", "x"))
# END SOLUTION
check.normalised(normalised, image, chips)

# %% [markdown]
# The package measures the same. It keeps the numbers with the network's weights, because later a new image must be
# normalised with *these* numbers.

# %%
from landslide_utils.scene import Normalisation

normalisation = Normalisation.fit(image, chips)
measured = {"mean (dB)": normalisation.mean, "standard deviation (dB)": normalisation.sd}
pd.DataFrame(measured, index=normalisation.channels).round(2)

# %% [markdown]
# The four channels have different levels. After normalisation all are around zero.

# %%
from landslide_utils.figures.chips import channels_figure

channels_figure(image, normalisation.apply(image))

# %% [markdown]
# These are the training chips with most landslides. The next notebook uses them. In which rows can you see the
# landslides?

# %%
from landslide_utils.figures.chips import chips_figure

chips_figure(composite, chips)

# %% [markdown]
# ## What goes in
#
# Until now we used radar only. The terrain may help too: landslides need slopes. So we compare five band combinations,
# `vv`, `vh`, `sar`, `sar_dem` and `dem`, as the paper does. We make a composite that has all bands.

# %%
all_bands = make_composite(cube, channels="sar_dem", timesteps=timesteps, orbit=orbit)
print(*all_bands["channel"].values, sep=", ")

# %% [markdown]
# Here is what a network gets in each combination, on one training chip. The aspect says where a slope faces: 0 degrees
# is north, 90 degrees is east. The network gets its sine and cosine, because 359 and 1 degrees are nearly the same.

# %%
from landslide_utils.figures.chips import inputs_figure

inputs_figure(all_bands, chips)

# %% [markdown]
# ### Try
#
# Make one more composite: with another number of `timesteps`, of the other orbit direction, or of another region.
# Compare it with ours.
#
# <details><summary>What a good answer has</summary>
#
# - What was changed, and that everything else is the same.
# - A figure of both, or one number of both, such as the standard deviation over a part without landslides.
# - What you win and what it costs: less speckle, a longer wait, other slopes hidden.
# - A sentence on whether the split or the number of test chips with landslides changed too.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/02_chips.ipynb).

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:cut-by-day"]
# **1.** The event was on 5 September at 18:08 UTC. On which side is the pass of 5 September?
#
# <details><summary>Before</summary>
#
# **No.** At 20:38 UTC it would be after. The day alone is not enough.
#
# </details>
#
# <details><summary>After</summary>
#
# **No.** At 08:38 UTC it would be before. The day alone is not enough.
#
# </details>
#
# <details><summary>That depends on its time of day</summary>
#
# **Right.** Compare dates and times in one time zone. If only dates are known, leave the pass out.
#
# </details>

# %% [markdown] tags=["question:random-splits-are-fair"]
# **2.** Chips were split at random, one by one. Why can the test score be too good?
#
# <details><summary>Random splits give the test the easy chips</summary>
#
# **No.** Not more than to training. The problem is which chips are beside them.
#
# </details>
#
# <details><summary>Most test chips have a training chip beside them</summary>
#
# **Right.** Neighbours share slopes, weather, even landslides. The network has seen places that look nearly like the
# test.
#
# </details>
#
# <details><summary>It cannot be: random is fair</summary>
#
# **No.** Random is fair if samples are independent. Neighbouring chips are not.
#
# </details>

# %% [markdown] tags=["question:normalising-first-is-harmless"]
# **3.** When may you measure the mean and the standard deviation that normalise the image?
#
# <details><summary>Before the split, on the whole scene</summary>
#
# **No.** Then the test chips change what the network gets in training.
#
# </details>
#
# <details><summary>After the split, on the training chips</summary>
#
# **Right.** Everything is learnt from training chips only, the numbers for normalisation too.
#
# </details>
#
# <details><summary>On each part by itself</summary>
#
# **No.** Then the same backscatter becomes another number in each part. The network could not learn what it means.
#
# </details>

# %% [markdown] tags=["question:scores-compare-everywhere"]
# **4.** One paper scores chips with landslides and finds AUPRC 0.6, another the whole scene and finds 0.5. Which
# detector is better?
#
# <details><summary>The first</summary>
#
# **No.** Where landslides are more common, the same detector scores higher.
#
# </details>
#
# <details><summary>The second</summary>
#
# **No.** It may be: its task is harder. But you cannot tell from the two numbers alone.
#
# </details>
#
# <details><summary>They cannot be compared</summary>
#
# **Right.** AUPRC depends on the prevalence. Score both on the same pixels.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - Passes are split by date and time, not by day, and come from one orbit direction.
# - A composite is the mean of the power, converted to decibels.
# - Neighbouring chips look alike. Keep blocks together, with a gap.
# - Whatever is measured, for normalisation too, is measured on training chips only.
# - Scores can be compared only where the prevalence is the same.
#
# Next: [03 Train a landslide detector](03_train.ipynb).
#
# **Sources.** Boehm et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869), and its
# [code](https://github.com/iprapas/landslide-sar-unet); Kattenborn et al. 2022 on spatial leakage; Saito & Rehmsmeier
# 2015 on precision-recall curves and prevalence.
