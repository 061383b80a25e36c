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
# A score alone does not help rescue teams. They have to decide which valley to search first. So they need a map that
# says where, how large and how sure, and what the radar could not see. The map must open in a geographic information
# system. Here we make one.
#
# **Afterwards you can** map a whole scene without seams, find the places that the radar cannot see, and choose a
# threshold without using the test chips. You can estimate how large the total landslide area is, write a map and
# polygons that others can open, and say what the map must not be used for.
#
# | you should know | where it is taught |
# |---|---|
# | what a [composite](../docs/glossary.md#composite) is | [03 Train a landslide detector](03_train.ipynb) |
# | a [chip](../docs/glossary.md#chip), a [blocked split](../docs/glossary.md#blocked-split) | [03](03_train.ipynb) |
# | [recall](../docs/glossary.md#recall), [precision](../docs/glossary.md#precision) | [04](04_evaluate.ipynb) |
# | [calibration](../docs/glossary.md#calibration) | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline. It needs no files from other notebooks: a trained network comes with the course, and small ones are
# trained here. The default cube is **simulated**. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# All settings are in the next cell. Change them here, or from a terminal:
# `papermill 05_map.ipynb out.ipynb -p threshold 0.6`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store as published, with elevation
event_time: str = ""  # Date and time of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
crs: str = ""  # Coordinate reference system, such as EPSG:32654; for a store where it is not known
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
incidence_degrees: float = 0.0  # Angle between the radar beam and the vertical; 0 takes the cube's own
seed: int = 0  # Of the split, the first weights and the order of chips
steps: int = 0  # Batches that the network is trained on, up to 10000; 0 takes a trained one, or trains 180 without one
networks: int = 2  # Small networks whose maps are compared, 1 to 9
threshold: float = None  # Probability from which a pixel is landslide, 0 to 1; None chooses it on the validation chips
promised_recall: float = 0.5  # Mean share of a chip's landslide pixels that a second threshold must find, 0 to 1
min_pixels: int = 4  # Groups of fewer pixels get no polygon; 1 keeps all
out_dir: str = "maps"  # Folder for the files
overwrite: bool = False  # Whether files of an earlier run in that folder may be replaced

# %% [markdown]
# The next cell checks them, and whether files of an earlier run would be lost.

# %%
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import check_parameters, degrees, optional, writable
from landslide_utils.export import plan_files

as_in_a_run = {name: RUN_RULES[name] for name in ("cube", "event_time", "channels", "timesteps", "orbit", "seed")}
parameters = check_parameters(
    globals(),
    **as_in_a_run,
    crs=str,
    incidence_degrees=degrees,
    steps=range(10_001),
    networks=range(1, 10),
    promised_recall=float,
    threshold=optional(float),
    min_pixels=range(1, 100_001),
    out_dir=writable,
    overwrite=bool,
)
paths = plan_files(out_dir, threshold=threshold, overwrite=overwrite)

# %% [markdown]
# We import what we need. The names say what each function does.

# %%
import geopandas as gpd
import numpy as np
import pandas as pd
import rioxarray
import xarray as xr

from landslide_utils import grid, metrics
from landslide_utils.chips import part_mask, split_chips, windows
from landslide_utils.composite import keep_composite, make_composite, variables_of
from landslide_utils.course import check
from landslide_utils.cube import open_cube
from landslide_utils.experiments.pretrained import find_pretrained
from landslide_utils.export import write_geotiff, write_polygons
from landslide_utils.metrics import Calibration
from landslide_utils.model import PRESETS
from landslide_utils.polygons import best_threshold, compare_confidence, find_polygons, guaranteed_threshold, summarise
from landslide_utils.predict import map_scene
from landslide_utils.scene import Scene
from landslide_utils.terrain import find_layover_and_shadow
from landslide_utils.train import fit, start_session

# %% [markdown]
# ## A network
#
# These are the steps of notebook 03 in short. First we open the cube and make a composite.

