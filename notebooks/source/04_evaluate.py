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
# A network gives every pixel a probability. Is it better than something simple? Would another scene say the same? Does
# 0.8 mean eight in ten? And where should the line be drawn between a landslide and none? A map that answers none of
# these is a picture.
#
# **Afterwards you can** compute a precision-recall curve by hand, put an interval on its area, set a ladder of
# baselines under a network, show what a leaking split does, calibrate probabilities, and choose a threshold from what
# mistakes cost.
#
# | you should know | where it is taught |
# |---|---|
# | composite, chips, split, training | [03 Train a landslide detector](03_train.ipynb) |
#
# It works offline. The default cube is **simulated**: a practice scene with known truth. New words are
# explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
channels: str = "sar"  # What the network sees: vv, vh, sar (both) or sar_dem (both and terrain)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
preset: str = "quick"  # How large a network and how long: quick, standard or paper
seed: int = 0  # Of the split, the first weights and the order of chips
steps: int = 0  # Batches that the network is trained on; 0 takes the preset's number
cost_of_a_miss: float = 10.0  # What a landslide pixel costs that is not reported
cost_of_a_false_alarm: float = 1.0  # What a reported pixel costs that is none
runs_dir: str = "runs"  # Folder in which trained networks are kept
results: str = "../docs/results"  # Folder with results that took longer than a notebook may

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import check_parameters, named
from landslide_utils.metrics import threshold_for  # refuses costs that are not above 0

parameters = check_parameters(globals(), **RUN_RULES, cost_of_a_miss=float, cost_of_a_false_alarm=float, results=named)
threshold_for(cost_of_a_miss, cost_of_a_false_alarm)
config = RunConfig.from_parameters(parameters)
config

# %% [markdown]
# What we shall use; the names say what each is for.

# %%
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from landslide_utils import grid, metrics, terrain
from landslide_utils.baselines import log_ratio_detectors, random_forest
from landslide_utils.chips import part_mask, split_chips
from landslide_utils.composite import keep_composite, make_composite
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
# `run` does what notebook 03 did step by step: composite, chips, training, map. If the same run is kept in `runs_dir`
# already, it is read and not trained.

# %%
trained = run(config)
probability = trained.probability()

# %% [markdown]
# The truth lies in the cube, and the split is made again from the same seed. The terrain, which one of the baselines
# needs, is there too.

# %%
datacube = open_cube(config.cube, event_time=config.event_time or None)
composite = make_composite(datacube, channels="sar", timesteps=config.timesteps, orbit=config.orbit)
composite = keep_composite(composite)
chips = split_chips(composite["landslides"], seed=config.seed)

# %% [markdown]
# ## Precision and recall by hand
#
# Take the scores of all test pixels, the highest first, and walk down. After each pixel: how many landslide pixels have
# we found ([recall](../docs/glossary.md#recall)), and how many of our finds are right
# ([precision](../docs/glossary.md#precision))?

# %%
test = part_mask(chips, "test", composite["landslides"])
labels, scores = metrics.pixels(probability, composite["landslides"], test)
order = np.argsort(-scores, kind="stable")
found = labels[order].cumsum()
precision, recall = found / np.arange(1, len(found) + 1), found / found[-1]

# %% [markdown]
# The area under the curve, [AUPRC](../docs/glossary.md#auprc), is the mean precision over the recall gained, landslide
# pixel by landslide pixel. The library does the same and takes care of equal scores.

# %%
by_hand = precision[labels[order]].mean()
by_library = metrics.auprc(labels, scores)
print(f"by hand {by_hand:.6f}, by library {by_library:.6f}")

# %% [markdown]
# The curve itself, from little found and mostly right on the left to everything found on the right:

# %%
from landslide_utils.figures.scores import curves_figure

curves_figure({"this network": metrics.curve(labels, scores)}, composite)

# %% [markdown]
# The numbers of one map at a few places of the curve:

# %%
places = [0.5, 0.7, 0.9]
pd.DataFrame(
    {"precision there": [metrics.precision_at_recall(labels, scores, place) for place in places]},
    index=pd.Index(places, name="to find this share of landslide pixels"),
).round(3)

# %% [markdown]
# ## How sure is the number?
#
# The test rests on few chips with landslides. Another valley would give another number. The
# [bootstrap](../docs/glossary.md#bootstrap) plays that: draw as many test chips again, some twice and some not at all,
# and measure each time. Pixels of one chip share their slopes, so chips are drawn, not pixels.

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
# The test has many more pixels than chips. What if we had drawn pixels instead, as if each were a trial of its own?

