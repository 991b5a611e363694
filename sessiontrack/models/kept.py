"""All sums that the database keeps, by the table that holds them."""

from collections.abc import Iterator

from sessiontrack.database.kept_sums import Addition, KeptSum, Taken
from sessiontrack.models.presence_change import PRESENCE_CHANGES, PresenceChange
from sessiontrack.models.row_count import COUNTED, RowCount
from sessiontrack.models.text_count import TEXTS, TextCount
from sessiontrack.models.user_sum import USER_DAYS, USER_SUMS, UserDay, UserSum

KEPT: dict[str, list[KeptSum]] = {
    RowCount.__tablename__: list(COUNTED.values()),
    UserSum.__tablename__: list(USER_SUMS),
    UserDay.__tablename__: list(USER_DAYS),
    TextCount.__tablename__: list(TEXTS),
    PresenceChange.__tablename__: list(PRESENCE_CHANGES),
}


def taken_with(source: str, column: str = "id") -> Iterator[Taken]:
    """The sums that lose rows of a source; column: where their ids are."""
    return (Taken(each, column) for kept in KEPT.values() for each in kept if each.source == source)


def addition_to(source: str, *indexes: str) -> Addition:
    """Many rows of a source at once; indexes: those that need not hold them before the last one."""
    return Addition(source, (each for kept in KEPT.values() for each in kept), indexes)
