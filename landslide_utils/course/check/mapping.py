"""Checks of notebook 05."""

from __future__ import annotations

from typing import Any

import numpy as np

from landslide_utils.course.check.answer import compare, exercise, made, read_number, read_table

WEB_MERCATOR = "EPSG:3857"


@exercise
def hidden_from_both(answer: Any, descending: Any, ascending: Any) -> str:
    """Check the share of a scene (y, x) that is hidden from both orbit directions, from a mask of each."""
    masks = made(descending, ascending)
    one, other = (mask.values.astype(bool) for mask in masks)
    shares = [float(one.mean()), float(other.mean())]
    right = float((one & other).mean())
    compare(
        read_number(answer),
        right,
        [
            (
                float((one | other).mean()),
                "That is what at least one direction misses. Hidden from both is: & of the two.",
            ),
            (sum(shares), "You added the two shares. A place counts only if both directions miss it: & of the masks."),
            (sum(shares) / 2, "That is the mean of the two shares. A place counts only if both directions miss it."),
            (
                shares[0] * shares[1],
                "You multiplied the shares, as if both directions hid places at random. They hide opposite slopes: compare pixel by pixel.",
            ),
            (shares[0], "That is what descending passes miss. How much of it do ascending passes miss too?"),
            (shares[1], "That is what ascending passes miss. How much of it do descending passes miss too?"),
            (float((one & other).sum()), "That is the number of pixels. Take the mean of the mask for the share."),
            (float((~one & ~other).mean()), "That is what both see. What do both miss?"),
            (1 - right, "That is what at least one direction sees. What do both miss?"),
            (100 * right, "Give it as a share between 0 and 1, not in percent."),
        ],
        "Combine the two masks with &: true where both are true. The mean of a mask is a share.",
    )
    return f"{shares[0]:.1%} is hidden from one direction and {shares[1]:.1%} from the other, but only {right:.2%} from both."


@exercise
def survey_precision(answer: Any, probability: Any, landslides: Any, test: Any, threshold: Any) -> str:
    """Check the precision of a map (y, x) on the pixels of a test mask, cut at half of a threshold."""
    mapped, labels, mask = (array.values for array in made(probability, landslides, test))
    labels, mask = labels.astype(bool), mask.astype(bool) & np.isfinite(mapped)
    half = float(threshold) / 2

    def scores(cut: float, where: Any) -> tuple[float, float]:
        called = where & (mapped >= cut)
        hits = float((called & labels).sum())
        return hits / max(float(called.sum()), 1.0), hits / max(float((where & labels).sum()), 1.0)

    right, recall = scores(half, mask)
    strict_precision, strict_recall = scores(2 * half, mask)
    called = mask & (mapped >= half)
    compare(
        read_number(answer),
        right,
        [
            (recall, "That is the recall: of the landslide pixels, the share that is found. Of the finds, which share is right?"),
            (strict_precision, "That is the precision at the whole threshold. Halve it."),
            (strict_recall, "That is the recall at the whole threshold. Halve it, and ask which share of the finds is right."),
            (scores(half, np.isfinite(mapped))[0], "That counts the whole scene, training chips included. Only where test is true."),
            (float(((mapped >= half) == labels)[mask].mean()), "That is the accuracy, which hardly sees what is rare."),
            (2 * right * recall / max(right + recall, 1e-12), "That is F1, which mixes precision and recall. Give the precision alone."),
            (float(called.sum() / max(mask.sum(), 1)), "That is the share of the test pixels that is called landslide. Which share of these is right?"),
            (float(labels[mask].mean()), "That is the prevalence: the share of all test pixels that is landslide."),
            (float(mapped[called].mean()) if called.any() else np.nan, "That is the mean probability of the finds, what the network believes. Ask the labels."),
            (1 - right, "That is the share of the finds that is wrong."),
            (100 * right, "Give it as a share between 0 and 1, not in percent."),
        ],
        "First the finds: probability >= threshold / 2, and test. Then the mean of landslides over them.",
    )  # fmt: skip
    return (
        f"At half the threshold the precision is {right:.2f} instead of {strict_precision:.2f}, "
        f"and the recall {recall:.2f} instead of {strict_recall:.2f}: a survey's map, not a search party's."
    )


