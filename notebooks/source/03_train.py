# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 Train a landslide detector
#
# In the night of 6 September 2018 an earthquake shook thousands of slopes loose in Hokkaido. Clouds hide such a place
# from cameras; radar sees through them. Here we train a neural network, a UNet++, to find landslides in radar images
# from before and after an event, and ask how much better than chance it is.
#
# **Afterwards you can** make a composite from a radar datacube, cut it into chips that do not leak, write a training
# loop, tell learning from the loss of knowing nothing, choose a step without the test, and read a precision-recall
# curve.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a pixel of backscatter in dB is | [01 Explore backscatter](01_explore.ipynb) |
# | composite, chips, split | [02 From cube to chips](02_chips.ipynb) |
#
# It works offline. The default cube is **simulated**: a practice scene with known truth. Real cubes are one
# parameter away. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Change it here, or from a terminal:
# `papermill 03_train.ipynb out.ipynb -p channels sar_dem`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
split: str = "blocked"  # How chips are shared out: blocked (neighbours together) or random (single chips; it leaks)
preset: str = "quick"  # How large a network and how long: quick (a minute), standard (longer) or paper (a GPU)
seed: int = 0  # Of the split, the first weights and the order of chips; the same seed gives the same result
steps: int = 0  # Batches that the network is trained on; 0 takes the preset's number
runs_dir: str = "runs"  # Folder in which the run is saved

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import check_parameters

parameters = check_parameters(globals(), **RUN_RULES)
config = RunConfig.from_parameters(parameters)
config

# %% [markdown]
# ## The datacube
#
# A [datacube](../docs/glossary.md#datacube) is a stack of radar images of one place, pass after pass. We open it
# without reading its pixels yet.

# %%
from landslide_utils.composite import keep_composite, make_composite, variables_of
from landslide_utils.cube import open_cube

needed = variables_of(config.channels)
datacube = open_cube(config.cube, event_time=config.event_time or None, variables=needed, progress=True)
datacube

# %% [markdown]
# ## From passes to one image
#
# A single pass is full of [speckle](../docs/glossary.md#speckle). So we average the last passes before the event, and
# the first ones after it, all from one [orbit direction](../docs/glossary.md#orbit-direction), and keep both means: a
# [composite](../docs/glossary.md#composite). The mean is taken of power, and only then turned into decibels. A small
# composite is kept in memory, a large one on the disk.

# %%
composite = make_composite(datacube, channels=config.channels, timesteps=config.timesteps, orbit=config.orbit)
composite = keep_composite(composite)
composite

# %% [markdown]
# Look at it. Where did the ground change, and is every change a landslide?

# %%
from landslide_utils.figures.chips import composite_figure

composite_figure(composite)

# %% [markdown]
# ## From an image to chips
#
# The network learns from [chips](../docs/glossary.md#chip) of 128 x 128 pixels. Some train it, some let us watch
# whether it learns or only remembers, and some test it at the end. Neighbouring chips look alike. If one trains and the
# other tests, the test is too easy: [leakage](../docs/glossary.md#leakage). So a [blocked
# split](../docs/glossary.md#blocked-split) keeps whole blocks of chips together, with a gap between blocks; a `random`
# one does not.

# %%
from landslide_utils.chips import part_mask, split_chips

chips = split_chips(composite["landslides"], method=config.split, seed=config.seed)
chips.groupby("part")["landslide_share"].agg(["size", "mean"])

# %% [markdown]
# The last column is the [prevalence](../docs/glossary.md#prevalence): the share of pixels that are landslide. A
# detector that guesses at random is right that often.

# %%
from landslide_utils.figures.chips import split_figure

split_figure(composite, chips)

# %% [markdown]
# These are the training chips that hold most landslides. Try to find the landslides before you look at the labels
# beneath.

# %%
from landslide_utils.figures.chips import chips_figure

chips_figure(composite, chips)

# %% [markdown]
# A network likes numbers around zero: [normalisation](../docs/glossary.md#normalisation). We subtract the mean and
# divide by the standard deviation of each channel, measured **on the training chips only**: whatever we measure on a
# test chip is no longer unknown to the network.

# %%
from landslide_utils.scene import Normalisation

normalisation = Normalisation.fit(composite["image"], chips)

# %% [markdown]
# Some pixels have no data: the edge of a pass, radar shadow. They are shown to the network as zero, and neither teach
# it nor test it.

# %%
valid = composite["valid"]
print(f"{float(valid.mean()):.2%} of the pixels have data")

# %% [markdown]
# ## The network
#
# A UNet++ (see [UNet](../docs/glossary.md#unet)) looks at a chip at several resolutions and brings what it saw back to
# every pixel. The preset says how large it is and how it is trained. The `quick` preset has three resolutions below the
# chip's own: landslides are a few pixels wide, so more would see too coarsely. It learns from quarters of chips, 64 x
# 64 pixels, and so sees more places in the same time (`benchmarks/presets.csv` has what was tried).

