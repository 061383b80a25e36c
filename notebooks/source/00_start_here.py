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
# In the night of 6 September 2018, local time, an earthquake shook the forested hills of eastern Iburi, on Hokkaido.
# More than six thousand slopes gave way within a minute. Roads were cut, clouds hung over the hills, and somebody had
# to say where to look first. This course makes such a map from radar.
#
# ![Left: landslides as labelled. Right: the probability of a landslide that a neural network gives each pixel of the
# test area, which it has never seen.](../docs/map.png)
#
# *The promise: what you can make at the end of notebook 03. Simulated radar, test area only.*
#
# **Afterwards you can** say what goes into such a map and what comes out, run the whole way from radar images to a map
# once, and read its score beside chance.
#
# | you should know | where it is taught |
# |---|---|
# | Python: variables, calling functions | any beginner's course |
# | what a notebook is: cells, run from top to bottom with Shift+Enter | the first page of JupyterLab's help |
#
# It works without a network. The radar is **simulated**: a practice scene with known truth, an earthquake in hills like
# those of Hokkaido. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. The defaults need about a minute on a quiet machine.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # practice_earthquake, practice_mountains, practice_hurricane or practice_small
steps: int = 120  # Batches of chips that the network is trained on, 1 to 1000; more is better and slower

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.experiments.parameters import check_parameters
from landslide_utils.simulate.scenario import PRACTICE

parameters = check_parameters(globals(), region=PRACTICE, steps=range(1, 1001))

# %% [markdown]
# ## The satellite
#
# [Sentinel-1](../docs/glossary.md#sentinel-1) sends microwaves down and listens to what comes back. It comes by every
# six to twelve days and each time makes an image; the stack of images is a [datacube](../docs/glossary.md#datacube). We
# open ours and cut out its busiest part, 768 x 768 pixels of 10 m.

# %%
from landslide_utils.cube import open_cube
from landslide_utils.simulate.truth import busiest_window

datacube = busiest_window(open_cube(region, variables=["vv", "vh"], progress=True), 768)
datacube

# %% [markdown]
# When did it pass, and when did the slopes fail? All times are UTC; in Hokkaido clocks are nine hours ahead. It comes
# at dawn and at dusk, and it would see as much at midnight: radar brings its own light, and clouds are transparent to
# it.

# %% tags=["misconception:radar-is-a-photograph"]
import pandas as pd

print(f"event: {datacube.attrs['event_time']} UTC")
local_hour = (datacube["time"].dt.hour.values + 9) % 24
orbit = datacube["orbit"].values
pd.DataFrame({"pass (UTC)": datacube["time"].values, "local hour": local_hour, "orbit": orbit})

# %% [markdown]
# ## Before and after
#
# Passes before the event are averaged to one image, those after it to another. Together they are a
# [composite](../docs/glossary.md#composite).

# %%
from landslide_utils.composite import make_composite
from landslide_utils.figures.chips import composite_figure

composite = make_composite(datacube, channels="sar", timesteps=3).load()
composite_figure(composite)

# %% [markdown]
# The lower right panel is what the network has to find: here the simulator's truth, elsewhere what people traced by
# hand on air photographs.
#
# ### Exercise: how much slid?
#
# `landslides` is true where the ground slid. How many square kilometres are that? A pixel is `pixel_size_m` metres wide
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
# The scene is cut into [chips](../docs/glossary.md#chip). Some train the network; others are kept back for the test,
# and it never sees their labels.

# %%
from landslide_utils.chips import part_mask, split_chips
from landslide_utils.scene import Scene

chips = split_chips(composite["landslides"], seed=1)
scene = Scene.fit(composite, chips)

# %% [markdown]
# Which part is which? The gaps between them keep the test honest: neighbours look alike.

# %%
from landslide_utils.figures.chips import split_figure

split_figure(composite, chips)

# %% [markdown]
# A small UNet++ is built. Notebook 03 explains it; here we only use it.

# %%
from landslide_utils.model import PRESETS
from landslide_utils.train import fit, start_session

session = start_session(scene, PRESETS["quick"], steps=steps)

# %% [markdown]
# Now it trains: in each step it sees a few chips, and then its weights change a little.

# %%
history = list(fit(session))

# %% [markdown]
# ## The map
#
# And it gives every pixel a probability of being a landslide. We look at test chips only, because only there it has
# never seen the answer.

# %%
from landslide_utils.figures.maps import map_figure
from landslide_utils.predict import map_scene

probability = map_scene(session.model, composite, scene.normalisation)
map_figure(probability, composite["landslides"], chips)

# %% [markdown]
# ## How good is it?
#
# The first measure that comes to mind is **accuracy**: the share of pixels that are called right. Compare the network
# with a map that calls nothing a landslide.

# %% tags=["misconception:high-accuracy-is-a-good-map"]
test = part_mask(chips, "test", composite["landslides"]) & scene.valid
truth, called = composite["landslides"].values[test.values], probability.values[test.values] > 0.5
print(f"accuracy: network {(called == truth).mean():.1%}, empty map {(~truth).mean():.1%}")

