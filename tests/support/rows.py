"""Rows inserted directly, for states that no call can create: missing connections, names, old evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from sessiontrack.database import Row, Statement, Transaction, write_transaction
from sessiontrack.values.ips import ip_sort_key

DEVICE = Statement(
    "INSERT INTO device (mac, name, owner, first_seen_at) VALUES (:mac, :name, :owner, 0) RETURNING id"
)
SESSION = Statement(
    "INSERT INTO device_session (device_id, connected_at, disconnected_at, still_connected, ip, ip_key,"
    " conn_type, disc_type, info) VALUES (:device_id, :connected_at, :disconnected_at, :still_connected,"
    " :ip, :ip_key, :conn_type, :disc_type, :info) RETURNING id"
)
EVENT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, voided, pending_alert) VALUES (:device_id,"
    " :at, :type, :ip, :ip_key, :info, :voided, :pending_alert) RETURNING id"
)
# The columns that are compared for the sessions of each device, oldest first.
SESSIONS = Statement(
    "SELECT device_session.id, mac, connected_at, disconnected_at, still_connected, ip, conn_type, disc_type"
    " FROM device_session JOIN device ON device.id = device_id ORDER BY begin_at, device_session.id"
)
EVENTS = Statement(
    "SELECT mac, at, type, ip, voided, session_id FROM event JOIN device ON device.id = device_id"
    " ORDER BY at, event.id"
)
DEVICES = Statement("SELECT mac, first_seen_at FROM device ORDER BY mac")


@contextmanager
def writing(app: Flask) -> Iterator[Transaction]:
    """A separate transaction on the application's database, so that the next call sees the rows."""
    with app.app_context(), write_transaction() as tx:
        yield tx


def add_device(tx: Transaction, mac: str, name: str = "", owner: str = "") -> int:
    device_id: int = tx.value(DEVICE, mac=mac, name=name, owner=owner)
    return device_id


def add_session(
    tx: Transaction, device_id: int, connected_at: int | None, disconnected_at: int | None, **more: Any
) -> int:
    """Insert a session; without `end` its disconnection is missing, unless `still_connected=True`."""
    values = {"still_connected": False, "ip": "192.168.1.10", "info": ""}
    values |= {"conn_type": "Connected", "disc_type": "Disconnected"} | more
    values["ip_key"] = ip_sort_key(str(values["ip"]))
    ends = {"connected_at": connected_at, "disconnected_at": disconnected_at}
    session_id: int = tx.value(SESSION, device_id=device_id, **ends, **values)
    return session_id


def add_event(tx: Transaction, device_id: int, at: int, event_type: str, **more: Any) -> int:
    values = {"ip": "192.168.1.10", "info": "", "voided": False, "pending_alert": False} | more
    values["ip_key"] = ip_sort_key(str(values["ip"]))
    event_id: int = tx.value(EVENT, device_id=device_id, at=at, type=event_type, **values)
    return event_id


def stored(app: Flask) -> dict[str, list[Row]]:
    """All rows of the device dialect, to check that nothing changed."""
    with writing(app) as tx:
        return {"devices": tx.rows(DEVICES), "sessions": tx.rows(SESSIONS), "events": tx.rows(EVENTS)}
