"""`/sessions/session-events.csv`: what session-events lists, as a file for spreadsheets."""

import csv
import io
from collections.abc import Callable

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
    answer = clients.viewer.get(URL)
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sessiontrack-all-2025-08-15.csv"'


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
