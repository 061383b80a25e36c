"""How Sphinx renders the website; tools/website/make.py calls it with the folder that it has put together."""

project = "Landslides from radar"
author = "the landslides-from-radar authors"
copyright = "text CC BY 4.0, code MIT"
extensions = ["myst_nb", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
templates_path = ["templates"]
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have them, with shapes and units
napoleon_use_rtype = False
add_module_names = False

nb_execution_mode = "off"  # papermill has run them
nb_ipywidgets_js = {}  # would be fetched from the network
suppress_warnings = ["mystnb.unknown_mime_type"]  # HoloViews repeats its script and page under names of its own
myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 4

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "static/icon.svg"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system has it
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_use_index = False
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "navbar_start": [],  # the sidebar has title and search
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "max_navbar_depth": 1,  # what would open and shut pages below another has no name for a screen reader
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
