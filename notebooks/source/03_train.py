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
# On the night of 6 September 2018 an earthquake caused thousands of landslides in Hokkaido. Clouds hide such a place
# from cameras, but radar sees through them. Here we train a neural network, a UNet++, to find landslides in radar
# images from before and after an event. How much better is it than random guessing?
#
# **Afterwards you can** make a composite from a radar datacube, split it into chips without leakage, and write a
# training loop. You can compare your loss with the loss of a network that knows only how rare landslides are, choose a
# step without the test, and read a precision-recall curve.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a pixel of backscatter in dB is | [01 Explore backscatter](01_explore.ipynb) |
# | composite, chips, split | [02 From cube to chips](02_chips.ipynb) |
#
# It works offline. The default cube is **simulated**: a practice scene with known truth. For a real cube you change one
# parameter. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. Change them here, or from a terminal:
# `papermill 03_train.ipynb out.ipynb -p channels sar_dem`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout
event_time: str = ""  # Date and time of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
split: str = "blocked"  # How chips are split: blocked (neighbours together) or random (single chips; it leaks)
preset: str = "quick"  # How large a network and how long: quick (1 minute), standard (longer), paper (needs a GPU)
seed: int = 0  # Of the split, the first weights and the order of chips; the same seed gives the same result
steps: int = 0  # Batches that the network is trained on; 0 takes the preset's number
runs_dir: str = "runs"  # Folder in which the run is saved

# %% [markdown]
# The next cell checks them.

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
# without reading its pixels yet. Its elevation (`dem`) is there for the map at the end.

# %%
from landslide_utils.composite import keep_composite, make_composite, variables_of
from landslide_utils.cube import open_cube

needed = [*variables_of(config.channels), "dem"]
datacube = open_cube(config.cube, event_time=config.event_time or None, variables=needed, progress=True)
datacube

# %% [markdown]
# ## From passes to one image
#
# A single pass is full of [speckle](../docs/glossary.md#speckle). So we average the last passes before the event, and
# the first ones after it, all from one [orbit direction](../docs/glossary.md#orbit-direction), and keep both means: a
# [composite](../docs/glossary.md#composite). We take the mean of the power, and convert it to decibels afterwards. A
# small composite is kept in memory, a large one on the disk.

# %%
composite = make_composite(datacube, channels=config.channels, timesteps=config.timesteps, orbit=config.orbit)
composite = keep_composite(composite)
composite

# %% [markdown]
# Look at it, where most slid. Where did the ground change, and is every change a landslide?

# %%
from landslide_utils.figures.chips import composite_figure

composite_figure(composite)

# %% [markdown]
# ## From an image to chips
#
# The network learns from [chips](../docs/glossary.md#chip) of 128 x 128 pixels. Some are for training. Some are for
# validation: they show whether the network generalises or only memorises. Some are for the test at the end.
# Neighbouring chips look alike. If one is used for training and the other for the test, the test may be too easy:
# [leakage](../docs/glossary.md#leakage). So a [blocked split](../docs/glossary.md#blocked-split) keeps whole blocks of
# chips together, with a gap between blocks. A `random` split does not.

# %%
from landslide_utils.chips import part_mask, split_chips

chips = split_chips(composite["landslides"], method=config.split, seed=config.seed)
chips.groupby("part")["landslide_share"].agg(chips="size", prevalence="mean").round(3)

# %% [markdown]
# The last column is the [prevalence](../docs/glossary.md#prevalence): the share of pixels that are landslide. Random
# guessing is right that often. Its score, in AUPRC, is called [chance](../docs/glossary.md#chance).

# %%
from landslide_utils.figures.chips import split_figure

split_figure(composite, chips)

# %% [markdown]
# These are the training chips with most landslides. Try to find the landslides before you look at the labels below.

# %%
from landslide_utils.figures.chips import chips_figure

chips_figure(composite, chips)

# %% [markdown]
# A network learns best from numbers around zero. So we [normalise](../docs/glossary.md#normalisation): we subtract the
# mean and divide by the standard deviation of each channel. Both are measured **on the training chips only**. If we
# measured them on test chips too, the test would no longer be unknown.

# %%
from landslide_utils.scene import Normalisation

normalisation = Normalisation.fit(composite["image"], chips)

# %% [markdown]
# Some pixels have no data, for example at the edge of a pass or in radar shadow. The network gets zero there. These
# pixels are left out of the loss and of the score.

# %%
valid = composite["valid"]
print(f"{float(valid.mean()):.2%} of the pixels have data")

