"""Who was there at an instant: devices by their sessions, people by theirs with the page in sight."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Select, Subquery, case, func, or_, select, union_all

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device, DeviceSession
from sessiontrack.models.columns import EVERYTHING, bind
from sessiontrack.models.user_session import IS_LONG, SHORT_SECONDS
from sessiontrack.queries.now import MOST_PEOPLE
from sessiontrack.queries.overlaps import overlapping_parts
from sessiontrack.values.paths import as_list
from sessiontrack.values.record_files import as_cell
from sessiontrack.values.timestamps import SiteTime

CELLS = ("kind", "name", "mac", "owner", "ip", "page", "since", "until")
# From the start to before the end; of one that has expired, to before its last ping.
_THERE = (
    "started_at <= :at AND (last_ping > :at OR ended_at > :at"
    " OR (ended_at IS NULL AND last_ping > :active_since))"
)
_SHORT = f"{_THERE} AND started_at > :at - {SHORT_SECONDS} - :alive AND NOT ({IS_LONG})"
_LONG = f"{_THERE} AND last_ping > :at - :alive AND {IS_LONG}"
_COLUMNS = "SELECT id, public_id, username, started_at FROM user_session"
_FOUND = f"{_COLUMNS} WHERE {_SHORT} UNION ALL {_COLUMNS} WHERE {_LONG}"
_OWN = (
    f"{_COLUMNS} WHERE username = :only AND {_SHORT} UNION ALL {_COLUMNS} WHERE username = :only AND {_LONG}"
)
_WITH_PAGE = (
    "SELECT s.public_id, s.username, s.started_at, v.view, v.tab FROM ({}) s LEFT JOIN view_visit v"
    " ON v.session_id = s.id AND v.since_at = (SELECT max(l.since_at) FROM view_visit l"
    " WHERE l.session_id = s.id AND l.since_at <= :at)"
    " ORDER BY s.username, s.started_at, s.public_id LIMIT :limit"
)
_COUNT = "SELECT count(*) FROM ({}) s"
PEOPLE, OWN = Statement(_WITH_PAGE.format(_FOUND)), Statement(_WITH_PAGE.format(_OWN))
COUNT, COUNT_OWN = Statement(_COUNT.format(_FOUND)), Statement(_COUNT.format(_OWN))

# Of scans, those that saw nothing too: they say that nothing was there.
RECORDED_SINCE = Statement(
    "SELECT min(at) FROM (SELECT min(begin_at) AS at FROM device_session UNION ALL SELECT min(at) FROM event"
    " UNION ALL SELECT (SELECT min(at) FROM scan WHERE source_id = s.id) FROM source s"
    " UNION ALL SELECT (SELECT min(at) FROM device_evidence WHERE source_id = s.id) FROM source s) earliest"
)


def recorded_since(tx: Transaction) -> int | None:
    """The earliest instant of what is stored of devices, imports included; None where nothing is."""
    found = tx.value(RECORDED_SINCE)
    return None if found is None else int(found)


def devices_at(tx: Transaction, at: int, limit: int, offset: int, site: SiteTime) -> Iterator[dict[str, Any]]:
    """One page of the devices that were connected at that instant, by name; those without one last.

    A device is connected from the instant of its connection to before that of its disconnection. The length
    of a session that lacks an end is not known: it counts for no instant.
    """
    values = {"start": at, "end": at + 1, "limit": limit, "offset": offset}
    for session_id, mac, name, owner, ip, connected_at, disconnected_at in tx.stream(_listed(), **values):
        yield {
            "session": session_id,
            "mac": mac,
            "name": name,
            "owner": owner,
            "ip": ip,
            "since": site.format_offset(connected_at),
            "until": None if disconnected_at is None else site.format_offset(disconnected_at),
        }


def count_devices_at(tx: Transaction, at: int) -> int:
    """How many there were, whatever the page."""
    return int(tx.value(_counted(), start=at, end=at + 1))


def people_at(
    tx: Transaction, at: int, now: int, alive: int, only: str | None, site: SiteTime, most: int = MOST_PEOPLE
) -> list[dict[str, Any]]:
    """The user sessions that were active at that instant, by name, at most `most` of them.

    Args:
        alive: SESSION_ALIVE_SECONDS, by which a session that has not ended is still active now.
        only: whose sessions may be seen; None: everybody's.
    """
    values = {**_instant(at, now, alive), "limit": most}
    rows = tx.rows(PEOPLE, **values) if only is None else tx.rows(OWN, **values, only=only)
    return [
        {
            "_id": public_id,
            "username": username,
            "since": site.format_offset(started_at),
            "path": as_list(view, tab),
        }
        for public_id, username, started_at, view, tab in rows
    ]


def count_people_at(tx: Transaction, at: int, now: int, alive: int, only: str | None) -> int:
    """How many there were."""
    values = _instant(at, now, alive)
    return int(tx.value(COUNT, **values) if only is None else tx.value(COUNT_OWN, **values, only=only))


def cells_at(
    tx: Transaction, at: int, now: int, alive: int, only: str | None, site: SiteTime
) -> Iterator[Sequence[str]]:
    """All of them as rows of CELLS: devices, then people."""
    devices = (
        ("device", each["name"], each["mac"], each["owner"], each["ip"], "", each["since"], each["until"])
        for each in devices_at(tx, at, EVERYTHING, 0, site)
    )
    people = (
        ("person", each["username"], "", "", "", " / ".join(each["path"]), each["since"], None)
        for each in people_at(tx, at, now, alive, only, site, EVERYTHING)
    )
    for row in chain(devices, people):
        yield tuple(as_cell(each) for each in row)


def _instant(at: int, now: int, alive: int) -> dict[str, int]:
    return {"at": at, "alive": alive, "active_since": now - alive}


def _found(*columns: Any) -> Subquery:
    # Those that ended at the instant itself are in the parts, too.
    found = union_all(*overlapping_parts(*columns, DeviceSession.disconnected_at)).subquery()
    return select(found).where(_lasts(found)).subquery()


def _lasts(found: Subquery) -> Any:
    return or_(found.c.disconnected_at.is_(None), found.c.disconnected_at > bind("start"))


@cache
def _counted() -> Statement:
    return Statement(select(func.count()).select_from(_found(DeviceSession.id)))


@cache
def _listed() -> Statement:
    found = _found(DeviceSession.id, DeviceSession.device_id, DeviceSession.ip, DeviceSession.connected_at).c
    rows: Select[Any] = (
        select(
            found.id,
            Device.mac,
            Device.name,
            Device.owner,
            found.ip,
            found.connected_at,
            found.disconnected_at,
        )
        .join(Device, Device.id == found.device_id)
        .order_by(case((Device.name == "", 1), else_=0), func.natural_order(Device.name), Device.mac)
    )
    return Statement(rows.limit(bind("limit")).offset(bind("offset")))
