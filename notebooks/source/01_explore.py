# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 Explore backscatter
#
# Most of this course runs on a practice cube: simulated radar with known truth, there at once and without a network. What we learn on it is worth only as
# much as it is like the real thing. So before we trust it we put it beside real Sentinel-1 radar, with the same ruler for both.
#
# **Afterwards you can** describe the noise of a stack of radar images in four numbers, say where the practice cube is like real data and where it is not,
# and name conclusions that do not carry over.
#
# | you should know | where it is taught |
# |---|---|
# | Python and a little NumPy | any beginner's course |
#
# It works without a network. This is the first part of the notebook; the rest of it, on power and decibels, polarisation and geometry, is planned.

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell.

# %% tags=["parameters"]
# fmt: off
region: str = "practice_earthquake"  # A practice region: practice_earthquake, practice_mountains, practice_hurricane or practice_small
size: int = 360  # Width and height, in pixels, of the corner that is measured, 60 to 600

# %% [markdown]
# Wrong values and unknown names are refused here, before any work is done.

# %%
from landslide_utils.config import check_parameters
from landslide_utils.scenario import PRACTICE

check_parameters(globals(), region=tuple(PRACTICE), size=range(60, 601))

# %% [markdown]
# ## A corner where little slid
#
# Speckle is what is left when nothing happens. We take the upper left corner of the scene, away from the
# middle where it shook most, and the passes of one orbit direction.

# %%
from landslide_utils.cube import open_cube

datacube = open_cube(region, progress=True)
corner = datacube.isel(x=slice(0, size), y=slice(0, size))
corner = corner.isel(time=corner["orbit"].values == corner["orbit"].values[0]).load()

# %% [markdown]
# How much of it is landslide, and is it really simulated?

# %%
print(f"{float(corner['landslides'].mean()):.2%} landslide, {corner.sizes['time']} passes")
print(f"simulated: {corner.attrs['simulated']}")

# %% [markdown]
# ## Real radar
#
# These numbers were measured on real Sentinel-1 images of forested mountains (OPERA RTC-S1, two places, 30 passes each), with pixels of 30 m. The images are
# not part of the course; what was measured on them is.

# %%
from landslide_utils import speckle

real, real_fluctuations = speckle.measured()
real.round(2)

# %% [markdown]
# The practice cube has pixels of 10 m. To compare like with like we also average its power over blocks of 3 x 3 pixels.

# %%
coarse = {name: speckle.coarsen_power(corner[name], 3) for name in ("vv", "vh")}
practice = {"practice (simulated), 10 m": (corner["vv"], corner["vh"]), "practice (simulated), as 30 m": (coarse["vv"], coarse["vh"])}

# %% [markdown]
# The same function measures both. Where do real and simulated agree, and where not?

# %%
import pandas as pd

statistics = real.join(pd.DataFrame({name: speckle.describe(vv, vh) for name, (vv, vh) in practice.items()}))
statistics.round(2)

# %% [markdown]
# And how often does a pixel depart from its own mean by so many decibels?

# %%
apart = {
    f"{name}, {p}": speckle.fluctuations(stack)
    for name, pair in practice.items()
    for p, stack in zip(("VV", "VH"), pair, strict=True)
}
fluctuations = real_fluctuations.join(pd.DataFrame(apart))

# %% [markdown]
# Side by side, the two real sites first:

# %%
from landslide_utils import plots

plots.noise_figure(statistics, fluctuations)

# %% [markdown]
# Averaging 3 x 3 independent pixels would multiply the number of looks by nine. What did it really do? Neighbours share
# speckle, and weather moves whole neighbourhoods together, so expect less.

# %%
looks = statistics.loc["VV: equivalent number of looks"]
fine, coarse_looks = looks["practice (simulated), 10 m"], looks["practice (simulated), as 30 m"]
print(f"from {fine:.1f} to {coarse_looks:.1f} looks: a factor of {coarse_looks / fine:.1f}")

# %% [markdown]
# Does a real 30 m pixel change as much from one pass to the next as our average of nine 10 m pixels?

# %%
change = statistics.loc["VV: temporal standard deviation of a pixel (dB)"]
print(f"real {real.loc[change.name].mean():.2f} dB, practice as 30 m {change['practice (simulated), as 30 m']:.2f} dB")

# %% [markdown]
# ## What the simulator does not model
#
# A simulator knows only what was put in. This list says which conclusions do **not** carry over from practice cubes to real ones.
#
# | not modelled | so do not conclude |
# |---|---|
# | coherence and phase | anything about interferometry |
# | the loss of resolution on foreshortened slopes | how small a landslide can be found on a slope that faces the radar |
# | labels that are wrong, shifted or missing | how good a network gets on a real inventory: it will be worse |
# | landslides that go on moving, debris flows that reach rivers, floods | how a detector behaves months after the event |
# | real forests, crops and towns, with their own shapes | how many false alarms a real valley gives |
# | the exact signature of a landslide, which nobody has measured well enough | that a score here is a score there |
# | errors of geocoding and of the elevation model | how well slope and aspect help in reality |
#
# The published Hokkaido cube bounds our choices too: speckle of 4.4 looks alone would spread log10 VH by 0.22, and all of that cube spreads it by 0.19.

# %% [markdown]
# ## What we learnt
#
# - Four numbers describe the noise of a stack: change from pass to pass, change of the whole scene, looks, and what neighbours share.
# - Where the last column differs from the two first, the practice cube is not like real radar.
# - A simulated result is a reason to look at real data, never a replacement.
#
# Next: [03 Train a landslide detector](03_train.ipynb).
#
# **Sources.** OPERA RTC-S1, NASA/JPL, modified Copernicus Sentinel data; Boehm et al. 2022, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Small 2011 on
# flattening gamma.
