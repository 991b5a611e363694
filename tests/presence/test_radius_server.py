"""`sessiontrack listen radius`: the accounting server, asked by radclient and by our own packets."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from pyrad.packet import AcctPacket

from sessiontrack import clock
from sessiontrack.config import settings_of
from sessiontrack.database import write_transaction
from sessiontrack.listeners import radius as listener
from sessiontrack.listeners.radius import RadiusServer
from sessiontrack.services.presence import PresenceRules
from sessiontrack.services.radius_accounting import Memory, Received, record
from sessiontrack.services.source_failures import record_failure
from sessiontrack.sources import radius as source
from tests.support import databases
from tests.support.application import NOW, Clients
from tests.support.command import assert_one_line, run
from tests.support.radius import MAC, SECRET, ask, asked, assert_silent, packet, radclient, running
from tests.support.server import COMMAND, environment
from tests.support.waiting import SECONDS, join, wait_until

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
CLIENTS = f"127.0.0.1={SECRET.decode()}"
STATION = ('Calling-Station-Id = "aabb.cc00.0001"', 'NAS-Identifier = "ap-1"', 'Acct-Session-Id = "5F00"')


@pytest.fixture
def site(make_clients: Callable[..., Clients]) -> Clients:
    return make_clients(RADIUS_CLIENTS=CLIENTS)


@pytest.fixture
def server(site: Clients) -> Iterator[RadiusServer]:
    with running(site.app) as server:
        yield server


def sessions(site: Clients, mac: str = MAC) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.admin.ok("GET", f"/sessions/list?mac={mac}")["sessions"]
    return found


def events(site: Clients) -> list[str]:
    answer = site.admin.ok("GET", "/sessions/session-events?type=all")
    return sorted(event["type"] for event in answer["events"])


# --- the real client


def test_radclient_start_interim_stop(site: Clients, server: RadiusServer) -> None:
    user = 'User-Name = "anna"'
    said = radclient(server.port, "Acct-Status-Type = Start", "Framed-IP-Address = 10.0.0.7", user, *STATION)
    assert "Received Accounting-Response" in said
    (open_session,) = sessions(site)
    assert open_session["ses_StillConnected"] is True
    assert open_session["ses_IP"] == "10.0.0.7"
    assert open_session["ses_Info"] == "NAS ap-1, user anna, session 5F00"
    said = radclient(
        server.port, "Acct-Status-Type = Interim-Update", "Framed-IP-Address = 10.0.0.7", *STATION
    )
    assert "Received Accounting-Response" in said
    said = radclient(server.port, "Acct-Status-Type = Stop", "Acct-Session-Time = 0", *STATION)
    assert "Received Accounting-Response" in said
    (closed,) = sessions(site)
    assert closed["ses_StillConnected"] is False
    assert closed["id"] == open_session["id"]
    assert events(site) == ["Connected", "Disconnected", "New Device"]


def test_radclient_accounting_on_closes_what_its_nas_opened(site: Clients, server: RadiusServer) -> None:
    for nas, mac in (("ap-1", "aabbcc000001"), ("ap-1", "aabbcc000002"), ("ap-2", "aabbcc000003")):
        station = (f'Calling-Station-Id = "{mac}"', f'NAS-Identifier = "{nas}"', f'Acct-Session-Id = "{mac}"')
        # A moment ago: a restart at the very instant of a connection would have come before it.
        said = radclient(server.port, "Acct-Status-Type = Start", "Acct-Delay-Time = 9", *station)
        assert "Received Accounting-Response" in said
    for status in ("Accounting-On", "Accounting-Off"):
        said = radclient(server.port, f"Acct-Status-Type = {status}", 'NAS-Identifier = "ap-1"')
        assert "Received Accounting-Response" in said
    still = [sessions(site, f"AA:BB:CC:00:00:0{n}")[0]["ses_StillConnected"] for n in (1, 2, 3)]
    assert still == [False, False, True]


def test_radclient_with_a_wrong_secret_is_not_answered(site: Clients) -> None:
    reports: list[str] = []
    with running(site.app, reports) as server:
        said = radclient(server.port, "Acct-Status-Type = Start", *STATION, secret=b"wrong", retries=2)
    assert "No reply from server" in said
    assert sessions(site) == []
    # radclient sends an unchanged packet again: two of them, one line.
    assert reports == ["RADIUS: 0 packets answered; also 2 with a wrong secret (from 127.0.0.1)."]
    (found,) = site.admin.ok("GET", "/presence/sources")["sources"]
    assert (found["name"], found["kind"]) == ("radius", "radius")
    assert "wrong secret from 127.0.0.1" in found["reason"]


@pytest.mark.parametrize(
    ("seconds", "then", "fails"),
    [
        (3500, None, True),
        (3700, None, False),
        (30, SECRET, True),
        (90, SECRET, False),
        (3500, b"wrong", True),
    ],
)
def test_a_wrong_secret_is_a_failure_for_an_hour_or_until_its_client_has_the_right_one(
    site: Clients, clock: time_machine.Traveller, seconds: int, then: bytes | None, fails: bool
) -> None:
    lines: list[str] = []
    settings = settings_of(site.app)
    server = RadiusServer("127.0.0.1", 0, settings.radius_clients, PresenceRules.of(settings))

    def read(secret: bytes, at: int) -> None:
        server._read(listener._Datagram(packet(START, secret=secret), (), "127.0.0.1", SECRET, at))

    with site.app.app_context(), closing(server._socket), closing(server._wake), closing(server._woken):
        read(b"wrong", NOW)
        server._report(lines.append)
        assert _failures(site) == [listener.REASON.format("127.0.0.1")]
        clock.shift(seconds)
        if then is not None:
            read(then, NOW + seconds)
        server._report(lines.append)
        assert _failures(site) == [listener.REASON.format("127.0.0.1")] * fails
    assert lines[0] == "RADIUS: 0 packets answered; also 1 with a wrong secret (from 127.0.0.1)."


@pytest.mark.parametrize(("clients", "fails"), [(f"{CLIENTS}, 127.0.0.2=other", True), (CLIENTS, False)])
def test_a_restart_does_not_forget_whose_secret_is_wrong(
    make_clients: Callable[..., Clients], clients: str, fails: bool
) -> None:
    """Where another client's packets are right; one that is no client any more is no failure."""
    site = make_clients(RADIUS_CLIENTS=clients)
    reason = listener.REASON.format("127.0.0.2, 127.0.0.")
    with site.app.app_context(), write_transaction() as tx:
        record_failure(tx, clock.now(), listener.SOURCE, reason)
    with running(site.app) as server, asked(server.port, packet(START)) as sender:
        assert sender.recv(4096)
        with site.app.app_context():
            server._report(lambda line: None)
        assert _failures(site) == [reason] * fails


