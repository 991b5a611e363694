"""Where a page of events or sessions is that are sorted by their device, or by how long they lasted.

To sort all of them takes long: the devices, and the longest sessions, are few.
"""

from collections.abc import Callable
from functools import cache
from itertools import groupby

from sqlalchemy import func, select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.device_session import IS_LONG

# What devices are sorted by.
SORTS = {
    "name": func.natural_order(Device.name),
    "owner": func.natural_order(Device.owner),
    "mac": Device.mac,
}
ROWS_OF_DEVICES = Statement(
    "SELECT device_id, sum(rows) FROM text_count WHERE counted = :counted GROUP BY device_id"
)
_SECONDS = DeviceSession.end_at - DeviceSession.begin_at
LONGEST = Statement(
    select(_SECONDS)
    .where(holds(IS_LONG), DeviceSession.end_at >= bind("since"))
    .order_by(_SECONDS.desc())
    .limit(1)
    .offset(bind("number"))
)


def rows_of_devices(tx: Transaction, counted: str) -> dict[int, int]:
    """How many events or sessions each device has ever had."""
    return {device_id: int(rows) for device_id, rows in tx.rows(ROWS_OF_DEVICES, counted=counted)}


def devices_of_page(
    tx: Transaction,
    by: str,
    count: Callable[[int, str], int],
    limit: int,
    offset: int,
    *,
    descending: bool,
) -> tuple[list[int], int] | None:
    """The devices whose rows are the page, and the offset of the page among their rows.

    Devices that are equal in that column are together. No device, where all of them are equal. None: they are
    so many that to sort the rows of all devices is as good.

    Args:
        by: a name of SORTS.
        count: how many rows the device of that id and address has.
    """
    devices = tx.rows(_sorted(by, descending))
    if devices and devices[0][0] == devices[-1][0]:
        return [], offset
    found: list[int] = []
    rows = before = 0
    for _, same in groupby(devices, key=lambda row: row[0]):
        group = [(device_id, mac) for _, device_id, mac in same]
        counted = sum(count(*each) for each in group)
        if not found and before + counted <= offset:
            before += counted
            continue
        found += [device_id for device_id, _ in group]
        rows += counted
        if before + rows >= offset + limit:
            break
    return None if not found or len(found) * 2 > len(devices) else (found, offset - before)


def seconds_of_longest(tx: Transaction, since: int, number: int) -> int | None:
    """How long the session lasted that is in this place of the longest, 0 the first; None if none is long."""
    found: int | None = tx.value(LONGEST, since=since, number=number)
    return found


@cache
def _sorted(by: str, descending: bool) -> Statement:
    column = SORTS[by]
    return Statement(
        select(column, Device.id, Device.mac).order_by(column.desc() if descending else column.asc())
    )
