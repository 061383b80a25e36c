"""Two pictures on top of each other: a reader moves the line between them."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from landslide_utils.figures import style

WIDE, LINE = 5.6, 6
"""Inches of a picture, which a phone shows nearly whole, and pixels of the line between two."""

_STYLE = f"""<style>
.swipe {{ position: relative; display: inline-block; max-width: 100%; --at: 50; }}
.swipe img {{ display: block; }}
.swipe img + img {{ position: absolute; inset: 0;
    clip-path: inset(0 0 0 calc({LINE / 2}px + (100% - {LINE}px) * var(--at) / 100)); }}
.swipe input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; background: none;
    appearance: none; -webkit-appearance: none; cursor: ew-resize; touch-action: pan-y; }}
.swipe input::-webkit-slider-runnable-track {{ height: 100%; }}
.swipe input::-webkit-slider-thumb {{ appearance: none; -webkit-appearance: none; width: {LINE}px; height: 100%;
    background: {style.ORANGE}; }}
.swipe input::-moz-range-thumb {{ width: {LINE}px; height: 100%; border: 0; background: {style.ORANGE}; }}
</style>"""


@dataclass(frozen=True)
class Swipe:
    """Two pictures of the same size and place; mouse, finger or arrow keys move the line between them.

    Notes
    -----
    It is HTML with a slider that every browser has. Panel's ``Swipe`` is moved by a mouse only, and needs 3 MB of code.
    """

    left: style.Picture
    right: style.Picture

    def _repr_html_(self) -> str:
        moves = "this.parentNode.style.setProperty('--at', this.value)"
        label = "where the left picture ends and the right one begins, in percent"
        does = f'oninput="{moves}" onkeydown="event.stopPropagation()"'  # else JupyterLab takes the arrow keys
        slider = f'<input type="range" min="0" max="100" value="50" aria-label="{label}" {does}>'
        pictures = self.left._repr_html_() + self.right._repr_html_()
        return f'{_STYLE}<div class="swipe">{pictures}{slider}</div>'


def swipe_figure(composite: xr.Dataset, *, name: str = "vv") -> Swipe:
    """Return backscatter before the event over that after it, on one scale, with a line that a reader moves.

    Parameters
    ----------
    composite : xarray.Dataset
        As :func:`landslide_utils.composite.make_composite` returns it.
    name : str
        The polarisation: vv or vh.
    """
    layers = {when: composite["image"].sel(channel=f"{name}_{when}") for when in ("before", "after")}
    limits, pictures = style.find_limits(*layers.values()), []
    for when, layer in layers.items():
        figure, (axes,) = style.new_figure(WIDE, WIDE)
        drawn = style.draw_map(axes, layer, style.BACKSCATTER, limits)
        axes.set_title(when, loc="left" if when == "before" else "right")
        figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.8, label=f"{name.upper()} gamma nought (dB)")
        text = f" {when} the event, in grey: one of two pictures that lie on top of each other, before on the left."
        pictures.append(style.finish(figure, f"{name.upper()} backscatter", text, composite))
    return Swipe(*pictures)
