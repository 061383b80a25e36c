# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 Experiments: are the paper's claims true?
#
# The paper's central figure shows [AUPRC](../docs/glossary.md#auprc) against the number of passes, a line for each
# combination of bands. It comes from one seed, one scene and 61 chips, and no number has an interval. Here we repeat
# that experiment in a reproducible way. For each claim we ask: is it true here, is it false, or can we not tell?
#
# **Afterwards you can** plan a grid of runs, run it so that it can be stopped at any moment, read its figure with
# intervals, and judge a claim by the interval of a difference.
#
# | you should know | where it is taught |
# |---|---|
# | training | [03 Train a landslide detector](03_train.ipynb) |
# | AUPRC, random guessing (chance), bootstrap, pairs | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline. All radar here is **simulated**. The same command works with a real cube. New words are explained in
# the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. The defaults are a tiny grid, to show how it works. The whole grid was run before,
# and its results are in `results`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_small"  # A region's name, or the path or URL of a Zarr store in the published layout
channels: str = "vv sar"  # Band combinations, with spaces between: vv, vh, sar, sar_dem, dem
timesteps: str = "1 4"  # Numbers of passes before and after the event, with spaces between
seeds: str = "0"  # Seeds, with spaces between
preset: str = "quick"  # How large a network and how long: quick, standard or paper
steps: int = 30  # Batches that each network is trained on; 0 takes the preset's number, and longer
runs_dir: str = "runs"  # Folder in which the runs are kept
results: str = "../docs/results/practice_hokkaido"  # Folder with the results of the whole grid

# %% [markdown]
# The next cell checks them. Each combination of bands, passes and [seed](../docs/glossary.md#seed) becomes one
# configuration with its own name.

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
# Each run is saved in a folder with the name of its configuration. The folder is created only when the run is complete.
# So you can see from the folders which runs are finished. Stop the next cell and start it again: finished runs stay,
# and a run that was stopped continues from its last checkpoint. Here the runs are trained one after the other, which
# needs little memory. From a terminal, `python -m landslide_utils.experiments` trains as many at the same time as there
# are cores, or uses a Dask cluster.

# %%
from landslide_utils.experiments.grid import run_grid

table = run_grid(configs, here=True)
table[["channels", "timesteps", "seed", "auprc", "prevalence", "auprc_landslide_chips"]].round(3)

# %% [markdown]
# With so few steps on so small a scene a network learns little. This was only to show how the grid works.
#
# ## The whole grid
#
# Five band combinations and one to four passes, each with several seeds, on a simulated cube as large as the published
# one. Terrain alone has no passes, so it is there once per seed. One command made them. It is on
# [the page of results](../docs/results/practice_hokkaido/README.md). To look at another grid, set `results` to its
# folder.

# %%
from landslide_utils.experiments import results as kept

runs, draws = kept.read_results(results)
hours = runs["seconds_train"].sum() / 3600
print(f"{len(runs)} runs, {runs['seed'].nunique()} seeds, {hours:.1f} hours of training in all")
print(f"cube: {', '.join(runs['cube'].unique())}, simulated: {runs['simulated'].all()}")

# %% [markdown]
# ### Exercise (easy): five seeds
#
# `runs` has one line per run. Suppose you want five seeds for every combination. How many runs do you still have to
# train?

# %% tags=["exercise"]
from landslide_utils.course import check

still_to_train = ...
# BEGIN SOLUTION NO PROMPT
settings = runs[["channels", "timesteps"]].drop_duplicates()
still_to_train = len(settings) * 5 - len(runs)
# END SOLUTION
check.runs_missing(still_to_train, runs, 5)

# %% [markdown]
# This is the paper's figure. We add what the paper does not have: a mean over seeds, and intervals that show how few
# chips the test has.

# %%
import pandas as pd

from landslide_utils.figures.scores import passes_figure

found = kept.means(runs, draws)
passes_figure(found)

# %% [markdown]
# ### When, not only where
#
# A mayor counts hours, not passes. Each run stores the times of its passes. So we know how many hours after the event
# each result could have been available. Between two passes there is no new information, so the lines are steps.

# %%
from landslide_utils.figures.scores import hours_figure

hours_figure(found, kept.hours_after(runs))

# %% [markdown]
# When the first pass comes is luck: it can be an hour after the event, or twelve days. How much does AUPRC rise with
# each further wait?

