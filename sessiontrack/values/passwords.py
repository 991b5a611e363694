"""Which passwords may be chosen; one that was chosen before there was a rule stays valid."""

from functools import cache
from itertools import islice

from sessiontrack.exceptions import InvalidPassword

LEAST, MOST = 8, 1024
MOST_COMMON = 1000
RULE = (
    f"A password has {LEAST} to {MOST} characters, is not blank, and none of the {MOST_COMMON} most common."
)


def refuse_weak(password: str) -> None:
    """Nothing where it may be chosen.

    Raises:
        InvalidPassword: it is too short, too long, blank, or what everybody tries first, in any case.
    """
    is_blank = not any(each.isprintable() and not each.isspace() for each in password)
    if not LEAST <= len(password) <= MOST or is_blank or password.casefold() in _common():
        raise InvalidPassword(RULE)


def meets_rule(password: str) -> bool:
    """Whether it may be chosen."""
    try:
        refuse_weak(password)
    except InvalidPassword:
        return False
    return True


@cache
def _common() -> frozenset[str]:
    """The most common ones of those that are long enough."""
    # Here: it has 90,000 words besides, 10 MB that most processes never need.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(
        islice((each for each in FREQUENCY_LISTS["passwords"] if len(each) >= LEAST), MOST_COMMON)
    )
