# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 Start here
#
# On the night of 6 September 2018, local time, an earthquake shook the forested hills of eastern Iburi, on Hokkaido.
# More than six thousand slopes failed within a minute. Roads were cut and clouds hung over the hills. Somebody had to
# decide where to look first. This course makes such a map from radar.
#
# ![Left: landslides as labelled, over the hills. Right: the probability of a landslide that a neural network gives each
# pixel, with outlines of the labels. It has never seen this area.](../docs/map.png)
#
# *This is what you can make at the end of notebook 03. Simulated radar; the network has never seen this area.*
#
# **Afterwards you can** say what goes into such a map and what comes out. You can run the complete workflow once, from
# radar images to a map, and compare its score with random guessing.
#
# | you should know | where it is taught |
# |---|---|
# | Python: variables, calling functions | any beginner's course |
# | what a notebook is: cells, run from top to bottom with Shift+Enter | the first page of JupyterLab's help |
#
# It works offline. The radar is **simulated**: a practice scene with known truth, an earthquake in hills like those of
# Hokkaido. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. With the defaults the notebook takes about one minute if nothing else is running.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # practice_earthquake, practice_mountains, practice_hurricane or practice_small
steps: int = 80  # Batches of chips that the network is trained on, 1 to 1000; more is better and slower

# %% [markdown]
# The next cell checks your settings. If one is wrong, it stops and tells you which.

# %%
from landslide_utils.experiments.parameters import check_parameters
from landslide_utils.simulate.scenario import PRACTICE

parameters = check_parameters(globals(), region=PRACTICE, steps=range(1, 1001))

# %% [markdown]
# ## A first map
#
# What does such a map look like? The course comes with networks that are trained already. Notebook 03's code trained
# them, on other chips of these simulated regions: a [chip](../docs/glossary.md#chip) is a square of the scene. We read
# one of them, and a few chips of its region that it has never seen. When you run this for the first time, the region is
# made first.

# %%
from landslide_utils.cube import open_cube
from landslide_utils.experiments.pretrained import read_pretrained

cube, trained = open_cube(region, variables=["vv", "vh", "dem"], progress=True), read_pretrained(region)
unseen, chips = trained.find_unseen(cube)
print(f"trained on {trained.metrics['steps']} batches of chips; your own network gets {steps}")

# %% [markdown]
# The network compares the radar images from before and after the event, and gives every pixel a probability of being a
# landslide. The scene is simulated, so we know where the ground slid, and can look: what does it find, what does it
# miss, and where is it wrong?

# %%
from landslide_utils.composite import make_composite
from landslide_utils.figures.maps import map_figure
from landslide_utils.predict import map_scene

composite = make_composite(unseen, channels="sar", timesteps=4).load()
model, normalisation = trained.model()
map_figure(map_scene(model, composite, normalisation), composite["landslides"], chips, unseen["dem"])

# %% [markdown]
# The rest of this notebook goes step by step: from the radar images to a map by a small network of your own, and its
# score. That network learns for a few seconds only, so expect a worse map.
#
# ## The satellite
#
# [Sentinel-1](../docs/glossary.md#sentinel-1) sends microwaves down and measures what comes back. It passes over the
# same place every 6 to 12 days and takes an image each time. The stack of images is a
# [datacube](../docs/glossary.md#datacube). From ours we cut out the part with most landslides: 768 x 768 pixels of
# 10 m.

# %%
from landslide_utils.simulate.truth import busiest_window

datacube = busiest_window(cube, 768)
datacube

# %% [markdown]
# When did it pass, and when did the slopes fail? All times are UTC; in Hokkaido clocks are nine hours ahead. The
# satellite passes at dawn and at dusk. It would see just as well at midnight: a radar sends its own waves, and they go
# through clouds.

# %% tags=["misconception:radar-is-a-photograph"]
import pandas as pd

print(f"event: {datacube.attrs['event_time']} UTC")
local_hour = (datacube["time"].dt.hour.values + 9) % 24
orbit = datacube["orbit"].values
pd.DataFrame({"pass (UTC)": datacube["time"].values, "local hour": local_hour, "orbit": orbit})

# %% [markdown]
# What does a real image look like? Enga, in Papua New Guinea, four months and one day before its landslide of May 2024,
# beside the practice scene on the same grey scale. Look at the orange outlines, of what slid later: do the images warn
# of it? And at the slopes: are the bright ones the same on both days? Speckle, the grain of radar, was taken out of the
# real images. ([How the picture was made](../docs/real/pictures.md). OPERA RTC-S1, NASA/JPL; contains modified
# Copernicus Sentinel data.)

# %%
from landslide_utils.figures import Picture

