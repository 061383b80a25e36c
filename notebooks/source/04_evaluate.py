# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 Evaluate: how good is the map, and how sure are we?
#
# A network gives every pixel a probability. Is it better than a simpler method? Would the score be the same in another
# scene? Does 0.8 mean eight in ten? And above which probability should a pixel be called a landslide? Without these
# answers a map is only a nice picture.
#
# **Afterwards you can** compute a precision-recall curve by hand, estimate a confidence interval for its area, and
# compare a network with simpler methods. You can test whether a leaking split changes a score, calibrate probabilities,
# and choose a threshold: from the costs of mistakes, or to promise which share of the landslides is found.
#
# | you should know | where it is taught |
# |---|---|
# | composite, chips, split, training | [03 Train a landslide detector](03_train.ipynb) |
#
# It works offline. The default cube is **simulated**: a practice scene with known truth. New words are explained in the
# [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout
event_time: str = ""  # Date and time of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
channels: str = "sar"  # What the network sees: vv, vh, sar (both) or sar_dem (both and terrain)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
preset: str = "quick"  # How large a network and how long: quick, standard or paper
seed: int = 0  # Of the split, the first weights and the order of chips
steps: int = 0  # Batches that the network is trained on; 0 takes the preset's number
cost_of_a_miss: float = 10.0  # Cost of a landslide pixel that is not reported
cost_of_a_false_alarm: float = 1.0  # Cost of reporting a pixel that is not a landslide
runs_dir: str = "runs"  # Folder in which trained networks are kept
results: str = "../docs/results"  # Folder with results that took longer than a notebook may

# %% [markdown]
# The next cell checks them.

# %%
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import check_parameters, named
from landslide_utils.metrics import threshold_for  # refuses costs that are not above 0

parameters = check_parameters(globals(), **RUN_RULES, cost_of_a_miss=float, cost_of_a_false_alarm=float, results=named)
threshold_for(cost_of_a_miss, cost_of_a_false_alarm)
config = RunConfig.from_parameters(parameters)
config

# %% [markdown]
# We import what we need. The names say what each function does.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from landslide_utils import grid, metrics, terrain
from landslide_utils.baselines import disturbance, log_ratio_detectors, random_forest
from landslide_utils.chips import part_mask, split_chips, windows
from landslide_utils.composite import choose_passes, keep_composite, make_composite
from landslide_utils.course import check
from landslide_utils.cube import open_cube
from landslide_utils.experiments.runs import run
from landslide_utils.metrics import Calibration, expected_calibration_error, reliability
from landslide_utils.polygons import found_landslides
from landslide_utils.simulate.ceiling import likelihood_ratio
from landslide_utils.simulate.scenario import PRACTICE
from landslide_utils.simulate.scene import make_scene

# %% [markdown]
# ## A network to evaluate
#
# `run` does what notebook 03 did step by step: composite, chips, training, map. If the same run is already in
# `runs_dir`, it is read and not trained again.

# %%
trained = run(config)
probability = trained.probability()

# %% [markdown]
# The labels are in the cube. So is the terrain, which one of the simpler methods needs. We make the same split again
# with the same seed.

# %%
datacube = open_cube(config.cube, event_time=config.event_time or None)
composite = make_composite(datacube, channels="sar", timesteps=config.timesteps, orbit=config.orbit)
composite = keep_composite(composite)
chips = split_chips(composite["landslides"], seed=config.seed)

# %% [markdown]
# ## Precision and recall by hand
#
# Sort the test pixels by their probability, the highest first, and go through them one by one. After each pixel we ask
# two questions. What share of all landslide pixels have we met so far ([recall](../docs/glossary.md#recall))? What
# share of the pixels so far are landslides ([precision](../docs/glossary.md#precision))?

# %%
test = part_mask(chips, "test", composite["landslides"])
labels, scores = metrics.pixels(probability, composite["landslides"], test)
order = np.argsort(-scores, kind="stable")
found = labels[order].cumsum()
precision, recall = found / np.arange(1, len(found) + 1), found / found[-1]

