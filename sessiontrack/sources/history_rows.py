"""The rows that `sessiontrack export` writes, read: CSV, JSON or NDJSON -> records.

User sessions are in the user dialect's own shape, so a list of `GET /api/v2/sessions` is read as well.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

from sessiontrack.exceptions import InvalidInput, UnreadableHistory
from sessiontrack.sources.history_values import LONGEST_INFO, LONGEST_TYPE, Values
from sessiontrack.values.device_types import TYPES
from sessiontrack.values.record_files import Line, Raw, decode, decode_any_json
from sessiontrack.values.records import (
    DEVICES,
    EVENTS,
    SESSIONS,
    USER_SESSION_COLUMNS,
    USER_SESSIONS,
    DeviceProperty,
    DeviceRecord,
    EventRecord,
    Fault,
    Item,
    Record,
    Section,
    SessionRecord,
    UserSessionRecord,
)
from sessiontrack.values.tags import join_tags, split_tags

# A ping rounds what it credits to a second; none comes more often than this.
ROUNDED_EVERY = 10
VOIDED = "VOIDED - "
_COLUMNS = {
    SESSIONS: SessionRecord._fields,
    EVENTS: EventRecord._fields,
    USER_SESSIONS: USER_SESSION_COLUMNS,
}


def read_file(
    file: BinaryIO, file_format: str, kind: str, values: Values, properties: Sequence[DeviceProperty]
) -> Section:
    """The rows of an exported file; an unknown column is refused by name.

    Args:
        properties: what a device has.
    Raises (while it is read):
        UnreadableHistory: it is not in that format.
    """
    if kind == DEVICES:
        names = (each.file_name for each in properties)
        columns: tuple[str, ...] = ("mac", "first_seen_at", "last_seen_at", *names)
        read: _Reader = partial(_device, properties)
    else:
        columns, read = _COLUMNS[kind], _READERS[kind]
    lines = decode(file, file_format, columns)
    return Section(kind, _items(lines, kind, values, read, columns, is_strict=True), is_export=True)


def read_user_sessions(file: BinaryIO, values: Values) -> Section:
    """User sessions as another tool of the user dialect has them: one array, or an object a line.

    Raises (while it is read):
        UnreadableHistory: it is neither.
    """
    lines = decode_any_json(file)
    items = _items(lines, USER_SESSIONS, values, _user_session, USER_SESSION_COLUMNS, is_strict=False)
    return Section(USER_SESSIONS, items)


def _items(
    lines: Iterator[Line],
    kind: str,
    values: Values,
    read: "_Reader",
    columns: Sequence[str],
    *,
    is_strict: bool,
) -> Iterator[Item]:
    known = frozenset(columns)
    found_any = False
    for line in lines:
        raw = line.values
        if raw is None:
            yield Fault(kind, line.number, line.fault)
            continue
        try:
            if is_strict and not known.issuperset(raw):
                unknown = min(set(raw) - known)
                raise InvalidInput(f"{unknown[:60]!a} is an unknown name.")
            yield line.number, read(raw, values)
            found_any = True
        except InvalidInput as error:
            yield Fault(kind, line.number, error.message)
            if not found_any and not known.intersection(raw):
                raise UnreadableHistory(f"These are no {kind}: {error.message}") from error


def _device(properties: Sequence[DeviceProperty], raw: Raw, values: Values) -> DeviceRecord:
    get = raw.get
    return DeviceRecord(
        values.mac(get("mac"), "mac"),
        values.instant(get("first_seen_at"), "first_seen_at"),
        values.instant(get("last_seen_at"), "last_seen_at"),
        {each.name: _property(each, get(each.file_name), values) for each in properties},
        [each.name for each in properties if get(each.file_name) not in (None, "", [])],
    )


def _property(property_: DeviceProperty, value: Any, values: Values) -> str | bool | int | None:
    name, unset = property_.file_name, property_.unset
    if name == "type":
        return _one_of(TYPES, values.text(value, name), name)
    if name == "tags":
        return join_tags(split_tags(values.text(value, name, LONGEST_INFO)))
    if isinstance(unset, str):
        return values.text(value, name, property_.most)
    return values.whole(value, name) if unset is None else values.flag(value, name, unset)


def _one_of(known: tuple[str, ...], text: str, name: str) -> str:
    if text and text not in known:
        raise InvalidInput(f"{name} is none of {', '.join(known)}.")
    return text


def _session(raw: Raw, values: Values) -> SessionRecord:
    get = raw.get
    is_open = values.flag(get("still_connected"), "still_connected")
    connected_at = values.instant(get("connected_at"), "connected_at")
    record = SessionRecord(
        values.mac(get("mac"), "mac"),
        connected_at,
        values.instant_after(get("disconnected_at"), "disconnected_at", connected_at),
        is_open,
        values.ip(get("ip"), "ip"),
        values.event_type(get("conn_type"), "conn_type", "Connected"),
        values.event_type(get("disc_type"), "disc_type", "Disconnected"),
        values.text(get("info"), "info", LONGEST_INFO),
    )
    return checked_session(record)


def checked_session(record: SessionRecord) -> SessionRecord:
    """The session, if its ends can be.

    Raises:
        InvalidInput: they cannot.
    """
    start, end = record.connected_at, record.disconnected_at
    if start is None and end is None:
        raise InvalidInput("Neither its connection nor its disconnection is known.")
    if start is not None and end is not None and end < start:
        raise InvalidInput("It ends before it starts.")
    if record.still_connected and (start is None or end is not None):
        raise InvalidInput("It is still connected, and yet has an end or no start.")
    return record


def _event(raw: Raw, values: Values) -> EventRecord:
    get = raw.get
    mac, at = values.mac(get("mac"), "mac"), values.known_instant(get("at"), "at")
    event_type = values.text(get("type"), "type", LONGEST_TYPE + len(VOIDED), least=1)
    ip, info = values.ip(get("ip"), "ip"), values.text(get("info"), "info", LONGEST_INFO)
    voided = values.flag(get("voided"), "voided")
    pending_alert = values.flag(get("pending_alert"), "pending_alert")
    event_type, is_voided = voided_type(values, event_type)
    return EventRecord(mac, at, event_type, ip, info, voided or is_voided, pending_alert)


def voided_type(values: Values, event_type: str) -> tuple[str, bool]:
    """The type of an event, and whether it is voided: `VOIDED - X` is a voided X."""
    bare = event_type.removeprefix(VOIDED)
    return values.text(bare, "type", LONGEST_TYPE, least=1), bare != event_type


def _known(value: Any) -> Any:
    """None for what Canopsis 3 writes where it knows nothing: "None"."""
    return None if value == "None" else value


def _user_session(raw: Raw, values: Values) -> UserSessionRecord:
    get = raw.get
    started_at = values.known_instant(get("start"), "start")
    last_ping = values.known_instant(get("last_ping"), "last_ping")
    view, tab = _path(values.nested(_known(get("last_visible_path")), "last_visible_path"), values)
    views = _views(values.nested(_known(get("tab_duration")), "tab_duration"), values)
    visible = values.whole(get("visible_duration"), "visible_duration") or 0
    active = values.flag(get("active"), "active")
    ended_at = None if active else last_ping
    if "ended_at" in raw:
        ended_at = values.instant(raw["ended_at"], "ended_at")
    if last_ping < started_at or (ended_at is not None and ended_at < last_ping):
        raise InvalidInput("It ends before it starts.")
    if sum(seconds for _, _, seconds in views) != visible:
        raise InvalidInput("The sum over tab_duration is not visible_duration.")
    too_much = max(0, visible - (last_ping - started_at))
    if too_much > 1 + (last_ping - started_at) // ROUNDED_EVERY:
        raise InvalidInput("It was visible for longer than it lasted.")
    public_id = values.text(get("_id"), "_id", 36, least=1)
    # Of Canopsis 4 session_id; where there is neither, it is a login of its own.
    login_key = next(
        (key for name in ("id_beaker_session", "session_id") if (key := values.text(get(name), name, 64))),
        public_id,
    )
    return UserSessionRecord(
        public_id,
        login_key,
        values.text(get("username"), "username", 64, least=1),
        started_at,
        last_ping,
        values.instant(_known(get("last_visible_ping")), "last_visible_ping"),
        view,
        tab,
        visible - too_much,
        _without(views, too_much),
        ended_at,
        is_capped=too_much > 0,
    )


def _without(views: tuple[tuple[str, str, int], ...], seconds: int) -> tuple[tuple[str, str, int], ...]:
    """The views with so many seconds less in all, taken from the longest ones."""
    left = list(views)
    for place in sorted(range(len(left)), key=lambda place: -left[place][2]):
        view, tab, had = left[place]
        taken = min(had, seconds)
        left[place], seconds = (view, tab, had - taken), seconds - taken
    return tuple(left)


def _path(path: Any, values: Values) -> tuple[str | None, str | None]:
    if path is None or path == []:
        return None, None
    if not isinstance(path, list) or len(path) > 2:
        raise InvalidInput("last_visible_path is not a list of a view and a tab.")
    view, tab = (*path, "")[:2]
    return values.part(view, "last_visible_path"), values.part(tab, "last_visible_path")


def _views(found: Any, values: Values) -> tuple[tuple[str, str, int], ...]:
    if found is None:
        return ()
    if not isinstance(found, dict):
        raise InvalidInput("tab_duration is not an object.")
    views = []
    for view, tabs in found.items():
        for tab, seconds in tabs.items() if isinstance(tabs, dict) else (("", tabs),):
            count = values.whole(seconds, "tab_duration")
            views.append((values.part(view, "tab_duration"), values.part(tab, "tab_duration"), count or 0))
    return tuple(sorted(views))


_Reader = Callable[[Raw, Values], Record]
_READERS: dict[str, _Reader] = {
    SESSIONS: _session,
    EVENTS: _event,
    USER_SESSIONS: _user_session,
}
