# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Experiments: does the paper hold?
#
# The paper's central figure shows [AUPRC](../docs/glossary.md#auprc) against the number of passes, a line for each
# combination of bands. It comes from one seed, one scene and 61 chips, and no number has an interval. Here we run that
# experiment as anyone can run it again, and ask of each claim: does it hold, does it not, or can we not tell?
#
# **Afterwards you can** lay out a grid of runs, run it so that it can be stopped at any moment, read its figure with
# intervals, and judge a claim by the interval of a difference.
#
# | you should know | where it is taught |
# |---|---|
# | training | [03 Train a landslide detector](03_train.ipynb) |
# | AUPRC, chance, bootstrap, pairs | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline. All radar here is **simulated**; the same command takes a real cube. New words are
# explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. The defaults are a tiny grid, to see how it works; the whole
# one was run before and is kept in `results`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_small"  # A region's name, or the path or URL of a Zarr store in the published layout
channels: str = "vv sar"  # Band combinations, with spaces between: vv, vh, sar, sar_dem, dem
timesteps: str = "1 4"  # Numbers of passes before and after the event, with spaces between
seeds: str = "0"  # Seeds, with spaces between
preset: str = "quick"  # How large a network and how long: quick, standard or paper
steps: int = 30  # Batches that each network is trained on; 0 takes the preset's number, and longer
runs_dir: str = "runs"  # Folder in which the runs are kept
results: str = "../docs/results"  # Folder with the results of the whole grid

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done. Each combination, of bands, passes and
# [seed](../docs/glossary.md#seed), becomes one configuration with a name of its own.

# %%
from landslide_utils.experiments.grid import GRID_RULES, plan_runs
from landslide_utils.experiments.parameters import check_parameters, named

parameters = check_parameters(globals(), **GRID_RULES, results=named)
results = parameters.pop("results")
configs = plan_runs(**parameters)
[(config.hash, config.channels, config.timesteps, config.seed) for config in configs]

# %% [markdown]
# ## A grid that can be stopped
#
# Each run is a folder that appears whole or not at all, under the name of its configuration. So what is there is done,
# and what is not is missing. Stop the next cell and start it again: finished runs stay, a half trained one goes on from
# its last checkpoint. Here the runs are trained one after the other, which needs little memory. From a terminal,
# `python -m landslide_utils.experiments` trains as many at once as there are cores, or on any Dask cluster.

# %%
from landslide_utils.experiments.grid import run_grid

table = run_grid(configs, here=True)
table[["channels", "timesteps", "seed", "auprc", "prevalence", "auprc_landslide_chips"]].round(3)

# %% [markdown]
# So short a training on so small a scene teaches a network little: this was to see the machinery.
#
# ## The whole grid
#
# Five band combinations, one to four passes, three seeds: sixty runs on the practice cube, made by one command, which
# is written beside them: `python -m landslide_utils.experiments --results docs/results`.

# %%
from landslide_utils.experiments import results as kept

runs, draws = kept.read_results(results)
hours = runs["seconds_train"].sum() / 3600
print(f"{len(runs)} runs, {hours:.1f} hours of training in all, simulated: {runs['simulated'].all()}")

# %% [markdown]
# ### Exercise: what five seeds would cost
#
# `runs` has one line a run. Suppose you want every combination with five seeds in all. How many runs would you still
# have to train?

# %% tags=["exercise"]
from landslide_utils.course import check

still_to_train = ...
# BEGIN SOLUTION NO PROMPT
settings = runs[["channels", "timesteps"]].drop_duplicates()
still_to_train = len(settings) * 5 - len(runs)
# END SOLUTION
check.runs_missing(still_to_train, runs, 5)

# %% [markdown]
# The paper's figure, with what the paper does not have: a mean over seeds, and intervals that count the few chips of
# the test.

# %%
import pandas as pd

from landslide_utils.figures.scores import passes_figure

found = kept.means(runs, draws)
passes_figure(found)

# %% [markdown]
# ### When, not only where
#
# A mayor does not count passes but hours. The runs know the instants of their passes, and so when each line of the
# figure could have been known. Between two passes nothing is learnt: the lines are stairs.

# %%
from landslide_utils.figures.scores import hours_figure

hours_figure(found, kept.hours_after(runs))

# %% [markdown]
# The first step is luck: a pass can come an hour after an event, or twelve days. How much is each further wait worth?

