"""Every call of the OpenAPI document for `benchmarks.flat`; a test compares the two."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.dataset import DAY, LAST_DAY, Shape

# The clock stops a minute after the end of the history.
NOW = LAST_DAY + 60
YEAR = 365 * DAY
# Search texts: a device's name, a text without a match, and a text that is not ASCII.
NAME, NOTHING, WORD = "device%2017", "no-such-text", "ger%C3%A4t"
VIEW = "[/view/7,tab-0]"


@dataclass(frozen=True)
class Call:
    """One call of the document; `path` is written as there.

    query: may contain names of `values_of`; `{n}` is the number of the try in query and body.
    most: the limits in ms at 10^6 and at 10^7 sessions; None: no limit is promised.
    """

    name: str
    method: str
    path: str
    query: str = ""
    body: Any = None
    most: tuple[float, float] | None = None
    values: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Its key in the document."""
        return self.method, self.path


def _iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def values_of(shape: Shape, public_id: str) -> dict[str, str]:
    """The values that paths and queries name."""
    return {
        "mac": shape.mac(17 % shape.devices),
        "session_id": public_id,
        "token_id": "2",
        "webhook_id": "1",
        "name": A_BACKUP,
        "week": f"start={_iso(LAST_DAY - 9 * DAY)}&end={_iso(LAST_DAY - 2 * DAY)}",
        "month": f"start={_iso(LAST_DAY - 61 * DAY)}&end={_iso(LAST_DAY - 30 * DAY)}",
        "year": f"start={_iso(LAST_DAY - YEAR)}&end={_iso(LAST_DAY)}",
        "apart": f"start={_iso(LAST_DAY - 52 * DAY + 25_200)}&end={_iso(LAST_DAY - 22 * DAY + 25_200)}",
        "everything": f"start=1990-01-01&end={_iso(NOW)}",
        "last_page": str(max(0, shape.sessions - 100)),
        "middle": str(shape.sessions // 2),
        "deep": str(min(10_000, shape.sessions // 100)),
        "half": str(min(5_000, shape.sessions // 200)),
        "month_ago": str(LAST_DAY - 30 * DAY),
    }


def _get(name: str, path: str, query: str = "", most: tuple[float, float] | None = None) -> Call:
    return Call(name, "GET", path, query, most=most)


A_BACKUP = "sessiontrack-20250101T000000Z.sqlite3"
EVENTS = "/sessions/session-events"
READS = (
    _get("list: a device", "/sessions/list", "mac={mac}"),
    _get("list: first page", "/sessions/list", "limit=100", (5, 5)),
    _get("list: middle page", "/sessions/list", "limit=100&offset={middle}", (10, 10)),
    _get("list: last page", "/sessions/list", "limit=100&offset={last_page}", (10, 10)),
    _get("calendar: a week", "/sessions/calendar", "{week}"),
    _get("calendar: first page of everything", "/sessions/calendar", "{everything}&limit=100"),
    _get("device: 7 days", "/sessions/{mac}", "period=7%20days", (5, 5)),
    _get("totals: all", "/sessions/totals", "period=all", (5, 5)),
    _get("totals: 7 days", "/sessions/totals", "period=7%20days", (3, 3)),
    _get("totals: a year", "/sessions/totals", "period=1%20year", (5, 5)),
    _get("events: all, first page", EVENTS, "period=all", (5, 5)),
    _get("events: all, page 10,000", EVENTS, "period=all&page={deep}", (10, 10)),
    _get("events: sessions, page 5,000", EVENTS, "period=all&type=sessions&page={half}", (10, 10)),
    _get("events: missing", EVENTS, "period=all&type=missing"),
    _get("events: missing disconnection", EVENTS, "period=all&type=missing_disconnection"),
    _get("events: down", EVENTS, "period=all&type=down"),
    _get(
        "events: sessions by duration", EVENTS, "period=all&type=sessions&sortCol=7&sortDir=desc", (50, 200)
    ),
    _get("events: by name", EVENTS, "period=all&sortCol=1&sortDir=asc", (50, 200)),
    _get("events: sessions by name", EVENTS, "period=all&type=sessions&sortCol=1&sortDir=asc", (50, 200)),
    _get("events: sessions by type", EVENTS, "period=all&type=sessions&sortCol=4&sortDir=asc", (50, 200)),
    _get("events: by type", EVENTS, "period=all&sortCol=4&sortDir=asc", (50, 200)),
    _get("events: by address", EVENTS, "period=all&sortCol=9&sortDir=asc", (50, 200)),
    _get("search: a name", EVENTS, f"period=all&search={NAME}", (50, 200)),
    _get("search: nothing found", EVENTS, f"period=all&search={NOTHING}", (50, 200)),
    _get("search: in sessions", EVENTS, f"period=all&type=sessions&search={NAME}", (50, 200)),
    _get(
        "search: a name in a year's sessions",
        EVENTS,
        f"period=1%20year&type=sessions&search={NAME}",
        (50, 200),
    ),
    _get("search: many sessions", EVENTS, "period=all&type=sessions&search=connected", (50, 200)),
    _get("search: nothing, in sessions", EVENTS, f"period=all&type=sessions&search={NOTHING}", (50, 200)),
    _get("search: no ASCII", EVENTS, f"period=all&search={WORD}", (50, 200)),
    _get("search: a type", EVENTS, "period=all&search=Down", (50, 200)),
    _get("search: datatables", EVENTS, f"period=all&search={NAME}&format=datatables", (50, 200)),
    _get("csv: down events", "/sessions/session-events.csv", "period=all&type=down"),
    _get("devices", "/devices", "limit=100"),
    _get("devices: by tag", "/devices", "tag=office"),
    _get("devices: csv", "/devices/list.csv"),
    _get("devices: tags", "/devices/tags"),
    _get("devices: totals", "/devices/totals"),
    _get("devices: by status", "/devices/by-status", "status=connected"),
    _get("device", "/devices/{mac}"),
    _get("device: statistics of a year", "/devices/{mac}/statistics", "period=1%20year"),
    _get("device: statistics of everything", "/devices/{mac}/statistics", "period=all", (50, 80)),
    _get("online history: a year by hour", "/presence/online-history", "{year}&step=1h", (50, 80)),
    _get("online history: a year by day", "/presence/online-history", "{year}&step=1d", (20, 30)),
    _get("presence now", "/presence/now"),
    _get("presence at: middle", "/presence/at", "at={month_ago}", (20, 30)),
    _get("presence at: csv", "/presence/at.csv", "at={month_ago}"),
    _get("presence shares: a month", "/presence/shares", "{month}&limit=25", (100, 250)),
    _get("presence totals: a year", "/presence/totals", "{year}", (20, 30)),
    _get("presence shares: csv", "/presence/shares.csv", "{month}"),
    _get("sources", "/presence/sources"),
    _get("timeline: a year, 1,000 devices", "/presence/timeline", "{year}&limit=1000", (150, 200)),
    _get("timeline: a year, 100 devices", "/presence/timeline", "{year}&limit=100", (30, 40)),
    _get("presence sessions: a year", "/presence/sessions", "{year}", (50, 80)),
    _get("presence sessions: a year, by name", "/presence/sessions", "{year}&sort=name"),
    _get("user sessions: first page", "/api/v2/sessions", "limit=100", (5, 5)),
    _get("user sessions: deep page", "/api/v2/sessions", "limit=100&offset={middle}", (10, 10)),
    _get("user sessions: stopped before", "/api/v2/sessions", "limit=100&stopped_before={month_ago}", (5, 5)),
    _get("user sessions: started before", "/api/v2/sessions", "limit=100&started_before={month_ago}"),
    _get("user sessions: over", "/api/v2/sessions", "limit=100&active=false", (5, 5)),
    _get("user sessions: active", "/api/v2/sessions", "limit=100&active=true", (5, 5)),
    _get("user sessions: of one", "/api/v2/session-hide", "limit=100&usernames[]=user17"),
    _get("user session", "/api/v2/sessions/{session_id}"),
    _get("user session: views", "/api/v2/sessions/{session_id}/views"),
    _get("session stats: 30 days", "/api/v2/session-stats", "period=30%20days", (50, 80)),
    _get("session stats: 30 days in the middle", "/api/v2/session-stats", "{apart}", (50, 80)),
    _get("session stats: a year", "/api/v2/session-stats", "period=1%20year", (200, 400)),
    _get("session stats: all", "/api/v2/session-stats", "period=all", (300, 800)),
    _get("session days: 30 days", "/api/v2/session-days", "period=30%20days"),
    _get("session days: a year", "/api/v2/session-days", "period=1%20year", (200, 300)),
    _get("session stats: csv", "/api/v2/session-stats.csv", "period=30%20days"),
    _get("session days: csv", "/api/v2/session-days.csv", "period=30%20days"),
    _get("user sessions: csv", "/api/v2/sessions.csv", "usernames[]=user17"),
    _get("me", "/auth/me"),
    _get("logins", "/auth/logins"),
    _get("tokens", "/auth/tokens"),
    _get("users", "/users"),
    _get("settings", "/settings"),
    _get("backups", "/backups"),
    _get("backups: download", "/backups/{name}"),
    _get("doctor", "/doctor", "", (1_000, 2_000)),
    _get("healthz", "/healthz"),
    _get("readyz", "/readyz"),
    _get("metrics", "/metrics"),
    _get("webhooks", "/webhooks"),
)
# Measured once: the first byte counts, and the whole answer.
LONG = (
    _get("csv: all events", "/sessions/session-events.csv", "period=all", (6_000, 60_000)),
    _get("csv: all sessions", "/sessions/session-events.csv", "period=all&type=sessions"),
    _get("list: everything", "/sessions/list"),
    _get("calendar: everything", "/sessions/calendar", "{everything}"),
    _get("user sessions: everything", "/api/v2/sessions"),
)
START = {"ip": "10.0.0.17", "start_time": _iso(NOW - 50), "end_time": _iso(NOW - 40)}
NEW = "02:00:00:00:FF:0{n}"
WRITES = (
    Call("create", "POST", "/sessions/create", body={**START, "mac": NEW}),
    Call("delete", "DELETE", "/sessions/delete", "mac=02:00:00:00:FF:0{n}"),
    Call("scan: 3 devices", "POST", "/presence/scans", body={"source": "bench", "devices": [{"mac": NEW}]}),
    Call(
        "event",
        "POST",
        "/presence/events",
        body={"source": "bench", "mac": "02:00:00:00:FE:0{n}", "event": "connected"},
    ),
    Call("source: archive", "PATCH", "/presence/sources", body={"name": "bench", "archived": True}),
    Call("device: add", "POST", "/devices", body={"mac": "02:00:00:00:FC:0{n}", "tags": ["office"]}),
    Call("devices: change", "PATCH", "/devices", body={"macs": ["02:00:00:00:FC:0{n}"], "add_tags": ["{n}"]}),
    Call("device: change", "PATCH", "/devices/{mac}", body={"owner": "owner {n}"}),
    Call(
        "device: merge",
        "POST",
        "/devices/{mac}/merge",
        body={"mac": "02:00:00:00:FE:0{n}"},
        values=(("mac", NEW),),
    ),
    Call("device: delete", "DELETE", "/devices/{mac}", values=(("mac", NEW),)),
    Call("session start", "POST", "/api/v2/sessionstart"),
    _get("session start by GET", "/api/v2/sessionstart"),
    Call("keepalive", "POST", "/api/v2/keepalive", body={"visible": True, "path": VIEW}),
    Call("session hide", "POST", "/api/v2/session-hide", body={"path": VIEW}),
    Call("session hide: alias", "POST", "/api/v2/session_hide", body={"path": VIEW}),
    Call("session tracepath", "POST", "/api/v2/session_tracepath", body={"path": VIEW}),
    Call("user: add", "POST", "/users", body={"username": "b{n}", "password": "much longer {n}"}),
    Call(
        "user: change",
        "PATCH",
        "/users/{username}",
        body={"role": "operator"},
        values=(("username", "b{n}"),),
    ),
    Call("login", "POST", "/auth/login", body={"username": "b{n}", "password": "much longer {n}"}),
    Call("login by the alias", "POST", "/auth", body={"username": "b{n}", "password": "much longer {n}"}),
    Call("refresh", "POST", "/auth/refresh"),
    Call("user: delete", "DELETE", "/users/{username}", values=(("username", "b{n}"),)),
    Call("token: issue", "POST", "/auth/tokens", body={"name": "token {n}"}),
    Call("token: revoke", "DELETE", "/auth/tokens/{token_id}", values=(("token_id", "{later}"),)),
    Call("webhook: add", "POST", "/webhooks", body={"name": "hook {n}", "url": "https://192.0.2.{n}/"}),
    _get("webhook: deliveries", "/webhooks/{webhook_id}/deliveries"),
    Call("webhook: test", "POST", "/webhooks/{webhook_id}/test"),
    Call("webhook: retry", "POST", "/webhooks/{webhook_id}/retry"),
    Call("webhook: change", "PATCH", "/webhooks/{webhook_id}", body={"events": ["Device Down"]}),
    Call("webhook: delete", "DELETE", "/webhooks/{webhook_id}", values=(("webhook_id", "{next}"),)),
    Call("backup: begin", "POST", "/backups"),
    Call("login: end", "DELETE", "/auth/logins/{login_id}", values=(("login_id", "bench-{n}"),)),
    Call(
        "password: own",
        "POST",
        "/auth/password",
        body={"password": "correct horse", "new_password": "correct horse"},
    ),
    Call("logins: end others", "DELETE", "/auth/logins"),
    Call("logout", "POST", "/auth/logout"),
)
CALLS = (*READS, *LONG, *WRITES)