# %%
needed = [*variables_of(channels), "dem"]
said = {"event_time": event_time or None, "crs": crs or None}
datacube = open_cube(cube, **said, needs_crs=True, variables=needed, progress=True)
composite = make_composite(datacube, channels=channels, timesteps=timesteps, orbit=orbit)
composite = keep_composite(composite)
landslides = composite["landslides"]

# %% [markdown]
# We split the chips, measure each channel on the training chips, and [normalise](../docs/glossary.md#normalisation).

# %%
chips = split_chips(landslides, seed=seed)
scene = Scene.fit(composite, chips)

# %% [markdown]
# For the practice regions the course has trained networks. Notebook 03's code made them, with its larger preset
# `standard`. Is there one for exactly these channels, passes and training chips? Then its map is fair on our test
# chips.

# %%
config = RunConfig(cube, event_time, channels, timesteps, orbit, seed=seed)
trained = None if steps else find_pretrained(config)
print(f"trained on {trained.metrics['steps']} batches" if trained else "none: a small one is trained here")

# %% [markdown]
# If there is none, or if you gave a number of steps, a small network is trained for a short time.

# %%
if trained:
    model, normalisation = trained.model()
else:
    session = start_session(scene, PRESETS["quick"], steps=steps or 180, seed=seed)
    list(fit(session))  # trains it
    model, normalisation = session.model, scene.normalisation

# %% [markdown]
# ## What the radar cannot see
#
# Radar looks from the side. Where a slope that faces the radar is steeper than the radar beam, several places fall on
# one pixel: [layover](../docs/glossary.md#layover). Behind a steep ridge it sees nothing:
# [shadow](../docs/glossary.md#shadow). A network may confuse what the image shows there with a landslide. We can
# compute these places from the terrain and the viewing angle, without looking at the image.

# %%
flown = composite.attrs.get("orbit", "none")
known = flown in ("ascending", "descending")
layover_and_shadow = None
if known:
    layover_and_shadow = find_layover_and_shadow(datacube, orbit=flown, incidence_degrees=incidence_degrees or None)
unknown = "" if known else ": without radar or its direction, layover and shadow cannot be computed"
print(f"{flown} passes{unknown}")

# %% [markdown]
# How large these places are depends on the [incidence angle](../docs/glossary.md#incidence-angle), which is measured
# from the vertical. That of Sentinel-1 is 29 to 46 degrees. That of ERS, an earlier satellite, was 23 degrees. How much
# would ERS have missed here, from each [orbit direction](../docs/glossary.md#orbit-direction)? `|` means: in layover,
# in shadow, or both.

# %%
both = ("descending", "ascending")
steep = {way: find_layover_and_shadow(datacube, orbit=way, incidence_degrees=23.0) for way in both}
missed = {way: masks["layover"] | masks["shadow"] for way, masks in steep.items()}
pd.Series({way: f"{float(mask.mean()):.1%}" for way, mask in missed.items()}, name="of the scene").to_frame()

# %% [markdown]
# Where is it? Compare the two directions: which slopes does each of them miss?

# %%
from landslide_utils.figures.maps import hidden_figure

hidden_figure(steep, datacube)

# %% [markdown]
# ### Exercise (easy): hidden from both sides
#
# If we have passes of both directions, what share of the scene is still missed? Use `missed["descending"]` and
# `missed["ascending"]`. For whole masks write `&` where you would say "and": the word `and` works only for single
# values.

# %% tags=["exercise"]
missed_by_both = ...
# BEGIN SOLUTION NO PROMPT
missed_by_both = float((missed["descending"] & missed["ascending"]).mean())
# END SOLUTION
check.hidden_from_both(missed_by_both, missed["descending"], missed["ascending"])

# %% [markdown]
# ## The whole scene
#
# The scene is mapped window by window. At the edge of a window the network would not see what is outside. So each
# window is read with a margin around it, which is cut off afterwards. Hidden pixels get no probability, and the map
# says how many there are.

# %%
probability = map_scene(model, composite, normalisation, hidden=layover_and_shadow)
shares = {name: f"{value:.2%}" for name, value in probability.attrs.items() if name.startswith("share_")}
pd.Series(shares, name="of the scene").to_frame()

