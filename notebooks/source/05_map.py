# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 A map for people
#
# A score helps no responder. Somebody who has to decide which valley to look at first needs a map that says where, how large and how sure, in a file that
# opens in a geographic information system, and that says what it could not see. Here we make one.
#
# **Afterwards you can** map a whole scene without seams, say where radar is blind, choose a threshold without cheating, and write a map and polygons that
# others can open.
#
# | you should know | where it is taught |
# |---|---|
# | what a composite, a chip and a blocked split are | [03 Train a landslide detector](03_train.ipynb) |
# | recall and precision | the same |
#
# It works without a network, and needs no other notebook's files: a small network is trained on the spot. The default cube is **simulated**.

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Change it here, or from a terminal: `papermill 05_map.ipynb out.ipynb -p threshold 0.6`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store in the published layout, with elevation
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59; only for a store whose event is not known
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
incidence_degrees: float = 0.0  # Angle between the radar's look and the vertical; 0 takes the cube's own
seed: int = 0  # Of the split, the first weights and the order of chips
epochs: int = 6  # How often the network sees the training chips, 1 to 200; few, because it is the map that matters here
threshold: float = None  # Probability from which a pixel counts as landslide, between 0 and 1; None chooses it on the validation chips
min_pixels: int = 4  # Groups of fewer pixels get no polygon; 1 keeps all
out_dir: str = "maps"  # Folder for the files
overwrite: bool = False  # Whether files of an earlier run in that folder may be replaced

# %% [markdown]
# Wrong values, unknown names, and files that are there already are refused here, before any work is done.

# %%
from landslide_utils.composite import CHANNELS, ORBIT_CHOICES
from landslide_utils.config import check_parameters
from landslide_utils.export import plan_files

check_parameters(
    globals(),
    cube=(cube,),
    event_time=(event_time,),
    channels=tuple(CHANNELS),
    timesteps=range(1, 5),
    orbit=ORBIT_CHOICES,
    incidence_degrees=(incidence_degrees,),
    seed=range(2**32),
    epochs=range(1, 201),
    threshold=(threshold,),
    min_pixels=range(1, 100_001),
    out_dir=(out_dir,),
    overwrite=(False, True),
)
paths = plan_files(out_dir, threshold=threshold, overwrite=overwrite)

# %% [markdown]
# What we shall use; the names say what each is for.

# %%
import geopandas as gpd
import numpy as np
import pandas as pd
import rioxarray

from landslide_utils import maps
from landslide_utils.chips import Normalisation, part_mask, split_chips
from landslide_utils.composite import make_composite, variables_of
from landslide_utils.cube import open_cube
from landslide_utils.export import write_geotiff, write_polygons
from landslide_utils.model import PRESETS
from landslide_utils.polygons import best_threshold, compare_confidence, find_polygons, rasterise, summarise
from landslide_utils.predict import find_hidden, map_scene
from landslide_utils.train import fit, start_session

# %% [markdown]
# ## A network, quickly
#
# What notebook 03 explains is done here in short: open the cube, make a composite, share out the chips.

# %%
datacube = open_cube(cube, event_time=event_time or None, variables=[*variables_of(channels), "dem"], progress=True)
composite = make_composite(datacube, channels=channels, timesteps=timesteps, orbit=orbit)
landslides = composite["landslides"].load()

# %% [markdown]
# We measure each channel on the training chips, and normalise. Nothing has been loaded but the labels: the image stays a recipe, and is read chunk by chunk
# where it is needed. That is how a scene of any size fits in memory.

# %%
chips = split_chips(landslides, seed=seed)
image = Normalisation.fit(composite["image"], chips).apply(composite["image"])
valid = np.isfinite(composite["image"]).all("channel")

# %% [markdown]
# Then we train for a few epochs. Here the chips are wanted in memory.

# %%
session = start_session(image.load(), landslides, valid.load(), chips, PRESETS["quick"], epochs=epochs, seed=seed)
pd.DataFrame(fit(session, epochs)).tail(1)

# %% [markdown]
# ## Where radar is blind
#
# Radar looks from the side. Where a slope that faces it is steeper than its look, several places fall on one pixel: **layover**. Behind a steep ridge it sees
# nothing: **shadow**. What is there is noise that a network may take for a landslide. Terrain and geometry tell us where, whatever the data say.

# %%
flown = composite.attrs.get("orbit", "none")
known = flown in ("ascending", "descending")
hidden = find_hidden(datacube, orbit=flown, incidence_degrees=incidence_degrees or None) if known else None
print(f"{flown} passes" + ("" if known else ": without radar, or without its direction, nothing can be said of layover and shadow"))

# %% [markdown]
# ## The whole scene
#
# A network sees tiles, and near the edge of a tile it misses what lies beyond. So tiles overlap, and where they do we take a mean in which each counts less
# towards its edge. Hidden pixels get no probability, and the map says how many they are.

