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
# In the night of 6 September 2018 an earthquake shook thousands of slopes loose in Hokkaido. Clouds hide such a place from cameras; radar sees through them.
# Here we train a neural network, a UNet++, to find landslides in radar images from before and after an event, and ask how much better than chance it is.
#
# **Afterwards you can** make a composite from a radar datacube, cut it into chips that do not leak, write a training loop, and read a precision-recall curve.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
# | what a pixel of backscatter in dB is | [01 Explore backscatter](01_explore.ipynb) |
#
# It works without a network. The default cube is **simulated**: a practice scene with known truth. Real cubes are one parameter away.

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Change it here, or from a terminal: `papermill 03_train.ipynb out.ipynb -p channels sar_dem`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59; only for a store whose event is not known
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
split: str = "blocked"  # How chips are shared out: blocked (neighbours stay together) or random (single chips; it leaks)
preset: str = "quick"  # How large a network and how long: quick (a minute), standard (a coffee) or paper (as large as published; a GPU)
seed: int = 0  # Of the split, the first weights and the order of chips; the same seed gives the same result
epochs: int = 0  # How often the network sees the training chips; 0 takes the preset's number
runs_dir: str = "runs"  # Folder in which the run is saved

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.config import read_parameters

config = read_parameters(globals())
config

# %% [markdown]
# ## The datacube
#
# A datacube is a stack of radar images of one place, pass after pass. We open it without reading its pixels yet.

# %%
from landslide_utils.composite import make_composite, variables_of
from landslide_utils.cube import open_cube

needed = variables_of(config.channels)
datacube = open_cube(config.cube, event_time=config.event_time or None, variables=needed, progress=True)
datacube

# %% [markdown]
# ## From passes to one image
#
# A single pass is full of speckle. So we average the last passes before the event, and the first ones after it, all from one orbit direction, and keep
# both means: a **composite**. The mean is taken of power, and only then turned into decibels.

# %%
composite = make_composite(datacube, channels=config.channels, timesteps=config.timesteps, orbit=config.orbit).load()
composite

# %% [markdown]
# Look at it. Where did the ground change, and is every change a landslide?

# %%
from landslide_utils import plots

plots.composite_figure(composite)

# %% [markdown]
# ## From an image to chips
#
# The network learns from **chips** of 128 x 128 pixels. Some train it, some let us watch whether it learns or only remembers, and some test it at the
# end. Neighbouring chips look alike. If one trains and the other tests, the test is too easy. So a `blocked` split keeps whole blocks of chips together,
# with a gap between blocks; a `random` split does not.

# %%
from landslide_utils.chips import split_chips

chips = split_chips(composite["landslides"], method=config.split, seed=config.seed)
chips.groupby("part")["landslide_share"].agg(["size", "mean"])

# %% [markdown]
# The last column is the **prevalence**: the share of pixels that are landslide. A detector that guesses at random is right that often.

# %%
plots.split_figure(composite, chips)

# %% [markdown]
# These are the training chips that hold most landslides. Try to find the landslides before you look at the labels beneath.

# %%
plots.chips_figure(composite, chips)

# %% [markdown]
# A network likes numbers around zero. We subtract the mean and divide by the standard deviation of each channel, measured **on the training chips only**:
# whatever we measure on a test chip is no longer unknown to the network.

# %%
from landslide_utils.chips import Normalisation

normalisation = Normalisation.fit(composite["image"], chips)
image = normalisation.apply(composite["image"])

# %% [markdown]
# Some pixels have no data: the edge of a pass, radar shadow. They are shown to the network as zero, and neither teach it nor test it.

# %%
import numpy as np

valid = np.isfinite(composite["image"]).all("channel")
print(f"{float(valid.mean()):.2%} of the pixels have data")

# %% [markdown]
# ## The network
#
# A UNet++ looks at a chip at several resolutions and brings what it saw back to every pixel. The preset says how large it is and how it is trained.
# The `quick` preset has two resolutions below the chip's own, because landslides are a few pixels wide; with so few a UNet++ is the same network as a UNet. With
# three, as in `standard`, it is not, and does better (`benchmarks/presets.csv` has every network that was tried).

# %%
from landslide_utils.model import PRESETS, count_weights
from landslide_utils.train import start_session

session = start_session(
    image, composite["landslides"], valid, chips, PRESETS[config.preset], epochs=config.chosen_epochs, seed=config.seed
)
print(f"{count_weights(session.model):,} weights, {len(session.train_batches)} batches an epoch")