# %% [markdown]
# For a large scene, `out="map.zarr"` writes the same map to a store. If it is stopped, it continues later.
#
# Where the map shows no landslide, there can still be one. How many labelled landslide pixels have no value in the map?
# And how many have a probability below 0.1?

# %% tags=["misconception:no-polygon-no-landslide"]
no_value = landslides & probability.isnull()
unlikely = landslides & (probability < 0.1)
print(f"of {int(landslides.sum())} landslide pixels {int(no_value.sum())} have no value in the map")
print(f"and {int(unlikely.sum())} have a probability below 0.1")

# %% [markdown]
# ## How sure is the map?
#
# A network that starts from other weights, and sees the chips in another order, makes a slightly different map. How
# much is decided by chance? We train small networks on the same chips, in the same way. Where their maps differ, chance
# decides. This is called an [ensemble](../docs/glossary.md#ensemble).

# %%
maps = [] if trained else [probability]  # without a trained network, ours is the first of them
for number in range(len(maps), networks):
    small = start_session(scene, PRESETS["quick"], steps=steps or 180, seed=seed + number)
    list(fit(small))  # trains it
    maps.append(map_scene(small.model, composite, scene.normalisation, hidden=layover_and_shadow))

# %% [markdown]
# We take the **mean** of their maps. Their standard deviation is called the **spread**: how far they are apart.

# %%
ensemble = xr.concat(maps, "network", combine_attrs="override")
mean, spread = ensemble.mean("network", keep_attrs=True), ensemble.std("network")

# %% [markdown]
# Is the mean better than each of them? And is it better than the map from above? We compare the AUPRC on the test
# chips.

# %%
test = part_mask(chips, "test", landslides)
scored = {f"small network {number}": one for number, one in enumerate(maps, start=1)}
scored |= {"their mean": mean, "our map": probability}
auprc = {name: metrics.auprc(*metrics.pixels(one, landslides, test)) for name, one in scored.items()}
pd.Series(auprc, name="AUPRC").round(3).to_frame()

# %% [markdown]
# Where do the small networks disagree? Look at the edges of the landslides, and at faint ones.

# %%
from landslide_utils.figures.maps import ensemble_figure

ensemble_figure(mean, spread, landslides, chips)

# %% [markdown]
# Are networks that agree also right? We take the landslide pixels on the test chips where the small networks nearly
# agree. How many of them does their mean miss?

# %% tags=["misconception:agreement-is-truth"]
agreed = landslides & test & (spread < 0.05)
overlooked = agreed & (mean < 0.5)
print(f"the networks agree on {int(agreed.sum())} landslide pixels; {int(overlooked.sum())} have a mean below 0.5")

# %% [markdown]
# Networks that learn from the same chips make the same mistakes. A small spread says that chance decides little. It
# does not say that the map is right. And this is the spread of small networks: to know that of our map, its network
# would have to be trained several times.
#
# We go on with our map, and compare it with the labels. We look at test chips, whose labels the network has not seen.

# %%
from landslide_utils.figures.maps import map_figure

map_figure(probability, landslides, chips, datacube["dem"])

# %% [markdown]
# ## From probability to yes or no
#
# A polygon needs a [threshold](../docs/glossary.md#threshold). One half would be a natural choice if the probabilities
# were right. But landslides were more common in the training than in the scene, so expect them to be too high. We take
# the threshold with the best balance of recall and precision (F1) on the **validation** chips. On the test chips it
# would be cheating.

# %%
if threshold is None:
    threshold = best_threshold(probability, landslides, part_mask(chips, "validation", landslides))
print(f"threshold {threshold:.2f}")

# %% [markdown]
# Sometimes a share must be **promised**: "we find at least this share of the landslide pixels of a valley, on average
# over valleys". A threshold that just finds the share on the validation chips keeps this promise about half the time,
# because other chips are different. `guaranteed_threshold` is more careful, and most careful with few chips. In nine of
# ten draws of validation chips its promise holds for new chips that are drawn like them.