# %%
random = np.random.default_rng(config.seed)
redrawn = (random.integers(len(labels), size=len(labels)) for _ in range(20))
by_pixel = [metrics.auprc(labels[drawn], scores[drawn]) for drawn in redrawn]

# %% [markdown]
# How far do the numbers spread?

# %% tags=["misconception:many-pixels-make-it-sure"]
print(f"standard deviation of AUPRC, {len(labels):,} pixels drawn: {np.std(by_pixel):.3f}")
print(f"standard deviation of AUPRC, whole chips drawn: {np.nanstd(draws):.3f}")

# %% [markdown]
# Pixels drawn one by one always bring a little of every valley, so they never ask what another valley would have said.
#
# ## The ladder
#
# What must a network beat? **Chance** knows nothing. **Slope alone** knows where landslides can be. The [log
# ratio](../docs/glossary.md#log-ratio) is the change in decibels, as it is and smoothed. A [random
# forest](../docs/glossary.md#random-forest) learns from each pixel and its near neighbours.

# %%
slope = terrain.slope(datacube["dem"].load(), grid.pixel_size_m(datacube))
detectors = {"slope alone": slope, **log_ratio_detectors(composite["image"])}

# %% [markdown]
# The forest learns from the training chips, as the network did.

# %%
valid = composite["valid"]
detectors["random forest"] = random_forest(composite["image"], composite["landslides"], valid, chips, seed=config.seed)

# %% [markdown]
# On a practice cube there is one rung more. The simulator's truth tells how likely each pixel's radar is with and
# without a landslide, so we can compute the **ceiling**: no rule that looks at one pixel's radar at a time can do
# better.

# %%
if config.cube in PRACTICE and composite.attrs["orbit"] in ("ascending", "descending"):
    detectors["ceiling for single pixels"] = likelihood_ratio(
        make_scene(PRACTICE[config.cube]), datacube, test, timesteps=config.timesteps, orbit=config.orbit
    )

# %% [markdown]
# Each of them on the same test chips, and drawn again with the same chips:

# %%
detectors["this network"] = probability
drawn = {name: metrics.bootstrap_auprc(score, composite["landslides"], chips) for name, score in detectors.items()}

# %% [markdown]
# And the AUPRC of each, without drawing:

# %%
on_test = {name: metrics.pixels(score, composite["landslides"], test) for name, score in detectors.items()}
areas = {name: metrics.auprc(*pair) for name, pair in on_test.items()}

# %% [markdown]
# The ladder, each rung with its interval:

# %%
from landslide_utils.figures.scores import ladder_figure

ladder = {name: tuple(metrics.interval(areas[name], drawn[name], rich)) for name in detectors}
ladder_figure(ladder, composite, chance=float(labels.mean()))

# %% [markdown]
# The intervals are wide because the chips differ. But all detectors saw the *same* chips: what is hard for one is
# mostly hard for the other. A **paired** comparison looks at the difference, draw by draw.
#
# ### Exercise: how sure is the difference?
#
# `drawn["this network"]` and `drawn["VV log ratio, smoothed"]` hold their AUPRC in each draw of chips, and draw by draw
# the chips are the same. What is the standard deviation of the difference? A draw without any landslide is NaN, so take
# `np.nanstd`.

# %% tags=["exercise"]
spread = ...
# BEGIN SOLUTION NO PROMPT
spread = np.nanstd(drawn["this network"] - drawn["VV log ratio, smoothed"])
# END SOLUTION
check.spread_of_difference(spread, drawn["this network"], drawn["VV log ratio, smoothed"])

# %% [markdown]
# Many look only whether two intervals overlap. Beside that, for each rung, the interval of the paired difference: where
# it leaves out 0, there is something to claim.

# %% tags=["misconception:overlap-means-no-difference"]
def against(name: str) -> dict[str, float]:
    """Compare the network with one rung, both ways."""
    better, p = metrics.compare(areas["this network"], areas[name], drawn["this network"], drawn[name], rich)
    overlap = network.low <= ladder[name][2] and ladder[name][1] <= network.high
    return {"intervals overlap": overlap, "better by": better.value, "low": better.low, "high": better.high, "p": p}


pd.DataFrame.from_dict({name: against(name) for name in detectors if name != "this network"}, orient="index").round(3)

# %% [markdown]
# ## A split that leaks
#
# So far whole blocks of neighbouring chips went to training or test. If single chips are shared out at random, as the
# paper's code does, test chips lie right beside training chips. What does that alone change? Two networks must be
# scored on the **same** test chips. One was trained `apart` from them. The other was trained `beside` them: their
# neighbours took the place of as many other chips.
#
# Ten seeds on a practice scene of the paper's size take longer than a notebook may. So the table is kept;
# `benchmarks/leak.py` made it. Each seed has its own test chips.

