"""What programs write where they know nothing: texts that are no name and no address."""

_PLACEHOLDERS = frozenset(
    {
        "",
        "-",
        "--",
        "*",
        "?",
        "null",
        "nil",
        "none",
        "n/a",
        "unknown",
        "undefined",
        "no name",
        "name not found",
        "missing event",
    }
)
_BRACKETS = "()<>[]\"' \t\r\n"


def is_placeholder(text: str) -> bool:
    """Tell whether a text says that nothing is known: empty, `null`, `(unknown)`, in any case."""
    return len(text) < 64 and text.strip(_BRACKETS).lower() in _PLACEHOLDERS


def known(text: str) -> str:
    """The text, or "" for one that says that nothing is known."""
    return "" if is_placeholder(text) else text