# %% [markdown]
# ## The network
#
# A UNet++ (see [UNet](../docs/glossary.md#unet)) analyses a chip at several resolutions and combines the results for
# every pixel. The preset says how large it is and how it is trained. The `quick` preset has three resolutions below
# that of the chip, because landslides are only a few pixels wide. It learns from quarters of chips, 64 x 64 pixels, and
# so sees more places in the same time. `benchmarks/presets.csv` lists the variants that were tried. Notebook
# [03b](03b_inside_the_network.ipynb) opens the network.

# %%
from landslide_utils.model import PRESETS, count_weights
from landslide_utils.scene import Scene
from landslide_utils.train import start_session

scene = Scene(composite, chips, normalisation)
session = start_session(scene, PRESETS[config.preset], steps=config.chosen_steps, seed=config.seed)
print(f"{count_weights(session.model):,} weights, {session.steps} steps")

# %% [markdown]
# A [batch](../docs/glossary.md#batch) is a few chips that the network gets at once. After each batch the weights are
# changed once: one **step**. We count training in steps, so it takes as long in a large scene as in a small one.
#
# ### Exercise (easy): how often is a chip seen?
#
# The published recipe trains only on chips that hold a landslide: `recipe.steps` steps with batches of
# `recipe.batch_size` chips. The chips that hold a landslide have a `landslide_share` above 0. How often does the recipe
# show each such training chip in `chips`, on average?

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
# One pass through all training chips is called an [epoch](../docs/glossary.md#epoch), and many papers count training in
# epochs. Is the number of epochs a good measure of how long a network was trained? The table shows how many steps there
# are in ten epochs with batches of 64 chips:

# %% tags=["misconception:epochs-measure-training"]
import numpy as np
import pandas as pd

number_of_chips = pd.Series([20, 60, 216, 2000], name="training chips")
steps_of_ten_epochs = 10 * np.ceil(number_of_chips / recipe.batch_size)
pd.DataFrame({"training chips": number_of_chips, "steps": steps_of_ten_epochs.astype(int)})

# %% [markdown]
# Epochs count how often the network has seen each chip. Steps count how often the weights were changed. The fewer the
# chips and the larger the batches, the fewer steps an epoch has.
#
# The **loss** measures how wrong the network is. Ours is the [cross-entropy](../docs/glossary.md#cross-entropy). For
# each pixel it is -ln(p), where p is the probability that the network gives to the correct answer. It is large where
# the network is sure and wrong. We average it over the pixels that have data.

# %% tags=["shown:model.masked_cross_entropy"]
import torch


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


# %% [markdown]
# How small is a good loss? That depends on how common landslides are. On the validation chips:

# %%
validation = part_mask(chips, "validation", composite) & valid
prevalence = float(composite["landslides"].values[validation.values].mean())
print(f"{prevalence:.4f} of the validation pixels are landslide")

# %% [markdown]
# ### Exercise (harder): the loss without radar
#
# On the training chips that hold a landslide, landslides are more common. Their share is `p`:

# %%
p = float(chips.loc[(chips["part"] == "train") & (chips["landslide_share"] > 0), "landslide_share"].mean())
print(f"{p:.4f} of the pixels of these chips are landslide")

# %% [markdown]
# Suppose a network has learnt only this. It gives every pixel of these chips the same probability `p` of a landslide.
# What is its mean cross-entropy over their pixels?

# %% tags=["exercise"]
loss_of_knowing_nothing = ...
# BEGIN SOLUTION NO PROMPT
loss_of_knowing_nothing = -p * np.log(p) - (1 - p) * np.log(1 - p)
# END SOLUTION
check.uninformed_loss(loss_of_knowing_nothing, p)

# %% [markdown]
# Now on the validation chips, with our own `masked_cross_entropy`. We try it for two networks that never use the radar.
# One gives 0.5 everywhere, the other the prevalence.

# %% tags=["misconception:a-small-loss-is-a-good-network"]
truth = torch.from_numpy(composite["landslides"].values[validation.values]).float()
for said in (0.5, prevalence):
    logits = torch.full_like(truth, said).logit()
    print(f"{said:.3f} everywhere: loss {masked_cross_entropy(logits, truth, torch.ones_like(truth)):.3f}")

# %% [markdown]
# Neither of them can tell one pixel from another. Going from the first loss to the second only means that the network
# learnt that landslides are rare. So compare your validation loss below with the second. (The training loss must be
# compared with another value, like that of the exercise: landslides are more common on the chips of the training.)
#
# Training repeats three things. Compute the loss of a batch of chips. Compute for each weight in which direction the
# loss falls (the **gradient**). Change the weight a little in that direction.

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
# Now we train to the last step with our own `train_steps` from above. From time to time `fit` measures the loss and the
# AUPRC on the validation chips, and writes a line of `history`.

