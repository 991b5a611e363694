"""The web UI's texts in each language, for server and browser: catalogues/<language>/<topic>.json."""

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "catalogues"
# The first one is the default for browsers that ask for none of them.
LANGUAGES = {"en": "English", "fr": "Français", "de": "Deutsch"}


@cache
def texts(language: str) -> dict[str, str]:
    """All texts of a language by key, in English where it lacks one; the browser alone uses plural forms."""
    found: dict[str, str] = {} if language == "en" else dict(texts("en"))
    for path in sorted((FOLDER / language).glob("*.json")):
        found.update((k, v) for k, v in json.loads(path.read_text("utf-8")).items() if isinstance(v, str))
    return found


def translate(language: str, key: str, **values: object) -> str:
    """A text with its {placeholders} filled in.

    Raises:
        KeyError: there is no such text, or a value for it is missing.
    """
    return texts(language)[key].format_map(values)