@pytest.mark.usefixtures("clock")
def test_an_archived_failure_comes_back_with_the_next_wrong_packet_only(site: Clients) -> None:
    settings = settings_of(site.app)
    server = RadiusServer("127.0.0.1", 0, settings.radius_clients, PresenceRules.of(settings))

    def read_wrong(at: int) -> None:
        server._read(listener._Datagram(packet(START, secret=b"wrong"), (), "127.0.0.1", SECRET, at))

    with site.app.app_context(), closing(server._socket), closing(server._wake), closing(server._woken):
        read_wrong(NOW)
        server._report(lambda line: None)
        assert _failures(site) != []
        site.admin.ok("PATCH", "/presence/sources", {"name": listener.SOURCE, "archived": True})
        server._report(lambda line: None)
        assert _failures(site) == []
        read_wrong(NOW + 1)
        server._report(lambda line: None)
        assert _failures(site) != []


def _failures(site: Clients) -> list[str]:
    sources = site.admin.ok("GET", "/presence/sources")["sources"]
    return [each["reason"] for each in sources if each["failing_since"] is not None]


def test_what_listeners_name_of_senders_is_bounded(
    server: RadiusServer,
) -> None:
    lines: list[str] = []
    for number in range(300):
        server.count("of unknown clients", f"10.0.{number // 256}.{number % 256}")
    server._report(lines.append, is_last=True)
    (line,) = lines
    assert "300 of unknown clients (from 10.0.0.0, 10.0.0.1, 10.0.0.2, " in line
    assert line.count("10.0.") == listener.MOST_SENDERS
    assert line.endswith(", and others).")


# --- what is answered, and what is counted


def answered_by(port: int, *datagrams: bytes) -> int:
    return len(ask(port, *datagrams))


