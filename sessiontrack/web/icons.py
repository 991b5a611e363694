"""The icons by name, as lines on a grid of 24 by 24, for templates and the browser."""

import json
from functools import cache
from pathlib import Path

from markupsafe import Markup

FILE = Path(__file__).with_name("icons.json")


@cache
def icon(name: str) -> Markup:
    """The icon as an SVG element that screen readers skip.

    Raises:
        KeyError: there is no such icon.
    """
    lines = json.loads(FILE.read_text("utf-8"))[name]
    return Markup('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>').format(
        lines
    )
