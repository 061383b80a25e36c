# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03b Inside the network
#
# In notebook 03 we trained a network that finds landslides. But what does it compute? Here we open it. We start with a
# few multiplications by hand, draw the whole network, and see what it looks at when it is right and when it is wrong.
#
# **Afterwards you can** compute a convolution by hand and count its weights. You can say how far a pixel of the map
# looks, read the drawing of a UNet++, and show which part of the image a result depends on. You can explain what skip
# connections, augmentation and the choice of chips are for.
#
# | you should know | where it is taught |
# |---|---|
# | chips, normalisation | [02 From cube to chips](02_chips.ipynb) |
# | loss, step, training | [03 Train a landslide detector](03_train.ipynb) |
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
runs_dir: str = "runs"  # Folder in which trained networks are kept

# %% [markdown]
# The next cell checks them.

# %%
from landslide_utils.experiments.config import RUN_RULES, RunConfig
from landslide_utils.experiments.parameters import check_parameters

parameters = check_parameters(globals(), **RUN_RULES | {"channels": ("vv", "vh", "sar", "sar_dem")})
config = RunConfig.from_parameters(parameters)
config

# %% [markdown]
# We import what we need. The names say what each function does.

# %%
import itertools

import numpy as np
import torch
from scipy import ndimage

from landslide_utils import metrics
from landslide_utils.chips import cut_chips, part_mask, windows
from landslide_utils.course import check
from landslide_utils.experiments.runs import prepare, run
from landslide_utils.figures.network import activations, decoder_blocks, layers_figure, network_figure, read_network
from landslide_utils.model import PRESETS, count_weights, reach
from landslide_utils.predict import Job

# %% [markdown]
# ## A trained network and a chip
#
# `run` does what notebook 03 did step by step. If the same run is already in `runs_dir`, it is read and not trained
# again. `prepare` makes the same composite and the same split.

# %%
model, normalisation = (trained := run(config)).model()
scene = prepare(config)
image, landslides = scene.composite["image"], scene.landslides

# %% [markdown]
# We take the test [chip](../docs/glossary.md#chip) with most landslides.

# %%
row, col = scene.chips[scene.chips["part"] == "test"].nlargest(1, "landslide_share")[["row", "col"]].to_numpy()[0]
chip = image.isel(y=slice(row, row + 128), x=slice(col, col + 128))
inside = landslides.sel(y=chip["y"], x=chip["x"])

# %% [markdown]
# At first we look at one polarisation only: its [backscatter](../docs/glossary.md#backscatter) before and after the
# event.

# %%
band = "vh" if config.channels == "vh" else "vv"
before, after = (chip.sel(channel=f"{band}_{when}") for when in ("before", "after"))
unit = f"{band.upper()} (dB)"

# %% [markdown]
# ## A convolution by hand
#
# A [kernel](../docs/glossary.md#kernel) is a small grid of weights, here 3 x 3. This one compares the east with the
# west: it is negative on the left and positive on the right.

# %%
edge = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
edge

# %% [markdown]
# We need nine pixels with data, near the middle of the chip.