# %%
from landslide_utils.train import fit

history = pd.DataFrame(fit(session, train_steps=train_steps))

# %% [markdown]
# The training loss should fall. The validation loss is measured on chips that are never used to change the weights. If
# it rises while the training loss falls, the network has started to memorise its training chips (**overfitting**).

# %%
from landslide_utils.figures.scores import history_figure

half = history.head((len(history) + 1) // 2)
history_figure(history, composite)

# %% [markdown]
# ### Exercise (easy): which step?
#
# Suppose that you have to stop halfway, when the learning rate is still high: `half` is the first half of `history`. If
# you can keep the weights of one of its lines, which do you keep? Choose by the AUPRC on the validation chips and give
# its `step`.

# %% tags=["exercise"]
keep = ...
# BEGIN SOLUTION NO PROMPT
keep = half.loc[half["validation_auprc"].idxmax(), "step"]
# END SOLUTION
check.best_step(keep, half)

# %% [markdown]
# What if we had chosen by a loss? The table has the lines of `half`, the one with the best AUPRC first. If a loss
# ordered them in the same way, it would rise from line to line:

# %% tags=["misconception:train-until-the-loss-is-lowest"]
columns = ["step", "validation_auprc", "validation_loss", "train_loss"]
half.sort_values("validation_auprc", ascending=False)[columns].round(3)

# %% [markdown]
# Where a loss falls from one line to the next, it prefers the line with the worse AUPRC. The training loss also comes
# from chips that the network may have memorised. Our presets train to the end and keep the weights of the last step. By
# then the learning rate is nearly zero, so the weights hardly change any more.
#
# ## The map
#
# The network maps the scene window by window. Each window is read with a margin around it, so that pixels at its edge
# get all their surroundings. Note that most training chips were chosen because they hold landslides. The network
# expects more landslides than there are, so expect its probabilities to be too high. Their order is still useful.

# %%
from landslide_utils.predict import map_scene

probability = map_scene(session.model, composite, normalisation)

# %% [markdown]
# We look at test chips only, because the network has never seen their labels: here at those with most landslides.

# %%
from landslide_utils.figures.maps import map_figure

map_picture = map_figure(probability, composite["landslides"], chips, datacube.get("dem"))
map_picture

# %% [markdown]
# ## How good is it?
#
# A network should be better than a method without training. Ours is the [log ratio](../docs/glossary.md#log-ratio), the
# change in decibels. We try it for each polarisation, with and without smoothing.

# %%
from landslide_utils.baselines import log_ratio_detectors

detectors = {"UNet++": probability} | log_ratio_detectors(composite["image"])
list(detectors)

# %% [markdown]
# Chips of one block share slopes and weather, so they are not independent. How many blocks does the test have?

# %%
tested = chips[(chips["part"] == "test") & (chips["landslide_share"] > 0)]
print(f"{len(tested)} test chips hold landslides, in {tested['block'].nunique()} blocks")

# %% [markdown]
# For every threshold there is a [recall](../docs/glossary.md#recall) (how many landslide pixels are found) and a
# [precision](../docs/glossary.md#precision) (how many of the pixels above the threshold are landslides). The area under
# the curve, [AUPRC](../docs/glossary.md#auprc), sums up all thresholds. Random guessing scores the prevalence.

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
# The paper scored only chips that hold a landslide. There landslides are more common, and so random guessing scores
# higher. Two AUPRC values can be compared only if their prevalence is the same. We measure both.

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
# Why did we not choose the step by the test chips? Here are 200 random guesses. Each gives every chip a random number.
# What do they score?

# %%
from sklearn.metrics import average_precision_score

guesses = np.random.default_rng(config.seed).random((200, len(chips)))

def score_of(guess, part):
    inside = (chips["part"] == part).to_numpy()
    share = chips.loc[inside, "landslide_share"]
    kinds, weights = np.repeat([True, False], len(share)), np.concatenate([share, 1 - share])
    return average_precision_score(kinds, np.tile(guess[inside], 2), sample_weight=weights)

# %% [markdown]
# We choose the one that is best on the test chips. What does it score on the validation chips?

# %% tags=["misconception:the-test-may-choose"]
lucky = max(guesses, key=lambda guess: score_of(guess, "test"))
for part, words in (("test", "used to choose it"), ("validation", "not used")):
    typical = np.median([score_of(guess, part) for guess in guesses])
    print(f"{part} chips, {words}: {score_of(lucky, part):.3f}; half of the guesses score more than {typical:.3f}")

# %% [markdown]
# A guess that was selected with the test data looks good on the test data, and so does a network. So never use the test
# data to choose a step, a threshold or a network. Use them once, at the end.
#
# ## Keep it
#
# Each run is saved in a folder: its configuration, its scores, its weights and its map. The folder is created only when
# everything in it is complete.

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
# What was measured, and where it is saved:

# %%
print(f"saved in {folder}")
pd.Series(results, name="value").to_frame()

# %% [markdown]
# ### Try
#
# Change one thing of the training and nothing else: `channels`, `timesteps`, `steps` or `seed`. First write down what
# you expect, then run the notebook again.
#
# <details><summary>What a good answer has</summary>
#
# - The guess that was made before the run.
# - Both scores on all test chips with chance beside them, and both curves of the validation loss.
# - Whether the difference is larger than that of another `seed`. One run each cannot decide small differences.
# - No choice by the test: if you try several values, choose by the validation chips.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/03_train.ipynb).

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:epochs-measure-training"]
# **1.** Two networks are trained for ten epochs with the same batch size, one on 60 chips, the other on 6,000. Which
# has been trained for longer?
#
# <details><summary>Neither: ten epochs are ten epochs</summary>
#
# **No.** An epoch is one pass through the chips. How many steps that is depends on the number of chips.
#
# </details>
#
# <details><summary>The one with 60 chips: it has seen each more often</summary>
#
# **No.** Both have seen each chip ten times. But how often were their weights changed?
#
# </details>
#
# <details><summary>The one with 6,000 chips</summary>
#
# **Right.** It has about a hundred times as many batches, so its weights were changed about a hundred times as often.
#
# </details>

# %% [markdown] tags=["question:a-small-loss-is-a-good-network"]
# **2.** Landslides are 2 % of the pixels. After some training the cross-entropy is 0.10. What has the network learnt?
#
# <details><summary>Perhaps nothing but that landslides are rare</summary>
#
# **Right.** A network that gives 0.02 everywhere has a loss of 0.098. Compute this value first, then compare.
#
# </details>
#
# <details><summary>A lot: 0.10 is close to 0</summary>
#
# **No.** A network that gives 0.02 everywhere, without using the radar, has 0.098.
#
# </details>
#
# <details><summary>A lot: it started near 0.69</summary>
#
# **No.** 0.69 is the loss of 0.5 everywhere. Most of the fall only means that the network learnt that landslides are
# rare.
#
# </details>

# %% [markdown] tags=["question:train-until-the-loss-is-lowest"]
# **3.** The training loss still falls, but the AUPRC on the validation chips no longer gets better. What do you do?
#
# <details><summary>Go on: the loss is what is being trained</summary>
#
# **No.** It also falls while the network memorises its training chips (overfitting).
#
# </details>
#
# <details><summary>Go on until the training loss no longer falls</summary>
#
# **No.** Then the network fits its training chips best. You want it to find landslides on other chips.
#
# </details>
#
# <details><summary>Keep the weights that were best on the validation chips</summary>
#
# **Right.** Validation chips were never used to change the weights, so they show what the network can do on new chips.
#
# </details>

# %% [markdown] tags=["question:the-test-may-choose"]
# **4.** You trained 200 networks and report the one with the highest AUPRC on the test chips, with that AUPRC. Is the
# number right?
#
# <details><summary>Yes: the network has never seen the test chips</summary>
#
# **No.** But you have used them to choose. The best of 200 random guesses also looks good on the test chips.
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
# **No.** The best of many was partly lucky, so the number is too high.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A composite is a mean of power over passes, before and after, from one orbit direction.
# - A split that keeps neighbours together makes a fair test. A test on few blocks is uncertain: repeat it with other
#   seeds.
# - Training is counted in steps. A loss is compared with that of a network that knows only how rare landslides are.
# - Choose with the validation chips. Use the test chips only for the final test.
# - AUPRC is compared with that of random guessing, and with other scores only at the same prevalence.
#
# Next: [03b Inside the network](03b_inside_the_network.ipynb), or at once [04 Evaluate](04_evaluate.ipynb).
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869), data
# [10.5281/zenodo.7248056](https://doi.org/10.5281/zenodo.7248056); Zhou et al. 2018, *UNet++*; Saito & Rehmsmeier 2015
# on precision-recall curves; Kattenborn et al. 2022 on spatial leakage.
