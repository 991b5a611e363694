"""Calls that write a device's history, at seconds before or after NOW, and what is listed then."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from sessiontrack.database import write_transaction
from sessiontrack.keeping import soundness
from sessiontrack.services.history import import_history
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.records import SESSIONS, Section, SessionRecord
from sessiontrack.values.timestamps import IN_UTC
from tests.support.application import NOW, Clients

X, M, O = (f"AA:BB:CC:00:00:{number:02X}" for number in (1, 2, 3))  # noqa: E741 - short, as in a script
RULES = PresenceRules(grace=600, late=7 * 86_400, least_share=0.2)


class History:
    """Calls at seconds before or after NOW, and what is listed then."""

    def __init__(self, clients: Clients, clock: time_machine.Traveller) -> None:
        self.clients = clients
        self.clock = clock

    def create(self, start: int, end: int | None = None, mac: str = X, **more: Any) -> Any:
        body = {"mac": mac, "ip": "10.0.0.1", "start_time": IN_UTC.format_offset(NOW + start), **more}
        if end is not None:
            body["end_time"] = IN_UTC.format_offset(NOW + end)
        return self.clients.operator.call("POST", "/sessions/create", body)

    def bring(self, start: int, end: int | None, mac: str = X, ip: str = "10.0.0.1") -> None:
        """Import a session."""
        record = SessionRecord(mac, NOW + start, None if end is None else NOW + end, end is None, ip)
        with self.clients.app.app_context(), write_transaction() as tx:
            import_history(tx, NOW, [Section(SESSIONS, [(1, record)])], pytest.fail, RULES)

    def event(self, kind: str, at: int | None, mac: str = X, source: str = "ap", **more: Any) -> Any:
        body = {"mac": mac, "source": source, "event": kind, **more}
        if at is not None:
            body["at"] = NOW + at
        return self.clients.operator.ok("POST", "/presence/events", body)

    def scan(self, at: int, *macs: str, source: str = "arp", **more: Any) -> Any:
        devices = [{"mac": mac} for mac in macs]
        body = {"source": source, "at": NOW + at, "devices": devices, **more}
        return self.clients.operator.ok("POST", "/presence/scans", body)

    def patch(self, mac: str = X, **body: Any) -> Any:
        return self.clients.operator.ok("PATCH", f"/devices/{mac}", body)

    def merge(self, mac: str, other: str) -> Any:
        return self.clients.operator.ok("POST", f"/devices/{mac}/merge", {"mac": other})

    def sessions(self, mac: str = X) -> list[tuple[Any, Any]]:
        """(connection, disconnection) in seconds after NOW; None where it is still connected."""
        listed = self.clients.viewer.ok("GET", f"/sessions/list?mac={mac}")["sessions"]
        return [
            (at_seconds(each["ses_DateTimeConnection"]), at_seconds(each["ses_DateTimeDisconnection"]))
            for each in listed
        ]

    def addresses(self, mac: str = X) -> list[tuple[str, str]]:
        listed = self.clients.viewer.ok("GET", f"/sessions/list?mac={mac}")["sessions"]
        return [(each["ses_IP"], each["ses_Info"]) for each in listed]

    def events(self, mac: str = X, *, voided: bool = False) -> list[tuple[int, str]]:
        """(instant, type), the oldest first."""
        query = {"search": mac, "period": "all", "sortDir": "asc"}
        listed = self.clients.viewer.get("/sessions/session-events", query).get_json()["events"]
        found = [(at_seconds(each["time"]), each["type"]) for each in listed]
        return sorted(each for each in found if voided or not each[1].startswith("VOIDED"))

    def is_connected(self, mac: str = X) -> bool:
        status: str = self.clients.viewer.ok("GET", f"/devices/{mac}")["device"]["status"]
        return status == "connected"

    def assert_sound(self) -> None:
        with self.clients.app.app_context():
            wrong = {each.name: each.examples for each in soundness.examine() if each.count}
        assert wrong == {}


def at_seconds(text: str | None) -> Any:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp()) - NOW