# %%
promised = guaranteed_threshold(probability, landslides, chips, recall=promised_recall)
counts = chips[chips["landslide_share"] > 0].groupby("part").size()
print(f"threshold {promised:.3f} for a recall of {promised_recall:.0%}, from {counts['validation']} chips")

# %% [markdown]
# A threshold of 0 would mean that the validation chips are too few for the promise: then it reports every pixel. What
# does it find on each test chip?

# %%
reported = (probability >= promised).where(landslides & probability.notnull())
found = [float(reported.isel(w.place).mean()) for w in windows(chips, "test", only_landslides=True)]
print(f"mean recall of {len(found)} test chips: {np.nanmean(found):.0%}, lowest {np.nanmin(found):.0%}")
shares = {"reported": probability >= promised, "landslides": landslides}
print(", ".join(f"{name}: {float(mask.mean()):.1%} of the scene" for name, mask in shares.items()))

# %% [markdown]
# The promise is about chips like the validation chips. It is not made for another region, another season or another
# sensor. And chips of one block are not independent: they are fewer than they seem.
#
# Which landslides does our first threshold find, which does it miss, and what are its false alarms? Look at the edges
# of the landslides, and at isolated patches.

# %%
from landslide_utils.figures.maps import difference_figure

difference_figure(probability, landslides, chips, datacube["dem"], threshold=threshold)

# %% [markdown]
# ### Exercise (harder): a map for a survey
#
# A geological survey wants to miss few landslides, and checks each pixel that is reported. So it halves the threshold.
# Which share of the reported pixels on the test chips is then correct?

# %% tags=["exercise"]
precision = ...
# BEGIN SOLUTION NO PROMPT
reported = (probability >= threshold / 2) & test
precision = landslides.values[reported.values].mean()
# END SOLUTION
check.survey_precision(precision, probability, landslides, test, threshold)

# %% [markdown]
# ## How large is the total area?
#
# Counting the pixels above a threshold does not answer this. If the probabilities are right, ten pixels with
# probability 0.2 contain two landslide pixels on average, though none of them reaches one half. So we add
# probabilities. First we calibrate them on the validation chips, as in notebook 04.

# %%
validation = metrics.pixels(probability, landslides, part_mask(chips, "validation", landslides))
calibrated = Calibration.fit(*validation, shift=True).apply(probability)
pixel_size_m = grid.pixel_size_m(composite)

# %% [markdown]
# ### Exercise (easy): the expected area
#
# How many square kilometres of landslides do we expect in the whole scene, if `calibrated` is right? A pixel is
# `pixel_size_m` metres wide and high.

# %% tags=["exercise"]
expected_km2 = ...
# BEGIN SOLUTION NO PROMPT
expected_km2 = float(calibrated.sum()) * pixel_size_m**2 / 1_000_000
# END SOLUTION
check.expected_area(expected_km2, calibrated, pixel_size_m)

# %% [markdown]
# Here we know the truth, so we can compare. None of the three numbers has to be exactly right: the calibration comes
# from a few chips only, but is used for the whole scene.

# %%
ways = {"labelled": landslides, "sum, calibrated": calibrated, "sum, as trained": probability}
ways["pixels above the threshold"] = probability >= threshold
km2 = {name: float(values.sum()) * pixel_size_m**2 / 1e6 for name, values in ways.items()}
pd.Series(km2, name="km2").round(2).to_frame()

# %% [markdown]
# ## Polygons
#
# Each group of pixels above the threshold becomes a polygon with its area, its mean and highest probability, and its
# slope. Its class of confidence says how high the mean probability is.

# %%
polygons = find_polygons(probability, datacube["dem"], threshold=threshold, min_pixels=min_pixels)
polygons.drop(columns=["region", "event_time", "simulated", "geometry"]).head().round(2)

# %% [markdown]
# Do these polygons show the same as the network's map? We turn them back into pixels. The intersection over union with
# the map at the threshold must be nearly 1. The missing part was dropped because its groups are too small.

