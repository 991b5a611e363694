"""Why a device is connected: the sources whose evidence says so."""

from sqlalchemy import select

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.columns import bind
from sessiontrack.models.device_alias import device_with
from sessiontrack.presence.holding import holds_on
from sessiontrack.values.timestamps import SiteTime

DEVICE_ID = Statement(select(device_with(bind("mac"))))


def list_holders(tx: Transaction, mac: str, grace: int, site: SiteTime) -> list[dict[str, str]]:
    """The sources that hold it as connected, by name, and when each last saw it.

    Args:
        grace: seconds, where the device has no grace time of its own.
    """
    found = sorted(holds_on(tx, [tx.value(DEVICE_ID, mac=mac)], grace), key=lambda each: each.source)
    return [{"source": each.source, "last_seen": site.format_offset(each.last_at)} for each in found]
