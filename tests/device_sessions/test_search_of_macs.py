"""Contract 2: a search finds a MAC address in every notation, whole or a part; `mac` is exact."""

import pytest

from tests.contract.test_errors import assert_error
from tests.support import rows
from tests.support.application import NOW, Clients

ONE, OTHER, ALIAS = "0A:1B:C0:5E:00:0F", "02:AA:BB:CC:DD:EE", "02:00:5E:10:20:30"
WINDOW = "start=2025-08-14&end=2025-08-15"
WHOLE = (
    "0a:1b:c0:5e:00:0f",
    "0A-1B-C0-5E-00-0F",
    "0a1b.c05e.000f",
    "0a1bc05e000f",
    "a:1b:c0:5e:0:f",
    "0a1b-c05e-000f",
)
PARTS = ("1b:c0", "1b-c0-5e", "1b.c05e", "1bc05e", "a1bc0", "05e0", "5e:0:0", "0a1bc0-5e", "C05E.000")

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def network(clients: Clients) -> Clients:
    with rows.writing(clients.app) as tx:
        for mac in (ONE, OTHER):
            device = rows.add_device(tx, mac)
            rows.add_session(tx, device, NOW - 3600, NOW)
            rows.add_event(tx, device, NOW - 3600, "Connected")
    return clients


def found(clients: Clients, search: str) -> list[set[str]]:
    """Whom each call with a search finds."""
    query = {"search": search}
    events = clients.viewer.ok("GET", "/sessions/session-events", query_string=query)
    csv = clients.viewer.get("/sessions/session-events.csv", query).get_data(as_text=True)
    devices = clients.viewer.ok("GET", "/devices", query_string=query)["devices"]
    timeline = clients.viewer.ok("GET", "/presence/timeline", query_string=f"{WINDOW}&search={search}")
    sessions = clients.viewer.ok("GET", "/presence/sessions", query_string=f"{WINDOW}&search={search}")
    return [
        {each["mac"] for each in events["events"]},
        {mac for mac in (ONE, OTHER) if mac in csv},
        {each["mac"] for each in devices},
        {each["mac"] for each in timeline["devices"]},
        {each["mac"] for each in sessions["sessions"]},
    ]


@pytest.mark.parametrize("search", [*WHOLE, *PARTS])
def test_contract_3_a_search_finds_an_address_in_every_notation(network: Clients, search: str) -> None:
    assert found(network, search) == [{ONE}] * 5


@pytest.mark.parametrize("search", ["ffff", "0a1bc05e0010", "c0-1b", "0a:1b:c0:5e:00:0e"])
def test_contract_3_a_search_finds_no_other_address(network: Clients, search: str) -> None:
    assert found(network, search) == [set()] * 5


def test_contract_3_a_search_finds_a_merged_address_in_every_notation(network: Clients) -> None:
    network.operator.ok(
        "POST", "/sessions/create", {"mac": ALIAS, "ip": "10.0.0.9", "start_time": "2025-08-01"}
    )
    network.operator.ok("POST", f"/devices/{OTHER}/merge", {"mac": ALIAS})
    for search in ("0200.5e10.2030", "5e10.20", "10-20-30"):
        assert found(network, search)[2] == {OTHER}


@pytest.mark.parametrize("mac", WHOLE)
def test_the_timeline_of_one_device_is_exactly_its_own(network: Clients, mac: str) -> None:
    with rows.writing(network.app) as tx:
        rows.add_device(tx, "02:00:00:00:00:01", name=ONE)
    timeline = network.viewer.ok("GET", f"/presence/timeline?{WINDOW}&mac={mac}")
    assert [each["mac"] for each in timeline["devices"]] == [ONE]
    sessions = network.viewer.ok("GET", f"/presence/sessions?{WINDOW}&mac={mac}")
    assert [each["mac"] for each in sessions["sessions"]] == [ONE]
    response = network.viewer.get(f"/presence/timeline?{WINDOW}&mac={mac}")
    assert response.headers["X-Total-Count"] == "1"
    assert len(network.viewer.ok("GET", f"/presence/timeline?{WINDOW}&mac=")["devices"]) == 3


@pytest.mark.parametrize("path", ["/presence/timeline", "/presence/sessions"])
def test_the_timeline_says_what_is_wrong_with_an_address(network: Clients, path: str) -> None:
    error = assert_error(network.viewer.get(f"{path}?{WINDOW}&mac=nope"), 400, "bad_request")
    assert set(error["errors"]) == {"mac"}
    assert "A MAC address is" in error["message"]