# %%
from landslide_utils.model import PRESETS, count_weights
from landslide_utils.scene import Scene
from landslide_utils.train import start_session

scene = Scene(composite, chips, normalisation)
session = start_session(scene, PRESETS[config.preset], steps=config.chosen_steps, seed=config.seed)
print(f"{count_weights(session.model):,} weights, {session.steps} steps")

# %% [markdown]
# A [batch](../docs/glossary.md#batch) is a few chips that the network sees at once. After each batch the weights move
# once: one **step**. Training is counted in steps, so it takes as long in a large scene as in a small one.
#
# ### Exercise: how often is a chip seen?
#
# The published recipe trains only on chips that hold a landslide: `recipe.steps` steps with batches of
# `recipe.batch_size` chips. How often does it show each of the training chips in `chips`, on average? Their
# `landslide_share` is above 0.

# %% tags=["exercise"]
from landslide_utils.course import check

recipe = PRESETS["paper"]
times = ...
# BEGIN SOLUTION NO PROMPT
holds_landslide = (chips["part"] == "train") & (chips["landslide_share"] > 0)
times = recipe.steps * recipe.batch_size / holds_landslide.sum()
# END SOLUTION
check.times_seen(times, chips, recipe)

# %% [markdown]
# Once through all training chips is called an [epoch](../docs/glossary.md#epoch), and many papers count training in
# epochs. How far do epochs measure a training? Ten epochs with batches of 64 chips, on scenes of several sizes:

# %% tags=["misconception:epochs-measure-training"]
import numpy as np
import pandas as pd

number_of_chips = pd.Series([20, 60, 216, 2000], name="training chips")
steps_of_ten_epochs = 10 * np.ceil(number_of_chips / recipe.batch_size)
pd.DataFrame({"training chips": number_of_chips, "steps": steps_of_ten_epochs.astype(int)})

# %% [markdown]
# Epochs count how often the chips are gone through, steps how often the weights move. The fewer the chips and the
# larger the batches, the fewer steps has an epoch.
#
# What is a wrong answer? [Cross-entropy](../docs/glossary.md#cross-entropy) is minus the natural logarithm of the
# probability that the network gives to what is true: large where the network is sure and wrong. We take the mean over
# the pixels that have data.

# %% tags=["shown:model.masked_cross_entropy"]
import torch


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


# %% [markdown]
# How small must it become? That depends on how common landslides are. On the validation chips:

# %%
validation = part_mask(chips, "validation", composite) & valid
prevalence = float(composite["landslides"].values[validation.values].mean())
print(f"{prevalence:.4f} of the validation pixels are landslide")

# %% [markdown]
# ### Exercise: what knowing nothing costs
#
# Suppose a network has learnt one thing only: how common landslides are. It gives every pixel the same probability of a
# landslide, `prevalence`. What is its mean cross-entropy over the validation pixels?

# %% tags=["exercise"]
loss_of_knowing_nothing = ...
# BEGIN SOLUTION NO PROMPT
loss_of_knowing_nothing = -prevalence * np.log(prevalence) - (1 - prevalence) * np.log(1 - prevalence)
# END SOLUTION
check.uninformed_loss(loss_of_knowing_nothing, prevalence)

# %% [markdown]
# Our own `masked_cross_entropy` says the same. We give it two networks that never look at the radar: one says 0.5
# everywhere, the other the prevalence.

# %% tags=["misconception:a-small-loss-is-a-good-network"]
truth = torch.from_numpy(composite["landslides"].values[validation.values]).float()
for said in (0.5, prevalence):
    logits = torch.full_like(truth, said).logit()
    print(f"{said:.3f} everywhere: loss {masked_cross_entropy(logits, truth, torch.ones_like(truth)):.3f}")

# %% [markdown]
# Neither of them can tell one pixel from another. The drop from the first loss to the second is all that learning
# "landslides are rare" brings, so a loss is read beside the second. Keep it in mind for the validation loss below. (The
# training loss has a yardstick of its own: on the chips that are drawn for training, landslides may be more common.)
#
# And this is all that training is: look at a batch of chips, compare with the labels, ask each weight which way it
# should move, move it a little.

# %% tags=["shown:train.train_steps"]
from landslide_utils.train import Session


def train_steps(session: Session, count: int) -> float:
    """Show the network `count` batches, update the weights after each, and return the mean loss."""
    session.model.train()
    total = 0.0
    for batch in session.next_batches(count):
        session.optimiser.zero_grad()
        logits = session.model(batch["image"])
        loss = session.loss(logits, batch["landslides"], batch["valid"])
        session.accelerator.backward(loss)
        session.optimiser.step()
        session.schedule.step()
        total += loss.item()
    return total / count