# %%
waits = kept.hours_after(runs).diff().rename("hours waited")
gained = found[found["channels"] == "sar"].set_index("timesteps")["mean"].diff().rename("AUPRC gained")
pd.concat([waits, gained], axis=1).round(2).dropna()

# %% [markdown]
# The figure scores like the paper, only [chips](../docs/glossary.md#chip) that hold a landslide. The next table also
# has the score on all test chips (`whole_scene`), where landslides are rarer. Terrain alone (`dem`) stands under one
# pass, and NaN under the others:

# %%
found.pivot_table(index="channels", columns="timesteps", values=["mean", "whole_scene"]).round(2)

# %% [markdown]
# On all test chips the score of random guessing, called [chance](../docs/glossary.md#chance), is lower too. It equals
# the [prevalence](../docs/glossary.md#prevalence) of the pixels that are scored. Here are the first lines of both:

# %%
found[["channels", "timesteps", "mean", "chance", "whole_scene", "whole_scene_chance"]].round(3).head()

# %% [markdown]
# ### Exercise (easy): how many times chance?
#
# Take the line of `found` with the largest `mean`. On all test chips, how many times as high as chance is its score?

# %% tags=["exercise"]
times = ...
# BEGIN SOLUTION NO PROMPT
best = found.loc[found["mean"].idxmax()]
times = best["whole_scene"] / best["whole_scene_chance"]
# END SOLUTION
check.times_chance(times, found)

# %% [markdown]
# ## One seed can be luck
#
# The same configuration with another seed gives another score. Here are the scores with most passes, one line per seed:


# %%
def with_most_passes(runs):
    """Return the scores with most passes: a line per seed, a column per band combination."""
    chosen = runs[runs["timesteps"] == runs["timesteps"].max()]
    return chosen.pivot(index="seed", columns="channels", values=kept.MEASURE)


by_seed = with_most_passes(runs)
by_seed.round(3)

# %% [markdown]
# Somebody could choose the best seed of one band combination and the worst seed of the other. How large and how small
# can the difference become in this way? We also look at a **small scene**, `practice_earthquake`, on which the same
# grid was run. Where is there more room for luck?

# %% tags=["misconception:the-best-seed-counts"]
small_runs, small_draws = kept.read_results("../docs/results")
for name, scores in {"this grid": by_seed, "small scene": with_most_passes(small_runs)}.items():
    sar, vv = scores["sar"], scores["vv"]
    print(f"{name}: VV and VH minus VV from {sar.min() - vv.max():+.3f} to {sar.max() - vv.min():+.3f}, by choice")

# %% [markdown]
# ### Exercise (harder): in pairs
#
# With the same seed both have the same split and the same order of chips. So the fair difference is `sar` minus `vv`,
# seed by seed. Give its mean over the seeds and its standard deviation (`std()`), in this order, as `(mean, sd)`.

# %% tags=["exercise"]
sar, vv = by_seed["sar"], by_seed["vv"]
mean_and_sd = ...
# BEGIN SOLUTION NO PROMPT
differences = sar - vv
mean_and_sd = (differences.mean(), differences.std())
# END SOLUTION
check.paired_difference(mean_and_sd, sar, vv)

# %% [markdown]
# ## The paper's four claims
#
# Seeds are not the only source of uncertainty. The test has few chips, and another test would give other scores. The
# intervals in the figure show this. Do the intervals of these two, without and with terrain, overlap?

# %%
fewest = runs["timesteps"].min()
pair = found[(found["timesteps"] == fewest) & found["channels"].isin(["sar", "sar_dem"])].set_index("channels")
print(f"they overlap: {pair['low'].max() < pair['high'].min()}")
pair[["low", "mean", "high"]].round(3)

# %% [markdown]
# Whether they overlap tells us little: all combinations were tested on the *same* chips. What counts is the interval of
# the **difference** on the same samples of chips. A claim holds here if the whole interval agrees with it.

# %%
claims = kept.claims(runs, draws)
claims.style.hide()

# %% [markdown]
# ### Does terrain help?
#
# In the paper terrain helps with few passes. This is what our runs say about it:

# %%
for _, line in claims[claims["claim"].str.contains("Terrain helps")].iterrows():
    print(f"{line['claim'].removeprefix('4. ')}: {line['verdict']}; {line['measured']}")

