"""The place in a web UI that a user looks at: `[view]` or `[view, tab]`, as pings carry it."""

from sessiontrack.exceptions import InvalidPath

LONGEST_PART = 512
# With what follows it, it is short enough for an error's field.
ACCEPTED = 'A path is "[view,tab]", "[view]", "view" or a list of these parts'


def parse_path(path: object) -> tuple[str, str]:
    """Read a path in any of its forms.

    Returns:
        (view, tab), without blanks around them; the tab is "" where there is none.
    Raises:
        InvalidPath: no part or more than two, an empty part, or one of more than 512 characters.
    """
    if isinstance(path, str):
        text = path.strip()
        bracketed = text.startswith("[")
        if bracketed != text.endswith("]"):
            raise InvalidPath(f"{ACCEPTED}; a bracket is missing.")
        parts = (text[1:-1] if bracketed else text).split(",", 2)
    elif isinstance(path, list) and all(isinstance(part, str) for part in path[:3]):
        parts = path[:3]
    else:
        raise InvalidPath(f"{ACCEPTED}.")
    parts = [part.strip() for part in parts]
    if not 1 <= len(parts) <= 2 or not all(parts):
        raise InvalidPath(f"{ACCEPTED}; one or two parts, none empty.")
    if any(len(part) > LONGEST_PART for part in parts):
        raise InvalidPath(f"{ACCEPTED}; each at most {LONGEST_PART} characters.")
    return parts[0], parts[1] if len(parts) == 2 else ""


def as_list(view: str | None, tab: str | None) -> list[str]:
    """The path as lists show it; empty where nothing was visible yet."""
    if view is None:
        return []
    return [view, tab] if tab else [view]