# %% [markdown]
# The area under the curve, [AUPRC](../docs/glossary.md#auprc), is the mean of the precision at each landslide pixel.
# The library does the same, and also treats equal scores correctly.

# %%
by_hand = precision[labels[order]].mean()
by_library = metrics.auprc(labels, scores)
print(f"by hand {by_hand:.6f}, by library {by_library:.6f}")

# %% [markdown]
# This is the curve. On the left few landslide pixels are found, on the right all of them:

# %%
from landslide_utils.figures.scores import curves_figure

curves_figure({"this network": metrics.curve(labels, scores)}, composite)

# %% [markdown]
# The precision at a few points of the curve:

# %%
places = [0.5, 0.7, 0.9]
pd.DataFrame(
    {"precision there": [metrics.precision_at_recall(labels, scores, place) for place in places]},
    index=pd.Index(places, name="to find this share of landslide pixels"),
).round(3)

# %% [markdown]
# ## How sure is the score?
#
# The test has only few chips with landslides. Another valley would give another score. The
# [bootstrap](../docs/glossary.md#bootstrap) imitates this. It samples as many test chips again, some twice and some not
# at all, and computes the score each time. Pixels of one chip share their slopes, so we sample chips, not pixels.

# %%
rich = int((chips[chips["part"] == "test"]["landslide_share"] > 0).sum())
print(f"{rich} test chips with landslides")

# %% [markdown]
# The AUPRC on all test chips, with its interval:

# %%
draws = metrics.bootstrap_auprc(probability, composite["landslides"], chips)
network = metrics.interval(by_library, draws, rich)
print(f"AUPRC {network.value:.2f}, 95 % interval {network.low:.2f} to {network.high:.2f}")

# %% [markdown]
# The test has many more pixels than chips. What if we sample pixels instead, as if all were independent?

# %%
random = np.random.default_rng(config.seed)
redrawn = (random.integers(len(labels), size=len(labels)) for _ in range(20))
by_pixel = [metrics.auprc(labels[drawn], scores[drawn]) for drawn in redrawn]

# %% [markdown]
# How large is the spread of the scores?

# %% tags=["misconception:many-pixels-make-it-sure"]
print(f"standard deviation of AUPRC, {len(labels):,} pixels sampled: {np.std(by_pixel):.3f}")
print(f"standard deviation of AUPRC, whole chips sampled: {np.nanstd(draws):.3f}")

# %% [markdown]
# If we resample single pixels, every sample contains pixels from all valleys. So we never see how the score would
# change in a different valley.
#
# ## The ladder
#
# Is the network better than simpler methods? We put them in order, like the rungs of a ladder. The lowest is **random
# guessing**, whose score is called [chance](../docs/glossary.md#chance). **Slope alone** says where landslides are
# possible. The [log ratio](../docs/glossary.md#log-ratio) is the change in decibels, with and without smoothing. A
# [random forest](../docs/glossary.md#random-forest) learns from each pixel and its near neighbours.

# %%
slope = terrain.slope(datacube["dem"], grid.pixel_size_m(datacube))
detectors = {"slope alone": slope, **log_ratio_detectors(composite["image"])}

# %% [markdown]
# The forest is trained on the training chips, like the network. We train three small forests of 20 trees, each with
# another seed, and so with other random choices. Their mean is our random forest of 60 trees.

# %%
seen = composite["image"], composite["landslides"], composite["valid"], chips
ensemble = xr.concat([random_forest(*seen, trees=20, seed=config.seed + number) for number in range(3)], "forest")
ensemble = ensemble.assign_attrs(composite.attrs)
detectors["random forest"] = ensemble.mean("forest", keep_attrs=True)