# %% [markdown]
# Read it like this. *Holds*: the whole interval is above zero, so terrain helps this network in this scene. *Makes no
# difference*: it changes the AUPRC by 0.02 at most, up or down. *Does not hold*: terrain harms. *Cannot tell here*: the
# interval contains both. A difference can be certain and still small: compare it with what more passes bring, in the
# table above.
#
# A verdict is about one network. `standard` is a larger one that trains longer. It was trained in the same scene for
# the settings that three of these claims compare:

# %%
larger = kept.claims(*kept.read_results("../docs/results/practice_hokkaido_standard"))
larger[larger["claim"].str.contains(" pass")].style.hide()

# %% [markdown]
# ### A small test cannot tell
#
# "Cannot tell here" is also a result. It does not mean "no effect". The next table has the claims that the **small**
# scene could not decide, and what this grid says about the same claims:

# %% tags=["misconception:cannot-tell-means-no-effect"]
small_claims = kept.claims(small_runs, small_draws)
undecided = small_claims.loc[small_claims["verdict"] == kept.UNCLEAR, ["claim", "measured"]]
undecided.merge(claims, on="claim", suffixes=(" on the small scene", " by this grid")).style.hide()

# %% [markdown]
# Read the interval of each line on the small scene: how large could the effect be, positive or negative? Is the
# difference of this grid inside it? Then the two do not contradict each other: the small test was not enough.
#
# Would more seeds make the intervals narrower? Compare the standard deviation over seeds with half the width of an
# interval, on average over all settings.

# %% tags=["misconception:more-seeds-narrow-the-interval"]
for name, table in {"this grid": found, "small scene": kept.means(small_runs, small_draws)}.items():
    half = (table["high"] - table["low"]).mean() / 2
    print(f"{name}: standard deviation over seeds {table['sd_over_seeds'].mean():.3f}, half an interval {half:.3f}")

# %% [markdown]
# If the second number is much larger, more seeds would not help. The interval is wide because the test has few chips
# with landslides. The next table shows how many there are for each seed. More test chips with landslides, not more
# training, make the interval narrower.

# %%
both = pd.concat({"this grid": runs, "small scene": small_runs}, names=["scene"])
both.groupby(["scene", "seed"], sort=False)[["n_train_chips", "n_test_chips", "n_test_chips_with_landslides"]].first()

# %% [markdown]
# The scenes also differ in how many chips there are to learn from, `n_train_chips`. Can a small scene be too small to
# use terrain? `benchmarks/terrain_gain.py` trained a random forest there with one pass, with and without terrain. This
# is its AUPRC for each seed:

# %%
gain = pd.read_csv("../benchmarks/terrain_gain.csv")
order = ["VV and VH", "and slope", "and all terrain"]
gain.pivot(index="seed", columns="channels", values="auprc_landslide_chips")[order]

# %% [markdown]
# If a model gets worse when it gets more inputs, it is overfitting. Elevation and aspect identify places. With few
# places to learn from, a model remembers them, and the test has other places.

# %% [markdown]
# ## What else helps?
#
# All runs above share one network and one way to train it. Many candidates were compared before. Here are some of the
# first ones, on the small scene. The `reference` is a UNet++ of two stages, trained for 16 epochs. Every other
# candidate changes one thing:
#
# | candidates | what is changed |
# |---|---|
# | no augmentation | the reference shifts and mirrors chips ([augmentation](../docs/glossary.md#augmentation)) |
# | landslides in half, in all | in how many chips of a batch; in 80 % in the reference |
# | focal | another loss instead of the cross-entropy; it gives less weight to pixels that are clear |
# | Dice | the loss also has the overlap with the labels |
# | rate | the learning rate, which says how far a step changes the weights; 0.003 in the reference |
# | batches of | how many chips are in a batch; 4 in the reference |
# | UNet, UNet++ | the network; with two stages, as in the reference, the two are the same |
# | epochs | how long it is trained |
#
# The number format bfloat16 is not among them. It can make a step faster. What it does to a score was not measured.

# %%
tried = pd.read_csv("../benchmarks/presets_in_epochs.csv")
names = {"base": "reference", "encoder resnet18, 3 stages": "UNet++, 3 stages", "UNet": "UNet, 2 stages"}
names |= {"half of the chips with landslides": "landslides in half", "only chips with landslides": "landslides in all"}
names |= {"loss focal": "focal", "loss dice-bce": "Dice", "rate 1e-2": "rate 0.01", "rate 1e-3": "rate 0.001"}
same = ["no augmentation", "batches of 2", "batches of 8", "batches of 16", "UNet, 3 stages", "4 epochs", "40 epochs"]
tried = tried.replace({"candidate": names})
tried = tried[tried["candidate"].isin([*names.values(), *same])]
tried.attrs["simulated"] = True

