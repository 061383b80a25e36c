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
# A score helps no responder. Somebody who has to decide which valley to look at first needs a map that says where, how
# large and how sure, in a file that opens in a geographic information system, and that says what it could not see. Here
# we make one.
#
# **Afterwards you can** map a whole scene without seams, say where radar is blind, choose a threshold without cheating,
# say how much slid in all, and write a map and polygons that others can open.
#
# | you should know | where it is taught |
# |---|---|
# | what a [composite](../docs/glossary.md#composite) is | [03 Train a landslide detector](03_train.ipynb) |
# | a [chip](../docs/glossary.md#chip), a [blocked split](../docs/glossary.md#blocked-split) | [03](03_train.ipynb) |
# | [recall](../docs/glossary.md#recall), [precision](../docs/glossary.md#precision) | [04](04_evaluate.ipynb) |
# | [calibration](../docs/glossary.md#calibration) | [04 Evaluate](04_evaluate.ipynb) |
#
# It works offline, and needs no other notebook's files: a small network is trained on the spot. The default
# cube is **simulated**. New words are explained in the [glossary](../docs/glossary.md).

# %% [markdown]
# ## What to run
#
# Everything that can be changed stands in the next cell. Change it here, or from a terminal:
# `papermill 05_map.ipynb out.ipynb -p threshold 0.6`.

# %% tags=["parameters"]
# fmt: off
cube: str = "practice_earthquake"  # A region's name, or the path or URL of a Zarr store as published, with elevation
event_time: str = ""  # Instant of the event in UTC, such as 2018-09-05T18:07:59; for a store that does not say it
crs: str = ""  # Coordinate reference system, such as EPSG:32654; for a store where it is not known
channels: str = "sar"  # What the network sees: vv, vh, sar (both), sar_dem (both and terrain) or dem (terrain only)
timesteps: int = 4  # Passes averaged before and after the event, 1 to 4
orbit: str = "auto"  # Orbit direction of all passes: descending, ascending, or auto for the one with more of them
incidence_degrees: float = 0.0  # Angle between the radar's look and the vertical; 0 takes the cube's own
seed: int = 0  # Of the split, the first weights and the order of chips
steps: int = 180  # Batches that the network is trained on, 1 to 10000; few, because it is the map that matters here
threshold: float = None  # Probability from which a pixel is landslide, 0 to 1; None chooses it on the validation chips
min_pixels: int = 4  # Groups of fewer pixels get no polygon; 1 keeps all
out_dir: str = "maps"  # Folder for the files
overwrite: bool = False  # Whether files of an earlier run in that folder may be replaced

# %% [markdown]
# Wrong values, unknown names, and files that are there already are refused here, before any work is done.

# %%
from landslide_utils.experiments.config import RUN_RULES
from landslide_utils.experiments.parameters import check_parameters, degrees, optional, writable
from landslide_utils.export import plan_files

as_in_a_run = {name: RUN_RULES[name] for name in ("cube", "event_time", "channels", "timesteps", "orbit", "seed")}
parameters = check_parameters(
    globals(),
    **as_in_a_run,
    crs=str,
    incidence_degrees=degrees,
    steps=range(1, 10_001),
    threshold=optional(float),
    min_pixels=range(1, 100_001),
    out_dir=writable,
    overwrite=bool,
)
paths = plan_files(out_dir, threshold=threshold, overwrite=overwrite)

# %% [markdown]
# What we shall use; the names say what each is for.

# %%
import geopandas as gpd
import pandas as pd
import rioxarray

from landslide_utils import grid, metrics
from landslide_utils.chips import part_mask, split_chips
from landslide_utils.composite import keep_composite, make_composite, variables_of
from landslide_utils.course import check
from landslide_utils.cube import open_cube
from landslide_utils.export import write_geotiff, write_polygons
from landslide_utils.metrics import Calibration
from landslide_utils.model import PRESETS
from landslide_utils.polygons import best_threshold, compare_confidence, find_polygons, summarise
from landslide_utils.predict import map_scene
from landslide_utils.scene import Scene
from landslide_utils.terrain import find_layover_and_shadow
from landslide_utils.train import fit, start_session

# %% [markdown]
# ## A network, quickly
#
# What notebook 03 explains is done here in short: open the cube, make a composite, share out the chips.

