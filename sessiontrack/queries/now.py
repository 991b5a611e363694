"""The users in the UI, and the latest events."""

from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.values.paths import as_list
from sessiontrack.values.timestamps import SiteTime

MOST_PEOPLE = 200
_ACTIVE = "WHERE last_ping > :active_since AND ended_at IS NULL"
_OWN = f"{_ACTIVE} AND username = :only"
_PEOPLE = (
    "SELECT public_id, username, started_at, last_ping, last_visible_ping, last_view, last_tab,"
    " visible_seconds FROM user_session {} ORDER BY last_ping DESC, id DESC LIMIT :limit"
)
PEOPLE, OWN = Statement(_PEOPLE.format(_ACTIVE)), Statement(_PEOPLE.format(_OWN))
COUNT = Statement(f"SELECT count(*) FROM user_session {_ACTIVE}")
COUNT_OWN = Statement(f"SELECT count(*) FROM user_session {_OWN}")
# Every event is later than the start of 1970: said, so that the index is searched from its end.
LATEST = Statement(
    "SELECT event.id, event.at, device.mac, device.name, device.owner, event.ip, event.type, event.voided,"
    " event.info FROM event JOIN device ON device.id = event.device_id WHERE event.at >= 0"
    " ORDER BY event.at DESC, event.id DESC LIMIT :limit"
)


def people_now(tx: Transaction, active_since: int, only: str | None) -> list[dict[str, Any]]:
    """The active user sessions by name, the MOST_PEOPLE latest of them; `only`: of that one user."""
    values: dict[str, Any] = {"active_since": active_since, "limit": MOST_PEOPLE}
    rows = tx.rows(PEOPLE, **values) if only is None else tx.rows(OWN, **values, only=only)
    found = [
        {
            "_id": public_id,
            "username": username,
            "start": started_at,
            "last_ping": last_ping,
            "last_visible_ping": last_visible_ping,
            "last_visible_path": as_list(view, tab),
            "visible_duration": visible_seconds,
        }
        for public_id, username, started_at, last_ping, last_visible_ping, view, tab, visible_seconds in rows
    ]
    return sorted(found, key=lambda each: (each["username"], each["start"], each["_id"]))


def count_people(tx: Transaction, active_since: int, only: str | None) -> int:
    """How many active user sessions there are."""
    if only is None:
        return int(tx.value(COUNT, active_since=active_since))
    return int(tx.value(COUNT_OWN, active_since=active_since, only=only))


def latest_events(tx: Transaction, limit: int, site: SiteTime) -> list[dict[str, Any]]:
    """The latest ones, newest first."""
    return [
        {
            "id": event_id,
            "at": site.format_offset(at),
            "mac": mac,
            "name": name,
            "owner": owner,
            "ip": ip,
            "type": event_type,
            "voided": bool(voided),
            "info": info,
        }
        for event_id, at, mac, name, owner, ip, event_type, voided, info in tx.rows(LATEST, limit=limit)
    ]