Picture.open("../docs/real/enga.png")

# %% [markdown]
# ## Before and after
#
# Passes before the event are averaged to one image, those after it to another. Together they are a
# [composite](../docs/glossary.md#composite).

# %%
from landslide_utils.figures.chips import composite_figure

composite = make_composite(datacube, channels="sar", timesteps=3).load()
composite_figure(composite)

# %% [markdown]
# Swipe from before to after: drag the orange line over the part with most landslides, or press the arrow keys. What
# appears, what disappears, and what stays? Are all new spots bright?

# %%
from landslide_utils.figures.swipe import swipe_figure

swipe_figure(busiest_window(composite, 256))

# %% [markdown]
# The lower right of the four panels is what the network has to find. Here it comes from the simulator. For a real
# event, people trace landslides by hand on air photographs. [Notebook 01](01_explore.ipynb#what-a-landslide-is) draws
# what a landslide is, and how its outline becomes pixels.
#
# ### Exercise (easy): how large an area slid?
#
# `landslides` is true where the ground slid. How many square kilometres is that? A pixel is `pixel_size_m` metres wide
# and high.

# %% tags=["exercise"]
from landslide_utils import grid
from landslide_utils.course import check

landslides, pixel_size_m = composite["landslides"], grid.pixel_size_m(composite)
area_km2 = ...
# BEGIN SOLUTION NO PROMPT
area_km2 = float(landslides.sum()) * pixel_size_m**2 / 1_000_000
# END SOLUTION
check.landslide_area(area_km2, landslides, pixel_size_m)

# %% [markdown]
# ## The network
#
# The scene is cut into [chips](../docs/glossary.md#chip). Some train the network. Others are kept for the test, and the
# network never sees their labels.

# %%
from landslide_utils.chips import part_mask, split_chips
from landslide_utils.scene import Scene

chips = split_chips(composite["landslides"], seed=1)
scene = Scene.fit(composite, chips)

# %% [markdown]
# The next figure shows which chip is used for what. Neighbouring chips look alike, so there are gaps between the parts.
# They keep the test fair.

# %%
from landslide_utils.figures.chips import split_figure

split_figure(composite, chips)

# %% [markdown]
# We build a small network, a UNet++. Notebook 03 explains how it works; here we only run it.

# %%
from landslide_utils.model import PRESETS
from landslide_utils.train import fit, start_session

session = start_session(scene, PRESETS["quick"], steps=steps)

# %% [markdown]
# Now it trains. In each step it gets a few chips, and then its weights (the numbers that it learns) change a little.

# %%
history = list(fit(session))

# %% [markdown]
# ## The map
#
# The network gives every pixel a probability of being a landslide. We look at test chips only, because the network has
# never seen their labels: here at those with most landslides, over the hills of the scene.

# %%
probability = map_scene(session.model, composite, scene.normalisation)
map_figure(probability, composite["landslides"], chips, datacube["dem"])

# %% [markdown]
# ## How good is it?
#
# The first measure that comes to mind is **accuracy**: the share of pixels that are classified correctly. Compare the
# network with a map that calls nothing a landslide.

# %% tags=["misconception:high-accuracy-is-a-good-map"]
test = part_mask(chips, "test", composite["landslides"]) & scene.valid
truth, called = composite["landslides"].values[test.values], probability.values[test.values] > 0.5
print(f"accuracy: network {(called == truth).mean():.1%}, empty map {(~truth).mean():.1%}")

# %% [markdown]
# Landslides are rare, so they hardly change the accuracy. It is better to ask two questions. Of the landslide pixels,
# how many are found ([recall](../docs/glossary.md#recall))? Of the pixels that the map calls landslide, how many really
# are ([precision](../docs/glossary.md#precision))? Both depend on the [threshold](../docs/glossary.md#threshold). The
# area under the precision-recall curve, [AUPRC](../docs/glossary.md#auprc), sums up all thresholds.
#
# ### Exercise (harder): the score of the map
#
# `average_precision_score(labels, scores)` measures AUPRC from two flat arrays: first the labels, then the map's
# probabilities. Measure it on the test pixels. Both are maps with coordinates. `.values[test.values]` makes a flat
# array of test pixels, as in the cell above. If you see `Input contains NaN`, you have scored pixels without data too;
# all test pixels have data.

# %% tags=["exercise"]
from sklearn.metrics import average_precision_score

labels = composite["landslides"]
score = ...
# BEGIN SOLUTION NO PROMPT
score = average_precision_score(labels.values[test.values], probability.values[test.values])
# END SOLUTION
check.average_precision(score, probability, labels, test)

