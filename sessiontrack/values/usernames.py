"""Names that people choose and others read: none that looks like another, or turns the text around it."""

import unicodedata

# Control characters, C1 too; what is invisible or sets the direction of text; halves of pairs; line ends.
STRANGE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_strange(name: str) -> bool:
    """Whether it has characters that are invisible or change how the text looks."""
    return not name.isascii() and any(unicodedata.category(each) in STRANGE for each in name)


def fold(name: str) -> str:
    """What names have in common that look alike: compatibility forms, case and blanks do not matter."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())