def test_an_answer_is_one_that_the_client_believes(server: RadiusServer) -> None:
    asked = AcctPacket(id=77, secret=SECRET, dict=source._DICTIONARY)
    asked.AddAttribute("Acct-Status-Type", START)
    asked[33] = [b"a proxy's own", b"and another's"]
    (raw,) = ask(server.port, asked.RequestPacket())
    answer = asked.CreateReply(packet=raw)
    assert asked.VerifyReply(answer, raw)
    assert answer.code == 5
    assert answer[33] == [b"a proxy's own", b"and another's"]


def test_repeats_are_answered_and_not_counted_twice(site: Clients, server: RadiusServer) -> None:
    start, stop = packet(START, Acct_Delay_Time=20), packet(STOP, number=2, Acct_Delay_Time=10)
    again = packet(STOP, number=9, Acct_Delay_Time=4)
    assert answered_by(server.port, start, start, stop, stop, again, start) == 6
    assert len(sessions(site)) == 1
    assert events(site) == ["Connected", "Disconnected", "New Device"]


def test_packets_that_are_replayed_after_a_minute_change_nothing(site: Clients) -> None:
    """They are no repetition any more. Those with an instant of their own say the same of it again."""
    rules, memory = PresenceRules.of(settings_of(site.app)), Memory()

    def receive(at: int, *datagrams: bytes) -> None:
        batch = [
            Received(source.read_accounting(each, "127.0.0.1", SECRET), "127.0.0.1", at) for each in datagrams
        ]
        with site.app.app_context(), write_transaction() as tx:
            record(tx, at, batch, rules, memory)

    start = packet(START, Event_Timestamp=NOW)
    interim = packet(INTERIM, number=2, Event_Timestamp=NOW + 300)
    stop = packet(STOP, number=3, Event_Timestamp=NOW + 600)
    receive(NOW, start)
    receive(NOW + 300, interim)
    receive(NOW + 361, start, interim)
    assert [each["ses_StillConnected"] for each in sessions(site)] == [True]
    receive(NOW + 600, stop)
    (closed,) = sessions(site)
    assert closed["ses_DurationSeconds"] == 600
    receive(NOW + 700, start, interim, stop)
    # A listener that was started anew remembers nothing.
    memory = Memory()
    receive(NOW + 900, stop, interim, start)
    assert sessions(site) == [closed]
    found = site.admin.ok("GET", "/sessions/session-events?type=all&period=all")["events"]
    assert sorted(each["type"] for each in found) == ["Connected", "Disconnected", "New Device"]


def test_a_stop_that_comes_again_does_not_end_the_next_session(site: Clients, server: RadiusServer) -> None:
    stop = {"Acct_Session_Id": "A"}
    assert (
        answered_by(
            server.port,
            packet(START, Acct_Session_Id="A", Acct_Delay_Time=60),
            packet(STOP, number=2, Acct_Delay_Time=40, **stop),
            packet(START, number=3, Acct_Session_Id="B", Acct_Delay_Time=30),
            packet(STOP, number=4, Acct_Delay_Time=20, **stop),
        )
        == 4
    )
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False, True]


def test_a_stop_of_a_replaced_session_does_not_end_the_new_one(site: Clients, server: RadiusServer) -> None:
    """Access points notice late that a station began anew."""
    assert (
        answered_by(
            server.port,
            packet(START, Acct_Session_Id="A", Acct_Delay_Time=60),
            packet(START, number=2, Acct_Session_Id="B", Acct_Delay_Time=30),
            packet(STOP, number=3, Acct_Session_Id="A", Acct_Delay_Time=20),
        )
        == 3
    )
    assert [each["ses_StillConnected"] for each in sessions(site)] == [True]


def test_start_and_stop_within_a_second_leave_nobody_connected(site: Clients, server: RadiusServer) -> None:
    at = clock.now() - 100
    for order, mac in (((START, STOP), "aabbcc000001"), ((STOP, START), "aabbcc000002")):
        both = [packet(s, number=s, Calling_Station_Id=mac, Event_Timestamp=at) for s in order]
        assert answered_by(server.port, *both) == 2
        assert [each["ses_StillConnected"] for each in sessions(site, mac)] == [False]


def test_a_stop_without_start_tells_the_start(site: Clients, server: RadiusServer) -> None:
    at = clock.now() - 100
    assert answered_by(server.port, packet(STOP, Acct_Session_Time=3600, Event_Timestamp=at)) == 1
    (session,) = sessions(site)
    assert session["ses_DurationSeconds"] == 3600
    assert session["ses_StillConnected"] is False