# %%
model, drawn = probability >= threshold, grid.rasterise_like(polygons.geometry, probability) > 0
print(f"intersection over union {float((model & drawn).sum() / max(int((model | drawn).sum()), 1)):.3f}")
print(f"dropped: {polygons.attrs['dropped']} groups, {polygons.attrs['dropped_m2'] / 1e6:.3f} km2")

# %% [markdown]
# Is each polygon one landslide? Two landslides that touch become one polygon, and a landslide that is found in pieces
# becomes several. We count the groups at a few thresholds, and those of the labels:

# %% tags=["misconception:polygons-are-landslides"]
cuts = {f"above {cut:.2f}": probability >= cut for cut in (threshold / 2, threshold, (1 + threshold) / 2)}
masks = {**cuts, "labelled": landslides}
groups = {name: int(grid.label_groups(mask.values).max()) for name, mask in masks.items()}
pd.Series(groups, name="groups").to_frame()

# %% [markdown]
# A high confidence comes from the network itself. Is it right? On the test chips we know. Which share of the polygons
# of each class lies on a landslide, and which share of their pixels is landslide? Look at the number of polygons too: a
# share of few polygons is uncertain.

# %% tags=["misconception:sure-is-right"]
compare_confidence(polygons, landslides, test).round(2)

# %% [markdown]
# ## What rescue teams ask first
#
# How many, how large, where most of them are, how sure, and what could not be seen. Note that this covers the whole
# scene, also the training chips, where a network is usually better than elsewhere.

# %%
summarise(polygons)

# %% [markdown]
# ## Files
#
# The map as a cloud-optimised GeoTIFF; the polygons as a GeoPackage in the map's own [coordinate reference
# system](../docs/glossary.md#coordinate-reference-system), and as GeoJSON in degrees. A file is created only when it is
# complete. It says which event it belongs to, and whether the radar was simulated.

# %%
write_geotiff(probability, paths["map"], threshold=threshold, overwrite=overwrite)
for kind in ("polygons", "polygons_in_degrees"):
    write_polygons(polygons, paths[kind], overwrite=overwrite)

# %% [markdown]
# We open them as somebody else would. Are they at the same place as the labels?

# %%
again = rioxarray.open_rasterio(paths["map"]).squeeze(drop=True)
apart = max(float(abs(again[axis].values - landslides[axis].values).max()) for axis in ("x", "y"))
print(f"{paths['map'].name}: {again.rio.crs}, pixel centres at most {apart:.3f} m from the labels'")
for kind in ("polygons", "polygons_in_degrees"):
    print(f"{paths[kind].name}: {gpd.read_file(paths[kind]).crs}, {len(gpd.read_file(paths[kind]))} polygons")

# %% [markdown]
# Suppose that somebody gets the GeoJSON and keeps only the shapes. How large are they? The first attempt gives a
# number, and a warning that people often overlook:

# %% tags=["misconception:areas-in-degrees"]
shapes = gpd.read_file(paths["polygons_in_degrees"], columns=[])
print(f"area {shapes.area.sum():.6f}, in square degrees, which is not a unit of area")
print(f"the polygons have {polygons['area_m2'].sum() / 1e6:.2f} km2")

# %% [markdown]
# ### Exercise (harder): ten places to go to
#
# A crew can visit ten places. How many square kilometres are the ten largest of `shapes` together?
# `shapes.to_crs(polygons.crs)` has them in metres.

# %% tags=["exercise"]
ten_km2 = ...
# BEGIN SOLUTION NO PROMPT
ten_km2 = shapes.to_crs(polygons.crs).area.nlargest(10).sum() / 1_000_000
# END SOLUTION
check.largest_area(ten_km2, polygons, 10)

# %% [markdown]
# ## Move the threshold
#
# No single threshold suits everybody: a rescue team wants few false alarms, a survey wants few misses. The page below
# is also a file of its own. It works offline and needs no Python. Move the slider, zoom with the wheel, and point at a
# pixel to read its probability. The picture above shows the same at one threshold.

