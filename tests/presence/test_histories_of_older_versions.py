"""Histories as the version before `One history` left them: the next start derives them anew (contract 3)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from flask import Flask

from sessiontrack import create_app
from sessiontrack.config import settings_of
from sessiontrack.database import Row, Statement, db, read_transaction, write_transaction
from sessiontrack.keeping import soundness
from sessiontrack.migrations import revisions
from sessiontrack.services.presence import PresenceRules, observe_event
from sessiontrack.startup import prepare
from sessiontrack.values.observations import Observation
from tests.support.application import NOW
from tests.support.history_calls import M, O, X

pytestmark = pytest.mark.usefixtures("clock")

BEFORE = "0014"
WORD = "INSERT INTO device_evidence (device_id, source_id, at, kind, ip) VALUES (:device, 1, :at, :kind, :ip)"
DEVICE = "INSERT INTO device (id, mac, first_seen_at) VALUES (:device, :mac, :at)"
SESSION = (
    "INSERT INTO device_session (id, device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, info, source) VALUES (:id, :device, :start, :end, false, '', '', 'Connected',"
    " 'Disconnected', '', :source)"
)
EVENT = (
    "INSERT INTO event (device_id, at, type, ip, ip_key, session_id, source)"
    " VALUES (:device, :at, :type, '', '', :session, :source)"
)
SESSIONS = Statement(
    "SELECT s.connected_at, s.disconnected_at, s.still_connected, s.ip FROM device_session s"
    " JOIN device d ON d.id = s.device_id WHERE d.mac = :mac ORDER BY s.begin_at, s.id"
)
INFOS = Statement("SELECT connected_at, disconnected_at, info FROM device_session ORDER BY begin_at")
EVENTS = Statement(
    "SELECT e.at, e.type, s.connected_at FROM event e JOIN device d ON d.id = e.device_id"
    " LEFT JOIN device_session s ON s.id = e.session_id WHERE d.mac = :mac AND NOT e.voided"
    " ORDER BY e.at, e.type"
)


@pytest.fixture(params=[BEFORE])
def app(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """An application whose database is still of the version before."""
    made = create_app({"INSTANCE": tmp_path / "instance"})
    with made.app_context():
        with db.engine.begin() as connection:
            command.upgrade(revisions._config(connection), request.param)
        with write_transaction() as tx:
            tx.run(Statement("INSERT INTO source (id, name) VALUES (1, 'ap')"))
            for device, mac in enumerate((X, M, O), start=1):
                tx.run(Statement(DEVICE), device=device, mac=mac, at=NOW - 2400)
    yield made
    with made.app_context():
        db.engine.dispose()


def write(app: Flask, sql: str, **values: object) -> None:
    with app.app_context(), write_transaction() as tx:
        tx.run(Statement(sql), **values)


def say(app: Flask, device: int, kind: str, at: int, ip: str = "") -> None:
    write(app, WORD, device=device, at=NOW + at, kind=kind, ip=ip)


def started(app: Flask, mac: str) -> tuple[list[Row], list[Row]]:
    """Sessions and events once this version has started twice; instants after NOW."""
    for _ in range(2):
        prepare(app)
        with app.app_context():
            assert [each.name for each in soundness.examine() if each.count] == []
            with read_transaction() as tx:
                found = tx.rows(SESSIONS, mac=mac), tx.rows(EVENTS, mac=mac)
    sessions, events = found
    return [tuple(map(_after, row)) for row in sessions], [tuple(map(_after, row)) for row in events]


def _after(value: object) -> object:
    return value - NOW if isinstance(value, int) and value > 1 else value


def test_a_derived_session_whose_end_is_missing_is_derived_anew(app: Flask) -> None:
    say(app, 2, "connected", -600, "10.0.0.7")
    write(app, SESSION, id=1, device=2, start=NOW - 600, end=None, source="presence")
    sessions, events = started(app, M)
    assert sessions == [(-600, None, 1, "10.0.0.7")]
    assert (-600, "Connected", -600) in events


def test_events_are_linked_where_a_session_had_been_split(app: Flask) -> None:
    for kind, at in (("connected", -2400), ("seen", -1500), ("disconnected", -900), ("disconnected", -2000)):
        say(app, 1, kind, at)
    write(app, SESSION, id=1, device=1, start=NOW - 2400, end=NOW - 2000, source="presence")
    write(app, SESSION, id=2, device=1, start=NOW - 1500, end=NOW - 900, source="presence")
    for at, kind, session in (
        (-2400, "Connected", 1),
        (-2000, "Disconnected", None),
        (-900, "Disconnected", 1),
    ):
        write(app, EVENT, device=1, at=NOW + at, type=kind, session=session, source="presence")
    sessions, events = started(app, X)
    assert sessions == [(-2400, -2000, 0, ""), (-1500, -900, 0, "")]
    assert [each for each in events if each[1] != "New Device"] == [
        (-2400, "Connected", -2400),
        (-2000, "Disconnected", -2400),
        (-1500, "Connected", -1500),
        (-900, "Disconnected", -1500),
    ]


def test_derived_time_that_had_given_way_comes_back(app: Flask) -> None:
    """Seen all the time; only the reported session was left of it."""
    for at in (-2400, -1200, 0):
        say(app, 1, "seen", at)
    write(app, SESSION, id=1, device=1, start=NOW - 1800, end=NOW - 1500, source=None)
    for at, kind in ((-1800, "Connected"), (-1500, "Disconnected")):
        write(app, EVENT, device=1, at=NOW + at, type=kind, session=1, source=None)
    sessions, events = started(app, X)
    assert [row[:3] for row in sessions] == [(-2400, -1800, 0), (-1800, -1500, 0), (-1500, None, 1)]
    assert [each for each in events if each[1] != "New Device"] == [
        (-2400, "Connected", -2400),
        (-1800, "Connected", -1800),
        (-1500, "Disconnected", -1800),
    ]


def test_new_device_is_moved_to_where_the_device_was_seen_first(app: Flask) -> None:
    write(app, SESSION, id=1, device=3, start=NOW - 2400, end=NOW - 2300, source=None)
    write(app, EVENT, device=3, at=NOW - 600, type="New Device", session=None, source=None)
    _, events = started(app, O)
    assert [each for each in events if each[1] == "New Device"] == [(-2400, "New Device", None)]


def test_a_session_that_nothing_founds_is_named_and_mended(app: Flask) -> None:
    """Its evidence is lost: that it is open still nobody can say."""
    write(app, SESSION, id=1, device=1, start=NOW - 600, end=None, source="presence")
    write(app, "UPDATE device_session SET still_connected = true WHERE id = 1")
    prepare(app)
    with app.app_context():
        assert [each.name for each in soundness.examine() if each.count] == ["open sessions"]
        assert not any(each.count for each in soundness.mend(soundness.examine()))
    sessions, _ = started(app, X)
    assert [row[:3] for row in sessions] == [(-600, None, 0)]


@pytest.mark.parametrize("app", ["0046"], indirect=True)
def test_what_was_said_of_a_merged_device_may_be_of_any_of_its_addresses(app: Flask) -> None:
    """It was not kept of which: so the next departure of one of them ends it, as before."""
    rules = PresenceRules.of(settings_of(app))
    write(
        app,
        "INSERT INTO derived_by (id, grace_seconds, least_percent) VALUES (1, :grace, 20)",
        grace=rules.grace,
    )
    write(app, "DELETE FROM device WHERE id = 3")
    write(app, "INSERT INTO device_alias (mac, device_id) VALUES (:mac, 2)", mac=O)
    said = WORD.replace("kind, ip)", "kind, ip, info)").replace(":ip)", ":ip, :info)")
    for kind, at, info in (("seen", -900, "ap 1"), ("connected", -600, "")):
        write(app, said, device=2, at=NOW + at, kind=kind, ip="", info=info)
    prepare(app)
    with app.app_context():
        assert [each.name for each in soundness.examine() if each.count] == []
        with write_transaction() as tx:
            assert tx.rows(INFOS) == [(NOW - 900, None, "ap 1")]
            observe_event(tx, NOW, "ap", NOW - 300, "disconnected", Observation(O), rules)
            assert tx.rows(INFOS) == [(NOW - 900, NOW - 300, "ap 1")]
