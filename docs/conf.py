"""Sphinx settings. The reference pages are made from the code by `_ext/generated.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "hubfleet"
author = "The hubfleet developers"
copyright = "2026, The hubfleet developers"
extensions = ["myst_parser", "generated"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "hubfleet"
html_static_path = ["_static"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
nitpicky = True