def test_an_interim_without_start_tells_the_start(site: Clients, server: RadiusServer) -> None:
    at = clock.now() - 100
    first = packet(INTERIM, Acct_Session_Time=3600, Event_Timestamp=at - 50)
    assert (
        answered_by(server.port, first, packet(STOP, number=2, Acct_Session_Time=3650, Event_Timestamp=at))
        == 2
    )
    (session,) = sessions(site)
    assert session["ses_DurationSeconds"] == 3650


def test_a_session_names_all_users_and_access_points_of_its_time(site: Clients, server: RadiusServer) -> None:
    for delay, nas, user, session_id in (
        (40, "ap-1", "host/pc20", "1"),
        (30, "ap-1", "frida", "2"),
        (20, "ap-2", "frida", "3"),
    ):
        said = {"NAS_Identifier": nas, "User_Name": user, "Acct_Session_Id": session_id}
        assert answered_by(server.port, packet(START, Acct_Delay_Time=delay, **said)) == 1
    (session,) = sessions(site)
    assert session["ses_Info"].split("; ") == [
        "NAS ap-1, user host/pc20, session 1",
        "NAS ap-1, user frida, session 2",
        "NAS ap-2, user frida, session 3",
    ]
    found = site.admin.ok("GET", "/sessions/session-events?type=sessions&search=frida")
    assert found["total"] == 1


@pytest.mark.parametrize("seconds", [None, 30 * 86_400])
def test_an_interim_that_begins_a_session_gives_it_its_info(
    site: Clients, server: RadiusServer, seconds: int | None
) -> None:
    """Of a device that was there before RADIUS began, or for longer than evidence is accepted."""
    more = {} if seconds is None else {"Acct_Session_Time": seconds}
    first = packet(INTERIM, NAS_Identifier="ap-1", User_Name="anna", Acct_Session_Id="7", **more)
    assert answered_by(server.port, first) == 1
    (session,) = sessions(site)
    assert all(word in session["ses_Info"] for word in ("anna", "7")), session


def test_a_nas_that_starts_again_ends_both_addresses_of_a_device(site: Clients, server: RadiusServer) -> None:
    at, others = clock.now() - 100, ("AA:BB:CC:00:00:02", "AA:BB:CC:00:00:03")
    stations = (MAC, others[0])
    starts = [
        packet(START, number=n, Calling_Station_Id=mac, NAS_Identifier="ap-1", Event_Timestamp=at + n)
        for n, mac in enumerate((*stations, others[1]))
    ]
    assert answered_by(server.port, *starts) == 3
    site.operator.ok("POST", f"/devices/{MAC}/merge", {"mac": others[0]})
    stop = packet(STOP, number=4, Calling_Station_Id=MAC, NAS_Identifier="ap-1", Event_Timestamp=at + 10)
    assert answered_by(server.port, stop) == 1
    assert [each["ses_StillConnected"] for each in sessions(site)] == [True]
    assert answered_by(server.port, packet(ON, number=5, NAS_Identifier="ap-1", Event_Timestamp=at + 20)) == 1
    for mac in (MAC, others[1]):
        assert [each["ses_StillConnected"] for each in sessions(site, mac)] == [False]


def test_a_started_session_keeps_its_start_after_a_restart_of_ours(site: Clients) -> None:
    at = clock.now() - 100
    with running(site.app) as server:
        assert answered_by(server.port, packet(START, Event_Timestamp=at - 62)) == 1
    with running(site.app) as server:
        assert answered_by(server.port, packet(STOP, Acct_Session_Time=60, Event_Timestamp=at)) == 1
    (session,) = sessions(site)
    assert session["ses_DurationSeconds"] == 62


@pytest.mark.parametrize(
    ("attributes", "seconds_ago"),
    [
        ({"Acct_Delay_Time": 40}, 40),
        ({"Event_Timestamp": -500}, 500),
        ({"Event_Timestamp": -500, "Acct_Delay_Time": 40}, 500),
        ({"Event_Timestamp": -30 * 86_400, "Acct_Delay_Time": 40}, 40),
        ({"Event_Timestamp": 100_000, "Acct_Delay_Time": 40}, 40),
        ({"Event_Timestamp": 200}, 0),
    ],
)
def test_when_it_happened(
    site: Clients, server: RadiusServer, attributes: dict[str, int], seconds_ago: int
) -> None:
    before = clock.now()
    chosen = dict(attributes)
    if "Event_Timestamp" in chosen:
        chosen["Event_Timestamp"] += before
    assert answered_by(server.port, packet(START, **chosen)) == 1
    after = clock.now()
    (session,) = sessions(site)
    at = int(datetime.fromisoformat(session["ses_DateTimeConnection"]).timestamp())
    assert before - seconds_ago <= at <= after - seconds_ago


