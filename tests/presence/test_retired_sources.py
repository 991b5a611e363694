"""A source that is archived, and its devices with it: they left when it last saw them."""

from typing import Any

import pytest
import time_machine

from tests.support.application import Clients
from tests.support.command import assert_one_line, invoke
from tests.support.history_calls import History, M, O, X

HOUR = 3600
DAY = 86_400


@pytest.fixture
def history(clients: Clients, clock: time_machine.Traveller) -> History:
    return History(clients, clock)


def retire(history: History, source: str, **more: Any) -> int:
    body = {"name": source, "archived": True, "disconnect": True, **more}
    answer = history.clients.operator.ok("PATCH", "/presence/sources", body)
    assert answer["source"]["archived"]
    count: int = answer["disconnected"]
    return count


def is_archived(history: History, source: str) -> bool:
    found = history.clients.viewer.ok("GET", "/presence/sources")["sources"]
    return next(bool(each["archived"]) for each in found if each["name"] == source)


def test_whom_a_scanner_saw_left_at_its_last_look(history: History) -> None:
    history.scan(-7200, X, M, O)
    history.scan(-3600, X, M)
    history.scan(-3599, M)
    assert retire(history, "arp") == 3
    assert history.sessions(X) == [(-7200, -3600)]
    assert history.sessions(M) == [(-7200, -3599)]
    assert history.sessions(O) == [(-7200, -7200)]
    assert (-3600, "Disconnected") in history.events(X)
    assert is_archived(history, "arp")
    history.assert_sound()


def test_without_the_option_they_stay_connected(history: History) -> None:
    history.scan(-7200, X)
    assert retire(history, "arp", disconnect=False) == 0
    assert history.is_connected()


@pytest.mark.parametrize("kind", ["seen", "connected"])
@pytest.mark.parametrize("at", [None, 0])
def test_of_whom_a_source_spoke_left_in_the_second_of_its_last_word(
    history: History, kind: str, at: int | None
) -> None:
    history.event("seen", -900, source="radius:ap-1")
    history.event(kind, at, source="radius:ap-1")
    history.event("connected", -60, mac=M, source="radius:ap-1")
    history.event("disconnected", -30, mac=M, source="radius:ap-1")
    history.clock.shift(HOUR)
    assert retire(history, "radius:ap-1") == 1
    assert history.sessions() == [(-900, 0)]
    assert history.sessions(M) == [(-60, -30)]
    assert is_archived(history, "radius:ap-1")
    history.assert_sound()


def test_back_within_the_second_in_which_it_left_it_leaves_again(history: History) -> None:
    history.event("connected", -900)
    for kind in ("disconnected", "connected"):
        history.event(kind, 0)
    assert history.is_connected()
    assert retire(history, "ap") == 1
    assert not history.is_connected()
    history.assert_sound()


def test_whom_another_source_sees_stays_connected(history: History) -> None:
    history.scan(-900, X, M)
    history.event("seen", -1800, source="dhcp")
    assert retire(history, "arp") == 1
    assert (history.is_connected(X), history.is_connected(M)) == (True, False)
    assert history.sessions() == [(-1800, None)]
    assert retire(history, "dhcp") == 1
    # As if either had said so when it last saw it.
    assert history.sessions() == [(-1800, -1800), (-900, -900)]
    history.assert_sound()


def test_a_merged_device_left_when_it_was_last_seen_by_any_address(history: History) -> None:
    history.scan(-1200, X, M)
    history.scan(-900, M)
    history.merge(X, M)
    assert retire(history, "arp") == 1
    assert history.sessions() == [(-1200, -900)]
    history.assert_sound()


def test_archived_again_it_disconnects_nobody_anew(history: History) -> None:
    history.scan(-900, X)
    assert retire(history, "arp") == 1
    events = history.events()
    assert retire(history, "arp") == 0
    assert history.events() == events


def test_heard_of_again_it_connects_as_usual(history: History) -> None:
    history.scan(-900, X)
    retire(history, "arp")
    history.scan(-600, X)
    assert history.sessions() == [(-900, -900), (-600, None)]
    assert not is_archived(history, "arp")
    assert retire(history, "arp") == 1
    assert history.sessions() == [(-900, -900), (-600, -600)]
    history.assert_sound()