# %% [markdown]
# The next rung is a network that has seen real radar of many places, and no label: the **transformer** of OPERA, NASA's
# project that watches the Earth for changes. It reads the passes before the event and says what it expects next. The
# further a pass is from that, the more likely something changed. It is optional: if it is not installed, the cell says
# how to get it, and the ladder has one rung fewer.

# %%
passes = choose_passes(datacube, config.timesteps, config.orbit)
before, after = (datacube[["vv", "vh"]].isel(time=list(side)) for side in (passes.before, passes.after))
try:
    detectors["transformer, no label"] = disturbance(before, after).mean("time")
except (ModuleNotFoundError, ValueError) as reason:
    print(reason)

# %% [markdown]
# On a practice cube there is one more rung. The simulator's truth says how likely each pixel's radar is with and
# without a landslide. So we can compute a **ceiling**: no method that uses the radar of one pixel at a time can do
# better. The forest and the network also use the neighbours of a pixel, so their scores can be above it.

# %%
if config.cube in PRACTICE and composite.attrs["orbit"] in ("ascending", "descending"):
    detectors["ceiling for single pixels"] = likelihood_ratio(
        make_scene(PRACTICE[config.cube]), datacube, test, timesteps=config.timesteps, orbit=config.orbit
    )

# %% [markdown]
# We score each of them on the same test chips, and on the same bootstrap samples of chips:

# %%
detectors["this network"] = probability
drawn = {name: metrics.bootstrap_auprc(score, composite["landslides"], chips) for name, score in detectors.items()}

# %% [markdown]
# The AUPRC of each, on all test chips:

# %%
on_test = {name: metrics.pixels(score, composite["landslides"], test) for name, score in detectors.items()}
areas = {name: metrics.auprc(*pair) for name, pair in on_test.items()}

# %% [markdown]
# This is the ladder. Each rung has its interval:

# %%
from landslide_utils.figures.scores import ladder_figure

ladder = {name: tuple(metrics.interval(areas[name], drawn[name], rich)) for name in detectors}
ladder_figure(ladder, composite, chance=float(labels.mean()))

# %% [markdown]
# The intervals are wide because the chips differ. But all detectors saw the *same* chips: a chip that is hard for one
# is mostly hard for the others. A **paired** comparison takes the difference of two scores in each sample.
#
# ### Exercise (harder): how sure is the difference?
#
# `drawn["this network"]` and `drawn["VV log ratio, smoothed"]` hold their AUPRC in each bootstrap sample. Both arrays
# use the same chips in each sample. What is the standard deviation of the difference? A sample without any landslide is
# NaN, so use `np.nanstd`.

# %% tags=["exercise"]
spread = ...
# BEGIN SOLUTION NO PROMPT
spread = np.nanstd(drawn["this network"] - drawn["VV log ratio, smoothed"])
# END SOLUTION
check.spread_of_difference(spread, drawn["this network"], drawn["VV log ratio, smoothed"])

# %% [markdown]
# Many people only check whether two intervals overlap. The table also has the interval of the paired difference for
# each rung. If it does not contain 0, this test shows a difference.

# %% tags=["misconception:overlap-means-no-difference"]
def against(name: str) -> dict[str, float]:
    """Compare the network with one rung, both ways."""
    better, p = metrics.compare(areas["this network"], areas[name], drawn["this network"], drawn[name], rich)
    overlap = network.low <= ladder[name][2] and ladder[name][1] <= network.high
    return {"intervals overlap": overlap, "better by": better.value, "low": better.low, "high": better.high, "p": p}


pd.DataFrame.from_dict({name: against(name) for name in detectors if name != "this network"}, orient="index").round(3)

# %% [markdown]
# Look at the line of the random forest, which is much simpler than a network. If its interval contains 0, this test
# cannot tell which of the two is better.
#
# ## How sure is each pixel?
#
# The interval is about the score of the whole map. How sure is the map at one place? Our three forests differ only by
# their seed. Such a group is called an [ensemble](../docs/glossary.md#ensemble). (Notebook 05 does the same with
# networks, which takes longer.) Compare the AUPRC of each forest with that of their mean.

