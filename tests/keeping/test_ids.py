"""An id, once given, never comes back (contract 2): whatever removed its row, on either back end."""

from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine

from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.backups import copies
from sessiontrack.config import settings_of
from sessiontrack.database import Statement, db, read_transaction
from sessiontrack.keeping import restoring
from tests.support.application import NOW, Clients
from tests.support.database_files import DATABASE
from tests.support.history_calls import History, M, O, X

pytestmark = pytest.mark.usefixtures("clock")

DAY = 86_400
OLD = -400 * DAY
TABLES = ("device", "device_session", "event", "user_session")
KEPT = {f"RETENTION_{kind}": "30 days" for kind in ("DEVICE_SESSIONS", "EVENTS", "USER_SESSIONS")}


def highest(clients: Clients) -> dict[str, int]:
    """The highest id of each table, 0 where there is none."""
    with clients.app.app_context(), read_transaction() as tx:
        return {table: tx.value(Statement(f"SELECT coalesce(max(id), 0) FROM {table}")) for table in TABLES}


def fill(clients: Clients, clock: time_machine.Traveller, mac: str, start: int) -> None:
    """A session of a device of its own, its events, and a user session."""
    assert History(clients, clock).create(start, start + 60, mac=mac).status_code == 200
    clients.operator.ok("POST", "/api/v2/sessionstart")


def assert_all_new(clients: Clients, clock: time_machine.Traveller, given: dict[str, int]) -> None:
    assert all(highest(clients)[table] < number for table, number in given.items())
    fill(clients, clock, O, -600)
    later = highest(clients)
    assert all(later[table] > number for table, number in given.items()), (given, later)


def test_after_a_prune(make_clients: Callable[..., Clients], clock: time_machine.Traveller) -> None:
    clients = make_clients(**KEPT)
    clock.move_to(NOW + OLD)
    fill(clients, clock, X, OLD - 600)
    given = {table: number for table, number in highest(clients).items() if table != "device"}
    clock.move_to(NOW)
    with clients.app.app_context():
        done = housekeeping.prune(settings_of(clients.app), NOW, at_once=True)
    assert done is not None
    assert_all_new(clients, clock, given)


def test_after_a_device_is_deleted(clients: Clients, clock: time_machine.Traveller) -> None:
    fill(clients, clock, X, -600)
    given = {table: number for table, number in highest(clients).items() if table != "user_session"}
    clients.operator.ok("DELETE", f"/devices/{X}")
    assert_all_new(clients, clock, given)


def test_after_a_merge(clients: Clients, clock: time_machine.Traveller) -> None:
    fill(clients, clock, M, -900)
    fill(clients, clock, X, -600)
    given = {"device": highest(clients)["device"]}
    clients.operator.ok("POST", f"/devices/{M}/merge", {"mac": X})
    assert_all_new(clients, clock, given)


@pytest.mark.sqlite("a server has pg_restore")
def test_after_a_restore(clients: Clients, clock: time_machine.Traveller, tmp_path: Path) -> None:
    """What was given since the backup is not given again either."""
    instance = settings_of(clients.app).instance
    copies.back_up(instance / DATABASE, tmp_path / "backup", NOW, None, lambda done: None)
    fill(clients, clock, X, -600)
    given = highest(clients)
    with clients.app.app_context():
        db.engine.dispose()
    app = create_app({"INSTANCE": instance})
    with app.app_context():
        restoring.restore(instance / DATABASE, tmp_path / "backup", NOW)
    for client in (clients.admin, clients.operator, clients.viewer):
        client.use(app)
    clients.app = app
    assert_all_new(clients, clock, given)
    with app.app_context():
        db.engine.dispose()