def test_a_look_in_the_very_second_connects_again(history: History) -> None:
    body = {"source": "arp", "devices": [{"mac": X}]}
    history.clients.operator.ok("POST", "/presence/scans", body)
    assert retire(history, "arp") == 1
    assert history.sessions() == [(0, 0)]
    history.clients.operator.ok("POST", "/presence/scans", body)
    assert history.is_connected()
    history.assert_sound()


@pytest.mark.parametrize("retired_first", [False, True])
def test_late_evidence_of_before_changes_nothing_of_it(history: History, retired_first: bool) -> None:
    history.scan(-900, X)
    if retired_first:
        retire(history, "arp")
    history.scan(-1200, X)
    if not retired_first:
        retire(history, "arp")
    assert history.sessions() == [(-1200, -900)]


def test_longer_ago_than_evidence_is_accepted(history: History) -> None:
    history.scan(-900, X)
    history.event("connected", -600, mac=M)
    history.clock.shift(30 * DAY)
    # Something settles what is over.
    history.scan(30 * DAY, O)
    history.event("seen", 30 * DAY, mac=O)
    # The scanner still holds the third.
    assert retire(history, "ap") == 1
    assert history.sessions(M) == [(-600, -600)]
    assert retire(history, "arp") == 2
    assert history.sessions(X) == [(-900, -900)]
    assert (-900, "Disconnected") in history.events(X)
    history.assert_sound()


def test_back_within_a_second_that_is_settled(history: History) -> None:
    history.event("connected", -900)
    history.event("disconnected", 0)
    history.event("connected", 0)
    history.clock.shift(30 * DAY)
    history.event("seen", 30 * DAY, mac=M)
    assert history.is_connected()
    retire(history, "ap")
    assert not history.is_connected()
    history.assert_sound()


def test_what_is_reported_stays(history: History) -> None:
    history.create(-1800)
    history.scan(-900, X)
    assert retire(history, "arp") == 0
    assert history.sessions() == [(-1800, None)]
    history.assert_sound()


def test_its_end_is_a_device_down_where_that_is_asked_for(history: History) -> None:
    history.scan(-900, X)
    history.patch(alert_down=True)
    assert retire(history, "arp") == 1
    assert (-900, "Device Down") in history.events()


def test_only_what_is_archived_disconnects(history: History) -> None:
    history.scan(-900, X)
    body = {"name": "arp", "archived": False, "disconnect": True}
    refused = history.clients.operator.call("PATCH", "/presence/sources", body)
    assert refused.status_code == 400
    assert list(refused.get_json()["errors"]) == ["disconnect"]
    body = {"name": "nobody", "archived": True, "disconnect": True}
    assert history.clients.operator.call("PATCH", "/presence/sources", body).status_code == 404
    assert history.is_connected()


def test_the_command_says_how_many_devices_it_disconnected(history: History) -> None:
    history.scan(-900, X, M)
    folder = history.clients.app.instance_path
    result = invoke(folder, "source", "archive", "arp", "--disconnect")
    assert result.output == "Archived source arp.\nDisconnected 2 devices.\n"
    assert not history.is_connected()
    history.scan(-600, X)
    result = invoke(folder, "source", "archive", "arp", "--disconnect")
    assert result.output == "Archived source arp.\nDisconnected 1 device.\n"


# --- who holds a device


def holders(history: History, mac: str = X) -> list[tuple[str, str]]:
    found = history.clients.viewer.ok("GET", f"/devices/{mac}")["held_by"]
    return [(each["source"], each["last_seen"]) for each in found]


def test_a_device_names_the_sources_that_hold_it(history: History) -> None:
    history.scan(-900, X, M)
    history.scan(-300, X)
    history.event("connected", -1800, source="dhcp")
    history.event("connected", -1800, source="ap")
    history.event("disconnected", -60, source="ap")
    assert holders(history) == [("arp", "2025-08-15T11:55:00+00:00"), ("dhcp", "2025-08-15T11:30:00+00:00")]
    # Missed, but not yet for its grace time.
    assert holders(history, M) == [("arp", "2025-08-15T11:45:00+00:00")]
    retire(history, "arp")
    assert holders(history) == [("dhcp", "2025-08-15T11:30:00+00:00")]
    assert holders(history, M) == []


def disconnect(history: History, *arguments: str) -> Any:
    return invoke(history.clients.app.instance_path, "device", "disconnect", *arguments)


