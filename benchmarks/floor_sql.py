"""The floor's SQL: for each call the statement that reads least, with the application's indexes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from benchmarks.dataset import DAY
from sessiontrack.database import Statement
from sessiontrack.services import device_sessions as session_rules
from sessiontrack.services import devices, events, user_sessions

DIALECT = SQLiteDialect_pysqlite(paramstyle="named")


def sql_of(statement: Statement) -> str:
    """The SQL text that the application runs."""
    text, fixed = statement.for_dialect(DIALECT)
    if fixed:
        raise ValueError(f"The floor does not know the fixed parameters {fixed}")
    return text


# The writes are the application's own statements.
CREDIT_SESSION = sql_of(user_sessions.CREDIT_SESSION)
CREDIT_VIEW = sql_of(user_sessions.CREDIT_VIEW)
ADD_DEVICE = sql_of(devices.INSERT)
FIND_DEVICE = sql_of(devices.LOCK)
KNOWN_SINCE = sql_of(devices.KNOWN_SINCE)
AT_START = sql_of(session_rules.AT_START)
EARLIER_OPEN = sql_of(session_rules.EARLIER_OPEN)
OVERLAPPING = sql_of(session_rules.OVERLAPPING)
ADD_SESSION = sql_of(session_rules.INSERT)
ADD_EVENT = sql_of(events.INSERT)

_SESSION = (
    "SELECT s.id, d.mac, s.connected_at, s.disconnected_at, s.still_connected, s.ip, s.info"
    " FROM device_session s JOIN device d ON d.id = s.device_id"
)
_DEVICE = "(SELECT id FROM device WHERE mac = :mac)"
_LIST_WHERE = (
    f" WHERE s.device_id = {_DEVICE} AND s.begin_at >= :start AND s.begin_at <= :end AND s.end_at <= :end"
)
LIST = f"{_SESSION}{_LIST_WHERE} ORDER BY s.begin_at, s.id"
PAGE = f"{_SESSION} ORDER BY s.begin_at, s.id LIMIT :limit OFFSET :offset"
PAGE_COUNT = "SELECT count(*) FROM device_session"
OF_DEVICE = (
    f"{_SESSION} WHERE s.device_id = {_DEVICE} AND s.begin_at >= coalesce((SELECT max(begin_at)"
    f" FROM device_session WHERE device_id = {_DEVICE} AND begin_at < :start), :start)"
    " AND (s.still_connected OR s.end_at >= :start AND s.begin_at <= :now)"
    " ORDER BY s.begin_at DESC, s.id DESC"
)
_COMPLETE = "NOT (connected_at IS NULL OR (disconnected_at IS NULL AND NOT still_connected))"
_MISSING = "(connected_at IS NULL OR (disconnected_at IS NULL AND NOT still_connected))"
_FOUND = "SELECT id, device_id, connected_at, disconnected_at, still_connected, ip FROM device_session WHERE"
_PREVIOUS = (
    "(SELECT max(f.disconnected_at - 3600, coalesce((SELECT o.disconnected_at FROM device_session o"
    " WHERE o.device_id = f.device_id AND o.begin_at <= f.disconnected_at AND o.disconnected_at <="
    " f.disconnected_at AND o.id != f.id ORDER BY o.begin_at DESC, o.disconnected_at DESC LIMIT 1), 0)))"
)
_FOLLOWING = (
    "(SELECT min(f.connected_at + 3600, coalesce((SELECT o.connected_at FROM device_session o"
    " WHERE o.device_id = f.device_id AND o.connected_at > f.connected_at"
    " ORDER BY o.connected_at LIMIT 1), f.connected_at + 3600)))"
)
CALENDAR = (
    "SELECT d.mac, f.ip, f.connected_at, f.disconnected_at, f.still_connected, f.shown_begin, f.shown_end"
    " FROM (SELECT f.*,"
    f" CASE WHEN f.connected_at IS NOT NULL THEN f.connected_at ELSE {_PREVIOUS} END shown_begin,"
    " CASE WHEN f.disconnected_at IS NOT NULL THEN f.disconnected_at"
    f" WHEN f.still_connected THEN max(:now, f.connected_at) ELSE {_FOLLOWING} END shown_end FROM ("
    f"{_FOUND} end_at - begin_at <= 86400 AND begin_at > :start - 86401 AND begin_at < :end"
    f" AND end_at >= :start AND {_COMPLETE}"
    f" UNION ALL {_FOUND} end_at - begin_at BETWEEN 86401 AND 2764800"
    " AND begin_at > :start - 2764800 AND begin_at < :end AND end_at > :start"
    f" UNION ALL {_FOUND} end_at - begin_at > 2764800 AND end_at > :start AND begin_at < :end"
    f" UNION ALL {_FOUND} still_connected AND begin_at < :end"
    f" UNION ALL {_FOUND} {_MISSING} AND end_at > :start - 3601 AND end_at < :end + 3600) f) f"
    " JOIN device d ON d.id = f.device_id"
    " WHERE shown_begin < :end AND (shown_end > :start OR shown_begin >= :start) ORDER BY shown_begin, f.id"
)
_EVENT = (
    "SELECT e.id, e.at, d.mac, d.name, d.owner, e.ip, e.info,"
    " CASE WHEN e.voided THEN 'VOIDED - ' || e.type ELSE e.type END, e.pending_alert,"
    " e.voided, e.void_cause, e.void_cause_at, e.void_source"
    " FROM event e JOIN device d ON d.id = e.device_id WHERE e.at >= :since"
)
EVENT_CONDITIONS = {
    "all": "",
    "voided": " AND voided",
    "new": " AND NOT voided AND type = 'New Device'",
    "down": " AND NOT voided AND type = 'Device Down'",
}
_NEWEST = " ORDER BY e.at DESC, e.id DESC LIMIT :limit OFFSET :offset"
_SEARCHED = (
    " AND (d.name LIKE :pattern OR d.owner LIKE :pattern OR d.mac LIKE :pattern OR {}info LIKE :pattern)"
)
_KIND = "SELECT id, device_id, begin_at, end_at, ip, info, connected_at, disconnected_at, still_connected"
_SESSIONS = {
    "sessions": (
        f"{_KIND} FROM device_session WHERE end_at - begin_at <= 86400 AND begin_at >= :since - 86400"
        f" AND end_at >= :since UNION ALL {_KIND} FROM device_session"
        " WHERE end_at - begin_at > 86400 AND end_at >= :since"
        f" UNION ALL {_KIND} FROM device_session WHERE still_connected"
    ),
    "missing": f"{_KIND} FROM device_session WHERE {_MISSING} AND end_at >= :since",
}
_SESSION_ROWS = (
    "SELECT s.id, s.begin_at, d.mac, d.name, d.owner, s.ip, s.info, s.connected_at, s.disconnected_at,"
    " s.still_connected, CASE WHEN s.disconnected_at IS NULL AND NOT s.still_connected THEN (SELECT"
    " min(o.begin_at) FROM device_session o WHERE o.device_id = s.device_id AND o.begin_at > s.begin_at)"
    " END FROM ({}) s JOIN device d ON d.id = s.device_id"
)
USER_SESSIONS = (
    "SELECT p.*, v.view, v.tab, v.seconds FROM (SELECT id, public_id, login_key, username, started_at,"
    " last_ping, last_visible_ping, last_view, last_tab, visible_seconds, ended_at FROM user_session"
    " ORDER BY started_at DESC, id DESC LIMIT :limit OFFSET :offset) p"
    " LEFT JOIN view_time v ON v.session_id = p.id ORDER BY p.started_at DESC, p.id DESC, v.view, v.tab"
)


@dataclass(frozen=True)
class Question:
    """The statements of one call, and the JSON around its rows.

    counts: statements that return one number each, in the order in which `body` takes them.
    """

    kind: str
    sql: str
    values: dict[str, Any]
    body: Callable[[list[Any], list[int]], object]
    counts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def _sessions_body(rows: list[Any], counts: list[int]) -> object:
    return {"success": True, "sessions": rows}


def instant(text: str) -> int:
    """Parse an instant in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def question(path: str, asked: dict[str, str], now: int) -> Question:
    """The statements of a call."""
    if path == "sessions/list":
        return _list(asked)
    if path == "sessions/calendar":
        window = {"start": instant(asked["start"]), "end": instant(asked["end"]), "now": now}
        if len(asked["end"]) == 10:
            window["end"] += DAY
        return Question("calendar", CALENDAR, window, _sessions_body)
    if path == "sessions/session-events":
        return _events(asked, now)
    if path == "sessions/totals":
        values = {"since": _since(asked, now)}
        counts = [(_count(kind), values) for kind in ("all", "sessions", "missing", "voided", "new", "down")]
        return Question("", "", {}, lambda rows, counts: counts, counts)
    mac = path.rpartition("/")[2]
    values = {"mac": mac, "start": _since(asked, now), "now": now}
    return Question("device_session", OF_DEVICE, values, _sessions_body)


