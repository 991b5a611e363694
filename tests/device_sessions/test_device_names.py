"""Devices by name come in the order in which people look for them, in every list of devices."""

import pytest

from tests.support import rows
from tests.support.application import Clients

NUMBERED = (
    *("9", "10", "Anna's phone", "ap 2 floor 9", "AP 2 floor 10", "ap 10 floor 2", "AP 10b"),
    *("TV", "tv 1", "TV 2", "TV 10", "TV 10 b"),
)
LONG = ("z" + "1" * 30, "z" + "1" * 29 + "2")
IN_ORDER = (*NUMBERED, *LONG, "zone7", "zone10", "É2", "é10", "")


def test_a_number_in_a_name_counts_as_a_number(clients: Clients) -> None:
    names = list(IN_ORDER)
    with rows.writing(clients.app) as tx:
        # Stored the other way round.
        for number, name in enumerate(reversed(names)):
            device = rows.add_device(tx, f"00:00:0C:00:00:{number:02X}", name)
            rows.add_session(tx, device, 1000, None, still_connected=True)

    def listed(path: str, **query: str) -> list[str]:
        return [each["name"] for each in clients.viewer.ok("GET", path, query_string=query)["devices"]]

    window = {"start": "1970-01-01", "end": "1970-01-02"}
    assert listed("/devices") == names
    assert listed("/devices", sort="-name") == [*reversed(names[:-1]), ""]
    assert listed("/devices", sort="name", limit="3", offset="4") == names[4:7]
    assert listed("/presence/timeline", sort="name", **window) == names
    assert listed("/presence/at", at="2000") == names
    assert listed("/presence/shares", sort="name", **window) == names

    # From one device's page to the next.
    first = clients.viewer.ok("GET", "/devices", query_string={"limit": "1"})["devices"][0]["mac"]
    walked, found = [], clients.viewer.ok("GET", f"/devices/{first}")
    while True:
        walked.append(found["device"]["name"])
        if found["next"] is None:
            break
        found = clients.viewer.ok("GET", f"/devices/{found['next']['mac']}")
    assert walked == names


@pytest.mark.parametrize("period", ["all", "200 years"])
def test_so_it_does_in_lists_of_events_and_sessions(clients: Clients, period: str) -> None:
    with rows.writing(clients.app) as tx:
        for number, name in enumerate(reversed(IN_ORDER)):
            device = rows.add_device(tx, f"00:00:0C:00:00:{number:02X}", name)
            rows.add_session(tx, device, 1000, None, still_connected=True)
            rows.add_event(tx, device, 1000, "Connected")
    # Devices without a name come first here.
    names = ["", *IN_ORDER[:-1]]

    def listed(path: str, key: str, **query: str) -> list[str]:
        return [each["name"] for each in clients.viewer.ok("GET", path, query_string=query)[key]]

    for kind in ("all", "sessions"):
        query = {"type": kind, "period": period, "sortCol": "name"}
        assert listed("/sessions/session-events", "events", **query, sortDir="asc") == names
        assert listed("/sessions/session-events", "events", **query, sortDir="desc") == names[::-1]
        page = {"sortDir": "asc", "limit": "3", "page": "2"}
        assert listed("/sessions/session-events", "events", **query, **page) == names[3:6]
        found = listed("/sessions/session-events", "events", **query, **page, search="TV")
        assert found == ["TV 10", "TV 10 b"]
    window = {"start": "1970-01-01", "end": "1970-01-02"}
    assert listed("/presence/sessions", "sessions", sort="name", **window) == names