def test_what_is_too_old_is_answered_so_that_it_is_not_sent_for_ever(site: Clients) -> None:
    reports: list[str] = []
    with running(site.app, reports) as server:
        assert answered_by(server.port, packet(START, Acct_Delay_Time=8 * 86_400)) == 1
        assert answered_by(server.port, packet(START, Calling_Station_Id="+43 1 555")) == 1
        assert answered_by(server.port, packet(15)) == 1
    assert reports == [
        "RADIUS: 1 packets answered; also 1 too old to be evidence, 1 without a MAC address"
        " (NAS ap-1 sent Calling-Station-Id '+43 1 555', User-Name '')."
    ]
    assert site.admin.ok("GET", "/sessions/list")["sessions"] == []


def test_a_nas_whose_clock_is_wrong_is_named(site: Clients) -> None:
    """What it says counts as of its receipt."""
    reports: list[str] = []
    with running(site.app, reports) as server:
        assert answered_by(server.port, packet(START, Event_Timestamp=clock.now() - 13 * 86_400)) == 1
    assert reports == [
        "RADIUS: 1 packets answered; also 1 dated too far from now, taken as of the receipt (from 127.0.0.1)."
    ]


def test_sessions_of_a_restarted_nas_may_have_their_names_again(site: Clients, server: RadiusServer) -> None:
    assert (
        answered_by(
            server.port,
            packet(START, Acct_Delay_Time=60),
            packet(ON, number=2, Calling_Station_Id=None, Acct_Delay_Time=30),
            packet(START, number=3, Acct_Delay_Time=20),
        )
        == 3
    )
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False, True]


def test_what_a_nas_said_before_its_restart_and_comes_after_it(site: Clients, server: RadiusServer) -> None:
    assert (
        answered_by(
            server.port,
            packet(OFF, Calling_Station_Id=None, Acct_Delay_Time=30),
            packet(START, number=3, Acct_Delay_Time=60),
        )
        == 2
    )
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False]


# --- hostile and unlucky


@pytest.mark.long
def test_nothing_is_lost_in_a_burst(site: Clients) -> None:
    datagrams = [
        packet(START, number=n % 256, Calling_Station_Id=f"AABBCC{n:06X}", Acct_Session_Id=f"{n:X}")
        for n in range(2000)
    ]
    with running(site.app) as server:
        answers: set[tuple[int, bytes]] = set()
        done = threading.Event()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
            sender.settimeout(SECONDS)
            sender.connect(("127.0.0.1", server.port))

            def collect() -> None:
                while len(answers) < len(datagrams):
                    raw = sender.recv(4096)
                    answers.add((raw[1], raw[4:20]))
                done.set()

            collector = threading.Thread(target=collect)
            collector.start()
            for place, datagram in enumerate(datagrams):
                sender.send(datagram)
                if place % 100 == 99:
                    # 100 at once, and 200 under way at most: the kernel keeps few for a slow receiver.
                    wait_until(lambda place=place: len(answers) > place - 100, "answers")  # type: ignore[misc]
            join(collector)
    assert len(answers) == 2000
    totals = site.admin.ok("GET", "/sessions/totals?format=named&period=all")
    assert totals == {**totals, "sessions": 2000, "new": 2000, "missing": 0}


def test_hostile_datagrams_do_not_stop_it(site: Clients, server: RadiusServer) -> None:
    good = packet(START)
    hostile = [b"", b"\4", bytes(20), bytes(5000), good[:-1], good[:19], b"\4" * 4096]
    hostile += [good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :] for place in range(len(good))]
    # Signed, but what no NAS sends.
    hostile += [packet(None), packet(START, number=2, Acct_Status_Type=2**32 - 1)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in hostile:
            sender.sendto(datagram, ("127.0.0.1", server.port))
    assert answered_by(server.port, good) == 1
    assert len(sessions(site)) == 1


def test_an_interim_that_comes_after_its_stop_connects_nobody(site: Clients, server: RadiusServer) -> None:
    packets = [packet(status, number=status, Acct_Session_Time=9) for status in (START, STOP, INTERIM)]
    assert answered_by(server.port, *packets) == 3
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False]


