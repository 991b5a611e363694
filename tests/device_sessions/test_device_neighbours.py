"""`GET /devices/<mac>` names the devices before and after it in the list by name."""

from typing import Any

from tests.support import rows
from tests.support.application import Clients

NAMES = {"01": "", "02": "bed lamp", "03": "Attic", "04": "ärger", "05": "", "06": "Cellar"}


def neighbours(clients: Clients, last: str) -> tuple[Any, Any]:
    found = clients.viewer.ok("GET", f"/devices/00:00:0C:00:00:{last}")
    return found["previous"], found["next"]


def test_the_neighbours_are_those_of_the_list(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        for last, name in NAMES.items():
            rows.add_device(tx, f"00:00:0C:00:00:{last}", name)
    clients.operator.ok("PATCH", "/devices/00:00:0C:00:00:06", {"archived": True})
    listed = clients.viewer.ok("GET", "/devices")["devices"]
    assert len(listed) == 5
    shown = [{"mac": each["mac"], "name": each["name"]} for each in listed]
    for place, each in enumerate(shown):
        before = shown[place - 1] if place else None
        after = shown[place + 1] if place + 1 < len(shown) else None
        assert neighbours(clients, each["mac"][-2:]) == (before, after)
    # An archived one has neighbours, too; it is nobody's.
    assert neighbours(clients, "06") == (
        {"mac": "00:00:0C:00:00:02", "name": "bed lamp"},
        {"mac": "00:00:0C:00:00:04", "name": "ärger"},
    )


def test_by_an_address_that_was_merged_into_it(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        for last in ("01", "02", "03"):
            rows.add_device(tx, f"00:00:0C:00:00:{last}")
    clients.operator.ok("POST", "/devices/00:00:0C:00:00:01/merge", {"mac": "00:00:0C:00:00:02"})
    assert neighbours(clients, "02") == (None, {"mac": "00:00:0C:00:00:03", "name": ""})