# %% [markdown]
# Is that a good score? To know, compare it with **random guessing**. Its score is called
# [chance](../docs/glossary.md#chance) in this course. We give each test pixel a random number and score that.

# %% tags=["misconception:chance-is-one-half"]
import numpy as np

chance = average_precision_score(truth, np.random.default_rng(0).random(truth.size))
print(f"random numbers score {chance:.3f}; {truth.mean():.3f} of the test pixels are landslides")

# %% [markdown]
# The two numbers are nearly the same. Random guessing scores the share of landslide pixels, the
# [prevalence](../docs/glossary.md#prevalence). Now look at the probabilities themselves. If 0.3 meant "three of ten",
# their mean would be the share of landslides.

# %% tags=["misconception:a-probability-is-a-share"]
print(f"mean probability {float(probability.where(test).mean()):.3f}, share of landslides {truth.mean():.3f}")

# %% [markdown]
# The two do not have to agree: the network was trained mostly on chips with landslides. Use the map to decide where to
# look first. Do not read its values as percentages.

# %% [markdown]
# ### Try
#
# Which places of the map would you check first? Draw the map again and choose three. There is no check here, and more
# than one good answer.
#
# <details><summary>What a good answer has</summary>
#
# - Three places, each with its position in the figure and one sentence of reason.
# - A reason that uses the image, such as a bright or dark patch in *after* that is not in *before*, and not only the
#   probability.
# - One place where the map may be wrong, and how you would find out.
# - A sentence on what the map does not say: it is simulated, and its values are not percentages.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/00_start_here.ipynb).

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:radar-is-a-photograph"]
# **1.** The earthquake struck at night, and the next days were cloudy. When can Sentinel-1 first see the landslides?
#
# <details><summary>On the first cloudless day</summary>
#
# **No.** Its waves, 5.5 cm long, go through clouds. It does not have to wait for a clear sky.
#
# </details>
#
# <details><summary>In the first daylight</summary>
#
# **No.** It sends its own microwaves, so it sees at midnight as well as at noon.
#
# </details>
#
# <details><summary>At its next pass</summary>
#
# **Right.** It sends its own microwaves, and they go through clouds. We only have to wait until the satellite passes
# again.
#
# </details>

# %% [markdown] tags=["question:high-accuracy-is-a-good-map"]
# **2.** A map classifies 98 % of the pixels correctly. Landslides cover 2 % of them. How good is it?
#
# <details><summary>Very good: only 2 % are wrong</summary>
#
# **No.** An empty map is also right for 98 % of the pixels. What is rare hardly changes the accuracy.
#
# </details>
#
# <details><summary>You cannot tell from this number</summary>
#
# **Right.** A map without a single landslide has the same accuracy. Ask for precision and recall.
#
# </details>
#
# <details><summary>Useless</summary>
#
# **No.** It may be: an empty map has the same accuracy. But a very good map can have it too. You cannot tell from this
# number.
#
# </details>

# %% [markdown] tags=["question:chance-is-one-half"]
# **3.** What is the AUPRC of a map of random numbers, where landslides are 2 % of the pixels?
#
# <details><summary>0.5</summary>
#
# **No.** That is the score of random guessing for the area under the ROC curve, which is another curve.
#
# </details>
#
# <details><summary>0.02</summary>
#
# **Right.** Of any random choice of pixels, 2 % are landslides. So the precision equals the prevalence at every recall.
#
# </details>
#
# <details><summary>0</summary>
#
# **No.** Random choices are sometimes right: in 2 % of the cases.
#
# </details>

# %% [markdown] tags=["question:a-probability-is-a-share"]
# **4.** This network gives a group of pixels the probability 0.9. How many of them are landslides?
#
# <details><summary>90 %</summary>
#
# **No.** Only if landslides were as common in its training as in the scene. Most of its chips were chosen because they
# hold some.
#
# </details>
#
# <details><summary>Probably fewer than 90 %</summary>
#
# **Right.** Landslides were more common in its training than in the scene, so it expects too many. The order of the
# pixels is still useful.
#
# </details>
#
# <details><summary>All of them: 0.9 is above one half</summary>
#
# **No.** One half is only a threshold that somebody chose.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - Radar sees through clouds and at night. We only have to wait until the satellite passes again.
# - Passes before and after an event are averaged to a composite. A network is trained on chips of it, and maps the
#   rest.
# - A score is compared with that of random guessing. For AUPRC it is the share of landslides among the scored pixels.
#
# Next: [01 Explore backscatter](01_explore.ipynb), which looks closely at what the radar measures.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); its data,
# [10.5281/zenodo.7248056](https://doi.org/10.5281/zenodo.7248056); Saito & Rehmsmeier 2015 on precision-recall curves.