# %%
waits = kept.hours_after(runs).diff().rename("hours waited")
gained = found[found["channels"] == "sar"].set_index("timesteps")["mean"].diff().rename("AUPRC gained")
pd.concat([waits, gained], axis=1).round(2).dropna()

# %% [markdown]
# The measure of the figure is the paper's: inside [chips](../docs/glossary.md#chip) that hold a landslide. Over all
# test chips landslides are rarer, and the same maps score lower:

# %%
found.pivot_table(index="channels", columns="timesteps", values=["mean", "whole_scene"]).round(2)

# %% [markdown]
# Lower, but beside a lower chance: that of a measure is the [prevalence](../docs/glossary.md#prevalence) where it is
# measured. Here are the first lines of both:

# %%
found[["channels", "timesteps", "mean", "chance", "whole_scene", "whole_scene_chance"]].round(3).head()

# %% [markdown]
# ### Exercise: how many times chance?
#
# Take the line of `found` with the largest `mean`. Over all test chips, how many times as much as chance does it score?

# %% tags=["exercise"]
times = ...
# BEGIN SOLUTION NO PROMPT
best = found.loc[found["mean"].idxmax()]
times = best["whole_scene"] / best["whole_scene_chance"]
# END SOLUTION
check.times_chance(times, found)

# %% [markdown]
# ## One seed is an accident
#
# The same configuration with another seed gives another number. Here are those of the most passes, one line a seed:

# %%
most = runs["timesteps"].max()
by_seed = runs[runs["timesteps"] == most].pivot(index="seed", columns="channels", values=kept.MEASURE)
by_seed.round(3)

# %% [markdown]
# Somebody who tries seeds until it looks good reports the best of one and an unlucky one of the other. How far apart
# can two band combinations be made to look, and how near?

# %% tags=["misconception:the-best-seed-counts"]
sar, vv = by_seed["sar"], by_seed["vv"]
print(f"VV and VH less VV: from {sar.min() - vv.max():+.3f} to {sar.max() - vv.min():+.3f}, as one likes")

# %% [markdown]
# ### Exercise: in pairs
#
# One seed gives both the same split and the same order of chips, so the honest difference is taken seed by seed: `sar`
# less `vv`. Give its mean over the seeds and its standard deviation (`std()`), in this order, as `(mean, sd)`.

# %% tags=["exercise"]
mean_and_sd = ...
# BEGIN SOLUTION NO PROMPT
differences = sar - vv
mean_and_sd = (differences.mean(), differences.std())
# END SOLUTION
check.paired_difference(mean_and_sd, sar, vv)

# %% [markdown]
# ## The paper's four claims
#
# Seeds are not all. The test has few chips, and another test would give other numbers: hence the intervals in the
# figure. Do those of these two overlap?

# %%
pair = found[(found["timesteps"] == most) & found["channels"].isin(["sar", "vv"])].set_index("channels")
print(f"they overlap: {pair['low'].max() < pair['high'].min()}")
pair[["low", "mean", "high"]].round(3)

# %% [markdown]
# Whether they do says little: all combinations were tested on the *same* chips. What counts is the interval of the
# **difference**, drawn chip by chip. A claim holds if that whole interval lies on its side.

# %%
claims = kept.claims(runs, draws)
claims.style.hide()

# %% [markdown]
# "Cannot tell here" is a result, and another one than "no effect". Read the interval of each such line: how large an
# effect, of either sign, lies in it too?

# %% tags=["misconception:cannot-tell-means-no-effect"]
claims.loc[claims["verdict"] == kept.UNCLEAR, ["claim", "measured"]]

# %% [markdown]
# Would more seeds narrow the intervals? Compare how far seeds differ with how far an interval reaches on either side,
# on average over all settings.

# %% tags=["misconception:more-seeds-narrow-the-interval"]
half = (found["high"] - found["low"]).mean() / 2
print(f"standard deviation over seeds {found['sd_over_seeds'].mean():.3f}, half an interval {half:.3f}")

# %% [markdown]
# If the second number is much the larger, more seeds would not help: the interval is wide because the test has few
# chips with landslides. How many has each seed's test? More of these, not more training, would narrow it.

# %%
runs.groupby("seed")[["n_test_chips", "n_test_chips_with_landslides", "n_test_blocks_with_landslides"]].first()

# %% [markdown]
# ## Why does terrain not help?
#
# In the paper it does, with few passes. Is our network too small, or trained too briefly? The same question was put to
# a random forest, with one pass, by `benchmarks/terrain_gain.py`. AUPRC for each seed:

