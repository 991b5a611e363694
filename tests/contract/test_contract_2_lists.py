"""Contract 2: how lists are cut into pages, and what they are without a limit."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from sessiontrack.database import Statement, look_up, write_transaction
from sessiontrack.http import answers
from tests.contract.test_errors import MAC
from tests.support import databases
from tests.support.application import NOW, Clients, LiveServer
from tests.support.engine import IS_POSTGRES

DEVICE = Statement("INSERT INTO device (id, mac, first_seen_at) VALUES (1, :mac, 0)")
DEVICE_SESSIONS = Statement(
    "WITH RECURSIVE n(i) AS (SELECT 0 WHERE :count > 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
    " INSERT INTO device_session (device_id, connected_at, disconnected_at, ip, conn_type, disc_type)"
    " SELECT 1, :first + i * 100, :first + i * 100 + 50, '192.168.1.10', 'Connected', 'Disconnected' FROM n"
)
USER_SESSIONS = Statement(
    "WITH RECURSIVE n(i) AS (SELECT 0 WHERE :count > 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
    " INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, ended_at)"
    " SELECT '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + i AS TEXT), 2), 'login ' || i, 'anna',"
    " :first + i * 100,"
    " :first + i * 100 + 50, :first + i * 100 + 50 FROM n"
)
MANY = 2_600
FIRST = NOW - MANY * 100
LISTS = {
    "/sessions/list": {},
    f"/sessions/{MAC}": {"period": "all"},
    "/sessions/calendar": {"start": "2025-01-01", "end": "2025-12-31"},
    "/api/v2/sessions": {},
    "/api/v2/session-hide": {},
}
OLDEST_FIRST = {"/sessions/list", "/sessions/calendar"}
LINK = re.compile('<([^>]*)>; rel="(next|prev)"')


def fill(app: Flask, count: int) -> None:
    with app.app_context(), write_transaction() as tx:
        tx.run(DEVICE, mac=MAC)
        tx.run(DEVICE_SESSIONS, count=count, first=FIRST)
        tx.run(USER_SESSIONS, count=count, first=FIRST)


def links(response: Any) -> dict[str, str]:
    """Address by rel."""
    return {rel: address for address, rel in LINK.findall(response.headers.get("Link", ""))}


def rows(body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body if isinstance(body, list) else body["sessions"]
    return found


def position(row: dict[str, Any]) -> str:
    """What the lists are sorted by."""
    return str(row.get("ses_DateTimeConnection") or row.get("start"))


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, MANY])
def test_contract_2_without_a_limit_a_list_is_complete(clients: Clients, path: str, count: int) -> None:
    fill(clients.app, count)
    response = clients.viewer.get(path, LISTS[path])
    assert response.status_code == 200
    assert response.content_type == "application/json"
    found = rows(response.get_json())
    assert len(found) == count
    positions = [position(row) for row in found]
    assert len(set(positions)) == count
    assert positions == sorted(positions, reverse=path not in OLDEST_FIRST)
    assert response.headers["X-Total-Count"] == str(count)
    assert "Link" not in response.headers


def assert_lets_go(app: Flask) -> None:
    """No read transaction is left: what the log of changes holds can go into the database and be emptied."""
    if IS_POSTGRES:
        left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        idle = "state LIKE 'idle in transaction%'"
        assert databases.rows(Path(app.instance_path), f"{left} AND {idle}") == [(0,)]
        return
    with app.app_context(), look_up() as tx:
        assert tx.row(Statement("PRAGMA wal_checkpoint(TRUNCATE)")) == (0, 0, 0)


def test_contract_2_a_long_list_is_streamed(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WHOLE", 1000)
    fill(clients.app, MANY)
    response = clients.viewer.call("GET", "/sessions/list", buffered=False)
    pieces = list(response.response)
    assert len(pieces) == 4  # 1,000, 1,000, 600 and what closes it
    response.close()
    assert_lets_go(clients.app)


def test_contract_2_a_list_that_is_not_read_to_its_end_lets_go_of_the_database(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "WHOLE", 1000)
    fill(clients.app, MANY)
    response = clients.viewer.call("GET", "/sessions/list", buffered=False)
    next(iter(response.response))
    response.close()
    assert_lets_go(clients.app)


def walk(get: Callable[[str], Any], address: str | None, rel: str) -> Iterator[Any]:
    """The answers from that address on, following a link; bounded."""
    for _ in range(20):
        if address is None:
            return
        response = get(address)
        yield response
        address = links(response).get(rel)
    raise AssertionError("the links never end")


@pytest.mark.parametrize("path", LISTS)
def test_contract_2_next_and_prev_can_be_followed(clients: Clients, path: str) -> None:
    fill(clients.app, 25)
    everything = rows(clients.viewer.ok("GET", path, query_string=LISTS[path]))
    query = "&".join(f"{name}={value}" for name, value in LISTS[path].items())
    pages = list(walk(clients.viewer.get, f"{path}?{query}&limit=10".replace("?&", "?"), "next"))
    assert [len(rows(page.get_json())) for page in pages] == [10, 10, 5]
    assert [row for page in pages for row in rows(page.get_json())] == everything
    assert {page.headers["X-Total-Count"] for page in pages} == {"25"}
    assert set(links(pages[0])) == {"next"}
    assert set(links(pages[1])) == {"next", "prev"}
    assert set(links(pages[2])) == {"prev"}
    back = list(walk(clients.viewer.get, links(pages[2])["prev"], "prev"))
    assert [rows(page.get_json()) for page in back] == [everything[10:20], everything[:10]]


def test_contract_2_the_links_keep_what_was_asked_for(clients: Clients) -> None:
    fill(clients.app, 5)
    query = "usernames[]=anna&usernames[]=b%C3%A9a%20%26%20c&started_after=1754042400&limit=2&offset=1&_=7"
    address = links(clients.viewer.get(f"/api/v2/sessions?{query}"))["next"]
    assert "anna" in address
    answer = clients.viewer.get(address)
    assert len(answer.get_json()) == 2
    assert links(answer)["prev"].endswith("limit=2&offset=1")
    nobodys = "usernames[]=b%C3%A9a%20%26%20c&limit=2"
    assert clients.viewer.get(f"/api/v2/sessions?{nobodys}").headers["X-Total-Count"] == "0"


def test_contract_2_a_list_of_tokens_has_100_without_a_limit(clients: Clients) -> None:
    for number in range(98):
        clients.admin.ok("POST", "/auth/tokens", {"name": f"script {number}"})
    first = clients.admin.get("/auth/tokens")
    assert len(first.get_json()) == 100
    assert first.headers["X-Total-Count"] == "101"
    last = clients.admin.get(links(first)["next"])
    assert [each["name"] for each in last.get_json()] == ["script 97"]
    assert set(links(last)) == {"prev"}


def test_contract_2_limit_and_offset(clients: Clients) -> None:
    fill(clients.app, 1200)
    for limit, offset, expected in (
        (1, 0, 1),
        (1000, 0, 1000),
        (1000, 1000, 200),
        (10, 1199, 1),
        (10, 1200, 0),
    ):
        for path, query in LISTS.items():
            response = clients.viewer.get(path, {**query, "limit": limit, "offset": offset})
            assert len(rows(response.get_json())) == expected, (path, limit, offset)
            assert response.headers["X-Total-Count"] == "1200", (path, limit, offset)
    rest = clients.viewer.get("/sessions/list", {"offset": 1190})
    assert len(rest.get_json()["sessions"]) == 10
    for limit in ("0", "1001"):
        assert clients.viewer.get("/sessions/list", {"limit": limit}).status_code == 400


def test_contract_2_links_behind_a_proxy_have_its_prefix(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(TRUSTED_PROXIES="127.0.0.1")
    fill(clients.app, 3)
    headers = {"X-Forwarded-Prefix": "/track", "X-Forwarded-Host": "appliance.example"}
    response = clients.viewer.call("GET", "/sessions/list?limit=2", headers=headers)
    assert links(response) == {"next": "/track/sessions/list?limit=2&offset=2"}


def test_contract_2_links_can_be_followed_over_http(live: LiveServer) -> None:
    token = live.tokens["operator"]
    macs = [f"02:00:00:00:00:0{number}" for number in range(3)]
    for mac in macs:
        session = {"mac": mac, "ip": "192.168.1.10", "start_time": "2025-01-01", "end_time": "2025-01-02"}
        assert live.server.call("POST", "/sessions/create", session, token).status == 200

    def get(address: str) -> Any:
        return live.server.call("GET", address, token=token)

    pages = list(walk(get, "/sessions/list?start_date=2025-01-01&end_date=2025-01-02&limit=2", "next"))
    assert [row["ses_MAC"] for page in pages for row in page.json["sessions"]] == macs
    assert [page.headers["X-Total-Count"] for page in pages] == ["3", "3"]
    back = get(links(pages[1])["prev"])
    assert [row["ses_MAC"] for row in back.json["sessions"]] == macs[:2]
