# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 Transfer: does the network work elsewhere?
#
# After the next earthquake nobody has labels. Rescue teams have only a network that was trained on other events. So far
# we have tested in the same region as we trained in, which is easier. This notebook asks the question that matters. How
# well does the network work in a new place, and how can we improve it there?
#
# **Afterwards you can** test a network in another region, correct brightness differences without labels, fine-tune with
# a few labels without cheating, and read a table of transfers.
#
# | you should know | where it is taught |
# |---|---|
# | splits, normalisation | [02 From cube to chips](02_chips.ipynb) |
# | training, AUPRC compared with random guessing (chance) | [03 Train a landslide detector](03_train.ipynb) |
# | intervals and pairs | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline. All radar here is **simulated**: four practice regions that differ in terrain, brightness, orbit
# direction and size of landslides.

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. Try other pairs of `practice_earthquake`, `practice_mountains`,
# `practice_hurricane` and `practice_small`, and the same pair the other way round.

# %% tags=["parameters"]
# fmt: off
train_region: str = "practice_earthquake"  # Where the network is trained: one of the four practice regions
test_region: str = "practice_mountains"  # Where it is used: another of these
steps: int = 0  # Batches that the network is trained on, up to 5000; 0 takes a trained one, or trains 240 without one
seed: int = 0  # Of the split, the first weights and the order of chips, 0 to 99
runs_dir: str = "runs"  # Folder in which a network that is trained here is saved
results: str = "../docs/results"  # Folder with the table of all pairs

# %% [markdown]
# The next cell checks them.

# %%
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.parameters import check_parameters, named
from landslide_utils.simulate.scenario import PRACTICE

others = [name for name in PRACTICE if name != train_region]
folders = {"runs_dir": named, "results": named}
parameters = check_parameters(
    globals(), train_region=PRACTICE, test_region=others, steps=range(5001), seed=range(100), **folders
)

# %% [markdown]
# ## Home and away
#
# We make a composite and chips of both regions, and measure their brightness, as in notebook 02. We call the region of
# the training *home*, the other *away*.

# %%
from landslide_utils.experiments.runs import prepare

config = RunConfig(cube=train_region, steps=steps or 240, seed=seed, runs_dir=runs_dir)
home = prepare(config)
away = prepare(RunConfig(cube=test_region, seed=seed))

# %% [markdown]
# What is different? First, how many landslides there are, and from which side the radar looks.

# %%
import pandas as pd

facts = {
    name: {"orbit": scene.composite.attrs["orbit"], "landslides": f"{float(scene.landslides.mean()):.2%}"}
    for name, scene in ((train_region, home), (test_region, away))
}
pd.DataFrame(facts)

# %% [markdown]
# Then, how bright the ground is. It depends on what grows there, on the season and on the weather. Which of the two
# regions is brighter?

# %%
from landslide_utils.figures.chips import levels_figure

levels = {train_region: home.composite["image"], test_region: away.composite["image"]}
levels_figure(levels)

# %% [markdown]
# ### Exercise (easy): how far apart?
#
# A network gets [normalised](../docs/glossary.md#normalisation) numbers: the number of standard deviations from the
# mean *of its training data*. How many of these standard deviations is each channel's mean away from the mean at home?
# `home_mean`, `home_sd` and `away_mean` have one number per channel.

# %% tags=["exercise"]
import numpy as np

from landslide_utils.course import check

home_mean, home_sd = np.array(home.normalisation.mean), np.array(home.normalisation.sd)
away_mean = np.array(away.normalisation.mean)
shift = ...
# BEGIN SOLUTION NO PROMPT
shift = (away_mean - home_mean) / home_sd
# END SOLUTION
check.level_shift(shift, home.normalisation, away.normalisation)

# %% [markdown]
# ## Train at home
#
# A network of each practice region comes with the course. Notebook 03's code trained it, with its larger preset
# `standard` and the split of seed 0. With another seed it would have seen our test chips. Then, or if you gave a number
# of steps, a small network is trained here.