# %%
needed = [*variables_of(channels), "dem"]
said = {"event_time": event_time or None, "crs": crs or None}
datacube = open_cube(cube, **said, needs_crs=True, variables=needed, progress=True)
composite = make_composite(datacube, channels=channels, timesteps=timesteps, orbit=orbit)
composite = keep_composite(composite)
landslides = composite["landslides"]

# %% [markdown]
# We measure each channel on the training chips, and [normalise](../docs/glossary.md#normalisation).

# %%
chips = split_chips(landslides, seed=seed)
scene = Scene.fit(composite, chips)

# %% [markdown]
# Then we train for a few steps.

# %%
session = start_session(scene, PRESETS["quick"], steps=steps, seed=seed)
pd.DataFrame(fit(session)).tail(1)

# %% [markdown]
# ## Where radar is blind
#
# Radar looks from the side. Where a slope that faces it is steeper than its look, several places fall on one pixel:
# [layover](../docs/glossary.md#layover). Behind a steep ridge it sees nothing: [shadow](../docs/glossary.md#shadow).
# What is there is noise that a network may take for a landslide. Terrain and geometry tell us where, whatever the data
# say.

# %%
flown = composite.attrs.get("orbit", "none")
known = flown in ("ascending", "descending")
layover_and_shadow = None
if known:
    layover_and_shadow = find_layover_and_shadow(datacube, orbit=flown, incidence_degrees=incidence_degrees or None)
unknown = "" if known else ": without radar or its direction, nothing can be said of layover and shadow"
print(f"{flown} passes{unknown}")

# %% [markdown]
# How much that is depends on the [incidence angle](../docs/glossary.md#incidence-angle), from the vertical: Sentinel-1
# looks at 29 to 46 degrees. ERS, which flew before it, looked at 23. What would it have missed here, from each [orbit
# direction](../docs/glossary.md#orbit-direction)? `|` means: in layover, in shadow, or both.

# %%
both = ("descending", "ascending")
steep = {way: find_layover_and_shadow(datacube, orbit=way, incidence_degrees=23.0) for way in both}
missed = {way: masks["layover"] | masks["shadow"] for way, masks in steep.items()}
pd.Series({way: f"{float(mask.mean()):.1%}" for way, mask in missed.items()}, name="of the scene").to_frame()

# %% [markdown]
# ### Exercise: blind from both sides
#
# With passes of both directions at hand, what share of the scene would still be missed? Take `missed["descending"]` and
# `missed["ascending"]`.

# %% tags=["exercise"]
missed_by_both = ...
# BEGIN SOLUTION NO PROMPT
missed_by_both = float((missed["descending"] & missed["ascending"]).mean())
# END SOLUTION
check.hidden_from_both(missed_by_both, missed["descending"], missed["ascending"])

# %% [markdown]
# ## The whole scene
#
# The scene is mapped window by window. Near the edge of a window a network would miss what lies beyond. So each window
# is read with a margin as wide as the network looks, and the margin is cut off afterwards. Hidden pixels get no
# probability, and the map says how many they are.

# %%
probability = map_scene(session.model, composite, scene.normalisation, hidden=layover_and_shadow)
shares = {name: f"{value:.2%}" for name, value in probability.attrs.items() if name.startswith("share_")}
pd.Series(shares, name="of the scene").to_frame()

# %% [markdown]
# For a large scene, `out="map.zarr"` writes the same map to a store, and goes on where it was stopped. Where does the
# map say nothing?

# %%
from landslide_utils.figures.maps import layover_and_shadow_figure

layover_and_shadow_figure(probability, layover_and_shadow)

# %% [markdown]
# A place without a finding is not a place without a landslide. How many labelled landslide pixels lie where the map is
# silent, and how many where it speaks and gives them less than one chance in ten?

# %% tags=["misconception:no-polygon-no-landslide"]
silent = landslides & probability.isnull()
unlikely = landslides & (probability < 0.1)
print(f"of {int(landslides.sum())} landslide pixels {int(silent.sum())} lie where the map is silent")
print(f"and {int(unlikely.sum())} have a probability below 0.1")

# %% [markdown]
# And where it says something: labels beside prediction. We look at test chips, which the network has not seen.

# %%
from landslide_utils.figures.maps import map_figure

map_figure(probability, landslides, chips)