# %%
scored = {f"forest {number}": forest for number, forest in enumerate(ensemble, start=1)}
scored["mean"] = mean = detectors["random forest"]
auprc = {name: metrics.auprc(*metrics.pixels(one, composite["landslides"], test)) for name, one in scored.items()}
pd.Series(auprc, name="AUPRC").round(3).to_frame()

# %% [markdown]
# Where do the forests disagree? The standard deviation of their maps is called the **spread**. (The scale of the left
# map says probability. For a forest it is the share of trees that call a pixel landslide.)

# %%
from landslide_utils.figures.maps import ensemble_figure

spread = ensemble.std("forest", skipna=False)
ensemble_figure(mean, spread, composite["landslides"], chips)

# %% [markdown]
# Does disagreement show mistakes? We compare the tenth of the test pixels with the largest spread with all others. A
# pixel is wrong if the mean is above one half and there is no landslide, or the other way round.

# %%
truth, means = metrics.pixels(mean, composite["landslides"], test)
_, spreads = metrics.pixels(spread, composite["landslides"], test)
wrong, large = (means > 0.5) != truth, spreads > np.quantile(spreads, 0.9)
print(f"wrong: {wrong[large].mean():.1%} where the spread is large, {wrong[~large].mean():.1%} elsewhere")

# %% [markdown]
# The spread shows only where chance in the training decides. Detectors that learn from the same chips also share
# mistakes. Notebook 05 counts the landslide pixels that several networks miss together.
#
# ## Does a random split make the score too good?
#
# So far whole blocks of neighbouring chips were used for training or test. If single chips are split at random, as in
# the paper's code, test chips lie right beside training chips. How much does this alone change the score? To answer, we
# score two networks on the **same** test chips. The training chips of one lie `apart` from them. The training chips of
# the other lie `beside` them, and are as many.
#
# Ten seeds on a practice scene of the paper's size take too long for a notebook. So we read a table that was made by
# `benchmarks/leak.py`. Each seed has its own test chips.

# %%
pairs = pd.read_csv(Path(results) / "leak.csv", index_col="seed")
pairs[["apart", "beside", "prevalence", "n_test_chips_with_landslides"]]

# %% [markdown]
# Each line is one seed. Does it rise from left to right?

# %%
from landslide_utils.figures.scores import pairs_figure

pairs_figure(pairs, "apart", "beside")

# %% [markdown]
# The mean difference, with its interval from Student's t for so many pairs:

# %%
difference = pairs["beside"] - pairs["apart"]
low, high = stats.t.interval(metrics.LEVEL, len(pairs) - 1, difference.mean(), stats.sem(difference))
print(f"beside - apart: {difference.mean():+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")

# %% [markdown]
# The whole interval is within 0.02 of zero. So in **this** scene it makes no practical difference whether the training
# chips are neighbours. The scene is simulated, and this is a likely reason: speckle and most of the appearance of a
# landslide are random at each place. So a neighbour carries little information. In real scenes neighbours share forest,
# soil, weather and the person who traced the labels. For real data Kattenborn et al. 2022 report scores that are up to
# 28 % too high. A blocked split costs little, so we keep it.

# %% [markdown]
# ## Which landslides are found?
#
# A pixel is reported if its probability is above a [threshold](../docs/glossary.md#threshold). Here we take the
# threshold at which half of all landslide pixels are found. Then we look at each landslide. How much of it is reported,
# how large is it, and how is its slope oriented towards the radar? A small [local
# incidence](../docs/glossary.md#local-incidence) angle means that it faces the radar, a large one that it looks away.

# %%
threshold_half = float(np.quantile(scores[labels], 0.5))

# %% [markdown]
# This is the map at that threshold: what it finds, what it misses, and its false alarms.

# %%
from landslide_utils.figures.maps import difference_figure

difference_figure(probability, composite["landslides"], chips, datacube["dem"], threshold=threshold_half)