# %%
from landslide_utils.figures.page import interactive_map

backdrop = composite["image"].isel(channel=0, drop=True).load()
page = interactive_map(probability, background=backdrop, landslides=landslides, threshold=threshold)
page.save(paths["page"])
page

# %% [markdown]
# ## Before you hand it over
#
# A map can do harm if people trust it too much. So its reader must know what it cannot do. We collect what the cells
# above have computed. (*Agreed on* means that all networks give nearly the same probability.)

# %%
reported, there = (probability >= threshold) & test, landslides & test & probability.notnull()
last = (composite.attrs.get("passes_after") or ["no pass"])[-1]
facts = {
    "the radar is": "simulated" if composite.attrs["simulated"] else "measured",
    "event (UTC)": composite.attrs["event_time"],
    "newest pass used (UTC)": last,
    "of the scene without a value": f"{float(probability.isnull().mean()):.1%}",
    "landslide pixels missed on the test chips": f"{1 - reported.values[there.values].mean():.0%}",
    "reported pixels there that are no landslide": f"{1 - landslides.values[reported.values].mean():.0%}",
    "landslide pixels agreed on, and missed": f"{int(overlooked.sum())} of {int(agreed.sum())}",
    "test chips with landslides": counts["test"],
    "smallest group that gets a polygon": f"{min_pixels * pixel_size_m**2:.0f} m2",
}
pd.Series(facts, name="this map").to_frame()

# %% [markdown]
# Go through this list before anybody acts on the map. Each point needs one sentence on the map itself.
#
# 1. **Who acts on it?** Name the decision. A survey can accept false alarms, because it checks each place. A closed
#    road is another matter.
# 2. **False reassurance.** Ground without a polygon is not safe ground. The table says how many landslide pixels the
#    map misses where we know the truth.
# 3. **What it cannot see.** Layover, shadow, places without data, small landslides. And it shows what changed. It does
#    not show what may slide next.
# 4. **How old is it?** What slid after the newest pass is not on it. Write its date and time on the map.
# 5. **Who checked it?** Here only labels of the same scene did, on a few chips. A new event has no labels. Then nobody
#    knows the numbers of the table: have people check random places, with and without polygons.
# 6. **Is it simulated?** Then it shows no real place. A network that learnt from simulated radar is not ready for a
#    real event.
# 7. **Who may be harmed?** Think of people whose valley has no polygon, and of those whose house has one. Tell the
#    local authorities first. Say whom to ask, and when a newer map will replace this one.

# %% [markdown]
# ### Try
#
# A helicopter can fly over five places before dark. Write a plan: choose five polygons and their order, from this map
# only.
#
# <details><summary>What a good answer has</summary>
#
# - Five places with coordinates in degrees, which a pilot can enter, and the area of each.
# - A rule that others can follow, such as large, likely and close together. It is more than "the five largest".
# - What may be missed: slopes in layover or shadow, landslides smaller than `min_pixels`, and faint ones.
# - How sure you are, in words that a pilot understands.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/05_map.ipynb).

# %% [markdown]
# ## Quiz
#
# Five short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:no-polygon-no-landslide"]
# **1.** A radar map shows no landslide above a village, on a very steep slope that faces the radar. What do you tell
# the village?
#
# <details><summary>That the map cannot tell</summary>
#
# **Right.** Such a slope may lie in layover, where the map has no value. And even where it has values, it misses
# landslides.
#
# </details>
#
# <details><summary>That the slope is safe</summary>
#
# **No.** A map that shows no landslide does not show that there is none. Look at what the radar could not see.
#
# </details>
#
# <details><summary>That the slope has slid</summary>
#
# **No.** The map does not say that either. Ask for a pass from the other side, or send somebody.
#
# </details>

