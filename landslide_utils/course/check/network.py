"""Checks of notebooks 00, 03, 03b and 04: training a network, what it computes, and how good it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from landslide_utils.course.check.answer import (
    EXACT,
    IN_PERCENT,
    OTHERWISE,
    area_mistakes,
    compare,
    exercise,
    read_number,
)
from landslide_utils.metrics import auprc, threshold_for


@exercise("00_start_here", "landslides.sum() is in pixels; a pixel has pixel_size_m**2 square metres.")
def landslide_area(answer: Any, landslides: xr.DataArray, pixel_size_m: float) -> str:
    """Check the area of all landslides in km2, from labels (y, x) and the width of a pixel in metres."""
    count, side = float(landslides.sum()), float(pixel_size_m)
    right = count * side**2 / 1e6
    wrong = {
        "That is the number of pixels. How many square metres does one of them have?": count,
        **area_mistakes(right, side),
        "That is the share of the scene that slid. Count the pixels with sum() instead of mean().": landslides.mean(),
        "That is the area of the whole scene. Count only the landslide pixels.": landslides.size * side**2 / 1e6,
        "Count the landslide pixels, multiply by the square metres of one pixel, and divide by a million.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.2f} km2 slid."


@exercise("00_start_here", "labels.values[test.values] is the first array; make the second in the same way.")
def average_precision(answer: Any, probability: xr.DataArray, landslides: xr.DataArray, test: xr.DataArray) -> str:
    """Check the area under the precision-recall curve of a map (y, x) on the pixels of a test mask."""
    from sklearn.metrics import roc_auc_score

    mapped, labels, valid = probability.values, landslides.values.astype(bool), np.isfinite(probability.values)
    inside = valid & test.values.astype(bool)
    truth, score = labels[inside], mapped[inside]
    right, everywhere = auprc(truth, score), auprc(labels[valid], mapped[valid])
    under_roc, called = roc_auc_score(truth, score), score > 0.5
    wrong = {
        "That is the score of the wrong class: pixels that are not landslides.": auprc(~truth, 1 - score),
        "The labels are the wrong way round: true must stand for landslide.": auprc(~truth, score),
        "The scores are the wrong way round: the larger, the more likely a landslide.": auprc(truth, -score),
        "That counts the whole scene, training chips included. Score only where test is true.": everywhere,
        "That is the area under the ROC curve, high for every rare class. Take average_precision_score.": under_roc,
        "You cut the probabilities at one half; give the score the probabilities themselves.": auprc(truth, called),
        "That is the accuracy: a map without any landslide has nearly the same.": np.mean(called == truth),
        "That is the prevalence: the score of random guessing. Score the network's probabilities.": truth.mean(),
        IN_PERCENT: 100 * right,
        "Take .values[test.values] of both maps, then average_precision_score(labels, probabilities).": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"AUPRC {right:.2f}, where random guessing scores {truth.mean():.3f}."


@exercise("03_train", "recipe.steps * recipe.batch_size chips are shown; count chips with two masks and &.")
def times_seen(answer: Any, chips: pd.DataFrame, recipe: Any) -> str:
    """Check how often a recipe (a `Preset`) shows each chip, if it trains on the training chips with landslides."""
    slid, training = chips["landslide_share"] > 0, chips["part"] == "train"
    count, batch, steps = int((slid & training).sum()), int(recipe.batch_size), int(recipe.steps)
    shown, right = steps * batch, steps * batch / count
    of_training = shown / training.sum()
    wrong = {
        "That is the number of chips shown in all. How many different chips are there?": shown,
        "That is the number of chips of one batch for each chip. How many batches are there?": batch / count,
        "That is how many steps there are for each chip. A step shows a whole batch.": steps / count,
        "The division is the wrong way round: divide the chips shown by the number of different chips.": 1 / right,
        "You counted all training chips. This recipe trains on those with landslide_share above 0.": of_training,
        "You counted the chips of all parts. Count only those whose part is 'train'.": shown / slid.sum(),
        "That is the number of steps. How many chips do they show, and how many are there?": steps,
        "That is the number of chips. How many are shown in all the steps?": count,
        "Steps times chips per batch are shown in all. Divide by the training chips with a landslide.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{steps} batches of {batch} show each of the {count} chips {right:.0f} times."


@exercise("03_train", "-p * np.log(p) is one of two parts; the other has 1 - p in both places.")
def uninformed_loss(answer: Any, prevalence: Any) -> str:
    """Check the mean cross-entropy of a network that gives every pixel the prevalence."""
    p = float(prevalence)
    on, off = -math.log(p), -math.log(1 - p)
    right = p * on + (1 - p) * off
    one_part, swapped = [p * on, -p * on], p * off + (1 - p) * on
    wrong = {
        "The sign is wrong: logarithms of probabilities are negative, and a loss is not.": -right,
        "That is in bits: np.log2. The loss is measured with the natural logarithm, np.log.": right / math.log(2),
        "np.log10 is the logarithm to base ten. The loss is measured with np.log.": right / math.log(10),
        "That is the loss on a landslide pixel. Most pixels are not landslides: take the mean over both kinds.": on,
        "That is the loss on a pixel without a landslide. Take the mean over both kinds of pixels.": off,
        "That is the landslides' part of the mean. The other pixels have a loss too: add their part.": one_part,
        "That is the part of the pixels without a landslide. The loss of a landslide is larger: add it.": (1 - p) * off,
        "The two are the wrong way round: the network gives a landslide pixel the probability p.": swapped,
        "You gave both kinds of pixels the same weight. Only a share p of them are landslides.": (on + off) / 2,
        "That is the loss of a network that gives 0.5 everywhere. This one gives the prevalence.": math.log(2),
        "That is the mean squared error. Cross-entropy takes the logarithm of the probability.": p * (1 - p),
        "The loss is -ln(p) for a share p of the pixels, and -ln(1 - p) for the others. What is the mean?": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.3f}. A network that has learnt something from the radar has a smaller loss."


@exercise("03_train", "half['validation_auprc'].idxmax() is a line; half.loc[line, 'step'] is its step.")
def best_step(answer: Any, history: pd.DataFrame) -> str:
    """Check the step that is best by the validation chips, from a table with a line for each measurement on them."""
    history = history.reset_index(drop=True)
    steps, score = history["step"], history["validation_auprc"]
    place = int(score.argmax())
    lowest_training, lowest_validation = (steps[history[f"{part}_loss"].argmin()] for part in ("train", "validation"))
    wrong = {
        f"That is the number of the line, counted from 0. Give the column step of line {place}.": place,
        f"That is the number of the line, counted from 1. Give the column step of line {place}.": place + 1,
        "That step has the lowest training loss. Choose by validation_auprc.": lowest_training,
        "That step has the lowest validation loss. Choose by validation_auprc.": lowest_validation,
        "That step has the lowest validation AUPRC. The higher, the better.": steps[score.argmin()],
        "That is the AUPRC itself. Give its step.": score[place],
        "That is the last step. Is an earlier one better on the validation chips?": steps.iloc[-1],
        "Find the line with the highest validation_auprc, with idxmax(), and give its step.": OTHERWISE,
    }
    compare(read_number(answer), steps[place], wrong, EXACT)
    return f"Step {steps[place]}, validation AUPRC {score[place]:.2f}; the last one has {score.iloc[-1]:.2f}."


@exercise("03b_inside_the_network", "stack * kernel has 18 products; .sum() adds them up.")
def kernel_response(answer: Any, stack: Any, kernel: Any, bias: float) -> str:
    """Check what a kernel of several channels, with a bias, gives at one place."""
    stack, kernel = np.asarray(stack), np.asarray(kernel)
    products, total = stack * kernel, (stack * kernel).sum()
    wrong = {
        "The bias is missing: add it once.": total,
        "You added the bias to every product. Add it once, to their sum.": total + bias * products.size,
        "You subtracted the bias. Add it.": total - bias,
        "That is one channel only. Add up the products of both.": [part.sum() + bias for part in products],
        "That is the mean of the products. Add them up.": products.mean() + bias,
        "The channels are swapped: the first grid is for the pixels before.": (stack[::-1] * kernel).sum() + bias,
        "That is the sum of the pixels. Multiply each by its weight first.": stack.sum() + bias,
        "@ multiplies matrices. Multiply each pixel by the weight above it: *.": (stack @ kernel).sum() + bias,
        "Multiply stack by kernel, add up everything, and add the bias.": OTHERWISE,
    }
    compare(read_number(answer), total + bias, wrong, 0.006)  # two decimals are enough
    return f"{total + bias:.2f}. A convolution does this at every place."


@exercise("03b_inside_the_network", "Multiply four numbers: 3, 3, and the two that are printed first.")
def weights_of_convolution(answer: Any, convolution: Any) -> str:
    """Check the number of weights of a convolution (a `torch.nn.Conv2d` without bias)."""
    into, out, grid = convolution.in_channels, convolution.out_channels, math.prod(convolution.kernel_size)
    right = into * out * grid
    wrong = {
        "Each kernel has a grid of 3 x 3 weights for each input channel, not one weight.": into * out,
        "A grid of 3 x 3 has nine weights, not three.": right / math.sqrt(grid),
        "That is one output channel. Each of them has a kernel of its own.": into * grid,
        "That is one input channel. A kernel has a grid for each of them.": out * grid,
        "You added the channels. Multiply them: each output has a grid for each input.": (into + out) * grid,
        "This convolution has no bias (bias=False).": right + out,
        "3 x 3 times the input channels, times the output channels.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, EXACT)
    return f"{right:,} weights, the same ones at every place of the image."


@exercise("03b_inside_the_network", "Write `for k, s in layers:`, and in it a line for width and one for step.")
def field_width(answer: Any, layers: Any) -> str:
    """Check the width in pixels of the receptive field of one place after layers of (kernel width, stride)."""
    kernels, strides = np.transpose(layers)
    steps = np.cumprod([1, *strides[:-1]])  # pixels from one place to the next of what a layer takes
    grown, by_kernel = ((kernels - 1) * steps).sum(), (kernels * steps).sum()
    wrong = {
        "The width starts at 1, not at 0.": grown,
        "You left out the strides: a stride of 2 doubles the steps that follow.": 1 + (kernels - 1).sum(),
        "A layer's step changes after it, not before.": 1 + ((kernels - 1) * steps * strides).sum(),
        "A kernel of k adds k - 1 steps: the place itself is counted already.": [1 + by_kernel, by_kernel],
        "That is the sum of the kernels' widths. Count the steps too.": kernels.sum(),
        "That is the step after the last layer. What is the width?": strides.prod(),
        "That is how far it looks to one side. Give the whole width.": grown / 2,
        "That is an area. Give the width.": (grown + 1) ** 2,
        "Go through layers with a loop: first width += (k - 1) * step, then step *= s.": OTHERWISE,
    }
    compare(read_number(answer), grown + 1, wrong, EXACT)
    return f"{grown + 1} pixels wide, after {len(layers)} layers."


@exercise("04_evaluate", "Subtract one of the arrays in drawn from the other; then one np.nanstd.")
def spread_of_difference(answer: Any, first: Any, second: Any) -> str:
    """Check the standard deviation of the difference of two AUPRC, from bootstrap draws that took the same chips."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    sd_a, sd_b, right = np.nanstd(a), np.nanstd(b), np.nanstd(a - b)
    separate = np.hypot(sd_a, sd_b)
    wrong = {
        "That is right for tests on different chips. Here both use the same chips: subtract first.": separate,
        "You added the two standard deviations. Subtract sample by sample first, then take one.": sd_a + sd_b,
        "That is a difference of the standard deviations. Subtract the arrays first.": abs(sd_a - sd_b),
        "That is the first detector alone. Subtract the other one, sample by sample.": sd_a,
        "That is the second detector alone. Subtract it from the first, sample by sample.": sd_b,
        "That is the variance; take its root.": right**2,
        "That is how large the difference is. How much does it vary?": abs(np.nanmean(a - b)),
        "You divided by a root. More samples do not make the test better.": right / np.sqrt(len(a)),
        "That is half the width of an interval. Give the standard deviation itself.": 1.96 * right,
        "Subtract the two arrays from each other, and take np.nanstd of that one array.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.3f}, where two separate tests would have {separate:.3f}."


@exercise("04_evaluate", "each['found'] >= 0.5 is true or false for each landslide.")
def landslides_found(answer: Any, each: pd.DataFrame) -> str:
    """Check the share of landslides of which at least half is reported, from a table with a line for each landslide."""
    found, area = each["found"], each["area_m2"]
    enough = found >= 0.5
    right, by_area = enough.mean(), np.average(found, weights=area)
    wrong = {
        "That is the share of landslide pixels. Large landslides have many; here each counts once.": by_area,
        "You weighted each landslide with its area. Each counts once: mean().": np.average(enough, weights=area),
        "That is the mean of the reported shares. Test for each whether it is at least 0.5, and count.": found.mean(),
        "Those are the landslides of which any pixel is reported. Take those with at least half.": (found > 0).mean(),
        "Those are the landslides that are completely reported. Take those with at least half.": (found == 1).mean(),
        "At least half includes exactly half: >= instead of >.": (found > 0.5).mean(),
        "Those are the landslides that are missed. What share is found?": 1 - right,
        "That is a number of landslides; give the share of all of them.": enough.sum(),
        IN_PERCENT: 100 * right,
        "Compare each['found'] with 0.5, true or false for each landslide, and take the mean of that.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong, 0.5 / len(found))
    return f"{right:.2f} of {len(found)} landslides, and {by_area:.2f} of their pixels."


@exercise("04_evaluate", "np.average takes the distances, and the pixels as its weights.")
def calibration_error(answer: Any, table: pd.DataFrame) -> str:
    """Check the mean distance between probability and share over bins, weighted by their pixels."""
    apart, pixels = table["probability"] - table["share"], table["pixels"]
    far, squared = abs(apart), np.average(apart**2, weights=pixels)
    right, cancelled = np.average(far, weights=pixels), abs(np.average(apart, weights=pixels))
    wrong = {
        "Positive and negative differences cancel. Take abs() in each bin first.": cancelled,
        "Bins hold different numbers of pixels. Weight each with its pixels.": far.mean(),
        "You squared the distances. Take their absolute value.": [np.sqrt(squared), squared],
        "That is the largest distance of a bin. Give the mean over the bins.": far.max(),
        "That is the sum over the bins. Give the mean, weighted by pixels.": far.sum(),
        "That is a sum over all pixels. Divide by their number, or np.average(..., weights=...).": (far * pixels).sum(),
        IN_PERCENT: 100 * right,
        "In each bin take abs(probability - share); then np.average of that with weights=table['pixels'].": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"{right:.4f}: the average distance between probabilities and the truth."


@exercise("04_evaluate", "p * miss = (1 - p) * alarm; bring everything with p to one side.")
def cost_threshold(answer: Any, cost_of_a_miss: float, cost_of_a_false_alarm: float) -> str:
    """Check the probability at which a report costs, on average, as much as no report."""
    miss, alarm = cost_of_a_miss, cost_of_a_false_alarm
    right = threshold_for(miss, alarm)
    wrong = {
        "Nearly: those are the odds, p against 1 - p. Solve for p.": alarm / miss,
        "The wrong way round: the more a miss costs, the lower the threshold.": 1 - right,
        "That is how many false alarms a miss is worth. A probability lies between 0 and 1.": miss / alarm,
        "One half is right only where both mistakes cost the same.": 0.5,
        IN_PERCENT: 100 * right,
        "No report costs p * cost_of_a_miss, a report (1 - p) * cost_of_a_false_alarm. Solve for p.": OTHERWISE,
    }
    compare(read_number(answer), right, wrong)
    return f"Report above {right:.3f}."