def test_unknown_clients_are_dropped_and_counted(make_clients: Callable[..., Clients]) -> None:
    site = make_clients(RADIUS_CLIENTS="10.9.9.9=correct horse")
    reports: list[str] = []
    three = [packet(START)] * 3
    with running(site.app, reports) as server, asked(server.port, *three) as sender:
        wait_until(lambda: server.counts["of unknown clients"] == 3, "three packets")
        assert_silent(sender)
    assert reports == ["RADIUS: 0 packets answered; also 3 of unknown clients (from 127.0.0.1)."]


def test_the_narrowest_network_says_the_secret(make_clients: Callable[..., Clients]) -> None:
    site = make_clients(RADIUS_CLIENTS="0.0.0.0/0=wide, 127.0.0.1=correct horse,127.0.0.0/8=wide")
    with running(site.app) as server:
        assert len(ask(server.port, packet(START))) == 1


@pytest.mark.long
def test_what_cannot_be_stored_is_not_answered_and_taken_when_it_comes_again(
    make_clients: Callable[..., Clients], tmp_path: Path
) -> None:
    site = make_clients(RADIUS_CLIENTS=CLIENTS, BUSY_TIMEOUT_SECONDS=1)
    reports: list[str] = []
    start = packet(START)
    with running(site.app, reports) as server:
        with databases.busy(Path(site.app.instance_path)), asked(server.port, start) as sender:
            wait_until(
                lambda: server.counts["that could not be stored just then"] == 1, "the packet given up"
            )
            assert_silent(sender)
        assert len(ask(server.port, start)) == 1
    assert len(sessions(site)) == 1
    assert reports == ["RADIUS: 1 packets answered; also 1 that could not be stored just then."]


