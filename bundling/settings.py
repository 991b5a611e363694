"""Write the texts that are derived from config.py: python -m bundling.settings

They are the table in docs/settings.md and the meanings in the English catalogue of the web UI. Other
languages have their own sentences; where one is missing, the page shows the English one.
"""

import json
from dataclasses import fields
from pathlib import Path

from sessiontrack.config import Settings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"
CATALOGUE = ROOT / "sessiontrack" / "web" / "catalogues" / "en" / "meaning.json"
HEAD = """# Settings

From `sessiontrack.toml` in the instance folder (names in lower case), over it the environment
(`SESSIONTRACK_` and the name). A value that cannot work stops the start with one line. The page *Settings* of
the web UI shows each value and where it is from.

| name | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The content of docs/settings.md."""
    rows = []
    for each in fields(Settings):
        default = f"`{each.metadata['default']}`" if each.metadata["default"] else ""
        rows.append(f"| `{each.name.upper()}` | {default} | {each.metadata['meaning']} |\n")
    return HEAD + "".join(rows)


def catalogue() -> str:
    """The catalogue: the meanings by key, without Markdown's backquotes, as JSON."""
    texts = {
        f"meaning.{each.name.upper()}": each.metadata["meaning"].replace("`", "") for each in fields(Settings)
    }
    return json.dumps(texts, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    CATALOGUE.write_text(catalogue(), "utf-8")