# %% [markdown]
# Now move the threshold. The point on the precision-recall curve, the counts and the map move together. At which
# threshold does the first false alarm appear? At which does the last landslide disappear? (The page works offline. It
# rounds probabilities down to whole percent.)

# %%
from landslide_utils.figures.page import threshold_page

threshold_page(probability, composite["landslides"], chips, threshold=threshold_half)

# %% [markdown]
# We compute the local incidence from the terrain and from the direction in which the radar looks. That is about west on
# a descending orbit, and about east on an ascending one.

# %%
incidence = float(datacube.attrs.get("incidence_degrees", 39.0))
look = terrain.LOOK_AZIMUTH.get(composite.attrs["orbit"], terrain.LOOK_AZIMUTH["descending"])
local = terrain.local_incidence(
    datacube["dem"], grid.pixel_size_m(datacube), incidence_degrees=incidence, look_azimuth_degrees=look
)

# %% [markdown]
# Now we list each landslide of the test, with its size, the share that is reported, and its local incidence.

# %%
each = found_landslides(
    probability, composite["landslides"], test, threshold=threshold_half, local_incidence=local
)

# %% [markdown]
# ### Exercise (easy): landslides found
#
# Half of the landslide *pixels* are reported. For how many *landslides* is at least half of the area reported? Give the
# share of the landslides in `each`, whose column `found` is the reported share of each.

# %% tags=["exercise"]
share_found = ...
# BEGIN SOLUTION NO PROMPT
share_found = (each["found"] >= 0.5).mean()
# END SOLUTION
check.landslides_found(share_found, each)

# %% [markdown]
# If you read recall as "the share of landslides that were found", you confuse the first of these numbers with your own
# one, or with the second:

# %% tags=["misconception:recall-counts-landslides"]
print(f"landslide pixels reported: {np.average(each['found'], weights=each['area_m2']):.2f}")
print(f"landslides with any pixel reported: {(each['found'] > 0).mean():.2f} of {len(each)}")

# %% [markdown]
# Always say which you mean. If you count pixels, large landslides dominate.
#
# First by size, in four groups with the same number of landslides:

# %%
size = pd.qcut(each["area_m2"], 4, duplicates="drop", precision=0)
each.groupby(size, observed=True)["found"].agg(landslides="size", found="mean").round(2)

# %% [markdown]
# Then by how the slope is oriented towards the radar:

# %%
limits = [0, incidence - 10, incidence + 10, 180]
lies = pd.cut(each["local_incidence"], limits, labels=["faces the radar", "in between", "looks away"])
each.groupby(lies, observed=True)["found"].agg(landslides="size", found="mean").round(2)

# %% [markdown]
# ## Does 0.8 mean eight in ten?
#
# Take the test pixels with a probability near 0.8. How many of them are landslides?

# %%
near = abs(scores - 0.8) < 0.05
print(f"of {near.sum():,} test pixels with 0.75 to 0.85, {labels[near].mean():.0%} are landslides")

# %% [markdown]
# Now for all probabilities. We group pixels by the probability that the network gives, and count how many are
# landslides. If the probabilities are right, both numbers are equal in each group. Landslides were more common on the
# chips of the training than in the scene, so expect the probabilities to be too high.
#
# ### Exercise (harder): how wrong are the probabilities?
#
# We begin with the **validation** chips, and with probabilities of 0 to 0.1, 0.1 to 0.2, and so on. `table` has a line
# for each group: the mean `probability`, the `share` of landslides, and the number of `pixels`.

# %%
inside = part_mask(chips, "validation", composite["landslides"])
validation = metrics.pixels(probability, composite["landslides"], inside)
edges = np.arange(0.1, 1, 0.1)
table = reliability(*validation, bins=edges)
table.round(3)

# %% [markdown]
# The **expected calibration error** is the mean distance between probability and share, with each group weighted by its
# pixels. Compute it.