# %% [markdown]
# An empty circle is one training, with **one seed**. A full circle is the mean of several; the short lines are its
# seeds. The scores are those on the validation chips, because the test must not choose. The grey band is where 95 % of
# more seeds of the reference are expected, judged by the seeds that it has.

# %%
from landslide_utils.figures.scores import candidates_figure

candidates_figure(tried, "reference")

# %% [markdown]
# One seed shows nothing yet. If it lies in the band, it can be luck. If it lies far outside, repeat it with more seeds.
# For example, UNet and UNet++ with three stages have one seed each, so we claim nothing about them. Look also at what
# else has changed. The next table has the lowest scores:

# %%
tried.nsmallest(3, "validation_auprc")[["candidate", "seed", "epochs", "seconds", "validation_auprc"]]

# %% [markdown]
# The reference had 16 epochs. With fewer chips in an epoch, or with more chips in a batch, an epoch has fewer steps.
# So a candidate can be worse only because it was trained for fewer steps.
#
# ### With more than one seed
#
# Two changes were tried with more than one seed: the learning rate, and Dice in the loss of our `quick` preset
# (`benchmarks/presets.csv`, on two scenes). A pair has the same scene and the same seed. These are the differences of
# the pairs:

# %%
from scipy import stats

quick = "resnet18, 3 stages, crops of 64, 720 steps of 8, rate 1e-2"


def gains(table, first, second):
    """Return by how much the second candidate is better, a line per scene and seed that have both."""
    scores = table.pivot(index=["cube", "seed"], columns="candidate", values="validation_auprc")
    return (scores[second] - scores[first]).dropna()


rate = gains(tried, "reference", "rate 0.01")
dice = gains(pd.read_csv("../benchmarks/presets.csv"), quick, f"{quick}, Dice")
pd.concat({"rate 0.01 instead of 0.003": rate, "with Dice": dice}, names=["change"]).rename("gain").round(3).to_frame()

# %% [markdown]
# Somebody who has only the first line would say that the larger rate helps. Now the mean of the differences, with its
# 95 % interval by Student's t:

# %%
for name, gain in {"rate": rate, "Dice": dice}.items():
    low, high = stats.t.interval(0.95, len(gain) - 1, gain.mean(), gain.sem())
    print(f"{name}: {gain.mean():+.3f} ({low:+.3f} to {high:+.3f}), {len(gain)} pairs; zero inside: {low < 0 < high}")

# %% [markdown]
# Where zero is inside, these runs cannot tell whether the change helps. Then run more seeds, or take the simpler one:
# our presets have the cross-entropy without Dice.

# %% [markdown]
# ## The published recipe
#
# How good are the paper's own network and training (resnet50, Adam at 0.01, batches of 64, ten epochs: forty steps)?
# `benchmarks/published.py` trained them and our `quick` in the paper's way, on a simulated scene of the paper's size.
# It used only chips with landslides, split at random: most of them for training, and 62 to score. Both got the same
# chips.

# %%
published = pd.read_csv("../docs/results/published.csv")
shown = ["recipe", "channels", "timesteps", "training_chips", "auprc", "low", "high", "seconds_train", "peak_gb"]
published[shown]

# %% [markdown]
# The seconds are those of two CPU cores, `peak_gb` is the largest memory in 10^9 bytes. The paper starts from weights
# that were trained on ImageNet, a large set of photographs. They must be downloaded. Here `paper` started from random
# weights, so it is not exactly the published recipe.
#
# ### The simulated scene is easier than the real one
#
# Four numbers are published for the real scene in Hokkaido. Ours is simulated. What are the same numbers there,
# measured in the same way?

# %%
scores, dem = published["auprc"], published["channels"] == "dem"
few = (published["training_chips"] < 150) & (published["timesteps"] == 1)
ours = [scores.max(), scores[dem].max(), published["chance"].mean(), scores[few].max()]
pd.read_csv("../docs/results/literature.csv").assign(simulated=ours).round(2)