# %%
probability = map_scene(session.model, image, valid=valid, hidden=hidden, tile=PRESETS["quick"].tile)
pd.Series({name: f"{value:.2%}" for name, value in probability.attrs.items() if name.startswith("share_")}, name="of the scene").to_frame()

# %% [markdown]
# For a scene that does not fit in memory, `out="map.zarr"` streams the same map to a store. Where does the map say nothing?

# %%
maps.hidden_figure(probability, hidden)

# %% [markdown]
# And where it says something: labels beside prediction. We look at test chips, which the network has not seen.

# %%
maps.map_figure(probability, landslides, chips, simulated=composite.attrs["simulated"])

# %% [markdown]
# ## From probability to yes or no
#
# A polygon needs a threshold. One half would be right if the probabilities were, but the network was shown more landslides than there are, so they are too
# high. We take the threshold with the best balance of recall and precision (F1) on the **validation** chips. On the test chips it would be cheating.

# %%
if threshold is None:
    threshold = best_threshold(probability, landslides, part_mask(chips, "validation", landslides))
print(f"threshold {threshold:.2f}")

# %% [markdown]
# What does it hit, what does it miss, and what does it take for a landslide by mistake? Look at the edges of the landslides, and at what lies alone.

# %%
maps.difference_figure(probability, landslides, chips, threshold=threshold, simulated=composite.attrs["simulated"])

# %% [markdown]
# ## Polygons
#
# Each group of pixels above the threshold becomes a polygon with its area, its mean and highest probability, its slope, and how sure the network is.

# %%
polygons = find_polygons(probability, datacube["dem"].load(), threshold=threshold, min_pixels=min_pixels)
polygons.drop(columns=["region", "event_time", "simulated"]).head()

# %% [markdown]
# Are these polygons the network's map? We turn them back into pixels: the intersection over union with the map at the threshold must be nearly 1. What is
# missing is what we dropped as too small.

# %%
model, drawn = probability >= threshold, rasterise(polygons, probability)
print(f"intersection over union {float((model & drawn).sum() / max(int((model | drawn).sum()), 1)):.3f}")
print(f"dropped: {polygons.attrs['dropped']} groups, {polygons.attrs['dropped_m2'] / 1e6:.3f} km2")

# %% [markdown]
# "Sure" is what the network says of itself. Does it deserve it? On the test chips we know: which share of the polygons of each class lies on a landslide,
# and which share of their pixels is one?

# %%
compare_confidence(polygons, landslides, part_mask(chips, "test", landslides)).round(2)

# %% [markdown]
# ## What a responder asks first
#
# How many, how large, where densest, how sure, and what could not be seen. Mind that this counts the whole scene, training chips too, where a network
# is better than anywhere else.

# %%
summarise(polygons)

# %% [markdown]
# ## Files
#
# The map as a cloud-optimised GeoTIFF; the polygons as a GeoPackage in the map's own coordinates, and as GeoJSON in degrees. A file appears whole or not at
# all, and says of what event it is, and whether the radar was simulated.

# %%
write_geotiff(probability, paths["map"], threshold=threshold, overwrite=overwrite)
for kind in ("polygons", "polygons_in_degrees"):
    write_polygons(polygons, paths[kind], overwrite=overwrite)

# %% [markdown]
# Open them as somebody else would. Do they lie where the labels lie?

# %%
again = rioxarray.open_rasterio(paths["map"]).squeeze(drop=True)
apart = max(float(abs(again[axis].values - landslides[axis].values).max()) for axis in ("x", "y"))
print(f"{paths['map'].name}: {again.rio.crs}, pixel centres at most {apart:.3f} m from the labels'")
for kind in ("polygons", "polygons_in_degrees"):
    print(f"{paths[kind].name}: {gpd.read_file(paths[kind]).crs}, {len(gpd.read_file(paths[kind]))} polygons")

# %% [markdown]
# ## Move the threshold
#
# No single threshold suits everybody: a search party wants few false alarms, a survey wants few misses. The page below is a file of its own. It needs no
# network and no Python. Move the slider, zoom with the wheel, and point at a pixel to read its probability; the picture above shows the same at one threshold.

# %%
backdrop = composite["image"].isel(channel=0, drop=True).load()
page = maps.interactive_map(probability, background=backdrop, landslides=landslides, threshold=threshold)
page.save(paths["page"])
page

# %% [markdown]
# ## What we learnt
#
# - Tiles overlap so that a map has no seams, and a scene of any size can be mapped piece by piece.
# - A map must say where it says nothing: layover, shadow, no data.
# - A threshold is chosen on validation chips, and depends on what the map is for.
# - Polygons are checked against the map that they came from, and files by opening them again.
# - How sure a network is and how often it is right are two things: compare them where labels are known.
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*, [arXiv:2211.02869](https://arxiv.org/abs/2211.02869);
# Kropatsch & Strobl 1990 on layover and shadow; Butler et al. 2016, *The GeoJSON Format*, [RFC 7946](https://www.rfc-editor.org/rfc/rfc7946);
# Okabe & Ito 2008 on colours that everybody can tell apart.
