"""History as it goes from one place to another: the rows of files and of other tools' databases, as plain
values.

Instants are UTC epoch seconds, addresses canonical; nothing here knows where it came from or goes to.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

DEVICES = "devices"
SESSIONS = "sessions"
EVENTS = "events"
USER_SESSIONS = "user-sessions"
# In the order in which one rests on another.
KINDS = (DEVICES, SESSIONS, EVENTS, USER_SESSIONS)


class DeviceProperty(NamedTuple):
    """Something that users maintain of a device; `models.device` has the list.

    Attributes:
        name: its column in the database.
        file_name: its column in files, and its field in the API.
        unset: what it is where nobody has set it: a text is then empty, a number None.
        most: the characters that a text may have.
    """

    name: str
    file_name: str
    unset: str | bool | None
    most: int = 0


class DeviceRecord(NamedTuple):
    """What is known of one device.

    properties: by the name of the column; those that are not in it are not set.
    said: those properties that a file of devices has a value for; a mark may be said to be not set.
    """

    mac: str
    first_seen_at: int | None = None
    last_seen_at: int | None = None
    properties: Mapping[str, Any] = MappingProxyType({})
    said: Sequence[str] = ()


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


# In files, as the user dialect names them.
USER_SESSION_COLUMNS = (
    *("_id", "id_beaker_session", "username", "start", "last_ping", "last_visible_ping"),
    *("last_visible_path", "visible_duration", "tab_duration", "active", "ended_at"),
)

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
# What is no record.
NOT_TAKEN = (Fault, Skipped)


class Section(NamedTuple):
    """All rows of one kind, one after another: the number of each with its record, or what became of it.

    rows: how many there are, where that is known.
    is_export: sessiontrack wrote it; so an end may lie ahead of the clock, as when it was reported.
    """

    kind: str
    items: Iterable[Item]
    rows: int = 0
    is_export: bool = False
