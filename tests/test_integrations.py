"""docs/embedding.md: every address on it answers what the program beside it reads."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.application import NOW, Clients

PAGE = (Path(__file__).parent.parent / "docs" / "embedding.md").read_text("utf-8")
ADDRESSES = re.findall(r"http://127\.0\.0\.1:8000(/[^\s\"`;']*)", PAGE)
GRAFANA = {"${__from}": str((NOW - 3600) * 1000), "${__to}": str(NOW * 1000), "${__interval}": "5m"}
SESSION = {"mac": "AA:BB:CC:DD:EE:FF", "ip": "192.168.1.10", "start_time": "2025-08-15T10:00:00Z"}

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def network(clients: Clients) -> Clients:
    clients.operator.ok("POST", "/sessions/create", SESSION)
    return clients


def test_every_address_of_the_page_answers(network: Clients) -> None:
    assert len(ADDRESSES) >= 12
    for address in ADDRESSES:
        for name, value in GRAFANA.items():
            address = address.replace(name, value)
        if urlsplit(address).path == "/sessions/calendar" and "start" not in address:
            address += "?start=2025-08-10T22:00:00Z&end=2025-08-17T22:00:00Z&timeZone=local"
        response = network.viewer.get(address)
        assert response.status_code == 200, (address, response.text)


def test_what_the_programs_read_is_there(network: Clients) -> None:
    assert network.viewer.ok("GET", "/devices/totals?format=named")["connected"] == 1
    assert network.viewer.ok("GET", "/devices/AA:BB:CC:DD:EE:FF")["device"]["connected"] is True
    query = {"start": GRAFANA["${__from}"], "end": GRAFANA["${__to}"], "step": "5m"}
    points = network.viewer.ok("GET", "/presence/online-history", query_string=query)["points"]
    assert [(each["at"][11:16], each["connected"]) for each in points[-2:]] == [("11:55", 1), ("12:00", 1)]
    assert [each["name"] for each in network.viewer.ok("GET", "/devices?status=connected")["devices"]] == [""]