# %% [markdown]
# ## From probability to yes or no
#
# A polygon needs a [threshold](../docs/glossary.md#threshold). One half would be right if the probabilities were, but
# the network was shown more landslides than there are, so they are too high. We take the threshold with the best
# balance of recall and precision (F1) on the **validation** chips. On the test chips it would be cheating.

# %%
if threshold is None:
    threshold = best_threshold(probability, landslides, part_mask(chips, "validation", landslides))
print(f"threshold {threshold:.2f}")

# %% [markdown]
# What does it hit, what does it miss, and what does it take for a landslide by mistake? Look at the edges of the
# landslides, and at what lies alone.

# %%
from landslide_utils.figures.maps import difference_figure

difference_figure(probability, landslides, chips, threshold=threshold)

# %% [markdown]
# ### Exercise: a map for a survey
#
# A survey wants few misses and checks every find. So it halves the threshold. Which share of the finds on the test
# chips is then right?

# %% tags=["exercise"]
test = part_mask(chips, "test", landslides)
precision = ...
# BEGIN SOLUTION NO PROMPT
finds = (probability >= threshold / 2) & test
precision = landslides.values[finds.values].mean()
# END SOLUTION
check.survey_precision(precision, probability, landslides, test, threshold)

# %% [markdown]
# ## How much slid in all?
#
# Counting the pixels above a threshold answers another question. If probabilities mean what they say, ten pixels with
# 0.2 are two landslide pixels to be expected, though none of them reaches one half. So the network's are calibrated
# first, on the validation chips, as in notebook 04.

# %%
validation = metrics.pixels(probability, landslides, part_mask(chips, "validation", landslides))
calibrated = Calibration.fit(*validation, shift=True).apply(probability)
pixel_size_m = grid.pixel_size_m(composite)

# %% [markdown]
# ### Exercise: the area to be expected
#
# How many square kilometres of landslide are to be expected in the whole scene, by `calibrated`? A pixel is
# `pixel_size_m` metres wide and high.

# %% tags=["exercise"]
expected_km2 = ...
# BEGIN SOLUTION NO PROMPT
expected_km2 = float(calibrated.sum()) * pixel_size_m**2 / 1_000_000
# END SOLUTION
check.expected_area(expected_km2, calibrated, pixel_size_m)

# %% [markdown]
# Here we know the truth, so here we can compare. None of these need agree with it: the calibration was learnt on a few
# chips, and must hold for the rest.

# %%
ways = {"labelled": landslides, "calibrated, added": calibrated, "as trained, added": probability}
ways["counted above the threshold"] = probability >= threshold
km2 = {name: float(values.sum()) * pixel_size_m**2 / 1e6 for name, values in ways.items()}
pd.Series(km2, name="km2").round(2).to_frame()

# %% [markdown]
# ## Polygons
#
# Each group of pixels above the threshold becomes a polygon with its area, its mean and highest probability, its slope,
# and how sure the network is.

# %%
polygons = find_polygons(probability, datacube["dem"].load(), threshold=threshold, min_pixels=min_pixels)
polygons.drop(columns=["region", "event_time", "simulated"]).head()

# %% [markdown]
# Are these polygons the network's map? We turn them back into pixels: the intersection over union with the map at the
# threshold must be nearly 1. What is missing is what we dropped as too small.

# %%
model, drawn = probability >= threshold, grid.rasterise_like(polygons.geometry, probability) > 0
print(f"intersection over union {float((model & drawn).sum() / max(int((model | drawn).sum()), 1)):.3f}")
print(f"dropped: {polygons.attrs['dropped']} groups, {polygons.attrs['dropped_m2'] / 1e6:.3f} km2")

# %% [markdown]
# Is each polygon a landslide? Two that touch become one, and one that is found in pieces becomes several. Count the
# groups at a few thresholds, and those of the labels:

# %% tags=["misconception:polygons-are-landslides"]
cuts = {f"above {cut:.2f}": probability >= cut for cut in (threshold / 2, threshold, (1 + threshold) / 2)}
masks = {**cuts, "labelled": landslides}
groups = {name: int(grid.label_groups(mask.values).max()) for name, mask in masks.items()}
pd.Series(groups, name="groups").to_frame()

# %% [markdown]
# "Sure" is what the network says of itself. Does it deserve it? On the test chips we know: which share of the polygons
# of each class lies on a landslide, and which share of their pixels is one?

