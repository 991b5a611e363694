"""Write the texts that are derived from config.py: python -m bundling.settings

They are the table in docs/reference.md and the meanings in the English catalogue of the web UI. Other
languages have their own sentences; where one is missing, the page shows the English one.
"""

import json
import re
from dataclasses import fields
from pathlib import Path

from sessiontrack.config import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference.md"
CATALOGUE = ROOT / "sessiontrack" / "web" / "catalogues" / "en" / "meaning.json"
TABLE = re.compile(r"(?<=\| name \| default \| meaning \|\n\|---\|---\|---\|\n)(?:\| .*\n)+")


def page() -> str:
    """The content of docs/reference.md, with its table as config.py has it."""
    rows = []
    for each in fields(Settings):
        default = f"`{each.metadata['default']}`" if each.metadata["default"] else ""
        rows.append(f"| `{each.name.upper()}` | {default} | {each.metadata['meaning']} |\n")
    return TABLE.sub(lambda _: "".join(rows), PAGE.read_text("utf-8"))


def catalogue() -> str:
    """The catalogue: the meanings by key, without Markdown's backquotes, as JSON."""
    texts = {
        f"meaning.{each.name.upper()}": each.metadata["meaning"].replace("`", "") for each in fields(Settings)
    }
    return json.dumps(texts, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    CATALOGUE.write_text(catalogue(), "utf-8")
