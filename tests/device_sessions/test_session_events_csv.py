"""`/sessions/session-events.csv`: what session-events lists, as a file for spreadsheets."""

import csv
import io
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from time_machine import Traveller

from sessiontrack.values.record_files import defuse
from tests.support import rows
from tests.support.application import NOW, Client, Clients
from tests.support.refusals import refused

URL = "/sessions/session-events.csv"
HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", 'a"b,c;d', "é ü", "a\nb"]


def table(client: Client, **query: str) -> list[list[str]]:
    response = client.get(URL, query)
    assert response.status_code == 200, response.get_data(as_text=True)
    raw = response.get_data()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_contract_3_the_file_has_what_the_list_has(
    make_clients: Callable[..., Clients], clock: Traveller
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, "00:00:0C:00:00:01", "Printer", "Office")
        rows.add_session(tx, device, NOW - 7200, NOW - 3600)
        rows.add_session(tx, device, NOW - 1800, None, still_connected=True)
        rows.add_event(tx, device, NOW - 7200, "Connected", voided=True)
        rows.add_event(tx, device, NOW - 3600, "Device Down")
        rows.add_event(tx, device, NOW - 900 * 86_400, "New Device")
    for kind in ("all", "sessions", "missing", "voided", "new", "down"):
        listed = clients.viewer.ok("GET", f"/sessions/session-events?type={kind}")["events"]
        header, *lines = table(clients.viewer, type=kind)
        as_texts = [
            ["" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in row]
            for row in ([each[name] for name in header] for each in listed)
        ]
        assert lines == as_texts
        # What is only there for programs is not in a file for people.
        for_programs = {"at", "connected_at", "disconnected_at", "explanation"}
        assert all(set(header) == set(row) - for_programs for row in listed)
    assert [line[6] for line in table(clients.viewer, search="down")] == ["type", "Device Down"]
    assert len(table(clients.viewer, period="all", sortCol="time", sortDir="asc")) == 4
    assert clients.viewer.get(URL).mimetype == "text/csv"


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, "2025-08-08-to-2025-08-15"),
        ({"start": "2025-07-01", "end": "2025-07-31"}, "2025-07-01-to-2025-07-31"),
        # By the days of the site, whose 12 July begins at ten in the evening of the 11th.
        ({"start": "2025-07-11T22:00Z", "end": "2025-07-12T22:00Z"}, "2025-07-12"),
        ({"period": "all"}, "2025-08-15"),
    ],
)
def test_a_file_is_named_after_its_period(
    make_clients: Callable[..., Clients], clock: Traveller, query: dict[str, str], days: str
) -> None:
    clients = make_clients(TIMEZONE="Europe/Berlin")
    for path, what in {
        "/sessions/session-events.csv?type=sessions": "sessions",
        "/presence/shares.csv?sort=mac": "presence",
        "/api/v2/session-stats.csv?view=": "people-pages",
        "/api/v2/session-days.csv?usernames[]=anna": "people-days",
    }.items():
        period = query or {"period": "7 days"}
        answer = clients.viewer.get(f"{path}&{urlencode(period)}")
        wanted = f'attachment; filename="sessiontrack-{what}-{days}.csv"'
        assert answer.headers["Content-Disposition"] == wanted
    sides = {"start": "started_after", "end": "started_before"}
    started = {sides[name]: at for name, at in query.items() if name in sides}
    answer = clients.viewer.get("/api/v2/sessions.csv", started)
    named = days if started else "2025-08-15"
    assert answer.headers["Content-Disposition"].endswith(f'"sessiontrack-people-sessions-{named}.csv"')


def test_no_cell_is_a_formula(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        for number, text in enumerate(HOSTILE):
            device = rows.add_device(tx, f"00:00:0C:00:00:{number:02X}", text, text)
            rows.add_event(tx, device, NOW - number, text, info=text)
            rows.add_session(tx, device, NOW - 60, NOW, info=text)
    for kind in ("all", "sessions"):
        found = table(clients.viewer, type=kind)
        assert len(found) == len(HOSTILE) + 1
        for cells in found:
            assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    texts = {cells[7] for cells in table(clients.viewer)[1:]}
    assert texts == {defuse(each) for each in HOSTILE}


def test_many_rows_are_all_there(clients: Clients, clock: Traveller) -> None:
    with rows.writing(clients.app) as tx:
        device = rows.add_device(tx, "00:00:0C:00:00:01")
        for number in range(3500):
            rows.add_event(tx, device, NOW - number, "Connected")
    assert len(table(clients.viewer)) == 3501


def test_nothing_found_is_a_header(clients: Clients) -> None:
    assert len(table(clients.viewer)) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"type": "x"}, "type"),
        ({"period": "0 d"}, "period"),
        ({"page": "2"}, "page"),
        ({"limit": "5"}, "limit"),
    ],
)
def test_contract_2_bad_input_is_refused(clients: Clients, query: dict[str, str], field: str) -> None:
    assert set(refused(clients.viewer.get(URL, query), 400)["errors"]) == {field}
