"""Devices that come and go all the time: webhooks are notified of that once, and not each time.

Whether a device flaps is what `/devices` says: more connections than so many in the window.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select

from sessiontrack.config import Settings
from sessiontrack.database import Row, Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.queries.devices import IS_FLAPPING
from sessiontrack.values.webhook_events import DEVICE_DOWN, DOWN_RECONNECTED, FLAPPING

CONNECTIONS = frozenset({"Connected", DOWN_RECONNECTED})
WITHHELD = frozenset({DEVICE_DOWN, DOWN_RECONNECTED})
CONCERNED = WITHHELD | {FLAPPING}

FLAPPING_NOW = Statement(select(Device.mac, Device.id).where(IS_FLAPPING))
MARK = Statement(
    "INSERT INTO flapping_device (device_id, since_at) VALUES (:device_id, :now)"
    " ON CONFLICT (device_id) DO NOTHING"
)
MARKED = Statement("SELECT d.mac, d.id FROM flapping_device f JOIN device d ON d.id = f.device_id")
WITHHOLD = Statement(
    "UPDATE flapping_device SET withheld = true WHERE device_id = :device_id AND NOT withheld"
)
UNMARK = Statement("DELETE FROM flapping_device WHERE device_id = :device_id RETURNING withheld")
RESTED_AS = Statement(
    "SELECT d.mac, e.type, e.at, e.ip, e.info FROM event e JOIN device d ON d.id = e.device_id"
    " WHERE e.device_id = :device_id AND NOT e.voided AND e.type IN ('Device Down', 'Down Reconnected')"
    " ORDER BY e.at DESC, e.id DESC LIMIT 1"
)


@dataclass(frozen=True)
class FlappingRules:
    """More connections than this, within so many seconds."""

    connections: int = 10
    window: int = 3600

    @classmethod
    def of(cls, settings: Settings) -> "FlappingRules":
        """As this install's settings say."""
        return cls(settings.flapping_connections, settings.flapping_window)

    def times(self, now: int) -> dict[str, int]:
        """The parameters of the statements."""
        return {"now": now, "window_start": now - self.window, "connections": self.connections}


def mark(
    tx: Transaction, now: int, connected: Collection[str], rules: FlappingRules
) -> tuple[list[str], dict[str, int]]:
    """Remember which of those that have connected flap by that.

    Returns:
        the MACs that were not known to flap, and all that are now known to, with their devices' ids.
    """
    begun = []
    if connected:
        flapping: dict[str, int] = dict(tx.rows(FLAPPING_NOW, **rules.times(now)))
        for mac in sorted(flapping.keys() & set(connected)):
            if tx.run(MARK, device_id=flapping[mac], now=now):
                begun.append(mac)
    return begun, dict(tx.rows(MARKED))


def withhold(tx: Transaction, device_ids: Iterable[int]) -> None:
    """Remember that a notification about them was withheld."""
    tx.run_many(WITHHOLD, [{"device_id": device_id} for device_id in device_ids])


def settle(tx: Transaction, now: int, rules: FlappingRules) -> list[Row]:
    """Forget devices that flap no more.

    Returns:
        of those of which something was withheld, (mac, type, instant, ip, info) of the last of it that holds.
    """
    marked: dict[str, int] = dict(tx.rows(MARKED))
    for mac, _ in tx.rows(FLAPPING_NOW, **rules.times(now)) if marked else ():
        marked.pop(mac, None)
    rested = []
    for device_id in marked.values():
        if tx.value(UNMARK, device_id=device_id) and (row := tx.row(RESTED_AS, device_id=device_id)):
            rested.append(row)
    return rested