# %% tags=["exercise"]
error = ...
# BEGIN SOLUTION NO PROMPT
error = np.average(abs(table["probability"] - table["share"]), weights=table["pixels"])
# END SOLUTION
check.calibration_error(error, table)

# %% [markdown]
# We can correct this by [calibration](../docs/glossary.md#calibration), which is learnt on the **validation** chips and
# never on the test chips. We divide all logits by one **temperature**. This cannot correct values that are all too
# high, so we also try it with a shift. Both methods, and the numbers that they learnt:

# %%
with_shift = Calibration.fit(*validation, shift=True)
corrections = {"temperature": Calibration.fit(*validation), "temperature and shift": with_shift}
pd.DataFrame(list(corrections.values()), index=list(corrections)).round(2)

# %% [markdown]
# The calibration error of each, on the test chips, from 15 groups of equally many pixels. AUPRC does not change,
# because the order of the pixels stays the same.

# %%
maps = {"as trained": probability} | {name: correction.apply(probability) for name, correction in corrections.items()}
given = {name: metrics.pixels(changed, composite["landslides"], test) for name, changed in maps.items()}
pd.DataFrame(
    {
        "calibration error": {name: expected_calibration_error(*pair) for name, pair in given.items()},
        "AUPRC": {name: metrics.auprc(*pair) for name, pair in given.items()},
    }
).round(4)

# %% [markdown]
# The same as a picture, in the groups of the exercise. Look at the number of pixels below: most pixels are in the first
# group, and a group of few pixels says little.

# %%
from landslide_utils.figures.scores import reliability_figure

reliability_figure({name: reliability(*pair, bins=edges) for name, pair in given.items()}, composite)

# %% [markdown]
# ## Where to draw the line
#
# There is no single correct threshold. The best one depends on costs: report a pixel if a report is expected to cost
# less than no report. Suppose that the pixel is a landslide with the probability *p*. On average no report costs *p*
# times the cost of a miss. A report costs 1 - *p* times the cost of a false alarm.
#
# ### Exercise (harder): the threshold from costs
#
# At which probability do both cost the same? `cost_of_a_miss` and `cost_of_a_false_alarm` are parameters of this
# notebook.

# %% tags=["exercise"]
threshold = ...
# BEGIN SOLUTION NO PROMPT
threshold = cost_of_a_false_alarm / (cost_of_a_miss + cost_of_a_false_alarm)
# END SOLUTION
check.cost_threshold(threshold, cost_of_a_miss, cost_of_a_false_alarm)

# %% [markdown]
# The package's `threshold_for` gives the same. It is right only if the probabilities are right.

# %%
cheap = threshold_for(cost_of_a_miss, cost_of_a_false_alarm)

# %% [markdown]
# How much does this threshold cost on the test chips? And how much does 0.5 cost, and no calibration?

# %%
def cost(probabilities: np.ndarray, limit: float) -> float:
    """Return the mean cost per pixel."""
    missed, alarmed = labels & (probabilities < limit), ~labels & (probabilities >= limit)
    return float((cost_of_a_miss * missed + cost_of_a_false_alarm * alarmed).mean())

# %% [markdown]
# The cost of each on the test chips:

# %% tags=["misconception:one-half-is-the-threshold"]
calibrated = given["temperature and shift"][1]
costs = {
    "calibrated, threshold from costs": cost(calibrated, cheap),
    "calibrated, 0.5": cost(calibrated, 0.5),
    "as trained, threshold from costs": cost(scores, cheap),
    "as trained, 0.5": cost(scores, 0.5),
    "report nothing": cost(scores, 2.0),
}
pd.Series(costs, name="mean cost per pixel").round(4).to_frame()

# %% [markdown]
# One half is the right threshold only where a miss and a false alarm cost the same.

