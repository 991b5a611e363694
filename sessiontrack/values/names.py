"""Names that people choose and others read: none that looks like another, or turns the text around it."""

import re
import unicodedata

LONGEST_NAME = 64
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
# Control characters, C1 too; what is invisible or sets the direction of text; halves of pairs; line ends.
STRANGE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_name(text: str) -> bool:
    """Whether a user, a token or a webhook may be called so."""
    return 1 <= len(text) <= LONGEST_NAME and not has_control_characters(text) and not is_strange(text)


def has_control_characters(text: str) -> bool:
    """Whether a text has what a terminal, a log or the database would trip over."""
    # Of ASCII, all else is printable; and this takes a tenth of the time.
    return not text.isprintable() if text.isascii() else _UNPRINTABLE.search(text) is not None


def is_strange(name: str) -> bool:
    """Whether it has characters that are invisible or change how the text looks."""
    return not name.isascii() and any(unicodedata.category(each) in STRANGE for each in name)


def fold(name: str) -> str:
    """What names have in common that look alike: compatibility forms, case and blanks do not matter."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())