# %%
from landslide_utils.experiments.pretrained import find_pretrained
from landslide_utils.experiments.runs import run

trained = (None if steps else find_pretrained(config)) or run(config)
model, normalisation = trained.model()
print(f"preset {trained.config.preset}, trained on {trained.metrics['steps']} batches")

# %% [markdown]
# This is its score at home, on test chips that it has not seen, and chance, the score of random guessing there. Both
# were measured after the training.

# %%
print(f"at home: AUPRC {trained.metrics['auprc']:.2f} on its test chips")
print(f"where chance is {trained.metrics['prevalence']:.3f}")

# %% [markdown]
# ## Away, as it is
#
# The network maps the other region with its own normalisation. It has seen no chip of that region. We score only the
# *test chips* there, so we can compare this score with later ones, where the network has seen some chips of the region.

# %%
from landslide_utils.experiments.transfer import map_elsewhere

maps_away = {"as trained": map_elsewhere(model, normalisation, away)}

# %% [markdown]
# Is it as good as at home?

# %% tags=["misconception:a-good-score-travels"]
from landslide_utils.metrics import score_map

away_score = score_map(maps_away["as trained"], away.landslides, away.chips)
print(f"as trained: AUPRC {away_score['auprc']:.2f}, where chance is {away_score['prevalence']:.3f}")

# %% [markdown]
# The two scores come from different places and different test chips, so random guessing also scores differently. Where
# does the map find landslides, and where are its false alarms?

# %%
from landslide_utils.cube import open_cube

elevation = open_cube(test_region, variables=["dem"]).get("dem")

# %% [markdown]
# The map stands over the hills of the region:

# %%
from landslide_utils.figures.maps import map_figure

map_figure(maps_away["as trained"], away.landslides, away.chips, elevation)

# %% [markdown]
# ## Brightness, corrected without labels
#
# Mean and standard deviation need no labels. We measure them on the new region's training chips, not on its test chips.
# With them we normalise the new region, so the network gets inputs in the range that it was trained on. The weights
# stay as they are.

# %% tags=["misconception:normalising-corrects-everything"]
maps_away["normalised by region"] = map_elsewhere(model, away.normalisation, away)
normalised_score = score_map(maps_away["normalised by region"], away.landslides, away.chips)
print(f"normalised by region: AUPRC {normalised_score['auprc']:.2f}")

# %% [markdown]
# This can correct a difference of brightness, and nothing else. Landslides of another size, or on slopes seen from the
# other side, still look different from those of the training.
#
# ## A few labels
#
# Suppose that somebody has mapped a few chips by hand: eight with landslides, and eight without.

# %%
from landslide_utils.experiments.transfer import few_chips

few = few_chips(away.chips, 8, seed=seed)

# %% [markdown]
# We continue the training with the weights that we have. The learning rate is a tenth of what it was, so the weights
# change only a little. This is [fine-tuning](../docs/glossary.md#fine-tuning).

# %%
from landslide_utils.experiments.transfer import fine_tune
from landslide_utils.model import PRESETS

tuned = fine_tune(away, few, PRESETS[trained.config.preset], weights=model.state_dict(), seed=seed)

# %% [markdown]
# We score the same test chips as before. They were not used for fine-tuning.

# %%
maps_away["fine-tuned"] = map_elsewhere(tuned, away.normalisation, away)
tuned_score = score_map(maps_away["fine-tuned"], away.landslides, away.chips)
print(f"fine-tuned: AUPRC {tuned_score['auprc']:.2f}")

# %% [markdown]
# ### Exercise (easy): the cost of labels
#
# How many square kilometres did that person have to check? `few` is a table of chips. Its training chips were labelled.
# A chip is 128 pixels wide, a pixel 10 m.

# %% tags=["exercise"]
labelled_km2 = ...
# BEGIN SOLUTION NO PROMPT
labelled_km2 = (few["part"] == "train").sum() * (128 * 10 / 1000) ** 2
# END SOLUTION
check.labelled_area(labelled_km2, few)