# %%
gain = pd.read_csv(f"{results}/../../benchmarks/terrain_gain.csv")
by_seed = gain.pivot(index="seed", columns="channels", values="auprc_landslide_chips")
by_seed[["VV and VH", "and slope", "and all terrain"]]

# %% [markdown]
# A learner that gets worse by knowing more has learnt by heart: elevation and aspect tell places apart, and the
# training places are few. More scenes would have to decide whether terrain helps; this one cannot.
#
# ## The published recipe
#
# How good are the paper's own network and training (resnet50, Adam at 0.01, batches of 64, ten epochs: forty steps)?
# `benchmarks/published.py` trained them and our `quick` by the paper's protocol, on a simulated scene of the paper's
# size: only chips with landslides, at random, most of them to train and 62 to score. Both got the same chips.

# %%
published = pd.read_csv(f"{results}/published.csv")
shown = ["recipe", "channels", "timesteps", "training_chips", "auprc", "low", "high", "seconds_train", "peak_gb"]
published[shown]

# %% [markdown]
# The seconds are those of two CPU cores, `peak_gb` is the largest memory in 10^9 bytes. The paper starts from weights
# that have learnt from ImageNet. They come over the internet; here `paper` had none and started from random weights, so
# it is not the published recipe in full.
#
# ### Beside the real scene
#
# Four numbers are published for the real scene in Hokkaido. Our scene is simulated. What do we find there, by the same
# protocol?

# %%
few, dem = published["training_chips"] < 150, published["channels"] == "dem"
scores = published["auprc"]
ours = [scores.max(), scores[dem].max(), published["chance"].mean(), scores[few & (published["timesteps"] == 1)].max()]
pd.read_csv(f"{results}/literature.csv").assign(simulated=ours).round(2)

# %% [markdown]
# **The simulated scene is easier than the real one.** Terrain alone scores more in ours, and so does a network with one
# pass and few training chips. So expect less of a real event than of any map in this course.

# %% [markdown]
# ## Quiz
#
# Three short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:the-best-seed-counts"]
# **1.** Three seeds of one configuration score 0.70, 0.71 and 0.76. What do you report?
#
# <details><summary>0.76, which shows what it can do</summary>
#
# **No.** It shows what luck can do. Who tries ten seeds reports more still.
#
# </details>
#
# <details><summary>Their mean and how far they spread</summary>
#
# **Right.** Somebody who repeats it gets another seed. The mean is what to expect, the spread how surely.
#
# </details>
#
# <details><summary>0.71, the middle one</summary>
#
# **No.** Better than the best, but it hides how far the others are.
#
# </details>

# %% [markdown] tags=["question:cannot-tell-means-no-effect"]
# **2.** The interval of a difference reaches from -0.10 to +0.10. What have you shown?
#
# <details><summary>That this test cannot tell</summary>
#
# **Right.** An effect of 0.1 of either sign would be large, and both lie within. A larger test may tell.
#
# </details>
#
# <details><summary>That there is no effect</summary>
#
# **No.** Then the interval would be narrow around zero. This one is wide.
#
# </details>
#
# <details><summary>That the effect is small</summary>
#
# **No.** It may be as large as 0.1 of either sign, which is not small.
#
# </details>

# %% [markdown] tags=["question:more-seeds-narrow-the-interval"]
# **3.** Your interval is wide, and your test has seven chips with landslides. What narrows it most?
#
# <details><summary>More seeds</summary>
#
# **No.** They average out the luck of training, which is small here. The seven chips stay the same seven.
#
# </details>
#
# <details><summary>Longer training</summary>
#
# **No.** The network may get better, but it is still tested on seven chips.
#
# </details>
#
# <details><summary>More test chips with landslides</summary>
#
# **Right.** What differs most is how hard the chips are. Another scene brings more of them.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - An experiment is a grid of configurations, each with a name that depends on all that its result depends on.
# - Results carry an interval that counts what was really independent: chips and seeds, not pixels.
# - A claim about a difference is judged by the interval of the difference; the best seed is luck.
# - "Cannot tell" is not "no effect".
#
# The scene is simulated: what holds here need not hold in Hokkaido. With the published cube, run
# `python -m landslide_utils.experiments --cube hokkaido_japan --preset standard`.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Boyd et al. 2013 on intervals of AUPRC.
