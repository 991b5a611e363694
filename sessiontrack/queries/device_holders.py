"""Why a device is connected: the sources whose evidence says so."""

from typing import Any

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.presence.holding import holds_on
from sessiontrack.values.timestamps import SiteTime

DEVICE_ID = Statement(select(device_with(bind("mac"))))


def list_holders(tx: Transaction, device: dict[str, Any], grace: int, site: SiteTime) -> list[dict[str, str]]:
    """The sources that hold a device as connected, by name, and when each last saw it; none if it is not.

    Args:
        device: as `queries.devices` answers it.
        grace: seconds, where the device has no grace time of its own.
    """
    if not device["connected"]:
        return []
    holds = holds_on(tx, [tx.value(DEVICE_ID, mac=device["mac"])], grace)
    found = sorted(holds, key=lambda each: each.source)
    return [{"source": each.source, "last_seen": site.format_offset(each.last_at)} for each in found]