# %%
whole = ndimage.minimum_filter(np.isfinite(before + after), 3, mode="constant")
i, j = np.argwhere(whole)[whole.sum() // 2]
nine = {"y": slice(i - 1, i + 2), "x": slice(j - 1, j + 2)}

# %% [markdown]
# We lay the kernel on them, multiply each pixel by the weight above it, and add up the nine products:

# %%
pixels = after.isel(nine).values
print(pixels.round(1))
print(f"response: {(pixels * edge).sum():.2f} dB")

# %% [markdown]
# The result is large where the ground is brighter in the east than in the west. A
# [convolution](../docs/glossary.md#convolution) does the same at every place: the kernel slides over the image. At the
# chip's edge pixels are missing, so we repeat the last ones (this is called padding).


# %%
def convolve(layer, kernel):
    """Slide a kernel over a layer (y, x) and return the sum of products at each place."""
    padded = np.pad(layer, [(side // 2, side // 2) for side in kernel.shape], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return layer.copy(data=(windows * kernel).sum(axis=(-2, -1)))


# %% [markdown]
# A network uses a function of torch for this. Does it give the same, away from the chip's edge?

# %%
by_torch = torch.nn.functional.conv2d(*(torch.tensor(np.float64(part))[None, None] for part in (after, edge)))[0, 0]
difference = np.nanmax(abs(convolve(after, edge).values[1:-1, 1:-1] - by_torch.numpy()))
print(f"largest difference: {difference:.1e} dB")

# %% [markdown]
# A kernel can take several channels at once: then it has a 3 x 3 grid for each, and everything is added up. Take -1/9
# everywhere before the event and +1/9 everywhere after it. That is the mean of nine pixels after, minus the mean
# before. So the smoothed [log ratio](../docs/glossary.md#log-ratio) of notebook 03 is a convolution too.

# %%
mean = np.full((3, 3), 1 / 9)
responses = {"east minus west": convolve(after, edge), "after minus before": convolve(after - before, mean)}

# %% [markdown]
# Above: what goes in. Below: what the two kernels respond to. Landslides are outlined. Seen from west to east, the
# first kernel gives red where something bright begins, and blue where it ends.

# %%
layers_figure(
    "Two kernels on one chip",
    {f"backscatter {unit}": {"before": before, "after": after}, "response (dB)": responses},
    landslides,
)

# %% [markdown]
# Which of the two responds more strongly on landslides than elsewhere?

# %%
for name, response in responses.items():
    on, off = (float(abs(response).where(inside == slid).mean()) for slid in (True, False))
    print(f"{name}: mean size of the response {on:.2f} dB on landslides, {off:.2f} dB elsewhere")

# %% [markdown]
# In a network nobody writes the kernels by hand. Their weights start as random numbers, and training changes them.
#
# ### Exercise (easy): one place, two channels
#
# `stack` holds nine pixels before and nine after the event, with the shape (2, 3, 3). `kernel` has the same shape.

# %%
stack = np.stack([before.isel(nine), after.isel(nine)])
kernel, bias = np.stack([-mean, edge]), 2.5

# %% [markdown]
# A convolution multiplies each pixel by its weight, adds up everything, and adds one more number, the `bias`. What does
# it give here? Give one number.

# %% tags=["exercise"]
response = ...
# BEGIN SOLUTION NO PROMPT
response = (stack * kernel).sum() + bias
# END SOLUTION
check.kernel_response(response, stack, kernel, bias)

# %% [markdown]
# ## Activation: what a kernel alone cannot do
#
# After a convolution, each number goes through an [activation](../docs/glossary.md#activation) function. The usual one
# is called ReLU: it sets negative numbers to 0 and leaves the others. Why is it needed? A landslide can make the ground
# brighter or darker. A kernel that responds to "brighter" gives a negative number for "darker", and the other way
# round. With an activation, two kernels can share the work:

# %%
change = responses["after minus before"]
brighter, darker = change.clip(min=0), (-change).clip(min=0)

# %% [markdown]
# The sum of the two is the size of the change, whatever its sign. No single kernel can compute it. Which of the three
# finds landslides best on this chip, measured by [AUPRC](../docs/glossary.md#auprc)?

# %%
for name, layer in {"brighter": brighter, "darker": darker, "both": brighter + darker}.items():
    print(f"{name}: AUPRC {metrics.auprc(*metrics.pixels(layer, inside, np.isfinite(layer))):.2f}")
print(f"random guessing: {float(inside.mean()):.2f}")

# %% [markdown]
# ## Stride and pooling: a coarser image
#
# To see more of the image, a network makes it coarser. With a [stride](../docs/glossary.md#stride) of 2 a kernel moves
# two pixels at a time, so its result has half the width and height. [Pooling](../docs/glossary.md#pooling) does it
# without weights: it keeps the greatest of each square of 2 x 2 pixels.

# %%
pooled = {f"1/{n}": (brighter + darker).coarsen(y=n, x=n).max() for n in (2, 4, 8)}

# %% [markdown]
# The size of the change, at full size and pooled once, twice and three times:

# %%
layers_figure(
    "Size of the change, pooled", {"activation (dB)": {"full size": brighter + darker, **pooled}}, landslides
)

# %% [markdown]
# What is lost? Compare the landslides of the scene with one place of the coarser image, which stands for 2 x 2, 4 x 4
# or 8 x 8 pixels:

# %% tags=["misconception:pooling-loses-nothing"]
groups, count = ndimage.label(landslides, np.ones((3, 3)))
sizes = np.bincount(groups.ravel())[1:]
for n in (2, 4, 8):
    print(f"1/{n}: {(sizes < n * n).mean():.0%} of {count} landslides are smaller than one place")

# %% [markdown]
# Such a landslide can still be noticed on the coarse image, but not where exactly it is and what shape it has.
#
# ## The whole network
#
# This is the drawing of our network. We made it by sending a chip through the network and reading the size of what each
# part gives: channels x height x width. The numbers of weights are read from the network too.

# %%
network_figure(model, len(normalisation.channels))

# %% [markdown]
# - The [encoder](../docs/glossary.md#encoder) goes down the left side. Each stage halves the width and height.
# - The [decoder](../docs/glossary.md#decoder) goes up. Each block doubles width and height, until there is one number
#   for every pixel again: the output, which becomes a probability.
# - A [skip connection](../docs/glossary.md#skip-connection) (dashed) brings the encoder's fine image directly to the
#   decoder. The coarse path knows roughly what is there, the fine path knows where exactly.
# - With these parts the network is a UNet. The [UNet++](../docs/glossary.md#unet) has *nested* nodes on the skip
#   connections, which mix in coarser images on the way.
#
# Where are most of the weights?

# %%
nodes = read_network(model, len(normalisation.channels))
nodes.groupby("kind", sort=False)["weights"].sum().to_frame()

# %% [markdown]
# ### Exercise (harder): count weights
#
# This is the first convolution of the nested node in row 1/2. How many weights does it have? It gives 64 channels, has
# no bias, and takes the channels of the two nodes whose arrows end there. Use the numbers that are printed.

# %%
convolution = next(part for part in decoder_blocks(model)[1, 1].modules() if isinstance(part, torch.nn.Conv2d))
convolution

# %% [markdown]
# Each output channel has a kernel of its own, and each kernel has a 3 x 3 grid for every input channel.

# %% tags=["exercise"]
number = ...
# BEGIN SOLUTION NO PROMPT
number = 3 * 3 * convolution.in_channels * convolution.out_channels
# END SOLUTION
check.weights_of_convolution(number, convolution)

# %% [markdown]
# ## How far does a pixel of the map look?
#
# The [receptive field](../docs/glossary.md#receptive-field) of an output pixel is the part of the image that can change
# it. The [gradient](../docs/glossary.md#gradient) measures it: by how much does the output change if one input pixel is
# changed a little? In training we asked this for each weight. Here we ask it for each pixel of the image.
#
# We need a place to look at. We search the test chips, and leave out the scene's edge.

# %%
HALF = 80  # pixels to each side that we want to see
test = part_mask(scene.chips, "test", image) & scene.valid
test[:HALF] = test[-HALF:] = test[:, :HALF] = test[:, -HALF:] = False

# %% [markdown]
# We take three places: a hit, a miss and a false alarm. Each is the largest agreement or difference between the label
# and the probability, averaged over 5 x 5 pixels so that no single pixel decides.

# %%
truth, said = landslides.astype(float), trained.probability()
scores = {"hit": truth * said, "miss": truth - said, "false alarm": said - truth}
smooth = {name: ndimage.uniform_filter(score.where(test).fillna(-9), 5) for name, score in scores.items()}
places = {name: np.unravel_index(score.argmax(), score.shape) for name, score in smooth.items()}


# %% [markdown]
# The next functions cut a window around a place, and prepare it for the network.


# %%
def around(place, half):
    """Return a window with a place in the middle."""
    return {dim: slice(int(middle) - half, int(middle) + half) for dim, middle in zip(("y", "x"), place, strict=True)}


def for_network(window):
    """Return the normalised image of a window, as a batch of one."""
    return torch.from_numpy(normalisation.apply(image.isel(window)).values)[None]


# %% [markdown]
# `backward` computes the gradient of one number of the output, as in training. We add up its size over the channels.

# %%
window = around(places["hit"], HALF)
seen = for_network(window).requires_grad_()
model(seen)[0, 0, HALF, HALF].backward()
gradient = image.isel(window).isel(channel=0, drop=True).copy(data=seen.grad[0].abs().sum(0))

# %% [markdown]
# In grey pixels the gradient is exactly 0: they cannot change the output, whatever they show. The scale is logarithmic:
# one unit less is a tenth.

# %%
layers_figure(
    "What the pixel in the ring depends on",
    {
        f"backscatter {unit}": {"after": image.sel(channel=f"{band}_after").isel(window)},
        "gradient (log10)": {"gradient": np.log10(gradient.where(gradient > 0))},
    },
    centre=True,
)

# %% [markdown]
# `reach` measures how far a pixel can look at most. And how much of the gradient is how near?

# %% tags=["misconception:the-network-sees-everything"]
print(f"at most {reach(model, len(normalisation.channels))[0]} pixels to each side")
for near in (4, 8, 16, 32):
    share = float(gradient[HALF - near : HALF + near + 1, HALF - near : HALF + near + 1].sum() / gradient.sum())
    print(f"{share:.0%} of the gradient is within {near} pixels")

# %% [markdown]
# ### Exercise (harder): how wide is the field?
#
# The receptive field can also be computed. Start with a width of 1 pixel and a step of 1 pixel. For each layer with
# kernel width `k` and stride `s`, the width grows by `(k - 1)` steps. After that the step is multiplied by `s`. This
# list holds `(k, s)` of each layer of the encoder's first two stages:

# %%
stages = (model.encoder.conv1, model.encoder.maxpool, model.encoder.layer1)
found = [part for stage in stages for part in stage.modules() if hasattr(part, "kernel_size")]
layers = [(int(np.max(part.kernel_size)), int(np.max(part.stride))) for part in found]
layers

# %% [markdown]
# How many pixels wide is the receptive field of one place after these layers? Give one number.

# %% tags=["exercise"]
width = ...
# BEGIN SOLUTION NO PROMPT
width, step = 1, 1
for k, s in layers:
    width += (k - 1) * step
    step *= s
# END SOLUTION
check.field_width(width, layers)

# %% [markdown]
# ## What do the nodes compute?
#
# `activations` sends the chip through the trained network and keeps what each node gives. We show five maps of some
# nodes, those that vary most. Each row has its own scale.

# %%
kept = activations(model, torch.from_numpy(normalisation.apply(chip).values)[None])


def maps_of(place):
    """Return the five maps of a node that vary most, with the chip's coordinates."""
    node = kept[place][0]
    most = node.flatten(1).std(1).topk(5).indices.tolist()
    coarse = before.coarsen(y=128 // node.shape[1], x=128 // node.shape[2]).mean()
    return {f"map {number}": coarse.copy(data=node[number]) for number in most}


# %% [markdown]
# Go down the rows. Where do you still see speckle? In which row do you first see landslides?

# %%
depth = max(i for i, _ in kept)
shown = {f"activation encoder 1/{2**i}": maps_of((i, 0)) for i in range(1, depth + 1)}
shown |= {f"activation decoder 1/{2**i}": maps_of((i, depth - i)) for i in (1, 0)}
layers_figure("Maps of the trained network on one chip", shown, landslides)

# %% [markdown]
# No label says what a map is for: training found a use for each. Some maps look alike, and many numbers are 0, because
# the activation sets them to 0:

# %%
for (i, j), node in kept.items():
    if i or j:
        kind, zeros = nodes.loc[(i, j), "kind"], float((node == 0).float().mean())
        print(f"{kind} ({i}, {j}): {zeros:.0%} of the numbers are 0")

# %% [markdown]
# ## What does it look at?
#
# A direct way to find out is to take something away. We blank one square of 8 x 8 pixels after the other, in all
# channels, and look at the output for the pixel in the middle. Blank means 0 after normalisation: an average pixel
# without any change. The output is a logit: 0 means a probability of one half, and higher means more likely.


# %%
def effect_of_blanking(place, half=48, square=8):
    """Return by how much the logit of a place falls when one square around it is blanked."""
    whole = for_network(window := around(place, half))
    effect = image.isel(window).isel(channel=0, drop=True).coarsen(y=square, x=square).mean() * 0
    with torch.inference_mode():
        usual = model(whole)[0, 0, half, half]
        for i, j in itertools.product(range(2, effect.sizes["y"] - 2), repeat=2):
            blanked = whole.clone()
            blanked[..., i * square : (i + 1) * square, j * square : (j + 1) * square] = 0
            effect[i, j] = float(usual - model(blanked)[0, 0, half, half])
    return effect, float(usual)


# %% [markdown]
# We do it for the hit, the miss and the false alarm:

# %%
looked = {name: effect_of_blanking(place) for name, place in places.items()}

# %% [markdown]
# Beside it we want to see the change of backscatter there, smoothed by our own convolution:

# %%
def change_around(place, band):
    """Return the smoothed change of a polarisation (dB) around a place."""
    cut = image.isel(around(place, 48))
    return convolve(cut.sel(channel=f"{band}_after") - cut.sel(channel=f"{band}_before"), mean)


bands = [name for name in ("vv", "vh") if f"{name}_before" in normalisation.channels]
changes = {
    f"change of {name.upper()} (dB)": {case: change_around(place, name) for case, place in places.items()}
    for name in bands
}

# %% [markdown]
# In the last row, blanking a red square lowers the logit: it speaks for a landslide. Blanking a blue square raises it:
# it speaks against one. The ring is the pixel that is asked about. Landslides are outlined.

# %%
effects = {"effect on the logit": {case: effect for case, (effect, _) in looked.items()}}
layers_figure("A hit, a miss and a false alarm", changes | effects, landslides, centre=True)

# %% [markdown]
# How much of the effect comes from the four squares next to the pixel?

# %% tags=["misconception:looking-right-is-being-right"]
for name, (effect, logit) in looked.items():
    share, given = float(abs(effect[5:7, 5:7]).sum() / abs(effect).sum()), 1 / (1 + np.exp(-logit))
    print(f"{name}: probability {given:.2f}, {share:.0%} of the effect from the nearest four squares")

# %% [markdown]
# Compare the hit with the false alarm. Such a picture shows what the result depends on. It does not show whether the
# result is right: the false alarm also has its reasons in the image.
#
# ## UNet against UNet++
#
# What do the nested nodes contribute? We take the trained network and change what they give. A *hook* is a function
# that torch calls after a part of the network, and that can replace its result.

# %%
nested = [block for (i, j), block in decoder_blocks(model).items() if i + j < depth]
coarsest = [decoder_blocks(model)[depth - 1, 1]]


# %% [markdown]
# The next function replaces what some blocks give, and maps and scores the test chips.


# %%
def auprc_with(replace, blocks):
    """Return the AUPRC on all test chips while the results of some blocks are replaced."""
    hooks = [block.register_forward_hook(lambda *call: replace(call[-1])) for block in blocks]
    job = Job(model, scene.composite, normalisation, None, 72, 2**depth)
    mapped = landslides * np.float32("nan")
    for window in windows(scene.chips, "test"):  # each chip with what the network sees around it
        mapped[window.place] = job.finish(window, *job.read(window))[1]
    for hook in hooks:
        hook.remove()
    return metrics.score_map(mapped, landslides, scene.chips)["auprc"]


# %% [markdown]
# We replace them by 0, and by their own average over the window, so that the blocks after them get numbers of the usual
# size. For comparison we do the same with the decoder's first block, which brings up the coarsest image.

# %% tags=["misconception:switched-off-is-never-trained"]
off = {
    "as trained": auprc_with(torch.clone, []),
    "nested nodes set to 0": auprc_with(torch.zeros_like, nested),
    "nested nodes set to their average": auprc_with(lambda node: node.mean((2, 3), keepdim=True) + 0 * node, nested),
    "coarsest decoder block set to 0": auprc_with(torch.zeros_like, coarsest),
}
for name, score in off.items():
    print(f"{name}: AUPRC {score:.3f} ({score - off['as trained']:+.3f})")

# %% [markdown]
# These numbers say how much *this* network uses its parts: its other weights were trained together with them. They do
# not say how good a network would be that was trained without them. A UNet that is trained from the start learns to do
# without nested nodes. To compare the two, train both, with several seeds. And a small difference on few test chips can
# be luck: notebook 04 shows how to give it an interval.
#
# ## Why it does not simply memorise
#
# A network with more weights than examples can memorise its training chips, speckle included. This is
# [overfitting](../docs/glossary.md#overfitting): the training loss falls, but the result on new chips gets worse.

# %%
training = cut_chips(scene.chips[scene.chips["part"] == "train"], landslides, PRESETS[config.preset].crop)
pixels = int(landslides.where(part_mask(scene.chips, "train", image), False).sum())
print(f"{count_weights(model):,} weights, {pixels:,} landslide pixels on the training chips")

# %% [markdown]
# One help is [augmentation](../docs/glossary.md#augmentation): the network gets changed copies of the chips, which are
# also possible. The presets `quick` and `standard` shift chips, and mirror half of them north to south. Chips are never
# mirrored east to west. The radar looks from one side, so bright slopes would then be on the wrong side. Does the
# trained network treat a mirrored chip the same?

# %%
whole = torch.from_numpy(normalisation.apply(chip).values)[None]
for name, dim, aspect in (("north to south", 2, "aspect_cos"), ("east to west", 3, "aspect_sin")):
    sign = torch.tensor([-1.0 if channel == aspect else 1.0 for channel in normalisation.channels])[:, None, None]
    with torch.inference_mode():
        usual, mirrored = torch.sigmoid(model(whole)), torch.sigmoid(model((whole * sign).flip(dim))).flip(dim)
    print(f"mirrored {name}: the probability changes by {float((usual - mirrored).abs().mean()):.3f} on average")

# %% [markdown]
# Another problem is [class imbalance](../docs/glossary.md#class-imbalance): landslides are rare. A network that never
# reports a landslide is nearly always right, so at first it learns slowly. To help it, training shows chips with
# landslides more often than they occur. How common are landslides in what the network was trained on?

# %%
rich = training.loc[training["landslide_share"] > 0, "landslide_share"]
drawn = PRESETS[config.preset].landslide_chips * rich.mean()
print(f"landslide pixels: {float(landslides.mean()):.1%} of the scene, {drawn:.1%} of what training shows")

# %% [markdown]
# If the second number is larger, the network expects more landslides than there are, and its probabilities are too
# high. Notebook 04 corrects them.
#
# ### Try
#
# No check here, and more than one good answer. Choose one:
#
# - Write a kernel that responds to dark lines from north to south, such as a river or a shadow.
# - Blank one channel everywhere instead of one square.
# - Change the squares to 4 x 4 or 16 x 16.
# - Train the run of the first cells with another `seed` and turn the nested nodes off again.
#
# <details><summary>What a good answer has</summary>
#
# - The kernel: its response on a chip, and one place where it responds although there is no line.
# - The channel: a table of the three places and all channels, and what the network would lose if VH failed.
# - The squares: what changes in the picture, what does not, and why.
# - The seed: a comparison of the differences, not only of the scores.
#
# </details>
#
# Stuck? Here is [this notebook with its solutions](solutions/03b_inside_the_network.ipynb).

# %% [markdown]
# ## Quiz
#
# Four short questions. Choose first, then open your answer: each tells you why it is right or wrong.

# %% [markdown] tags=["question:pooling-loses-nothing"]
# **1.** The encoder makes the image coarser, down to one place for 8 x 8 pixels. How can the map still have sharp
# outlines?
#
# <details><summary>The decoder doubles width and height, so it brings the details back</summary>
#
# **No.** Doubling only repeats the coarse values. What pooling left out is not in them any more.
#
# </details>
#
# <details><summary>Skip connections bring the finer images of the encoder to the decoder</summary>
#
# **Right.** The fine images are kept and joined with the coarse ones at the same size.
#
# </details>
#
# <details><summary>Pooling keeps the greatest values, so no landslide is lost</summary>
#
# **No.** The value is kept, but not where in the square it was, nor how large the landslide is.
#
# </details>

# %% [markdown] tags=["question:the-network-sees-everything"]
# **2.** A large river lies 2 km from a pixel, and the receptive field is 1.3 km wide. Can the river change what the map
# says about the pixel?
#
# <details><summary>Yes: the network gets the whole scene</summary>
#
# **No.** It maps the whole scene, but each pixel of the map depends only on its receptive field.
#
# </details>
#
# <details><summary>Yes, if the chip is large enough</summary>
#
# **No.** A larger chip does not make the receptive field larger. The layers do.
#
# </details>
#
# <details><summary>No: its gradient there is exactly 0</summary>
#
# **Right.** What is outside the receptive field cannot change the output.
#
# </details>

# %% [markdown] tags=["question:looking-right-is-being-right"]
# **3.** For a pixel that the map calls a landslide, blanking shows that the network looks at the pixel itself and its
# neighbours. What do you know now?
#
# <details><summary>What the result depends on</summary>
#
# **Right.** Whether it is right is another question: false alarms have such pictures too.
#
# </details>
#
# <details><summary>That the result is right</summary>
#
# **No.** A field that was ploughed also changes at the pixel itself. The network looks at the right place and is wrong.
#
# </details>
#
# <details><summary>That the network understands landslides</summary>
#
# **No.** It shows which pixels matter, not why they matter.
#
# </details>

# %% [markdown] tags=["question:switched-off-is-never-trained"]
# **4.** You set a part of a trained network to 0, and the score falls from 0.75 to 0.30. What would a network score
# that was trained without this part?
#
# <details><summary>About 0.30</summary>
#
# **No.** The other weights were trained to work together with this part. Without it they would have become others.
#
# </details>
#
# <details><summary>Less than 0.30: it misses the part from the start</summary>
#
# **No.** It can learn to do without the part. That takes training, so you have to try it.
#
# </details>
#
# <details><summary>You cannot tell without training it</summary>
#
# **Right.** Setting a part to 0 shows how much this network uses it. What a network can learn without it needs a test.
#
# </details>

# %% [markdown]
# ## What we learnt
#
# - A convolution multiplies pixels by the weights of a kernel and adds up, at every place. The log ratio is one.
# - An activation makes it possible to find both brighter and darker.
# - The encoder sees more and more of the image, but coarser. Skip connections bring the details to the decoder.
# - An output pixel depends only on its receptive field, and mostly on what is near.
# - Gradients and blanking show what a result depends on. They do not show that it is right.
# - What a part does in a trained network, and whether a network needs it, are two questions.
#
# Next: [04 Evaluate](04_evaluate.ipynb).
#
# **Sources.** Ronneberger et al. 2015, *U-Net*, [arXiv:1505.04597](https://arxiv.org/abs/1505.04597); Zhou et al. 2018,
# *UNet++*, [arXiv:1807.10165](https://arxiv.org/abs/1807.10165); Luo et al. 2016 on the effective receptive field,
# [arXiv:1701.04128](https://arxiv.org/abs/1701.04128); Zeiler & Fergus 2014 on blanking parts of an image,
# [arXiv:1311.2901](https://arxiv.org/abs/1311.2901).