# %% [markdown]
# Now go on to the last step. Our own `train_steps` from above is what runs. Every now and then `fit` looks at the
# validation chips, and writes a line of `history`.

# %%
from landslide_utils.train import fit

history = pd.DataFrame(fit(session, train_steps=train_steps))

# %% [markdown]
# The training loss should fall. The validation loss is measured on chips that never changed a weight: if it rises while
# the other falls, the network has begun to learn its training chips by heart.

# %%
from landslide_utils.figures.scores import history_figure

history_figure(history, composite)

# %% [markdown]
# ### Exercise: which step?
#
# If you could keep the weights of one line of `history`, which would you keep? Choose by the AUPRC on the validation
# chips and give its `step`.

# %% tags=["exercise"]
keep = ...
# BEGIN SOLUTION NO PROMPT
keep = history.loc[history["validation_auprc"].idxmax(), "step"]
# END SOLUTION
check.best_step(keep, history)

# %% [markdown]
# And had we gone by a loss? Three rules, the step that each chooses, and what its weights are worth on the validation
# chips:

# %% tags=["misconception:train-until-the-loss-is-lowest"]
chosen = {
    "lowest training loss": history["train_loss"].idxmin(),
    "lowest validation loss": history["validation_loss"].idxmin(),
    "highest validation AUPRC": history["validation_auprc"].idxmax(),
}
history.loc[list(chosen.values()), ["step", "validation_auprc"]].set_axis(list(chosen), axis="index").round(3)

# %% [markdown]
# No rule can beat the last one in this table. The training loss belongs to chips that the network may know by heart.
# Our presets keep the weights of the last step: by then the learning rate has shrunk to nearly nothing, and so has the
# difference between the last lines.
#
# ## The map
#
# The network maps the scene window by window. Each window is read with a margin around it, as wide as the network
# looks, so that no pixel misses anything. Mind that most training chips were chosen because they hold landslides: the
# network expects more of them than there are, so its probabilities rank pixels well but are too high as numbers.

# %%
from landslide_utils.predict import map_scene

probability = map_scene(session.model, composite, normalisation)

# %% [markdown]
# We look at the test chips only, because only there the network has never seen the answer.

# %%
from landslide_utils.figures.maps import map_figure

map_picture = map_figure(probability, composite["landslides"], chips)
map_picture

# %% [markdown]
# ## How good is it?
#
# A network must beat something that needs no training: the [log ratio](../docs/glossary.md#log-ratio), the change in
# decibels. It is tried for each polarisation, as it is and smoothed.

# %%
from landslide_utils.baselines import log_ratio_detectors

detectors = {"UNet++": probability} | log_ratio_detectors(composite["image"])
list(detectors)

# %% [markdown]
# Chips of one block share their slopes and their weather, so they count for less than their number. On how many blocks
# does the test rest?

# %%
tested = chips[(chips["part"] == "test") & (chips["landslide_share"] > 0)]
print(f"{len(tested)} test chips hold landslides, in {tested['block'].nunique()} blocks")

# %% [markdown]
# For every threshold there is a [recall](../docs/glossary.md#recall) (how many landslide pixels are found) and a
# [precision](../docs/glossary.md#precision) (how many finds are right). The area under the curve,
# [AUPRC](../docs/glossary.md#auprc), sums them up. A detector that knows nothing gets the prevalence.

# %%
from landslide_utils import metrics
from landslide_utils.figures.scores import curves_figure

test = part_mask(chips, "test", composite) & valid
curves = {
    name: metrics.curve(*metrics.pixels(score, composite["landslides"], test)) for name, score in detectors.items()
}
curves_picture = curves_figure(curves, composite)
curves_picture

# %% [markdown]
# The paper scored only chips that hold a landslide. There landslides are more common, so the same detector scores
# higher: two AUPRC values can be compared only if their prevalence is the same. We measure both.

# %%
measured = metrics.score_map(probability, composite["landslides"], chips)
pd.DataFrame(
    {
        "AUPRC": [measured["auprc"], measured["auprc_landslide_chips"]],
        "chance": [measured["prevalence"], measured["prevalence_landslide_chips"]],
    },
    index=["all test chips", "test chips with a landslide"],
).round(3)

# %% [markdown]
# ## May the test choose?
#
# Why did we not choose the epoch by the test chips? Here are 200 guessers. Each gives every chip a random number, so
# none knows anything. How well do they score?

# %%
from sklearn.metrics import average_precision_score

guesses = np.random.default_rng(config.seed).random((200, len(chips)))

def score_of(guess, part):
    inside = (chips["part"] == part).to_numpy()
    share = chips.loc[inside, "landslide_share"]
    kinds, weights = np.repeat([True, False], len(share)), np.concatenate([share, 1 - share])
    return average_precision_score(kinds, np.tile(guess[inside], 2), sample_weight=weights)