# %% tags=["misconception:sure-is-right"]
compare_confidence(polygons, landslides, part_mask(chips, "test", landslides)).round(2)

# %% [markdown]
# ## What a responder asks first
#
# How many, how large, where densest, how sure, and what could not be seen. Mind that this counts the whole scene,
# training chips too, where a network is better than anywhere else.

# %%
summarise(polygons)

# %% [markdown]
# ## Files
#
# The map as a cloud-optimised GeoTIFF; the polygons as a GeoPackage in the map's own [coordinate reference
# system](../docs/glossary.md#coordinate-reference-system), and as GeoJSON in degrees. A file appears whole or not at
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
# Somebody was sent the GeoJSON and kept only the shapes. How large are they? The first attempt gives a number, and a
# warning that is easily overlooked:

# %% tags=["misconception:areas-in-degrees"]
shapes = gpd.read_file(paths["polygons_in_degrees"], columns=[])
print(f"area {shapes.area.sum():.6f}, in square degrees, which are no area")
print(f"the polygons have {polygons['area_m2'].sum() / 1e6:.2f} km2")

# %% [markdown]
# ### Exercise: ten places to go to
#
# A crew can visit ten places. How many square kilometres do the ten largest of `shapes` have together?
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
# No single threshold suits everybody: a search party wants few false alarms, a survey wants few misses. The page below
# is a file of its own. It needs no network and no Python. Move the slider, zoom with the wheel, and point at a pixel to
# read its probability; the picture above shows the same at one threshold.

# %%
from landslide_utils.figures.page import interactive_map

backdrop = composite["image"].isel(channel=0, drop=True).load()
page = interactive_map(probability, background=backdrop, landslides=landslides, threshold=threshold)
page.save(paths["page"])
page

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each says why it is right or where it leads astray.

# %% [markdown] tags=["question:no-polygon-no-landslide"]
# **1.** A radar map shows no landslide above a village, on a very steep slope that faces the radar. What do you tell
# the village?
#
# <details><summary>That the map cannot tell</summary>
#
# **Right.** Such a slope may lie in layover, where a map is silent; and even where it speaks, it misses landslides.
#
# </details>
#
# <details><summary>That the slope is safe</summary>
#
# **No.** No finding is not a finding of nothing: look at what the map could not see.
#
# </details>
#
# <details><summary>That the slope has slid</summary>
#
# **No.** Nothing says so either. Ask for a pass from the other side, or send somebody.
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
# **No.** Confidence says how sure the network is of each. It joins and splits no landslide.
#
# </details>
#
# <details><summary>Polygons cannot tell</summary>
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
# **Right.** How often such polygons are right is another thing: compare it with labels, on test chips.
#
# </details>
#
# <details><summary>Its outline is exact</summary>
#
# **No.** It was cut where a threshold was reached. Another threshold gives another outline.
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
# <details><summary>Bring them into the coordinates of web maps, in metres</summary>
#
# **No.** Web Mercator has metres that are too long away from the equator: at 43 degrees areas are nearly twice too
# large.
#
# </details>
#
# <details><summary>Bring them into local metres, such as UTM, then take the area</summary>
#
# **Right.** There a square metre is a square metre, to within a few parts in a thousand.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A scene of any size can be mapped window by window. A margin around each window keeps the map free of seams.
# - A map must say where it says nothing: layover, shadow, no data.
# - A threshold is chosen on validation chips, and depends on what the map is for.
# - Polygons are checked against the map that they came from, and files by opening them again.
# - How sure a network is and how often it is right are two things: compare them where labels are known.
# - An area is measured in metres, never in degrees; how much slid in all is the sum of calibrated probabilities, not a
#   count of polygons.
#
# Next: [06 Experiments](06_experiments.ipynb).
#
# **Sources.** Boehm et al. 2022, *Deep Learning for Rapid Landslide Detection using SAR Datacubes*,
# [arXiv:2211.02869](https://arxiv.org/abs/2211.02869); Kropatsch & Strobl 1990 on layover and shadow; ESA's user guides
# of ERS and Sentinel-1 on their incidence angles; Platt 1999 on calibration; Butler et al. 2016, *The GeoJSON Format*,
# [RFC 7946](https://www.rfc-editor.org/rfc/rfc7946); Okabe & Ito 2008 on colours that everybody can tell apart.