# %% [markdown] tags=["question:polygons-are-landslides"]
# **2.** Your map has 400 polygons. How many landslides are there?
#
# <details><summary>400</summary>
#
# **No.** Landslides that touch are one polygon, and one that is found in pieces is several.
#
# </details>
#
# <details><summary>As many as there are polygons of high confidence</summary>
#
# **No.** Confidence says how high the probabilities are. It does not say how many landslides a polygon covers.
#
# </details>
#
# <details><summary>You cannot tell from the number of polygons</summary>
#
# **Right.** Their number changes with the threshold and the smallest size. Report an area, and how it was found.
#
# </details>

# %% [markdown] tags=["question:sure-is-right"]
# **3.** A polygon is of high confidence. What follows?
#
# <details><summary>It is a landslide</summary>
#
# **No.** A network can be sure and wrong, most of all on ground unlike its training chips.
#
# </details>
#
# <details><summary>The network's mean probability there is high</summary>
#
# **Right.** How often such polygons are right is another question: compare them with labels on test chips.
#
# </details>
#
# <details><summary>Its outline is exact</summary>
#
# **No.** The outline follows a threshold. Another threshold gives another outline.
#
# </details>

# %% [markdown] tags=["question:areas-in-degrees"]
# **4.** A file of polygons has longitudes and latitudes. How do you get their area?
#
# <details><summary>Take the area and multiply by 111 km squared</summary>
#
# **No.** A degree of longitude is 111 km at the equator only, and shrinks to nothing at the poles.
#
# </details>
#
# <details><summary>Convert them to the coordinates of web maps, in metres</summary>
#
# **No.** Web Mercator stretches lengths away from the equator: at 43 degrees, areas become nearly twice as large.
#
# </details>
#
# <details><summary>Convert them to local metres, such as UTM, then take the area</summary>
#
# **Right.** There a square metre is a square metre, to within a few parts in a thousand.
#
# </details>

# %% [markdown] tags=["question:agreement-is-truth"]
# **5.** Five networks, trained on the same chips, all give a slope a probability of 0.02. What follows?
#
# <details><summary>There is no landslide</summary>
#
# **No.** They learnt from the same chips, so they make the same mistakes. All of them can miss a landslide.
#
# </details>
#
# <details><summary>Chance in the training decided little there</summary>
#
# **Right.** That is what the spread measures. Whether the map is right there, only labels can tell.
#
# </details>
#
# <details><summary>The slope is in layover or shadow</summary>
#
# **No.** There the map has no value at all.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A scene of any size can be mapped window by window. A margin around each window keeps the map free of seams.
# - A map must say where it has no values: layover, shadow, no data.
# - A threshold is chosen on validation chips, and depends on what the map is for.
# - Polygons are compared with the map that they come from, and files are opened again.
# - How sure a network is and how often it is right are two different numbers: compare them where labels are known.
# - Several networks show where chance decides. A promised recall needs a careful threshold. It holds for chips like
#   the validation chips.
# - A map goes out with its limits: who acts on it, what it misses, what it cannot see, how old it is.
# - An area is measured in metres, never in degrees. The total landslide area is estimated by the sum of calibrated
#   probabilities, not by a count of polygons.
#
# Next: [06 Experiments](06_experiments.ipynb).
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Kropatsch & Strobl 1990 on layover and shadow; ESA's user guides
# of ERS and Sentinel-1 on their incidence angles; Platt 1999 on calibration;
# Lakshminarayanan et al. 2017 on ensembles; Bates et al. 2021, *Distribution-free, risk-controlling prediction sets*,
# [arXiv:2101.02703](https://arxiv.org/abs/2101.02703); Mitchell et al. 2019, *Model Cards for Model Reporting*,
# [arXiv:1810.03993](https://arxiv.org/abs/1810.03993); IWG-SEM 2015, *Emergency Mapping Guidelines*; Williams et al.
# 2018 on maps from satellites after the Nepal earthquakes of 2015; OCHA 2021, *Data Responsibility Guidelines*, on who
# may be harmed; Butler et al. 2016, *The GeoJSON Format*,
# [RFC 7946](https://www.rfc-editor.org/rfc/rfc7946); Okabe & Ito 2008 on colours that everybody can tell apart.