# %% [markdown]
# We let the test choose the best of them, and ask the validation chips what it is worth.

# %% tags=["misconception:the-test-may-choose"]
lucky = max(guesses, key=lambda guess: score_of(guess, "test"))
for part, words in (("test", "that chose it"), ("validation", "that did not")):
    typical = np.median([score_of(guess, part) for guess in guesses])
    print(f"{part} chips, {words}: {score_of(lucky, part):.3f}; half of the guessers score more than {typical:.3f}")

# %% [markdown]
# Whoever is chosen by the test looks good on the test. So the test chooses nothing: no step, no threshold, no network.
# It is asked once, at the end.
#
# ## Keep it
#
# A run is a folder that appears whole or not at all: its configuration, what it measured, its weights and its map.

# %%
from landslide_utils.experiments.measure import measure
from landslide_utils.experiments.runs import save_run

results, bootstrap = measure(probability, scene, history)
folder = save_run(
    config,
    metrics=results,
    bootstrap=bootstrap,
    history=history,
    model=session.model,
    normalisation=normalisation,
    probability=probability,
    pictures={"map": map_picture, "precision_recall": curves_picture},
)

# %% [markdown]
# What was measured, and where it is kept:

# %%
print(f"saved in {folder}")
pd.Series(results, name="value").to_frame()

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:epochs-measure-training"]
# **1.** Two networks are trained for ten epochs with the same batch size, one on 60 chips, the other on 6,000. Which
# has been trained for longer?
#
# <details><summary>Neither: ten epochs are ten epochs</summary>
#
# **No.** An epoch is once through the chips. It says nothing of how many there are.
#
# </details>
#
# <details><summary>The one with 60 chips: it has seen each more often</summary>
#
# **No.** Both have seen each chip ten times. But how often did their weights move?
#
# </details>
#
# <details><summary>The one with 6,000 chips</summary>
#
# **Right.** It has a hundred times as many batches, so its weights moved about a hundred times as often.
#
# </details>

# %% [markdown] tags=["question:a-small-loss-is-a-good-network"]
# **2.** Landslides are 2 % of the pixels. After some training the cross-entropy is 0.10. What has the network learnt?
#
# <details><summary>Perhaps nothing but that landslides are rare</summary>
#
# **Right.** Saying 0.02 everywhere costs 0.098. First compute what knowing nothing costs.
#
# </details>
#
# <details><summary>A lot: 0.10 is close to 0</summary>
#
# **No.** Whoever says 0.02 everywhere, without a look at the radar, has 0.098.
#
# </details>
#
# <details><summary>A lot: it started near 0.69</summary>
#
# **No.** 0.69 is what 0.5 everywhere costs. Most of the way down is only learning that landslides are rare.
#
# </details>

# %% [markdown] tags=["question:train-until-the-loss-is-lowest"]
# **3.** The training loss still falls, the AUPRC on the validation chips does not get better any more. What do you do?
#
# <details><summary>Go on: the loss is what is being trained</summary>
#
# **No.** It also falls while the network learns its training chips by heart.
#
# </details>
#
# <details><summary>Go on until the training loss no longer falls</summary>
#
# **No.** Then the network knows its training chips best. You want it to know others.
#
# </details>
#
# <details><summary>Keep the weights that were best on the validation chips</summary>
#
# **Right.** Validation chips never moved a weight, so they show what the network can do elsewhere.
#
# </details>

# %% [markdown] tags=["question:the-test-may-choose"]
# **4.** You trained 200 networks and report the one with the highest AUPRC on the test chips, with that AUPRC. Is the
# number right?
#
# <details><summary>Yes: the network has never seen the test chips</summary>
#
# **No.** But you have. Of 200 guessers that know nothing, the best by the test looks clever too.
#
# </details>
#
# <details><summary>No, it is too high</summary>
#
# **Right.** The best of many is partly the luckiest. Choose by the validation chips, then test the chosen one once.
#
# </details>
#
# <details><summary>No, it is too low</summary>
#
# **No.** Luck is on the side of whoever is picked as the best, so the number is too high.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A composite is a mean of power over passes, before and after, from one orbit direction.
# - A split that keeps neighbours together gives an honest test; few blocks give a weak one: repeat it with other seeds.
# - Training is counted in steps, and a loss is read beside that of knowing nothing.
# - Validation chips choose, test chips only test.
# - AUPRC is read beside chance, and compared only at the same prevalence.
#
# Next: [04 Evaluate](04_evaluate.ipynb).
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869), data
# [10.5281/zenodo.7248056](https://doi.org/10.5281/zenodo.7248056); Zhou et al. 2018, *UNet++*; Saito & Rehmsmeier 2015
# on precision-recall curves; Kattenborn et al. 2022 on spatial leakage.