# %% [markdown]
# Chance is about the same in both, so the scores can be compared. Look at the last line first: one pass and 110 chips
# to learn from. The same task gives a much higher score on our scene. Terrain alone scores higher too. So **our scene
# is easier than the real one**: its landslides are easier to find.
#
# Two reasons are likely. Our labels are exact, because we drew the landslides ourselves. A real inventory has outlines
# that are wrong, shifted or missing. And the simulator leaves out much that makes false alarms in a real valley
# ([01](01_explore.ipynb#what-the-simulator-does-not-model) lists it). We do not know how much each of them explains.
#
# What follows for you? Use our scores to compare methods with each other, not to say how good a map of a real event
# will be. Expect it to be worse than in this course.

# %% [markdown]
# ### Do more passes help on real radar?
#
# No real images of landslides with labels are at hand here, but real series of another change are: loss of vegetation,
# by harvest, drought, fire or felling, which is **not a landslide**. `benchmarks/real_change.py` scored the log ratio
# with 1 to 8 passes, against series without change. The left panel has AUROC, the area under another curve, of which
# chance is 0.5. ([How it was measured](../docs/real/README.md). OPERA RTC-S1, NASA/JPL; contains modified Copernicus
# Sentinel data.)

# %%
from landslide_utils.figures import Picture

Picture.open("../docs/real/passes.png")

# %% [markdown]
# Do the lines go on rising to eight passes? More passes have less speckle, but they also reach into other seasons. Now
# read the differences between four passes and one: which of their intervals hold zero?

# %%
real = pd.read_csv("../docs/real/passes.csv")
gains = ["auroc_gain_low", "auroc_gain", "auroc_gain_high", "auprc_gain_low", "auprc_gain", "auprc_gain_high"]
real.loc[real["passes"] == 4, ["change", "channels", *gains]].round(2)

# %% [markdown]
# ### Try
#
# Write a fifth claim about the runs in `runs`, one that could be wrong. Then test it, as the four claims of the paper
# were tested.
#
# <details><summary>What a good answer has</summary>
#
# - A claim with a direction, written before you look, such as "VH alone is better than VV alone with one pass".
# - A paired difference over seeds, with its mean and standard deviation.
# - The verdict *holds*, *does not hold* or *cannot tell here*, and how few chips and seeds it rests on.
# - What would be needed to decide it.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/06_experiments.ipynb).

# %% [markdown]
# ## Quiz
#
# Three short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:the-best-seed-counts"]
# **1.** Three seeds of one configuration score 0.70, 0.71 and 0.76. What do you report?
#
# <details><summary>0.76, which shows what it can do</summary>
#
# **No.** It shows what luck can do. With ten seeds the best would be higher still.
#
# </details>
#
# <details><summary>Their mean and how far they spread</summary>
#
# **Right.** Somebody who repeats it uses another seed. The mean says what to expect, and the spread how sure that is.
#
# </details>
#
# <details><summary>0.71, the middle one</summary>
#
# **No.** It is better than the best one, but it does not show how far the others are from it.
#
# </details>

# %% [markdown] tags=["question:cannot-tell-means-no-effect"]
# **2.** The interval of a difference reaches from -0.10 to +0.10. What have you shown?
#
# <details><summary>That this test cannot tell</summary>
#
# **Right.** An effect of +0.1 or -0.1 would be large, and the interval contains both. A larger test may show more.
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
# **No.** It may be as large as +0.1 or -0.1, which is not small.
#
# </details>

# %% [markdown] tags=["question:more-seeds-narrow-the-interval"]
# **3.** Your interval is wide, and your test has seven chips with landslides. What makes it narrower?
#
# <details><summary>More seeds</summary>
#
# **No.** More seeds only reduce the luck of training. The test still has the same seven chips.
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
# **Right.** The chips differ in how hard they are, and seven are few. Another scene brings more of them.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - An experiment is a grid of configurations. The name of each depends on everything that changes its result.
# - Results have an interval. It comes from what is nearly independent: chips and seeds, not pixels.
# - A claim about a difference is judged by the interval of the difference. The best seed is luck.
# - "Cannot tell" does not mean "no effect". A larger test can decide what a small one cannot.
#
# The scenes are simulated and easier than the real one: what is true here does not have to be true in Hokkaido. With
# the published cube, run `python -m landslide_utils.experiments --cube hokkaido_japan --preset standard`.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Boyd et al. 2013 on intervals of AUPRC.
