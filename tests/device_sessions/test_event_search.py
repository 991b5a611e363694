"""A search that looks for the devices first finds what looking through every row finds."""

import random
from typing import Any

import pytest

from sessiontrack.database import Row, Statement, read_transaction, write_transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.queries import event_values, events, row_counts
from sessiontrack.queries.events import EventFilter
from sessiontrack.queries.invariants import find_wrong_counts
from tests.support import rows
from tests.support.application import NOW, Clients

SEARCHES = (
    "lamp",
    "lamp owner",
    "LAMP 3",
    "Büro",
    "BÜRO",
    "no-such",
    "10.0.0.3",
    ":0A",
    "down",
    "voided",
    "50%",
    "ger_t",
    "onnected",
    ":00:",
)
SORTS = (("order_time", True), ("time", False), ("name", True), ("ip", False))
ALIAS = Statement("INSERT INTO device_alias (mac, device_id) SELECT '02:00:00:00:FF:0A', min(id) FROM device")


@pytest.fixture
def history(clients: Clients) -> Clients:
    """Forty devices, with sessions and events of all kinds whose texts hold some of SEARCHES."""
    chance = random.Random(5)
    with clients.app.app_context(), write_transaction() as tx:
        for number in range(40):
            name = ("lamp {}", "Büro {}", "gerät {}", "50% dimmer {}", "")[number % 5].format(number)
            owner = "lamp owner" if number == 17 else ""
            device_id = rows.add_device(tx, f"02:00:00:00:00:{number:02X}", name, owner)
            for turn in range(12):
                at = NOW - turn * 40_000 - number
                kind = "Device Down" if chance.random() < 0.02 else ("Connected", "Disconnected")[turn % 2]
                is_rare = chance.random() < 0.02
                more = {"ip": "10.0.0.3", "info": "büro"} if is_rare else {}
                rows.add_event(tx, device_id, at, kind, voided=turn == 3 and number % 9 == 0, **more)
                rows.add_session(tx, device_id, at, None if turn == 0 else at + 600, **more)
        tx.run(ALIAS)
        tx.run(Statement("DELETE FROM device WHERE id = (SELECT max(id) FROM device)"))
    return clients


@pytest.mark.long
@pytest.mark.parametrize("kind", ["all", "sessions"])
def test_devices_first_is_the_same_as_row_by_row(
    history: Clients, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(wanted: EventFilter) -> tuple[int, list[Row]]:
        with read_transaction() as tx:
            found = list(events.list_page(tx, wanted, 40, 3, NOW))
            return events.count_rows(tx, wanted, searched=True), found

    # There are too few rows for it to be worth while.
    monkeypatch.setattr(events, "LEAST_LOOKED_THROUGH", 1)
    monkeypatch.setattr(row_counts, "MOST_SKIPPED", 0)
    of_many = events._of_many
    found_at_an_end = []

    def noting(*of: Any) -> list[Row] | None:
        found = of_many(*of)
        found_at_an_end.append(found is not None)
        return found

    monkeypatch.setattr(events, "_of_many", noting)
    with history.app.app_context():
        ways = set()
        for search in SEARCHES:
            for since in (0, NOW - 200_000):
                for sort, descending in (
                    ("order_time", True),
                    ("time", False),
                    ("name", True),
                    ("ip", False),
                ):
                    wanted = EventFilter(kind, since, search, ((sort, descending),))
                    with read_transaction() as tx:
                        ways.add(events._narrowed(tx, wanted)[0])
                    few = answered(wanted)
                    with monkeypatch.context() as patched:
                        patched.setattr(events, "SEARCHED", {})
                        patched.setattr(events, "_of_many", lambda *of: None)
                        assert answered(wanted) == few, wanted
        assert ways == set(events.Narrowed)
        assert (True in found_at_an_end) == (kind == "sessions")
        with read_transaction() as tx:
            assert find_wrong_counts(tx) == []


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["type", "ip", "ip_number"])
def test_pages_by_a_text_that_many_have_are_as_if_all_were_sorted(
    history: Clients, monkeypatch: pytest.MonkeyPatch, sort: str, descending: bool
) -> None:
    shapes = set()
    listed = event_values._listed
    monkeypatch.setattr(
        event_values, "_listed", lambda *how, **more: shapes.add(more["is_among"]) or listed(*how, **more)
    )
    with history.app.app_context(), read_transaction() as tx:
        for then in ((), (("time", False),), (("order_time", True),)):
            wanted = EventFilter("all", 0, order=((sort, descending), *then))
            whole = list(events.list_page(tx, wanted, EVERYTHING, 0, NOW))
            assert not shapes
            assert len(whole) == 468
            for limit, offset in ((468, 0), (7, 0), (100, 3), (40, 220), (100, 460), (5, 468)):
                page = list(events.list_page(tx, wanted, limit, offset, NOW))
                assert page == whole[offset : offset + limit], (wanted, limit, offset)
            assert False in shapes
            shapes.clear()