# %% [markdown]
# Accuracy hardly sees what is rare. Better ask two things: of the landslide pixels, how many are found
# ([recall](../docs/glossary.md#recall))? Of the finds, how many are right ([precision](../docs/glossary.md#precision))?
# Both depend on where we draw the line between yes and no; the area under their curve,
# [AUPRC](../docs/glossary.md#auprc), sums up all lines.
#
# ### Exercise: the score of the map
#
# `average_precision_score(labels, scores)` measures AUPRC from two flat arrays: what is true, and what the map says.
# Measure it on the test pixels.

# %% tags=["exercise"]
from sklearn.metrics import average_precision_score

labels = composite["landslides"]
score = ...
# BEGIN SOLUTION NO PROMPT
score = average_precision_score(labels.values[test.values], probability.values[test.values])
# END SOLUTION
check.average_precision(score, probability, labels, test)

# %% [markdown]
# Is that much? A score means something only beside **chance**. We give each test pixel a random number and score that.

# %% tags=["misconception:chance-is-one-half"]
import numpy as np

chance = average_precision_score(truth, np.random.default_rng(0).random(truth.size))
print(f"random numbers score {chance:.3f}; {truth.mean():.3f} of the test pixels are landslides")

# %% [markdown]
# The two numbers are nearly the same: a map that knows nothing scores the [prevalence](../docs/glossary.md#prevalence).
# One more look, at the probabilities themselves: if 0.3 meant "three of ten", their mean would be the share of
# landslides.

# %% tags=["misconception:a-probability-is-a-share"]
print(f"mean probability {float(probability.where(test).mean()):.3f}, share of landslides {truth.mean():.3f}")

# %% [markdown]
# The two need not agree: the network was trained mostly on chips that hold landslides. So read the map as an order of
# where to look first, not as percentages.

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:radar-is-a-photograph"]
# **1.** The earthquake struck at night, and the next days were cloudy. When can Sentinel-1 first see the landslides?
#
# <details><summary>On the first cloudless day</summary>
#
# **No.** Clouds are transparent at its wavelength of 5.5 cm: it need not wait.
#
# </details>
#
# <details><summary>In the first daylight</summary>
#
# **No.** It brings its own light, as microwaves, so it sees as much at midnight as at noon.
#
# </details>
#
# <details><summary>At its next pass</summary>
#
# **Right.** It sends its own microwaves, and they go through clouds. Only its orbit makes us wait.
#
# </details>

# %% [markdown] tags=["question:high-accuracy-is-a-good-map"]
# **2.** A map calls 98 % of the pixels right. Landslides cover 2 % of them. How good is it?
#
# <details><summary>Very good: only 2 % are wrong</summary>
#
# **No.** An empty map is also right on 98 %. Accuracy hardly sees what is rare.
#
# </details>
#
# <details><summary>It cannot be said from that</summary>
#
# **Right.** A map without a single landslide has the same accuracy. Ask for precision and recall.
#
# </details>
#
# <details><summary>Useless</summary>
#
# **No.** It may be: an empty map scores as much. But a very good one might too. The number does not tell.
#
# </details>

# %% [markdown] tags=["question:chance-is-one-half"]
# **3.** What is the AUPRC of a map of random numbers, where landslides are 2 % of the pixels?
#
# <details><summary>0.5</summary>
#
# **No.** That is chance for the area under the ROC curve, which is another curve.
#
# </details>
#
# <details><summary>0.02</summary>
#
# **Right.** Whatever it picks, 2 % of it are landslides: the precision is the prevalence at every recall.
#
# </details>
#
# <details><summary>0</summary>
#
# **No.** Random picks are right now and then: in 2 % of the cases.
#
# </details>

# %% [markdown] tags=["question:a-probability-is-a-share"]
# **4.** This network says 0.9 for a group of pixels. How many of them are landslides?
#
# <details><summary>90 %</summary>
#
# **No.** Only if it was trained on as many landslides as there are. Its chips were chosen because they hold some.
#
# </details>
#
# <details><summary>Probably fewer than 90 %</summary>
#
# **Right.** It was shown more landslides than there are, so it expects too many. The order of the pixels is still
# useful.
#
# </details>
#
# <details><summary>All of them: 0.9 is above one half</summary>
#
# **No.** One half is a threshold that somebody chose, not a truth.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - Radar sees through clouds and at night; only its orbit makes us wait.
# - Passes before and after an event make a composite, chips of it train a network, and the network maps the rest.
# - A score is read beside chance: for AUPRC, the share of landslides among the pixels that are scored.
#
# Next: [01 Explore backscatter](01_explore.ipynb), which looks closely at what the radar measures.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); its data,
# [10.5281/zenodo.7248056](https://doi.org/10.5281/zenodo.7248056); Saito & Rehmsmeier 2015 on precision-recall curves.
