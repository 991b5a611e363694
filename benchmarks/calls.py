"""The calls of the benchmark: for each client an endless sequence of requests of its own."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from benchmarks.dataset import DATABASE, DAY, LAST_DAY, Shape, make_dataset

MOST_CLIENTS = 16
PATH = "[/view/da7ac9b9-db1c-4435-a1f2-edb4d6be4db8,view-tab_edd5855b]"
TYPES = ("all", "sessions", "missing", "voided", "new", "down")
# The same number of rows at each size: many devices for a week, or more of them for less.
WEEK_OF_DEVICES = 250
# The number in the periods of events and totals.
EVENTS = 3500


@dataclass(frozen=True)
class Call:
    """A call; a request is made from a floor's prefix, the client's number and the burst's.

    floors: the prefixes of its floors; "" is the application.
    """

    name: str
    requests: Callable[[str, int, int], Iterator[bytes]]
    floors: tuple[str, ...] = ("/plain",)

    @property
    def is_read(self) -> bool:
        return "/plain" in self.floors


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A complete request, as curl sends it."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _instant(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}"


def _latest_events_begin(shape: Shape) -> int:
    """When the latest EVENTS of that history began; its end differs between devices."""
    sql = f"SELECT at FROM event ORDER BY at DESC LIMIT 1 OFFSET {EVENTS}"
    with closing(sqlite3.connect(make_dataset(shape) / DATABASE)) as connection:
        at: int = connection.execute(sql).fetchone()[0]
        return at


def _period_since(start: int) -> str:
    """The periods end now but the history on its last day, so they must be that much longer."""
    return f"{(int(time.time()) - start) // 60}%20minutes"


def _spread(client: int, of: int) -> Iterator[int]:
    """All numbers below `of` in a pseudo-random order that differs for each client."""
    step = next(s for s in count(of * 5 // 8 + 1) if s == 1 or all(s % p or of % p for p in range(2, s + 1)))
    return ((client * 7919 + number * step) % of for number in count())


class Calls:
    """All calls for one history."""

    def __init__(self, shape: Shape, tokens: list[str]) -> None:
        self._shape = shape
        self._tokens = tokens
        self._latest = _period_since(_latest_events_begin(shape))

    def all(self) -> list[Call]:
        """The reads come first, so that they find the history unchanged."""
        recent, old = LAST_DAY - 9 * DAY, self._shape.first_day + DAY
        writes = ("/flask",)
        return [
            Call("list: device, 30 days", self._list_month),
            Call("list: first page", self._page(lambda total: 0)),
            Call("list: middle page", self._page(lambda total: total // 2)),
            Call("list: last page", self._page(lambda total: total - 100)),
            Call("device, 7 days", self._of_device),
            Call("calendar, 7 days", self._calendar_week),
            Call("calendar, 1900 rows", self._calendar_rows),
            Call("calendar, recent week", self._calendar(recent)),
            Call("calendar, old week", self._calendar(old)),
            *(Call(f"events: {kind}", self._events(kind)) for kind in TYPES),
            Call("events: page 10", self._events("all", page=10)),
            Call("events: search", self._events("all", search="device 17")),
            Call("events: sessions, search", self._events("sessions", search="device 17")),
            Call("events: datatables", self._events("all", columns=True)),
            Call("totals", self._totals),
            Call("user sessions", self._user_sessions),
            Call("keepalive", self._keepalive, writes),
            Call("create", self._create, writes),
        ]

    def months(self, client: int) -> Iterator[bytes]:
        """Thirty days of one device each."""
        return self._list_month("", client, 0)

    def pings(self, client: int) -> Iterator[bytes]:
        """The sessions of one user."""
        return self._keepalive("", client, 0)

    def calendars_of(self, days: int) -> Callable[[int], Iterator[bytes]]:
        """That many days, at another time each."""

        def requests(client: int) -> Iterator[bytes]:
            for day in _spread(client, self._shape.days - days - 1):
                start = self._shape.first_day + day * DAY
                window = f"start={_day(start)}&end={_day(start + (days - 1) * DAY)}"
                yield self._get("", f"/sessions/calendar?{window}")

        return requests

    def _get(self, prefix: str, path: str) -> bytes:
        return request("GET", f"{prefix}{path}", self._tokens[0])

    def _list_month(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        days = max(1, self._shape.days - 30)
        for device, day in zip(_spread(client, self._shape.devices), _spread(client, days), strict=True):
            start = self._shape.first_day + day * DAY
            window = f"start_date={_day(start)}&end_date={_day(start + 29 * DAY)}"
            yield self._get(prefix, f"/sessions/list?mac={self._shape.mac(device)}&{window}")

    def _page(self, offset: Callable[[int], int]) -> Callable[[str, int, int], Iterator[bytes]]:
        def requests(prefix: str, client: int, burst: int) -> Iterator[bytes]:
            asked = self._get(prefix, f"/sessions/list?limit=100&offset={offset(self._shape.sessions)}")
            while True:
                yield asked

        return requests

    def _of_device(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        for device in _spread(client, self._shape.devices):
            period = _period_since(LAST_DAY - 7 * DAY)
            yield self._get(prefix, f"/sessions/{self._shape.mac(device)}?period={period}")

    def _calendar_week(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        for day in _spread(client, self._shape.days - 8):
            start = self._shape.first_day + day * DAY
            yield self._get(prefix, f"/sessions/calendar?start={_day(start)}&end={_day(start + 6 * DAY)}")

    def _calendar_rows(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        seconds = 7 * DAY * min(WEEK_OF_DEVICES, self._shape.devices) // self._shape.devices
        for day in _spread(client, self._shape.days - 8):
            start = self._shape.first_day + day * DAY
            window = f"start={_instant(start)}&end={_instant(start + seconds)}"
            yield self._get(prefix, f"/sessions/calendar?{window}")

    def _calendar(self, first: int) -> Callable[[str, int, int], Iterator[bytes]]:
        def requests(prefix: str, client: int, burst: int) -> Iterator[bytes]:
            window = f"start={_day(first)}&end={_day(first + 6 * DAY)}"
            while True:
                yield self._get(prefix, f"/sessions/calendar?{window}")

        return requests

    def _events(
        self, kind: str, page: int = 1, search: str = "", columns: bool = False
    ) -> Callable[[str, int, int], Iterator[bytes]]:
        asked = f"type={kind}&period={self._latest}&page={page}&limit=100"
        asked += f"&search={search.replace(' ', '%20')}" if search else ""
        asked += f"&format={'datatables' if columns else 'json'}"

        def requests(prefix: str, client: int, burst: int) -> Iterator[bytes]:
            while True:
                yield self._get(prefix, f"/sessions/session-events?{asked}")

        return requests

    def _totals(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        while True:
            yield self._get(prefix, f"/sessions/totals?period={self._latest}")

    def _user_sessions(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        while True:
            yield self._get(prefix, "/api/v2/sessions?limit=100")

    def _keepalive(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        body = json.dumps({"visible": True, "path": PATH}).encode()
        token = self._tokens[client % len(self._tokens)]
        asked = request("POST", f"{prefix}/api/v2/keepalive", token, body)
        while True:
            yield asked

    def _create(self, prefix: str, client: int, burst: int) -> Iterator[bytes]:
        mine = range(client, self._shape.devices, MOST_CLIENTS)
        # Before the history, and a day for each burst, so that sessions never overlap.
        begin = self._shape.first_day - (10 + burst) * DAY
        for number in count():
            device = mine[number % len(mine)]
            start = begin + number // len(mine) * 120
            body = {
                "mac": self._shape.mac(device),
                "ip": self._shape.ip(device),
                "start_time": _instant(start),
                "end_time": _instant(start + 60),
            }
            sent = json.dumps(body).encode()
            yield request("POST", f"{prefix}/sessions/create", self._tokens[0], sent)