# %% [markdown]
# ### Try
#
# Choose a user of the map: a mayor, a farmer or an insurance company. Set `cost_of_a_miss` and
# `cost_of_a_false_alarm` for this user and run the last section again.
#
# <details><summary>What a good answer has</summary>
#
# - Where the two costs come from, in hours or money, even if they are rough.
# - The threshold, and how many landslides and false alarms of the test chips it reports.
# - The cost compared with that of reporting nothing and of 0.5.
# - What changes if the cost of a miss is wrong by a factor of two.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/04_evaluate.ipynb).

# %% [markdown]
# ## A threshold that keeps a promise
#
# Sometimes nobody can name costs, but a share is **promised**: "we find 70 % of the landslides". Again a landslide
# counts as found if at least half of its area is reported. For each landslide we ask: what is the highest threshold at
# which it is still found? That is the median of its pixels' probabilities.

# %%
def highest_thresholds(place: dict[str, slice]) -> np.ndarray:
    """Return the median probability of each landslide on a chip."""
    groups = grid.label_groups(composite["landslides"].isel(place).values)
    return grid.measure_groups(groups, p=(probability.isel(place).values, "median"))["p"].dropna().to_numpy()

# %% [markdown]
# We compute it on each chip that the network did not learn from. (A landslide on two chips counts twice.)

# %%
by_chip = {
    part: [highest_thresholds(window.place) for window in windows(chips, part, only_landslides=True)]
    for part in ("validation", "test")
}
known, new = (np.concatenate(by_chip[part]) for part in ("validation", "test"))
print(f"{len(known)} landslides on the validation chips, {len(new)} on the test chips")

# %% [markdown]
# A plain way takes the threshold that finds 70 % of the validation landslides. But new landslides are different ones:
# in about half of all cases fewer than 70 % are found. A [conformal
# threshold](../docs/glossary.md#conformal-threshold) is more careful. It allows fewer misses, so few that luck alone
# explains them in at most one case of ten. The binomial distribution tells how many.

# %%
promised = 0.7

def plain(values: np.ndarray) -> float:
    return float(np.quantile(values, 1 - promised, method="lower"))

def careful(values: np.ndarray) -> float:
    rank = int(stats.binom.ppf(0.1, len(values), 1 - promised))
    return float(np.sort(values)[rank - 1]) if rank else 0.0  # 0 reports every pixel: too few landslides to promise

# %% [markdown]
# Both thresholds come from the validation chips. How many landslides do they find on the test chips?

# %%
for choose in (plain, careful):
    limit = choose(known)
    print(f"{choose.__name__}: threshold {limit:.3f}, found on the test chips {(new >= limit).mean():.0%}")

# %% [markdown]
# One test cannot check a promise about many cases. So we simulate. All these landslides together play the whole world.
# 200 times we draw as many as the validation chips have, choose a threshold on them, and look whether it finds 70 % of
# the whole world.

# %%
world, random = np.concatenate([known, new]), np.random.default_rng(config.seed)
kept = {"plain": 0, "careful": 0}
for _ in range(200):
    drawn_ones = random.choice(world, len(known))
    for choose in (plain, careful):
        kept[choose.__name__] += (world >= choose(drawn_ones)).mean() >= promised
print(", ".join(f"{name}: promise kept in {count / 200:.0%} of 200 draws" for name, count in kept.items()))

# %% [markdown]
# The careful threshold is made to keep its promise in at least about 90 % of the draws. But we drew each landslide
# alone. In a real scene, landslides of one chip share rock and forest. What if we draw whole chips?

# %%
chips_of_all, held = [*by_chip["validation"], *by_chip["test"]], 0
for _ in range(200):
    places = random.integers(len(chips_of_all), size=len(by_chip["validation"]))
    held += (world >= careful(np.concatenate([chips_of_all[place] for place in places]))).mean() >= promised
print(f"careful, whole chips drawn: promise kept in {held / 200:.0%} of 200 draws")