@exercise
def expected_area(answer: Any, calibrated: Any, pixel_size_m: Any) -> str:
    """Check the area in km2 that is expected to have slid, from calibrated probabilities (y, x) and the width of a pixel in metres."""
    (chances,) = made(calibrated)
    values = chances.values[np.isfinite(chances.values)].astype(np.float64)
    total, pixel_m2 = float(values.sum()), float(pixel_size_m) ** 2
    right = total * pixel_m2 / 1e6
    compare(
        read_number(answer),
        right,
        [
            (total, "That is the number of pixels that is expected. Now the area: how many square metres has a pixel?"),
            (total * pixel_m2, "That is in square metres. A square kilometre is 1000 m by 1000 m."),
            (total * pixel_m2 / 1e4, "That is in hectares; 100 hectares are a square kilometre."),
            (total * pixel_m2 / 1e3, "A square kilometre is not 1000 square metres: it is 1000 m by 1000 m."),
            (total * float(pixel_size_m) / 1e6, "A pixel's area is its width times its height: square the width."),
            (
                float((values >= 0.5).sum()) * pixel_m2 / 1e6,
                "You counted the pixels above one half. Ten pixels with 0.2 are two landslide pixels to be expected: add the probabilities.",
            ),
            (float(values.mean()), "That is the mean probability, the share of the scene. Add the probabilities instead."),
            (values.size * pixel_m2 / 1e6, "That is the area of everything that was mapped. Weigh each pixel by its probability."),
        ],
        "Add all calibrated probabilities, multiply by the area of one pixel in square metres, and divide by a million.",
    )  # fmt: skip
    return f"{right:.2f} km2 are to be expected."


@exercise
def largest_area(answer: Any, polygons: Any, count: Any) -> str:
    """Check the area in km2 of the largest polygons together; `polygons` are the notebook's, in metres."""
    from shapely import area

    table: Any = read_table(polygons, "area_m2", "geometry")
    number = int(count)
    areas = np.sort(table.geometry.area.to_numpy())[::-1]
    right = float(areas[:number].sum()) / 1e6
    mercator = np.sort(table.geometry.to_crs(WEB_MERCATOR).area.to_numpy())[::-1]
    degrees = np.sort(area(table.geometry.to_crs("EPSG:4326").to_numpy()))[::-1]
    compare(
        read_number(answer),
        right,
        [
            (right * 1e6, "That is in square metres. A square kilometre is 1000 m by 1000 m."),
            (right * 1e2, "That is in hectares; 100 hectares are a square kilometre."),
            (right * 1e3, "A square kilometre is not 1000 square metres: it is 1000 m by 1000 m."),
            *(
                (
                    float(degrees[:number].sum()) * unit,
                    "That is in square degrees, and a degree is no fixed length. Bring the shapes into metres first: to_crs(polygons.crs).",
                )
                for unit in (1, 1e-6, 1e4, 111.0**2, 111.32**2)
            ),
            *(
                (
                    float(mercator[:number].sum()) / unit,
                    "That is measured in Web Mercator, the projection of web pages, which stretches all that is not at the equator. "
                    "Take the map's own coordinates: polygons.crs.",
                )
                for unit in (1, 1e6)
            ),
            (float(areas.sum()) / 1e6, f"That is the area of all polygons. The {number} largest are asked: nlargest({number})."),
            (right / number, f"That is their mean. The sum of the {number} is asked."),
            (float(areas[-number:].sum()) / 1e6, "Those are the smallest ones."),
            (float(areas[:1].sum()) / 1e6, f"That is the largest one alone. The sum of the {number} largest is asked."),
        ],
        f"Bring the shapes into metres with to_crs(polygons.crs), take area.nlargest({number}).sum(), and divide by a million.",
    )  # fmt: skip
    return f"{right:.2f} km2 in {min(number, len(areas))} polygons, of {areas.sum() / 1e6:.2f} km2 in all."