def test_a_device_that_two_sources_saw_one_soon_after_the_other_left_both_at_once(history: History) -> None:
    history.scan(-900, X, M)
    history.event("connected", -840, source="ap")
    history.scan(-780, M)
    history.patch(alert_down=True)
    history.scan(-360, M)
    assert history.sessions() == [(-900, None)]
    assert disconnect(history, X).output == f"{X} left, for ap, arp.\n"
    assert history.sessions() == [(-900, -840)]
    assert history.events() == [(-900, "Connected"), (-900, "New Device"), (-840, "Device Down")]
    history.assert_sound()


def test_a_source_that_is_retired_splits_no_stay_that_another_one_goes_on_with(history: History) -> None:
    history.scan(-1500, X, M)
    history.event("connected", -1440, source="ap")
    for at in range(-1380, -1000, 60):
        history.event("seen", at, source="ap")
        history.scan(at, M)
    assert retire(history, "arp") == 1
    assert history.sessions() == [(-1500, None)]
    disconnect(history, X)
    assert history.sessions() == [(-1500, -1020)]
    history.assert_sound()


def test_a_device_that_two_sources_saw_long_apart_was_away_in_between(history: History) -> None:
    history.event("connected", -7200, source="radius")
    history.event("connected", -900, source="ap")
    assert history.sessions() == [(-7200, None)]
    disconnect(history, X)
    assert history.sessions() == [(-7200, -7200), (-900, -900)]
    history.assert_sound()


def test_a_lost_end_is_said_of_one_device(history: History) -> None:
    history.event("connected", -7200, source="ap")
    history.event("seen", -3600, source="ap")
    history.event("connected", -3600, mac=M, source="ap")
    # A scan that misses it ends nothing of the access point's.
    history.scan(-3600, X, M)
    history.scan(-1800, M)
    history.scan(-60, M)
    assert history.is_connected(X)
    assert disconnect(history, X).stdout == f"{X} left, for ap.\n"
    assert history.sessions(X) == [(-7200, -3600)]
    assert (history.is_connected(X), history.is_connected(M)) == (False, True)
    history.event("connected", -30, source="ap")
    assert history.is_connected(X)
    history.assert_sound()


def test_it_is_said_for_one_source_or_for_all(history: History) -> None:
    history.event("connected", -7200, source="ap")
    history.event("connected", -3600, mac=M, source="ap")
    history.event("connected", -1800, source="dhcp")
    history.merge(X, M)
    one = disconnect(history, M, "--source", "ap")
    assert one.stdout.splitlines() == [
        f"{X} left, for ap.",
        "It is still connected by what else is known of it.",
    ]
    assert [source for source, _ in holders(history)] == ["dhcp"]
    assert disconnect(history, X).stdout == f"{X} left, for dhcp.\n"
    assert history.sessions(X) == [(-7200, -3600), (-1800, -1800)]
    history.assert_sound()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([X, "--source", "ap"], f"No source ap holds {X} as connected."),
        ([M], f"No source holds {M} as connected."),
        ([O], f"No device has the MAC address {O}."),
    ],
)
def test_of_whom_no_source_holds_there_is_no_end_to_say(
    history: History, arguments: list[str], words: str
) -> None:
    history.scan(-60, X)
    history.create(-1800, mac=M)
    refused = disconnect(history, *arguments)
    assert refused.exit_code == 1
    assert_one_line(refused.stderr, words)
    assert history.is_connected(X)


def test_a_merged_device_names_them_by_any_address(history: History) -> None:
    history.scan(-900, X)
    history.event("seen", -600, mac=M, source="dhcp")
    history.merge(X, M)
    assert [source for source, _ in holders(history, M)] == ["arp", "dhcp"]


def test_a_device_that_was_only_reported_is_held_by_none(history: History) -> None:
    history.create(-1800)
    assert history.is_connected()
    assert holders(history) == []


def test_the_command_shows_who_holds_it(history: History) -> None:
    history.scan(-900, X)
    history.event("seen", -600, source="dhcp")
    folder = history.clients.app.instance_path
    shown = invoke(folder, "device", "show", X).output
    assert "arp (2025-08-15T11:45:00+00:00), dhcp (2025-08-15T11:50:00+00:00)" in " ".join(shown.split())
    assert '"source": "dhcp"' in invoke(folder, "device", "show", X, "--json").output