# %%
pairs = pd.read_csv(Path(results) / "leak.csv", index_col="seed")
pairs[["apart", "beside", "prevalence", "n_test_chips_with_landslides"]]

# %% [markdown]
# Each line is a seed. Does it rise from left to right?

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
# The whole interval lies within 0.02 of zero: in **this** scene neighbours make no difference. It is simulated, and a
# likely reason is that a simulated neighbour has little to tell: speckle and most of a landslide's looks are drawn anew
# at each place. In real scenes neighbours share forest, soil, weather and the hand that drew the labels. There
# Kattenborn et al. 2022 report scores that are up to 28 % too high. A blocked split costs little, so we keep it.

# %% [markdown]
# ## Which landslides are found?
#
# A pixel counts as reported above a [threshold](../docs/glossary.md#threshold); here the one at which half of all
# landslide pixels are found. Then we look at each landslide: how much of it is reported, how large is it, and how does
# its slope lie to the radar? A small [local incidence](../docs/glossary.md#local-incidence) angle means that it faces
# the radar, a large one that it looks away.

# %%
threshold_half = float(np.quantile(scores[labels], 0.5))

# %% [markdown]
# The local incidence follows from the terrain and from where the radar looks: about west on a descending orbit, about
# east on an ascending one.

# %%
incidence = float(datacube.attrs.get("incidence_degrees", 39.0))
look = terrain.LOOK_AZIMUTH.get(composite.attrs["orbit"], terrain.LOOK_AZIMUTH["descending"])
local = terrain.local_incidence(
    datacube["dem"].load(), grid.pixel_size_m(datacube), incidence_degrees=incidence, look_azimuth_degrees=look
)

# %% [markdown]
# Now each landslide of the test, with its size, the share that is reported, and its local incidence:

# %%
each = found_landslides(
    probability, composite["landslides"], test, threshold=threshold_half, local_incidence=local
)

# %% [markdown]
# ### Exercise: landslides found
#
# Half of the landslide *pixels* are reported. Of how many *landslides* is at least half reported? Give the share of the
# landslides in `each`, whose column `found` is the reported share of each.

# %% tags=["exercise"]
share_found = ...
# BEGIN SOLUTION NO PROMPT
share_found = (each["found"] >= 0.5).mean()
# END SOLUTION
check.landslides_found(share_found, each)

# %% [markdown]
# Whoever reads a recall as "so many landslides are found" takes the first of these numbers for one of the others:

# %% tags=["misconception:recall-counts-landslides"]
print(f"landslide pixels reported: {np.average(each['found'], weights=each['area_m2']):.2f}")
for words, enough in {"at least half of it": each["found"] >= 0.5, "any pixel of it": each["found"] > 0}.items():
    print(f"landslides with {words} reported: {enough.mean():.2f} of {len(each)}")

# %% [markdown]
# Say which you mean. Who counts pixels counts mostly large landslides.
#
# By size first, in four groups of equally many landslides:

# %%
size = pd.qcut(each["area_m2"], 4, duplicates="drop")
each.groupby(size, observed=True)["found"].agg(["size", "mean"]).round(2)

# %% [markdown]
# And by how the slope lies to the radar:

# %%
limits = [0, incidence - 10, incidence + 10, 180]
lies = pd.cut(each["local_incidence"], limits, labels=["faces the radar", "in between", "looks away"])
each.groupby(lies, observed=True)["found"].agg(["size", "mean"]).round(2)

# %% [markdown]
# ## Does 0.8 mean eight in ten?
#
# Group the test pixels by the probability that the network gives, and count how many are landslide. On the diagonal, a
# probability means what it says. Ours was trained on chips that hold more landslides than the scene does, so expect it
# to be too sure.
#
# ### Exercise: how far from the diagonal?
#
# `table` has a line for each group: the mean `probability`, the `share` that is landslide, and the number of `pixels`.
# The **expected calibration error** is the mean distance between the two, each group weighted with its pixels. Measure
# it.

# %% tags=["exercise"]
table = reliability(labels, scores)
error = ...
# BEGIN SOLUTION NO PROMPT
error = np.average(abs(table["probability"] - table["share"]), weights=table["pixels"])
# END SOLUTION
check.calibration_error(error, table)

# %% [markdown]
# The remedy is [calibration](../docs/glossary.md#calibration). It is learnt on the **validation** chips, never on the
# test: divide all logits by one **temperature**; and as that cannot move a bias, also with a shift.

