"""A database for histories of three devices, and all calls that write to it."""

import time
from dataclasses import replace
from typing import Any

import pytest
import time_machine

from sessiontrack import create_app
from sessiontrack.background import housekeeping
from sessiontrack.config import settings_of
from sessiontrack.database import Statement, db, read_transaction, write_transaction
from sessiontrack.keeping import soundness
from sessiontrack.presence.derivation import derive_devices
from sessiontrack.queries.invariants import INVARIANTS
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import PresenceRules
from sessiontrack.startup import prepare
from sessiontrack.values.records import SESSIONS, DeviceRecord, Section, SessionRecord
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW, Clients
from tests.support.history_reference import Report
from tests.support.presence_reference import Observation

NOBODY = "AA:BB:CC:00:00:99"
MACS = [f"AA:BB:CC:00:00:{number:02X}" for number in (1, 2, 3)]
DAY = 86_400
GRACE = 600
RULES = PresenceRules(grace=GRACE, late=7 * DAY, least_share=0.2)
KEPT = {f"RETENTION_{kind}": "8 days" for kind in ("DEVICE_SESSIONS", "EVENTS", "USER_SESSIONS")}
TABLES = (
    "set_aside",
    "event",
    "device_session",
    "device_evidence",
    "sighting_run",
    "scan",
    "source",
    "device_alias",
    "device",
)
SESSIONS_OF = Statement(
    "SELECT s.connected_at, s.disconnected_at, s.still_connected, s.ip, s.info, s.source IS NULL"
    " FROM device_session s JOIN device d ON d.id = s.device_id WHERE d.mac = :mac"
    " ORDER BY s.begin_at, s.end_at IS NULL, s.end_at, s.connected_at IS NULL"
)
EVENTS_OF = Statement(
    "SELECT e.at, e.type, e.ip, e.info, s.connected_at, s.disconnected_at FROM event e"
    " JOIN device d ON d.id = e.device_id LEFT JOIN device_session s ON s.id = e.session_id"
    " WHERE d.mac = :mac AND NOT e.voided ORDER BY e.at, e.type"
)
ALL = Statement(
    "SELECT 's', id, device_id, connected_at, disconnected_at, ip, info FROM device_session"
    " UNION ALL SELECT 'e', id, device_id, at, session_id, type, CASE WHEN voided THEN 'v' ELSE info END"
    " FROM event UNION ALL SELECT 'd', id, first_seen_at, NULL, NULL, mac, '' FROM device ORDER BY 1, 2"
)
DEVICE_IDS = Statement("SELECT id FROM device")


class World:
    """A database, and the calls that write to it."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock
        self.rules = RULES

    def begin(self, now: int) -> None:
        """Nothing but three devices that are known by name only."""
        self.clock.move_to(now)
        if self.rules != RULES:
            self.restart(GRACE)
        with self.clients.app.app_context(), write_transaction() as tx:
            for table in TABLES:
                tx.run(Statement(f"DELETE FROM {table}"))
            known = [(n, DeviceRecord(mac, first_seen_at=NOW)) for n, mac in enumerate(MACS)]
            import_history(tx, NOW, [Section("devices", known)], pytest.fail, RULES)

    def call(self, method: str, path: str, body: Any) -> Any:
        answer = self.clients.operator.call(method, path, body)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        told = answer.get_json()
        assert told["success"] is (answer.status_code == 200)
        assert answer.status_code in (200, 400, 404, 409), told
        if answer.status_code == 400:
            # An instant too far ahead, or too late: the only ones at which anything may be wrong.
            assert set(told["errors"]) <= {"at", "start_time"}, told
        return told

    def restart(self, grace: int) -> None:
        """End the application, and begin another one on the same database, with that grace time."""
        old = self.clients.app
        with old.app_context():
            db.engine.dispose()
        folder = settings_of(old).instance
        self.clients.app = create_app(
            {"INSTANCE": folder, "PRESENCE_GRACE": f"{grace // 60} minutes", **KEPT}
        )
        prepare(self.clients.app)
        for client in (self.clients.admin, self.clients.operator, self.clients.viewer):
            client.use(self.clients.app)
        self.rules = replace(RULES, grace=grace)

    def prune(self, now: int) -> None:
        app = self.clients.app
        with app.app_context():
            assert housekeeping.prune(settings_of(app), now) is not None

    def mend(self) -> None:
        with self.clients.app.app_context():
            assert not any(each.count for each in soundness.mend(soundness.examine()))

    def create(self, mac: str, report: Report) -> bool:
        body = {"mac": mac, "ip": report.ip, "start_time": IN_UTC.format_offset(report.start)}
        body |= {"event_type_conn": report.conn_type, "event_type_disc": report.disc_type}
        if report.end is not None:
            body["end_time"] = IN_UTC.format_offset(report.end)
        accepted: bool = self.call("POST", "/sessions/create", body)["success"]
        return accepted

    def bring(self, mac: str, report: Report) -> bool:
        refused: list[Any] = []
        types = {"conn_type": report.conn_type, "disc_type": report.disc_type}
        record = SessionRecord(mac, report.start, report.end, report.end is None, ip=report.ip, **types)
        with self.clients.app.app_context(), write_transaction() as tx:
            now = int(time.time())
            import_history(tx, now, [Section(SESSIONS, [(1, record)])], refused.append, self.rules)
        return not refused

    def observe(self, each: Observation) -> bool:
        """Send it; whether it was accepted."""
        at = {} if each.arrival else {"at": each.at}
        if each.kind in ("complete", "partial"):
            devices = [{"mac": mac, **({"ip": ip} if ip else {})} for mac, ip in each.devices]
            body = {"source": each.source, "complete": each.kind == "complete", "devices": devices, **at}
            # Whom nobody ever saw concerns no other device.
            body["remembered"] = [*each.remembered, *([NOBODY] if each.source == "arp" else [])]
            return bool(self.call("POST", "/presence/scans", body)["success"])
        ((mac, ip),) = each.devices
        body = {"source": each.source, "mac": mac, "event": each.kind, "info": each.info, **at}
        return bool(self.call("POST", "/presence/events", body | ({"ip": ip} if ip else {}))["success"])

    def recorded(self, mac: str) -> tuple[list[Any], list[Any]]:
        with self.clients.app.app_context(), read_transaction() as tx:
            return tx.rows(SESSIONS_OF, mac=mac), tx.rows(EVENTS_OF, mac=mac)

    def everything(self) -> list[Any]:
        with self.clients.app.app_context(), read_transaction() as tx:
            return tx.rows(ALL)

    def derive_again(self, now: int) -> None:
        with self.clients.app.app_context(), write_transaction() as tx:
            derive_devices(tx, self.rules.terms(now), [row[0] for row in tx.rows(DEVICE_IDS)])

    def wrong(self) -> dict[str, list[Any]]:
        with self.clients.app.app_context(), read_transaction() as tx:
            found = {each.name: each.find(tx) for each in INVARIANTS}
        return {name: keys for name, keys in found.items() if keys}