# %% [markdown]
# What is a wrong answer? **Cross-entropy** is large where the network is sure and wrong. We take the mean over the pixels that have data.

# %% tags=["shown:losses.masked_cross_entropy"]
import torch


def masked_cross_entropy(logits: torch.Tensor, landslides: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy over the pixels that have data; all tensors (n, 1, height, width)."""
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, landslides, weight=valid, reduction="sum")
    return loss / valid.sum().clamp(min=1)


# %% [markdown]
# And this is all that training is: look at a batch of chips, compare with the labels, ask each weight which way it should move, move it a little.

# %% tags=["shown:train.train_epoch"]
from landslide_utils.train import Session


def train_epoch(session: Session) -> float:
    """Show the network one epoch of training chips, mend its weights after each batch, and return the mean loss."""
    session.model.train()
    total = 0.0
    for batch in session.train_batches:
        session.optimiser.zero_grad()
        logits = session.model(batch["image"])
        loss = session.loss(logits, batch["landslides"], batch["valid"])
        session.accelerator.backward(loss)
        session.optimiser.step()
        session.schedule.step()
        total += loss.item()
    return total / len(session.train_batches)


# %% [markdown]
# Now repeat it, epoch after epoch. Our own `train_epoch` from above is what runs.

# %%
import pandas as pd

from landslide_utils.train import fit

history = pd.DataFrame(fit(session, config.chosen_epochs, train_epoch=train_epoch))

# %% [markdown]
# The training loss should fall. The validation loss is measured on chips that never changed a weight: if it rises while the other falls, the network
# has begun to learn its training chips by heart.

# %%
plots.history_figure(history)

# %% [markdown]
# ## The map
#
# Overlapping tiles cover the whole scene, edges too, and give every pixel a probability. Mind that most training chips were chosen because they hold
# landslides: the network expects more of them than there are, so its probabilities rank pixels well but are too high as numbers.

# %%
from landslide_utils.predict import map_scene

probability = map_scene(session.model, image, valid=valid, tile=PRESETS[config.preset].tile)

# %% [markdown]
# We look at the test chips only, because only there the network has never seen the answer.

# %%
from landslide_utils import maps

map_picture = maps.map_figure(probability, composite["landslides"], chips, simulated=composite.attrs["simulated"])
map_picture

# %% [markdown]
# ## How good is it?
#
# A network must beat something that needs no training: the **log ratio**, the change in decibels. It is tried for each polarisation, as it is and smoothed.

# %%
from landslide_utils.baselines import log_ratio_detectors

detectors = {"UNet++": probability} | log_ratio_detectors(composite["image"])
list(detectors)

# %% [markdown]
# Chips of one block share their slopes and their weather, so they count for less than their number. On how many blocks does the test rest?

# %%
tested = chips[(chips["part"] == "test") & (chips["landslide_share"] > 0)]
print(f"{len(tested)} test chips hold landslides, in {tested['block'].nunique()} blocks")

# %% [markdown]
# For every threshold there is a **recall** (how many landslide pixels are found) and a **precision** (how many finds are right). The area under the
# curve, **AUPRC**, sums them up. A detector that knows nothing gets the prevalence.

# %%
from landslide_utils import metrics
from landslide_utils.chips import part_mask

test = part_mask(chips, "test", image) & valid
curves = {
    name: metrics.curve(*metrics.pixels(score, composite["landslides"], test)) for name, score in detectors.items()
}
curves_picture = plots.curves_figure(curves, simulated=composite.attrs["simulated"])
curves_picture

# %% [markdown]
# The poster scored only chips that hold a landslide. There landslides are more common, so the same detector scores higher: two AUPRC values can be
# compared only if their prevalence is the same. We measure both.

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
# ## Keep it
#
# A run is a folder that appears whole or not at all: its configuration, what it measured, its weights and its map.

# %%
from landslide_utils.runs import measure, save_run

results, bootstrap = measure(probability, composite, chips, history)
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
# ## What we learnt
#
# - A composite is a mean of power over passes, before and after, from one orbit direction.
# - A split that keeps neighbours together gives an honest test; few blocks give a weak one: repeat it with other seeds.
# - AUPRC is read beside chance, and compared only at the same prevalence.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869),
# data [10.5281/zenodo.7248056](https://doi.org/10.5281/zenodo.7248056); Zhou et al. 2018, *UNet++*; Saito & Rehmsmeier 2015 on precision-recall curves;
# Kattenborn et al. 2022 on spatial leakage.
