"""Plots with sliders that need no network."""

from __future__ import annotations

from typing import Any


def prepare() -> None:
    """Put sliders above their plots, and their scripts and styles into the notebook; before ``import hvplot.xarray``.

    Notes
    -----
    HoloViews puts the scripts into the notebook (2.9 MB) if it is told to. The styles would still be fetched, without a
    setting for them; so Panel, which draws the sliders, puts them in by a hook that runs before it draws. A slider
    beside its plot, which is the default, leaves a narrow window.
    """
    import holoviews
    from holoviews.plotting.renderer import Renderer
    from panel.viewable import Viewable

    holoviews.extension.inline = True
    Renderer.widget_location = "top_left"
    if _put_styles_inside not in Viewable._preprocessing_hooks:
        Viewable._preprocessing_hooks.append(_put_styles_inside)


def _put_styles_inside(_: Any, root: Any) -> None:
    from bokeh.models import UIElement
    from panel.io.notebook import patch_inline_stylesheets

    for model in root.select({"type": UIElement}):
        patch_inline_stylesheets(model)