# %% [markdown]
# ### How to cheat
#
# Labels are expensive, and the test chips have some. What if we fine-tune on those, and then score them?

# %% tags=["misconception:labels-can-be-used-twice"]
swapped = away.chips.assign(part=away.chips["part"].replace({"test": "train", "train": "test"}))
cheated = fine_tune(away, swapped, PRESETS[trained.config.preset], weights=model.state_dict(), seed=seed)
cheated_score = score_map(map_elsewhere(cheated, away.normalisation, away), away.landslides, away.chips)
print(f"tuned on the test chips: AUPRC {cheated_score['auprc']:.2f}")

# %% [markdown]
# This score does not say how good the network is in places that nobody has labelled. But that is what we want to know.
#
# ## All pairs
#
# One pair with one seed is not enough. All pairs of the four regions, with three seeds each, were made by
# `landslides transfer --results docs/results`, which describes its results in
# [transfer.md](../docs/results/transfer.md). Each panel is one test region. Within a panel all scores come from the
# same chips.

# %%
from landslide_utils.experiments.transfer import honest_table
from landslide_utils.figures.scores import transfer_figure

pairs = pd.read_csv(f"{results}/transfer.csv")
table = honest_table(pairs)
transfer_figure(table)

# %% [markdown]
# Look for three things in each panel. How far is *as trained* from *trained there*? Do the corrections close the gap?
# And is the result better than a method without a network (*log ratio*) or without another region (*few chips alone*)?
# The table has the means over the training regions, and in its last line the score of random guessing (chance):

# %%
means = table.pivot_table(index="method", columns="test_region", values="mean", sort=False)
means.loc["chance"] = pairs.groupby("test_region")["prevalence"].mean()
means.rename(columns=lambda name: name.removeprefix("practice_")).round(3)

# %% [markdown]
# ### Exercise (harder): what transfer costs
#
# For your pair of regions: how much lower is the score of a network that was trained elsewhere than that of a network
# that was trained there? Take the difference of the two for each seed, on the same test chips, then the mean over the
# seeds. `pairs` has the columns `train_region`, `test_region`, `method`, `seed` and `auprc`.

# %% tags=["exercise"]
cost = ...
# BEGIN SOLUTION NO PROMPT
tested = pairs[pairs["test_region"] == test_region].set_index("seed")
there = tested.loc[tested["method"] == "trained there", "auprc"]
elsewhere = tested.loc[(tested["method"] == "as trained") & (tested["train_region"] == train_region), "auprc"]
cost = (there - elsewhere).mean()
# END SOLUTION
check.cost_of_transfer(cost, pairs, train_region, test_region)

# %% [markdown]
# How much does each correction help, compared with no correction? We take differences on the same chips. The table has
# their mean and spread over pairs and seeds, and the share that got better.

# %%
same = ["train_region", "test_region", "seed"]
by_method = pairs.pivot_table(index=same, columns="method", values="auprc")
by_method = by_method[["as trained", "normalised by region", "fine-tuned"]].dropna()
gain = by_method.sub(by_method["as trained"], axis=0).drop(columns="as trained")
better = (gain > 0).mean()
pd.DataFrame({"mean gain in AUPRC": gain.mean(), "spread": gain.std(), "share that got better": better}).round(2)

# %% [markdown]
# ## Ready before the event
#
# All corrections with labels come after the event. Can a network be trained before it, without a label of the place?
# `landslides prepare` draws simulated landslides into passes of a quiet time, and trains on those. Notebook
# [08](08_your_own_event.ipynb) shows how. We compare four ways to map your second region. They were measured by
# `benchmarks/prepared.py` with two passes on each side, three seeds, and the same test chips for all four:

# %%
from landslide_utils.figures.scores import ladder_figure

ways = pd.read_csv("../docs/results/prepared.csv").query("area == 'test chips'")
here = ways[ways["region"] == test_region].set_index("rung")
scores = {way: tuple(line) for way, line in here[["auprc", "low", "high"]].iterrows()}
ladder_figure(scores, away.composite, chance=here["prevalence"].iloc[0])

