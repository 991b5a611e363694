"""Who is connected now, by the evidence of looks at the network.

This is where the presence engine comes: grace times, complete scans, evidence that arrives late or twice,
`Device Down`, `IP Changed`, sessions that merge. Until then there is one rule, the simplest honest one, for
a look that tells of everyone it knows:

- A device that is seen is connected: without an open session, one opens now.
- A device that is only remembered stays as it is.
- A device that is not in the look at all is gone. Its session ends at its last sighting, not now, and only
  if the same source opened it: what others know of a device, this source does not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sessiontrack.db import Row, Statement, Transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.observations import Observation
from sessiontrack.services.device_sessions import NewSession, close_session, create_session
from sessiontrack.services.devices import find_device

OPEN_SESSIONS = Statement(
    "SELECT d.mac, d.name, d.last_seen_at, s.device_id, s.id, s.connected_at, s.disc_type, s.ip, s.source"
    " FROM device_session s JOIN device d ON d.id = s.device_id WHERE s.still_connected ORDER BY d.mac"
)
NAME_OF = Statement("SELECT name FROM device WHERE mac = :mac")
TOUCH = Statement(
    "UPDATE device SET last_seen_at = :now WHERE mac = :mac AND (last_seen_at IS NULL OR last_seen_at < :now)"
)

CONNECTED = "connected"
DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class Change:
    """A device that came or went, at that instant; is_new where nobody had heard of it before."""

    mac: str
    name: str
    ip: str
    change: str
    changed_at: int
    is_new: bool = False


@dataclass(frozen=True)
class ScanResult:
    """What one look changed; `refused` says of which seen devices the sessions stand in the way."""

    seen: int
    changes: tuple[Change, ...]
    refused: tuple[str, ...]

    def count(self, change: str) -> int:
        """How many came, or went."""
        return sum(each.change == change for each in self.changes)


def record_scan(tx: Transaction, now: int, source: str, devices: Sequence[Observation]) -> ScanResult:
    """Open and close sessions by what one look at the network says.

    Args:
        source: who looked; it closes only what it opened.
        devices: n > 0 observations, one a device. Of none there is no evidence: do not call this.
    """
    open_sessions = {row[0]: row for row in tx.rows(OPEN_SESSIONS)}
    seen = [each for each in devices if each.is_sighting]
    came, refused = _open(tx, now, source, (each for each in seen if each.mac not in open_sessions))
    tx.run_many(TOUCH, [{"mac": each.mac, "now": now} for each in seen])
    in_look = {each.mac for each in devices}
    gone = [row for mac, row in open_sessions.items() if row[-1] == source and mac not in in_look]
    return ScanResult(len(seen), (*came, *_close(tx, gone)), tuple(refused))


def _open(
    tx: Transaction, now: int, source: str, arrived: Iterable[Observation]
) -> tuple[list[Change], list[str]]:
    opened, refused = [], []
    for each in arrived:
        is_new = find_device(tx, each.mac) is None
        try:
            create_session(tx, NewSession(each.mac, each.ip, now, source=source))
        except Conflict as error:
            # Somebody recorded a session that ends, or begins, after now. Nothing was changed.
            refused.append(error.message)
            continue
        name = tx.value(NAME_OF, mac=each.mac)
        opened.append(Change(each.mac, name, each.ip, CONNECTED, now, is_new))
    return opened, refused


def _close(tx: Transaction, gone: Iterable[Row]) -> list[Change]:
    closed = []
    for row in gone:
        mac, name, last_seen_at, device_id, session_id, connected_at, disc_type, ip, _ = row
        end = max(connected_at, last_seen_at or connected_at)
        if close_session(tx, device_id, session_id, end, disc_type, ip):
            closed.append(Change(mac, name, ip, DISCONNECTED, end))
    return closed
