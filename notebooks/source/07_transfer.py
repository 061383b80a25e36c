# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 Transfer: is it worth anything elsewhere?
#
# After the next earthquake nobody has labels. What a responder has is a network that was trained on other events. So
# far we have tested in the region that we trained in, which is the easy question. This notebook asks the one that
# matters: what is the network worth in a place that it has never seen, and what mends it?
#
# **Afterwards you can** test a network in another region on chips that compare, mend levels without a label, fine-tune
# with a few labels without cheating, and read a table of transfers.
#
# | you should know | where it is taught |
# |---|---|
# | splits, normalisation | [02 From cube to chips](02_chips.ipynb) |
# | training, AUPRC beside chance | [03 Train a landslide detector](03_train.ipynb) |
# | intervals and pairs | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline. All radar here is **simulated**: four practice regions that differ in terrain, level,
# orbit direction and size of landslides.

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Try other pairs of `practice_earthquake`,
# `practice_mountains`, `practice_hurricane` and `practice_small`, and the same pair the other way round.

# %% tags=["parameters"]
# fmt: off
train_region: str = "practice_earthquake"  # Where the network is trained: one of the four practice regions
test_region: str = "practice_mountains"  # Where it is used: another of these
steps: int = 240  # Batches that the network is trained on, 1 to 5000; the table at the end had more
seed: int = 0  # Of the split, the first weights and the order of chips, 0 to 99
runs_dir: str = "runs"  # Folder in which the trained network is kept
results: str = "../docs/results"  # Folder with the table of all pairs

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.experiments.config import RunConfig
from landslide_utils.experiments.parameters import check_parameters, named
from landslide_utils.simulate.scenario import PRACTICE

others = [name for name in PRACTICE if name != train_region]
folders = {"runs_dir": named, "results": named}
parameters = check_parameters(
    globals(), train_region=PRACTICE, test_region=others, steps=range(1, 5001), seed=range(100), **folders
)

# %% [markdown]
# ## Home and away
#
# A composite, chips and levels of both regions, made as in notebook 02. We call the region of the training *home*, the
# other *away*.

# %%
from landslide_utils.experiments.runs import prepare

config = RunConfig(cube=train_region, steps=steps, seed=seed, runs_dir=runs_dir)
home = prepare(config)
away = prepare(RunConfig(cube=test_region, seed=seed))

# %% [markdown]
# What differs? First, how many landslides there are, and from which side the radar looks.

# %%
import pandas as pd

facts = {
    name: {"orbit": scene.composite.attrs["orbit"], "landslides": f"{float(scene.landslides.mean()):.2%}"}
    for name, scene in ((train_region, home), (test_region, away))
}
pd.DataFrame(facts)

# %% [markdown]
# Then, how bright the ground is. Rock is brighter than forest, and two events in two seasons differ too.

# %%
from landslide_utils.figures.chips import levels_figure

levels = {train_region: home.composite["image"], test_region: away.composite["image"]}
levels_figure(levels)

# %% [markdown]
# ### Exercise: how far apart?
#
# A network sees [normalised](../docs/glossary.md#normalisation) numbers: so many standard deviations from the mean *of
# its training*. By how many of these is each channel's mean away from that at home? `home_mean`, `home_sd` and
# `away_mean` have one number a channel.

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
# What notebook 03 did in many steps is one call here; a run that is there already is not trained again.

# %%
from landslide_utils.experiments.runs import run

trained = run(config)
model, normalisation = trained.model()

# %% [markdown]
# Its score at home, on test chips that it has not seen:

# %%
print(f"at home: AUPRC {trained.metrics['auprc']:.2f} on its test chips")
print(f"where chance is {trained.metrics['prevalence']:.3f}")

# %% [markdown]
# ## Away, as it is
#
# The network, with the normalisation that belongs to its weights, maps the other region. We shall score the *test
# chips* there, though it has seen no chip of that region: so the number can be compared with those of remedies that
# will have seen some.

# %%
from landslide_utils.experiments.transfer import map_elsewhere

maps_away = {"as trained": map_elsewhere(model, normalisation, away)}

# %% [markdown]
# Is it as good as at home?

# %% tags=["misconception:a-good-score-travels"]
from landslide_utils.metrics import score_map

score_map(maps_away["as trained"], away.landslides, away.chips)["auprc"]

# %% [markdown]
# Two things have changed between the two numbers, the place and the chips of the test, and chance with them. Where are
# the hits, and where the false alarms?

# %%
from landslide_utils.figures.maps import map_figure

map_figure(maps_away["as trained"], away.landslides, away.chips)

# %% [markdown]
# ## Levels, mended without a label
#
# Mean and standard deviation need no labels. We measure them on the new region's training chips, so that the test stays
# untouched, and give the network numbers of the kind that it knows. The weights stay as they are.

# %% tags=["misconception:normalising-mends-everything"]
maps_away["normalised by region"] = map_elsewhere(model, away.normalisation, away)
score_map(maps_away["normalised by region"], away.landslides, away.chips)["auprc"]

# %% [markdown]
# It can mend what is a matter of level, and nothing else: landslides of another size or on slopes seen from the other
# side stay strange.
#
# ## A few labels
#
# Suppose that somebody has mapped a few chips by hand: eight with landslides, and eight without.

# %%
from landslide_utils.experiments.transfer import few_chips

few = few_chips(away.chips, 8, seed=seed)

# %% [markdown]
# We go on training from what the network knows, at a tenth of the learning rate, so that it is changed and not
# overwritten. This is [fine-tuning](../docs/glossary.md#fine-tuning).