# %% [markdown]
# The lines are 95 % intervals, which count both the chips and the seeds. They are wide because there are few test chips
# with landslides: `n_chips` in the next table. It shows which share of the score of *trained at home* each other way
# reaches. In `hokkaido_core` the terrain and the outlines of the landslides are real, and the radar is simulated. Its
# landslides change the radar as in `practice_earthquake`, so *trained elsewhere* is too good there.

# %%
table = ways.pivot(index="region", columns="rung", values="auprc")
share = table.div(table["trained at home"], axis=0).drop(columns="trained at home")
share.assign(n_chips=ways.groupby("region")["n_chips_with_landslides"].first()).round(2)

# %% [markdown]
# ### Try
#
# A colleague trained a network here and wants to use it in a country far away, where nobody has mapped landslides
# yet. What do you advise? Use the table of all pairs.
#
# <details><summary>What a good answer has</summary>
#
# - The score that this network may have there, as a range over the pairs of the table, not as one number.
# - Chance there, which is not known before landslides are mapped.
# - What can be done without labels, and what a few labels would bring, each with its number.
# - What the table cannot say: it has four simulated regions.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/07_transfer.ipynb).

# %% [markdown]
# ## Quiz
#
# Three short questions. Choose first, then open your answer.

# %% [markdown] tags=["question:a-good-score-travels"]
# **1.** A network scores AUPRC 0.75 on the test chips of its own region. What will it score after the next earthquake,
# elsewhere?
#
# <details><summary>About 0.75: the test chips were unseen too</summary>
#
# **No.** They were unseen, but of the same hills, the same passes and the same event.
#
# </details>
#
# <details><summary>Less, by about a tenth</summary>
#
# **No.** It may be much less, a little less, or not less at all. Look at how much the lines of the table differ.
#
# </details>
#
# <details><summary>Nobody can say before it is tested there</summary>
#
# **Right.** Ground, season, orbit and landslides differ, and so does the score of random guessing.
#
# </details>

# %% [markdown] tags=["question:labels-can-be-used-twice"]
# **2.** You have twenty labelled chips of the new event. How do you fine-tune, and measure how good the map is?
#
# <details><summary>Fine-tune on all twenty and score on all twenty</summary>
#
# **No.** The score then says how well the network memorised these.
#
# </details>
#
# <details><summary>Fine-tune on some, in one block, and score on the others</summary>
#
# **Right.** Each label is used once, for training or for the test. Blocks keep neighbours on one side.
#
# </details>
#
# <details><summary>Fine-tune on all twenty and report the score from home</summary>
#
# **No.** That is the score of another network in another place.
#
# </details>

# %% [markdown] tags=["question:normalising-corrects-everything"]
# **3.** What is corrected if we measure mean and standard deviation in the new region?
#
# <details><summary>A brightness and a contrast that differ for the whole scene</summary>
#
# **Right.** For example rock instead of forest, a wet season, or other software that made the images.
#
# </details>
#
# <details><summary>All that differs between two regions</summary>
#
# **No.** Landslides of another size, or slopes seen from the other side, still look different.
#
# </details>
#
# <details><summary>Nothing: the labels are missing</summary>
#
# **No.** Mean and standard deviation need none.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A score belongs to a place. In another place the score is different, and only a test there can tell you what it is.
# - Differences in brightness can be corrected without labels, from the new region alone.
# - A few labels can correct more. Chips that were used for fine-tuning cannot be used for the test.
# - A network can also be prepared before the event, without a label. It learns from simulated landslides.
# - Regions have different prevalences. Compare methods within a region, not regions.
#
# All regions come from one simulator, so they are more similar than real events. Real transfer is harder.
#
# Next: [08 Your own event](08_your_own_event.ipynb).
#
# **Sources.** Boehm et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Tuia, Persello & Bruzzone 2016,
# *Domain adaptation for the classification of remote sensing data*, on regions that differ; Saito & Rehmsmeier 2015 on
# precision-recall curves and prevalence.
