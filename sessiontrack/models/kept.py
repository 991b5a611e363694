"""All sums that the database keeps, by the table that holds them."""

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import Addition, Deletion, KeptSum, deleted_first, keep
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


keep(
    Base.metadata,
    (each for kept in KEPT.values() for each in kept),
    deleted_first("view_time", "user_session", "session_id"),
)


def deletion_from(table: str, rows: str, *children: str) -> Deletion:
    """How rows of a table are deleted, and those of children, whose sums are joined, with them."""
    sums = [each for kept in KEPT.values() for each in kept if each.source in (table, *children)]
    referring = [
        (key.parent.table.name, key.parent.name, key.ondelete or "")
        for other in Base.metadata.tables.values()
        for key in other.foreign_keys
        if key.column.table.name == table
    ]
    return Deletion(table, rows, sums, referring)


def addition_to(source: str, *indexes: str) -> Addition:
    """Many rows of a source at once; indexes: those that need not hold them before the last one."""
    return Addition(source, (each for kept in KEPT.values() for each in kept), indexes)
