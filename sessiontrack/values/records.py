"""History as it goes from one place to another: what files and other tools' databases tell, in plain values.

Instants are UTC epoch seconds, addresses canonical; nothing here knows where it came from or goes to.
"""

from collections.abc import Iterable
from typing import NamedTuple

DEVICES = "devices"
SESSIONS = "sessions"
EVENTS = "events"
USER_SESSIONS = "user-sessions"
# In the order in which one rests on another.
KINDS = (DEVICES, SESSIONS, EVENTS, USER_SESSIONS)


class DeviceRecord(NamedTuple):
    """What is known of one device; "" and None are what is not known."""

    mac: str
    name: str = ""
    owner: str = ""
    vendor: str = ""
    alert_down: bool = False
    can_flap: bool = True
    archived: bool = False
    favourite: bool = False
    grace_seconds: int | None = None
    first_seen_at: int | None = None
    last_seen_at: int | None = None
    type: str = ""
    tags: str = ""
    notes: str = ""


class SessionRecord(NamedTuple):
    """One device session; an end is None where that event is missing, or while it is still connected."""

    mac: str
    connected_at: int | None
    disconnected_at: int | None
    still_connected: bool = False
    ip: str = ""
    conn_type: str = "Connected"
    disc_type: str = "Disconnected"
    info: str = ""


class EventRecord(NamedTuple):
    """Something that happened to a device; `type` is without the `VOIDED - `."""

    mac: str
    at: int
    type: str
    ip: str = ""
    info: str = ""
    voided: bool = False
    pending_alert: bool = False


class UserSessionRecord(NamedTuple):
    """One user session; views are (view, tab, seconds) and sum up to visible_seconds. ended_at None: open.

    is_capped: it was visible for longer than it lasted, by its pings' rounding, and was cut to that.
    """

    public_id: str
    login_key: str
    username: str
    started_at: int
    last_ping: int
    last_visible_ping: int | None
    last_view: str | None
    last_tab: str | None
    visible_seconds: int
    views: tuple[tuple[str, str, int], ...]
    ended_at: int | None
    is_capped: bool = False


Record = DeviceRecord | SessionRecord | EventRecord | UserSessionRecord


class Fault(NamedTuple):
    """A row that cannot be taken, and why; rows are counted from 1, lines of a file as its editor does."""

    kind: str
    row: int
    reason: str


class Skipped(NamedTuple):
    """A row that is no device's, and so is left out without being wrong."""

    row: int


Item = tuple[int, Record] | Fault | Skipped


class Section(NamedTuple):
    """All rows of one kind, one after another: the number of each with its record, or what became of it."""

    kind: str
    items: Iterable[Item]
