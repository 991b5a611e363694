"""The tags of a device: kept as one text, its parts in order, so that a column and a cell hold them."""

from collections.abc import Iterable

from sessiontrack.exceptions import InvalidInput

SEPARATOR = ","
LONGEST = 32
MOST = 20


def join_tags(tags: Iterable[str]) -> str:
    """The tags as one text: without blanks around them, each once whatever its case, in order.

    Raises:
        InvalidInput: one is empty, too long or has a comma, or there are too many.
    """
    found: dict[str, str] = {}
    for each in tags:
        tag = " ".join(each.split())
        if not 1 <= len(tag) <= LONGEST or SEPARATOR in tag:
            raise InvalidInput(f"A tag has 1 to {LONGEST} characters, and no comma.")
        found.setdefault(tag.casefold(), tag)
    if len(found) > MOST:
        raise InvalidInput(f"At most {MOST} tags.")
    return SEPARATOR.join(found[key] for key in sorted(found))


def split_tags(text: str) -> list[str]:
    """The tags of such a text."""
    return text.split(SEPARATOR) if text else []


def change_tags(text: str, added: Iterable[str], removed: Iterable[str]) -> str:
    """The text with some tags more and some less.

    Raises:
        InvalidInput: as join_tags.
    """
    gone = {each.casefold() for each in removed}
    kept = [each for each in split_tags(text) if each.casefold() not in gone]
    return join_tags([*kept, *added])