# %% [markdown]
# If this share is far below 90 %, landslides of one chip resemble each other, and the promise was too bold. In a
# simulated scene each landslide is drawn on its own, so expect little difference; in a real one expect more. Notebook
# 05 has a threshold that counts chips, `guaranteed_threshold`. No promise holds for other regions, seasons or sensors.
#
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:many-pixels-make-it-sure"]
# **1.** A test has ten chips with landslides, and a million pixels. What does the width of its interval depend on?
#
# <details><summary>On the pixels: with a million the number is exact</summary>
#
# **No.** Pixels of a chip share slopes, weather and landslides. They are not a million independent trials.
#
# </details>
#
# <details><summary>Mostly on the ten chips</summary>
#
# **Right.** Another valley would have other chips. Ten chips tell little about it.
#
# </details>
#
# <details><summary>On the number of bootstrap draws</summary>
#
# **No.** More samples give the ends of the interval more exactly. They do not make it narrower.
#
# </details>

# %% [markdown] tags=["question:overlap-means-no-difference"]
# **2.** Two detectors were tested on the same chips, and the intervals of their AUPRC overlap. Is one of them better?
#
# <details><summary>No: intervals that overlap show no difference</summary>
#
# **No.** Chips that are hard for one are hard for the other, and that cancels in the difference.
#
# </details>
#
# <details><summary>Yes, the one with the higher AUPRC</summary>
#
# **No.** It may be luck. Look at the interval of the difference: does it contain 0?
#
# </details>
#
# <details><summary>Look at the interval of their difference</summary>
#
# **Right.** Take the difference in each sample of chips. If its interval does not contain 0, the test shows a
# difference.
#
# </details>

# %% [markdown] tags=["question:recall-counts-landslides"]
# **3.** A map has a recall of 0.5, counted in pixels. How many of the landslides has it found?
#
# <details><summary>Half of them</summary>
#
# **No.** A few large landslides may hold half of all pixels.
#
# </details>
#
# <details><summary>You cannot tell from this number</summary>
#
# **Right.** Large landslides have many pixels. Count landslides, and say from which share a landslide counts as found.
#
# </details>
#
# <details><summary>All of them, half each</summary>
#
# **No.** That is possible. It could also be half of them completely. You cannot tell from pixels.
#
# </details>

# %% [markdown] tags=["question:one-half-is-the-threshold"]
# **4.** Probabilities are calibrated, and a missed landslide costs as much as 20 false alarms. When should a pixel be
# reported?
#
# <details><summary>Above 0.5: then it is more likely than not</summary>
#
# **No.** That holds if both mistakes cost the same.
#
# </details>
#
# <details><summary>Above 0.95: 20 of 21</summary>
#
# **No.** That would be the threshold if a false alarm cost 20 times as much as a miss. Here a miss costs more.
#
# </details>
#
# <details><summary>Above 0.048: 1 of 21</summary>
#
# **Right.** At 0.048, no report costs 0.048 * 20 on average, and a report 0.952 * 1: the same. Above it, a report costs
# less.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - AUPRC is the mean of the precision at each landslide pixel. It is compared with random guessing, and its interval
#   comes from sampling chips, not pixels.
# - A network should be better than simpler methods. Methods that are scored on the same chips are compared in pairs.
# - Recall counts pixels. The share of landslides that are found is another number. It needs a rule for when a landslide
#   counts as found.
# - Probabilities are calibrated on validation chips. Then a threshold follows from the costs of mistakes.
# - Trainings with several seeds show where chance decides. A promised recall needs a careful threshold, and holds for
#   landslides like those that it was chosen on.
#
# Next: [05 Map](05_map.ipynb).
#
# **Sources.** Saito & Rehmsmeier 2015 and Boyd et al. 2013 on precision-recall curves and their intervals; Guo et al.
# 2017 and Platt 1999 on calibration; Lakshminarayanan et al. 2017 on ensembles; Wilks 1941, Vovk 2012 and Bates et al.
# 2021, [arXiv:2101.02703](https://arxiv.org/abs/2101.02703), on promises; Kattenborn et al. 2022 on spatial leakage;
# Breiman 2001 on random forests; Boehm et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869).
