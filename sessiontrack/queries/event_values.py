"""A page of all events that are sorted by a text which many have in common: their type, or their address.

To sort all events takes long: how many have each text is known.
"""

from collections.abc import Iterator
from functools import cache

from sqlalchemy import SQLColumnExpression, func, select

from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Event, TextCount
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.text_count import EVENT_TEXTS
from sessiontrack.queries.event_statements import events_of_all_types
from sessiontrack.values.ips import ip_sort_key

# By the names of the sorted columns, that of the counted texts.
COLUMNS = {"type": "type", "ip": "ip", "ip_number": "ip"}
_TEXTS = {"type": TextCount.type, "ip": TextCount.ip}
_OF_EVENTS = TextCount.counted == EVENT_TEXTS
_ROWS = func.sum(TextCount.rows)
GROUPS = {
    name: Statement(select(text, _ROWS).where(_OF_EVENTS).group_by(text).having(_ROWS > 0).order_by(text))
    for name, text in _TEXTS.items()
}
# The devices that have such events, and how many events of any kind.
CONCERNED = {
    name: Statement(
        select(TextCount.device_id, _ROWS)
        .where(
            _OF_EVENTS,
            TextCount.device_id.in_(
                select(TextCount.device_id).where(_OF_EVENTS, text == bind("value"), TextCount.rows > 0)
            ),
        )
        .group_by(TextCount.device_id)
    )
    for name, text in _TEXTS.items()
}


def list_page(
    tx: Transaction, column: str, limit: int, offset: int, *, descending: bool, newest_first: bool
) -> Iterator[Row]:
    """The rows of a page; those of equal text are in the order of time."""
    groups = [(value, int(rows)) for value, rows in tx.rows(GROUPS[column])]
    total = sum(rows for _, rows in groups)
    if column == "ip":
        groups.sort(key=lambda group: ip_sort_key(group[0]))
    for value, rows in reversed(groups) if descending else groups:
        if offset >= rows:
            offset -= rows
            continue
        concerned = tx.rows(CONCERNED[column], value=value)
        # By the index of each device, or of time until the page is full: whichever reads less.
        is_among = sum(int(count) for _, count in concerned) * rows < (offset + limit) * total
        values = {"value": value, "since": 0, "limit": limit, "offset": offset}
        if is_among:
            values["concerned"] = [device_id for device_id, _ in concerned]
        yield from tx.rows(_listed(column, newest_first, is_among=is_among), **values)
        limit, offset = limit - (rows - offset), 0
        if limit <= 0:
            return


@cache
def _listed(column: str, newest_first: bool, *, is_among: bool) -> Statement:
    rows, shown_type = events_of_all_types()
    at: SQLColumnExpression[int] = Event.at
    if is_among:
        # Not the column itself: its index would be walked, instead of that of each device.
        rows, at = rows.where(holds("event.device_id AMONG(:concerned)")), Event.at + 0
    rows = rows.where((shown_type if column == "type" else Event.ip) == bind("value"))
    order = [each.desc() if newest_first else each.asc() for each in (at, Event.id)]
    return Statement(rows.order_by(*order).limit(bind("limit")).offset(bind("offset")))