# %%
inside = part_mask(chips, "validation", composite["landslides"])
validation = metrics.pixels(probability, composite["landslides"], inside)

# %% [markdown]
# Both remedies, and what they learnt:

# %%
with_shift = Calibration.fit(*validation, shift=True)
corrections = {"temperature": Calibration.fit(*validation), "temperature and shift": with_shift}
corrections

# %% [markdown]
# The calibration error of each, on the test chips. AUPRC does not change: the order of the pixels stays.

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
# The same as a picture, on logarithmic axes because most pixels are surely nothing:

# %%
from landslide_utils.figures.scores import reliability_figure

reliability_figure({name: reliability(*pair) for name, pair in given.items()}, composite)

# %% [markdown]
# ## Where to draw the line
#
# There is no right threshold, only a cheap one: report a pixel as soon as reporting it costs less than keeping silent.
# If it slid with the probability $p$, silence costs $p$ times the cost of a miss, in the mean, and reporting costs
# $1 - p$ times the cost of a false alarm.
#
# ### Exercise: the cheap threshold
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
# The package's `threshold_for` says the same. It holds only if probabilities mean what they say.

# %%
cheap = threshold_for(cost_of_a_miss, cost_of_a_false_alarm)

# %% [markdown]
# What would it have cost on the test chips, and what with 0.5, and without calibration?

# %%
def cost(probabilities: np.ndarray, limit: float) -> float:
    """Return the mean cost a pixel."""
    missed, alarmed = labels & (probabilities < limit), ~labels & (probabilities >= limit)
    return float((cost_of_a_miss * missed + cost_of_a_false_alarm * alarmed).mean())

# %% [markdown]
# Each of these ways on the test chips:

# %% tags=["misconception:one-half-is-the-threshold"]
calibrated = given["temperature and shift"][1]
costs = {
    "calibrated, threshold from costs": cost(calibrated, cheap),
    "calibrated, 0.5": cost(calibrated, 0.5),
    "as trained, threshold from costs": cost(scores, cheap),
    "as trained, 0.5": cost(scores, 0.5),
    "report nothing": cost(scores, 2.0),
}
pd.Series(costs, name="mean cost a pixel").round(4).to_frame()

# %% [markdown]
# One half is right only where a miss and a false alarm cost the same.
#
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:many-pixels-make-it-sure"]
# **1.** A test has ten chips with landslides, and a million pixels. What does the width of its interval depend on?
#
# <details><summary>On the pixels: with a million the number is exact</summary>
#
# **No.** Pixels of a chip share slopes, weather and landslides. They are no million independent trials.
#
# </details>
#
# <details><summary>On the ten chips, most of all</summary>
#
# **Right.** Another valley would bring other chips. Ten of them say little about that.
#
# </details>
#
# <details><summary>On the number of bootstrap draws</summary>
#
# **No.** More draws make the picture of the interval smoother, not the interval narrower.
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
# **No.** It may be luck. Look at the interval of the difference: does it hold 0?
#
# </details>
#
# <details><summary>Look at the difference, chip draw by chip draw</summary>
#
# **Right.** The paired difference has an interval of its own. If it leaves out 0, there is something to claim.
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
# <details><summary>That cannot be said from it</summary>
#
# **Right.** Large landslides have many pixels. Count landslides, and say what counts as found.
#
# </details>
#
# <details><summary>All of them, half each</summary>
#
# **No.** It could be. As well it could be half of them wholly. Pixels do not tell.
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
# **No.** That is the threshold if a false alarm were the dear one. Here we would rather warn once too often.
#
# </details>
#
# <details><summary>Above 0.048: 1 of 21</summary>
#
# **Right.** There, silence costs 0.048 * 20 and a report 0.952 * 1: the same. Above it, reporting is cheaper.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - AUPRC is the mean precision over the recall gained; it is read beside chance, with an interval that counts chips,
#   not pixels.
# - A network is worth its trouble only if it beats the rungs below it, and detectors on the same chips are compared in
#   pairs.
# - Recall counts pixels. How many landslides are found is another question, and needs a rule for what found means.
# - Probabilities are calibrated on validation chips; then a threshold follows from what mistakes cost.
#
# Next: [05 Map](05_map.ipynb).
#
# **Sources.** Saito & Rehmsmeier 2015 and Boyd et al. 2013 on precision-recall curves and their intervals; Guo et al.
# 2017 and Platt 1999 on calibration; Kattenborn et al. 2022 on spatial leakage; Breiman 2001 on random forests; Boehm
# et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869).
