"""Texts looked for in columns, in either case: what the lists with a search have in common."""

from sqlalchemy import Select, select

from sessiontrack.database import Contains
from sessiontrack.models import DeviceAlias
from sessiontrack.models.columns import bind


def pattern(search: str) -> str:
    """What db.Contains looks for: the text itself, anywhere."""
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def devices_with_alias_like(is_ascii: bool) -> Select[int]:
    """The ids of the devices that have a further MAC address which contains the parameter `pattern`."""
    return select(DeviceAlias.device_id).where(Contains(DeviceAlias.mac, bind("pattern"), is_ascii))