def test_one_packet_that_cannot_be_recorded_does_not_stop_the_others(
    site: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = listener.record

    def fail_for_one(tx: Any, now: int, batch: Any, rules: Any, memory: Any) -> Any:
        if any(received.packet.session_id == "bad" for received in batch):
            raise ZeroDivisionError
        return real(tx, now, batch, rules, memory)

    monkeypatch.setattr(listener, "record", fail_for_one)
    others = [packet(START, number=n, Calling_Station_Id=f"aabbcc00000{n}") for n in range(5)]
    packets = [packet(START, Acct_Session_Id="bad"), *others]
    with running(site.app) as server, asked(server.port, *packets) as sender:
        assert len([sender.recv(4096) for _ in others]) == 5
        wait_until(lambda: server.counts["that could not be recorded"] == 1, "the bad one")
        assert_silent(sender)


# --- the command


def test_the_command_listens_and_ends_cleanly_on_sigterm(site: Clients) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [COMMAND, "listen", "radius", "--port", str(port)],
        env={**environment(Path(site.app.instance_path), RADIUS_CLIENTS=CLIENTS), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert f"127.0.0.1:{port}" in process.stdout.readline()
    # The wrong one comes first, so it has been read when the other one is answered.
    with asked(port, packet(START, secret=b"wrong"), packet(START)) as sender:
        assert sender.recv(4096)
        assert_silent(sender)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    started, said = errors.splitlines()
    assert "sessiontrack.startup" in started
    assert said == "RADIUS: 1 packets answered; also 1 with a wrong secret (from 127.0.0.1)."
    assert len(sessions(site)) == 1


def test_sighup_reads_the_clients_anew_and_keeps_the_old_where_they_cannot_work(site: Clients) -> None:
    file = Path(site.app.instance_path) / "sessiontrack.toml"
    file.write_text('radius_clients = "127.0.0.1=before"\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [COMMAND, "listen", "radius", "--port", str(port)],
        env={**environment(Path(site.app.instance_path)), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert f"127.0.0.1:{port}" in process.stdout.readline()
        assert "sessiontrack.startup" in process.stderr.readline()
        with asked(port, packet(START, secret=b"before")) as sender:
            assert sender.recv(4096)
        file.write_text(f'radius_clients = "{CLIENTS}"\n')
        process.send_signal(signal.SIGHUP)
        assert "RADIUS_CLIENTS and the rules of presence are read anew" in process.stderr.readline()
        file.write_text("")
        process.send_signal(signal.SIGHUP)
        assert "The settings stay as they were: RADIUS_CLIENTS is empty" in process.stderr.readline()
        file.write_text('radius_clients = "10.0.0.300=hidden"\n')
        process.send_signal(signal.SIGHUP)
        refused = process.stderr.readline()
        assert "The settings stay as they were: " in refused
        assert "hidden" not in refused
        with asked(port, packet(START)) as sender:
            assert sender.recv(4096)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def test_the_command_says_what_it_lacks(tmp_path: Path) -> None:
    ran = run(tmp_path / "instance", "listen", "radius", ADMIN_PASSWORD="correct horse")
    assert ran.returncode == 1
    assert 'sessiontrack settings set RADIUS_CLIENTS "10.0.0.1=SECRET"' in ran.stderr
    ran = run(tmp_path / "instance", "listen", "radius", RADIUS_CLIENTS="10.0.0.1=hidden,10.0.0.300=hidden")
    assert ran.returncode == 1
    assert_one_line(ran.stderr, "RADIUS_CLIENTS", "client 2")
    assert "hidden" not in ran.stderr


def test_a_port_that_is_taken_is_said_in_one_line(site: Clients, server: RadiusServer) -> None:
    ran = run(
        Path(site.app.instance_path), "listen", "radius", "--port", str(server.port), RADIUS_CLIENTS=CLIENTS
    )
    assert ran.returncode == 1
    assert_one_line(ran.stderr, str(server.port))


# --- a Stop that never comes: an access point lost its power


def _without_a_stop(site: Clients, server: RadiusServer) -> None:
    """Started at ap-1, which says no more; then at ap-2, and stopped there."""
    there = {"NAS_Identifier": "ap-2", "Acct_Session_Id": "B"}
    datagrams = (
        packet(START, NAS_Identifier="ap-1", Acct_Session_Id="A", Acct_Delay_Time=90),
        packet(INTERIM, number=2, NAS_Identifier="ap-1", Acct_Session_Id="A", Acct_Delay_Time=80),
        packet(START, number=3, **there, Acct_Delay_Time=60),
        packet(STOP, number=4, **there, Acct_Delay_Time=40),
    )
    assert answered_by(server.port, *datagrams) == 4


def test_without_its_stop_a_device_stays_connected_until_that_nas_says_more(
    site: Clients, server: RadiusServer
) -> None:
    _without_a_stop(site, server)
    assert [each["ses_StillConnected"] for each in sessions(site)] == [True]
    again = {"NAS_Identifier": "ap-1", "Acct_Session_Id": "C"}
    both = (
        packet(START, number=5, **again, Acct_Delay_Time=30),
        packet(STOP, number=6, **again, Acct_Delay_Time=20),
    )
    assert answered_by(server.port, *both) == 2
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False]


def test_a_nas_that_starts_again_ends_what_it_left_open(site: Clients, server: RadiusServer) -> None:
    _without_a_stop(site, server)
    assert answered_by(server.port, packet(ON, number=5, NAS_Identifier="ap-1")) == 1
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False]


def test_a_nas_that_never_comes_back_is_archived_and_its_devices_left_when_it_last_saw_them(
    site: Clients, server: RadiusServer
) -> None:
    at = clock.now() - 100
    start = packet(START, NAS_Identifier="ap-1", Acct_Session_Id="A", Event_Timestamp=at)
    interim = packet(INTERIM, number=2, NAS_Identifier="ap-1", Acct_Session_Id="A", Event_Timestamp=at + 60)
    assert answered_by(server.port, start, interim) == 2
    body = {"name": "radius:ap-1", "archived": True, "disconnect": True}
    site.operator.ok("PATCH", "/presence/sources", body)
    (ended,) = sessions(site)
    assert ended["ses_StillConnected"] is False
    assert datetime.fromisoformat(ended["ses_DateTimeDisconnection"]).timestamp() == at + 60


def test_one_device_left_by_a_lost_stop_is_ended_in_the_name_of_its_nas(
    site: Clients, server: RadiusServer
) -> None:
    _without_a_stop(site, server)
    body = {"source": "radius:ap-1", "mac": MAC, "event": "disconnected"}
    site.operator.ok("POST", "/presence/events", body)
    assert [each["ses_StillConnected"] for each in sessions(site)] == [False]
