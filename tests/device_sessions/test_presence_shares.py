"""`/presence/shares`: how much of a period each device was connected, and its longest absence."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from time_machine import Traveller

from sessiontrack.database import Statement, Transaction
from sessiontrack.values.timestamps import IN_UTC
from tests.support import rows
from tests.support.application import NOW, Clients
from tests.support.refusals import refused

DAY = 86_400
START, END = NOW - 40 * DAY, NOW - 10 * DAY
URL = "/presence/shares"
PERIOD = {"start": str(IN_UTC.format_offset(START)), "end": str(IN_UTC.format_offset(END))}
FIRST_SEEN = Statement("UPDATE device SET first_seen_at = :at WHERE id = :id")


def add_device(tx: Transaction, mac: str, name: str, first_seen: int) -> int:
    device_id = rows.add_device(tx, mac, name)
    tx.run(FIRST_SEEN, at=first_seen, id=device_id)
    return device_id


def shares(clients: Clients, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = clients.viewer.ok("GET", URL, query_string={**PERIOD, **query})["devices"]
    return found


def fill(clients: Clients) -> None:
    with rows.writing(clients.app) as tx:
        one, two, three, four = (
            add_device(tx, f"00:00:0C:00:00:0{n}", name, first)
            for n, name, first in (
                (1, "router", START - DAY),
                (2, "laptop", START - DAY),
                (3, "Phone", END - 2 * DAY),
                (4, "", START - DAY),
            )
        )
        add_device(tx, "00:00:0C:00:00:05", "later", END)
        rows.add_session(tx, one, START - DAY, None, still_connected=True)
        # One was over when the period began, one reaches into it, and one out of it.
        for ends in ((-DAY, -20), (-10, 10 * DAY), (25 * DAY, 31 * DAY)):
            rows.add_session(tx, two, START + ends[0], START + ends[1])
        rows.add_session(tx, three, END - 2 * DAY, END - DAY)
        # Of the second one an instant is all that is known.
        rows.add_session(tx, four, START - DAY, START)
        rows.add_session(tx, four, START + 10 * DAY, None)


def test_the_share_of_a_period_and_the_longest_absence(make_clients: Callable[..., Clients]) -> None:
    clients = make_clients(TIMEZONE="UTC")
    fill(clients)
    answer = clients.viewer.get(URL, PERIOD)
    assert answer.headers["X-Total-Count"] == "4"
    assert answer.json["start"] == PERIOD["start"]
    router, laptop, phone, nameless = answer.json["devices"]
    assert router == {
        "mac": "00:00:0C:00:00:01",
        "name": "router",
        "owner": "",
        "first_seen": IN_UTC.format_offset(START - DAY),
        "sessions": 1,
        "connected_seconds": 30 * DAY,
        "observed_seconds": 30 * DAY,
        "share": 1.0,
        "longest_absence": None,
    }
    assert (phone["observed_seconds"], phone["share"], phone["sessions"]) == (2 * DAY, 0.5, 1)
    assert phone["longest_absence"]["until"] == PERIOD["end"]
    assert (laptop["connected_seconds"], laptop["sessions"]) == (15 * DAY, 2)
    assert laptop["longest_absence"] == {
        "seconds": 15 * DAY,
        "from": IN_UTC.format_offset(START + 10 * DAY),
        "until": IN_UTC.format_offset(START + 25 * DAY),
    }
    assert (nameless["share"], nameless["sessions"]) == (0.0, 1)
    assert nameless["longest_absence"]["seconds"] == 20 * DAY


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", "2314"),
        ("-name", "1324"),
        ("-absence", "4231"),
        ("absence", "1324"),
        ("sessions", "4312"),
        ("-connected_seconds", "1234"),
        ("mac", "1234"),
    ],
)
def test_in_any_order(clients: Clients, sort: str, order: str) -> None:
    fill(clients)
    found = "".join(each["mac"][-1] for each in shares(clients, sort=sort))
    assert found == order
    page = clients.viewer.get(URL, {**PERIOD, "sort": sort, "limit": "1", "offset": "1"})
    assert [each["mac"][-1] for each in page.json["devices"]] == [found[1]]
    assert page.headers["X-Total-Count"] == "4"


def test_of_some_devices_and_as_a_file(clients: Clients) -> None:
    fill(clients)
    assert [each["name"] for each in shares(clients, search="LAP")] == ["laptop"]
    text = clients.viewer.get(f"{URL}.csv", {**PERIOD, "search": "o", "sort": "name"}).get_data(as_text=True)
    head, *lines = text.removeprefix("\ufeff").splitlines()
    assert head.startswith("mac,name,owner,first_seen,sessions,connected_seconds,observed_seconds,share")
    assert [line.split(",")[1] for line in lines] == ["laptop", "Phone", "router"]
    assert f",{15 * DAY},{30 * DAY},0.5,{15 * DAY}," in lines[0]


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        (START, END, (4, 4, 1)),
        (START + 11 * DAY, START + 24 * DAY, (3, 1, 0)),
        # To the second: the laptop left ten days after the start, and came again fifteen days later.
        (START + 10 * DAY, START + 25 * DAY, (3, 2, 0)),
        (START + 10 * DAY - 1, START + 25 * DAY, (3, 3, 0)),
        (START + 10 * DAY + 1, START + 25 * DAY + 1, (3, 2, 0)),
        (END, NOW, (5, 2, 1)),
    ],
)
def test_how_many_were_there_at_all(
    clients: Clients, clock: Traveller, start: int, end: int, counts: tuple[int, int, int]
) -> None:
    fill(clients)
    query = {"start": IN_UTC.format_offset(start), "end": IN_UTC.format_offset(end)}
    found = clients.viewer.ok("GET", "/presence/totals", query_string=query)
    assert (found["known"], found["there"], found["new"]) == counts
    found = clients.viewer.ok("GET", "/presence/totals", query_string={**query, "search": "router"})
    assert (found["known"], found["there"]) == (1, 1)


def test_a_period_up_to_now_and_one_of_the_future(clients: Clients, clock: Traveller) -> None:
    fill(clients)
    found = clients.viewer.ok("GET", URL, query_string={"period": "7 days"})
    assert found["devices"][0]["observed_seconds"] == 7 * DAY
    assert found["end"] == IN_UTC.format_offset(NOW)
    refused(clients.viewer.get(URL, {"start": IN_UTC.format_offset(NOW + 60)}), 400)
    refused(clients.viewer.get(URL, {"sort": "owner"}), 400)


def test_as_counting_hour_by_hour(clients: Clients) -> None:
    """Against a slow reference: in which hours of the period each device was there."""
    hour, base, chance = 3600, NOW - 60 * DAY, Random(7)
    there: dict[str, set[int]] = {}
    with rows.writing(clients.app) as tx:
        for number in range(30):
            mac = f"00:00:0C:00:01:{number:02X}"
            device, at, there[mac] = add_device(tx, mac, "", base - 50 * hour), -30, set()
            while (at := at + chance.randint(1, 60)) < 90:
                until = at + chance.choice((1, 5, 30, 900))
                rows.add_session(tx, device, base + at * hour, base + until * hour)
                there[mac] |= set(range(at, until))
                at = until
    for _ in range(20):
        start = chance.randint(-20, 80)
        period = range(start, start + chance.randint(1, 90))
        ends = {"start": base + start * hour, "end": base + period.stop * hour}
        query = {name: IN_UTC.format_offset(at) for name, at in ends.items()}
        for each in clients.viewer.ok("GET", URL, query_string=query)["devices"]:
            hours = there[each["mac"]]
            absent = "".join(" " if at in hours else "." for at in period)
            most = 0 if absent.isspace() or not hours & set(period) else max(map(len, absent.split()))
            absence = each["longest_absence"] or {"seconds": 0}
            assert each["connected_seconds"] == len(hours & set(period)) * hour
            assert absence["seconds"] == most * hour, (each, absent)


def test_archiving_a_device_changes_nothing_of_a_month_in_which_it_was_there(clients: Clients) -> None:
    """A report is a function of its period: there is no device the less because it is of no use today."""
    fill(clients)
    with rows.writing(clients.app) as tx:
        add_device(tx, "00:00:0C:00:00:06", "seen, never connected", END - 5 * DAY)
        add_device(tx, "00:00:0C:00:00:07", "long gone", START - 300 * DAY)
    clients.admin.ok("PATCH", "/devices/00:00:0C:00:00:07", json={"archived": True})
    totals = clients.viewer.ok("GET", "/presence/totals", query_string=PERIOD)
    assert (totals["known"], totals["there"], totals["new"]) == (5, 4, 2)
    file = clients.viewer.get(f"{URL}.csv", PERIOD).get_data(as_text=True)
    before = clients.viewer.get(URL, PERIOD)
    assert before.headers["X-Total-Count"] == "5"
    for number in range(1, 7):
        clients.admin.ok("PATCH", f"/devices/00:00:0C:00:00:0{number}", json={"archived": True})
    after = clients.viewer.get(URL, PERIOD)
    assert after.json == before.json
    assert after.headers["X-Total-Count"] == "5"
    assert clients.viewer.get(f"{URL}.csv", PERIOD).get_data(as_text=True) == file
    assert clients.viewer.ok("GET", "/presence/totals", query_string=PERIOD) == totals
    assert [each["name"] for each in shares(clients, status="known", search="LAP")] == ["laptop"]
    # In a period without it, a device that is archived is out of sight.
    earlier = {
        "start": IN_UTC.format_offset(START - 30 * DAY),
        "end": IN_UTC.format_offset(START - 20 * DAY),
    }
    assert clients.viewer.get(URL, earlier).headers["X-Total-Count"] == "0"
    assert clients.viewer.ok("GET", "/presence/totals", query_string=earlier)["known"] == 0
    # Each status goes on to say of which devices it is.
    assert shares(clients, status="all") == []
    assert len(shares(clients, status="archived")) == 6


def test_the_newest_first(clients: Clients) -> None:
    fill(clients)
    found = [each["first_seen"] for each in shares(clients, sort="-first_seen")]
    assert found == sorted(found, reverse=True)
    assert found[0] == IN_UTC.format_offset(END - 2 * DAY)


@pytest.mark.parametrize("sort", ["share", "-share", "-absence"])
def test_a_period_that_begins_now_is_empty(clients: Clients, clock: Traveller, sort: str) -> None:
    fill(clients)
    query = {"start": IN_UTC.format_offset(NOW), "sort": sort}
    answer = clients.viewer.ok("GET", URL, query_string=query)
    assert answer["start"] == answer["end"] == query["start"]
    found = [
        (each["connected_seconds"], each["observed_seconds"], each["share"]) for each in answer["devices"]
    ]
    assert found == [(0, 0, None)] * 5
    lines = clients.viewer.get(f"{URL}.csv", query).get_data(as_text=True).splitlines()
    assert len(lines) == 6
