"""User sessions as CSV files: `/api/v2/sessions.csv`, `session-stats.csv`, `session-days.csv`."""

import csv
import io
from collections.abc import Callable

from time_machine import Traveller

from tests.support.application import NOW, Clients
from tests.support.stays import stay


def rows_of(clients: Clients, name: str, **query: str) -> list[list[str]]:
    answer = clients.viewer.get(f"/api/v2/{name}.csv", query)
    assert answer.status_code == 200, answer.json
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="sessiontrack-people-')
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def fill(clients: Clients) -> None:
    stay(clients.app, "anna", "one", NOW - 7200, (100, ("map", "")), (60, ("map", "north")), (1, None))
    stay(clients.app, "ben", "two", NOW - 3600, (100, ("devices", "")), (1, None))


def test_what_was_done_by_whom_as_files(make_clients: Callable[..., Clients], clock: Traveller) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    fill(clients)
    head, ben, anna = rows_of(clients, "sessions")
    assert head == ["username", "start", "last_ping", "visible_duration", "active", "last_visible_path", "id"]
    assert (ben[0], anna[0]) == ("ben", "anna")
    assert anna[1].endswith("+02:00")
    assert (anna[3], anna[4], anna[5], len(anna[6])) == ("160", "false", "map / north", 36)
    assert rows_of(clients, "sessions", **{"usernames[]": "anna"})[1:] == [anna]
    head, *stats = rows_of(clients, "session-stats")
    assert head == ["username", "view", "tab", "visible_duration"]
    assert stats == [
        ["anna", "map", "", "100"],
        ["anna", "map", "north", "60"],
        ["ben", "devices", "", "100"],
    ]
    assert rows_of(clients, "session-stats", view="devices")[1:] == stats[2:]
    # Those that began in an hour, the end not included, in the list as in the file.
    hour = {"started_after": str(NOW - 7201), "started_before": str(NOW - 3600)}
    assert [row[0] for row in rows_of(clients, "sessions", **hour)[1:]] == ["anna"]
    for query, found in ((hour, ["anna"]), ({**hour, "started_before": str(NOW - 3599)}, ["ben", "anna"])):
        answer = clients.viewer.get("/api/v2/sessions", {**query, "limit": "1"})
        assert [each["username"] for each in answer.json] == found[:1]
        assert answer.headers["X-Total-Count"] == str(len(found))
    head, *days = rows_of(clients, "session-days", **{"usernames[]": "ben"})
    assert head == ["username", "day", "sessions", "visible_duration"]
    assert days == [["ben", "2025-08-15", "1", "100"]]


def test_only_ones_own_where_the_setting_says_so(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(USER_SESSIONS_VISIBLE="own")
    fill(clients)
    for name in ("sessions", "session-stats", "session-days"):
        assert len(rows_of(clients, name)) == 1