# %%
from landslide_utils.experiments.transfer import fine_tune
from landslide_utils.model import PRESETS

tuned = fine_tune(away, few, PRESETS[config.preset], weights=model.state_dict(), seed=seed)

# %% [markdown]
# The same test chips as before, which the tuning has not seen:

# %%
maps_away["fine-tuned"] = map_elsewhere(tuned, away.normalisation, away)
score_map(maps_away["fine-tuned"], away.landslides, away.chips)["auprc"]

# %% [markdown]
# ### Exercise: the price
#
# How many square kilometres did that somebody have to look through? `few` is a table of chips; its training chips were
# labelled. A chip is 128 pixels wide, a pixel 10 m.

# %% tags=["exercise"]
labelled_km2 = ...
# BEGIN SOLUTION NO PROMPT
labelled_km2 = (few["part"] == "train").sum() * (128 * 10 / 1000) ** 2
# END SOLUTION
check.labelled_area(labelled_km2, few)

# %% [markdown]
# ### How to cheat
#
# Labels are dear, and the test chips have some. What if we tune on those, and then score them?

# %% tags=["misconception:labels-can-be-used-twice"]
swapped = away.chips.assign(part=away.chips["part"].replace({"test": "train", "train": "test"}))
cheated = fine_tune(away, swapped, PRESETS[config.preset], weights=model.state_dict(), seed=seed)
score_map(map_elsewhere(cheated, away.normalisation, away), away.landslides, away.chips)["auprc"]

# %% [markdown]
# Whatever it says, it does not say how good the network is on ground that nobody has labelled, and that is what was
# asked.
#
# ## All pairs
#
# One pair, one seed: an anecdote. All pairs of the four regions, three seeds each, were made by
# `python -m landslide_utils.experiments.transfer --results docs/results`, which says what it did in
# [transfer.md](../docs/results/transfer.md). Each panel is one region of the test, so within a panel everything was
# scored on the same chips.

# %%
from landslide_utils.experiments.transfer import honest_table
from landslide_utils.figures.scores import transfer_figure

pairs = pd.read_csv(f"{results}/transfer.csv")
table = honest_table(pairs)
transfer_figure(table)

# %% [markdown]
# Look for three things in each panel. How far is *as trained* from *trained there*? Do the remedies close the gap? And
# is it better than what needs no network (*log ratio*) or no other region (*few chips alone*)? The means over the
# regions trained in:

# %%
means = table.pivot_table(index="method", columns="test_region", values="mean", sort=False)
means.round(2)

# %% [markdown]
# ### Exercise: what transfer costs
#
# For your pair of regions: by how much is a network that was trained elsewhere worse than one that was trained there?
# Take the difference of the two for each seed, on the same test chips, then the mean over the seeds. `pairs` has the
# columns `train_region`, `test_region`, `method`, `seed` and `auprc`.

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
# How much does each remedy bring, beside doing nothing? Differences on the same chips, the mean over pairs and seeds,
# with the share of them that got better.

# %%
same = ["train_region", "test_region", "seed"]
by_method = pairs.pivot_table(index=same, columns="method", values="auprc")
by_method = by_method[["as trained", "normalised by region", "fine-tuned"]].dropna()
gain = by_method.sub(by_method["as trained"], axis=0).drop(columns="as trained")
better = (gain > 0).mean()
pd.DataFrame({"mean gain in AUPRC": gain.mean(), "spread": gain.std(), "share that got better": better}).round(2)

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
# **No.** It may be a tenth, a half, or nothing. The table has all of these.
#
# </details>
#
# <details><summary>Nobody can say before it is tested there</summary>
#
# **Right.** Ground, season, orbit and landslides differ, and so does chance, with which every AUPRC must be read.
#
# </details>

# %% [markdown] tags=["question:labels-can-be-used-twice"]
# **2.** You have twenty labelled chips of the new event. How do you tune, and say how good the map is?
#
# <details><summary>Tune on all twenty and score on all twenty</summary>
#
# **No.** The score then says how well it learnt these by heart.
#
# </details>
#
# <details><summary>Tune on some, in one block, and score on the others</summary>
#
# **Right.** Labels are spent once. Blocks keep neighbours on one side.
#
# </details>
#
# <details><summary>Tune on all twenty and quote the score from home</summary>
#
# **No.** That is the score of another network in another place.
#
# </details>

# %% [markdown] tags=["question:normalising-mends-everything"]
# **3.** What does measuring mean and standard deviation in the new region mend?
#
# <details><summary>A level and a spread that differ for the whole scene</summary>
#
# **Right.** Such as rock instead of forest, a wet season, another processor.
#
# </details>
#
# <details><summary>All that differs between two regions</summary>
#
# **No.** Landslides of another size, or slopes seen from the other side, stay strange.
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
# - A score belongs to a place. Elsewhere it is another, and only a test there tells which.
# - Levels can be mended without a label, from the new region alone.
# - A few labels can mend more. They are then used up: what was tuned on is not tested on.
# - Regions have different prevalences. Compare methods within a region, not regions.
#
# The regions are simulated by one simulator, so that they are more alike than real events are. Real transfer is harder.
#
# Next: [08 Your own event](08_your_own_event.ipynb).
#
# **Sources.** Boehm et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Tuia, Persello & Bruzzone 2016,
# *Domain adaptation for the classification of remote sensing data*, on regions that differ; Saito & Rehmsmeier 2015 on
# precision-recall curves and prevalence.
