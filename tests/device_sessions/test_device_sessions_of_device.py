"""Contract section 3, `GET /sessions/<mac>`."""

from typing import Any

import pytest

from tests.support import rows
from tests.support.application import NOW, Clients

MAC, OTHER = "AA:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:00"
HOUR, DAY = 3600, 86400

pytestmark = pytest.mark.usefixtures("clock")


def add(clients: Clients, *ends: tuple[int | None, int | None], mac: str = MAC) -> list[int]:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, mac)
        return [rows.add_session(tx, device_id, *each) for each in ends]


def found(clients: Clients, path: str) -> list[int]:
    answer = clients.viewer.ok("GET", path)
    assert list(answer) == ["success", "sessions"]
    assert answer["success"] is True
    return [each["id"] for each in answer["sessions"]]


def test_source_document_device_sessions_answer_as_printed(clients: Clients, clock: Any) -> None:
    clock.move_to(1_754_136_000)  # 2025-08-02 12:00:00 UTC
    body = {"mac": MAC, "ip": "192.168.1.10", "start_time": "2025-08-01T10:00:00"}
    clients.operator.ok("POST", "/sessions/create", body | {"end_time": "2025-08-01T12:00:00"})
    answer = clients.viewer.ok("GET", "/sessions/AA:BB:CC:DD:EE:FF?period=7%20days")
    (session,) = answer["sessions"]
    wanted = {
        "ses_MAC": "AA:BB:CC:DD:EE:FF",
        "ses_Connection": "2025-08-01 10:00",
        "ses_Disconnection": "2025-08-01 12:00",
        "ses_Duration": "2h 0m",
        "ses_IP": "192.168.1.10",
        "ses_Info": "",
    }
    assert {name: session[name] for name in wanted} == wanted
    assert answer["success"] is True


@pytest.mark.parametrize("period", ["7 days", "7%20days", "7+days", "7d", "1 week", "168 h", "all"])
def test_contract_3_a_period_in_every_form(clients: Clients, period: str) -> None:
    inside, outside = add(clients, (NOW - 7 * DAY, NOW - 6 * DAY), (NOW - 9 * DAY, NOW - 8 * DAY))
    wanted = [inside, outside] if period == "all" else [inside]
    assert found(clients, f"/sessions/{MAC}?period={period}") == wanted


def test_contract_3_the_period_is_a_day_by_default(clients: Clients) -> None:
    yesterday, _ = add(clients, (NOW - DAY, NOW - DAY + 1), (NOW - 2 * DAY, NOW - DAY - 1))
    assert found(clients, f"/sessions/{MAC}") == [yesterday]


def test_contract_3_sessions_that_overlap_the_period(clients: Clients) -> None:
    start = NOW - DAY
    ends = [
        (start - 10, start - 9),
        (start - 8, start - 1),
        (start - 1, None),
        (start, start),
        (None, start + 1),
        (start + 2, NOW - 2),
        (NOW - 1, NOW + HOUR),
        (None, NOW + HOUR + 1),
    ]
    ids = add(clients, *ends)
    assert found(clients, f"/sessions/{MAC}") == ids[3:7][::-1]


def test_contract_3_sessions_that_began_long_before_the_period(clients: Clients) -> None:
    ids = add(clients, (NOW - 40 * DAY, NOW - DAY), (NOW - DAY, NOW - DAY), (NOW + 1, NOW + 2))
    assert set(found(clients, f"/sessions/{MAC}")) == {*ids[:2]}


@pytest.mark.parametrize("connected_at", [NOW - 300 * DAY, NOW - 1, NOW + HOUR])
def test_contract_3_open_sessions_are_always_there(clients: Clients, connected_at: int) -> None:
    with rows.writing(clients.app) as tx:
        device_id = rows.add_device(tx, MAC)
        rows.add_session(tx, device_id, NOW - 400 * DAY, NOW - 399 * DAY)
        open_id = rows.add_session(tx, device_id, connected_at, None, still_connected=True)
    assert found(clients, f"/sessions/{MAC}?period=1 minute") == [open_id]


def test_contract_3_newest_first_and_of_this_device_only(clients: Clients) -> None:
    ids = add(clients, (NOW - 5, NOW - 4), (NOW - 3, NOW - 2), (NOW - 9, NOW - 8))
    add(clients, (NOW - 7, NOW - 6), mac=OTHER)
    assert found(clients, f"/sessions/{MAC}") == [ids[1], ids[0], ids[2]]


@pytest.mark.parametrize("mac", ["aa:bb:cc:dd:ee:ff", "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff", "aabbccddeeff"])
def test_contract_2_the_mac_in_every_notation(clients: Clients, mac: str) -> None:
    (session_id,) = add(clients, (NOW - 5, NOW - 4))
    assert found(clients, f"/sessions/{mac}") == [session_id]


def test_contract_3_an_unknown_mac_is_an_empty_list(clients: Clients) -> None:
    add(clients, (NOW - 5, NOW - 4))
    assert found(clients, "/sessions/00:11:22:33:44:55?period=all") == []


@pytest.mark.parametrize("mac", ["AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FG", "everything", "%2A"])
def test_contract_3_a_mac_that_is_none_is_a_bad_request(clients: Clients, mac: str) -> None:
    response = clients.viewer.get(f"/sessions/{mac}")
    assert (response.status_code, response.get_json()["error"]) == (400, "bad_request")
    assert list(response.get_json()["errors"]) == ["mac"]


@pytest.mark.parametrize("period", ["0 days", "-1 day", "1", "day", "fortnight", "1.5 days"])
def test_contract_2_an_unreadable_period_names_the_accepted_forms(clients: Clients, period: str) -> None:
    response = clients.viewer.get(f"/sessions/{MAC}", {"period": period})
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["period"]
    message = response.get_json()["message"]
    assert all(word in message for word in ("minutes", "hours", "days", "weeks", "months", "years", "all"))


def test_contract_2_pages_of_a_device(clients: Clients) -> None:
    ids = add(clients, *((NOW - 100 + n, NOW - 100 + n) for n in range(30)))
    response = clients.viewer.get(f"/sessions/{MAC}", {"limit": 10, "offset": 5})
    assert [each["id"] for each in response.get_json()["sessions"]] == ids[::-1][5:15]
    assert response.headers["X-Total-Count"] == "30"


def test_contract_2_unknown_parameters_are_refused(clients: Clients) -> None:
    response = clients.viewer.get(f"/sessions/{MAC}", {"periode": "7 days"})
    assert response.status_code == 400
    assert list(response.get_json()["errors"]) == ["periode"]