def _list(asked: dict[str, str]) -> Question:
    if "mac" not in asked:
        page = {"limit": int(asked["limit"]), "offset": int(asked["offset"])}
        return Question("session", PAGE, page, _sessions_body, [(PAGE_COUNT, {})])
    start, end = instant(asked["start_date"]), instant(asked["end_date"]) + DAY - 1
    return Question("session", LIST, {"mac": asked["mac"], "start": start, "end": end}, _sessions_body)


def _since(asked: dict[str, str], now: int) -> int:
    """Benchmarks use whole minutes."""
    return now - int(asked["period"].split()[0]) * 60


def _count(kind: str) -> str:
    if kind in _SESSIONS:
        return f"SELECT count(*) FROM ({_SESSIONS[kind]})"
    return f"SELECT count(*) FROM event WHERE at >= :since{EVENT_CONDITIONS[kind]}"


def _events(asked: dict[str, str], now: int) -> Question:
    kind, page, limit = asked["type"], int(asked["page"]), int(asked["limit"])
    values: dict[str, Any] = {"since": _since(asked, now), "limit": limit, "offset": (page - 1) * limit}
    search = ""
    if "search" in asked:
        values["pattern"] = f"%{asked['search']}%"
    if kind in _SESSIONS:
        rows = _SESSION_ROWS.format(_SESSIONS[kind])
        if "search" in asked:
            search = " WHERE" + _SEARCHED.format("s.ip LIKE :pattern OR s.").removeprefix(" AND")
        order = "s.end_at" if kind == "missing" else "s.begin_at"
        sql = f"{rows}{search} ORDER BY {order} DESC, s.id DESC LIMIT :limit OFFSET :offset"
        counted = f"SELECT count(*) FROM ({rows}{search})" if search else _count(kind)
    else:
        if "search" in asked:
            search = _SEARCHED.format("e.ip LIKE :pattern OR e.type LIKE :pattern OR e.")
        sql = f"{_EVENT}{EVENT_CONDITIONS[kind]}{search}{_NEWEST}"
        counted = (
            f"SELECT count(*) FROM ({_EVENT}{EVENT_CONDITIONS[kind]}{search})" if search else _count(kind)
        )

    if asked.get("format") == "datatables":

        def table(rows: list[Any], counts: list[int]) -> object:
            total, matching = counts
            numbers = {"total": total, "recordsTotal": total, "recordsFiltered": matching}
            about = {"success": True, "type": kind, "period": asked["period"], "page": page, "limit": limit}
            return {"data": rows, **numbers, **about}

        counts = [(_count(kind), values), (counted, values)]
        return Question("event_columns", sql, values, table, counts)

    def body(rows: list[Any], counts: list[int]) -> object:
        what = {"type": kind, "period": asked["period"], "total": counts[0]}
        return {"success": True, **what, "page": page, "limit": limit, "events": rows}

    row_kind = "event_session" if kind in _SESSIONS else "event"
    return Question(row_kind, sql, values, body, [(counted, values)])
