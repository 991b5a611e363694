"""Texts looked for in columns, in either case: what the lists with a search have in common."""

from sqlalchemy import Select, SQLColumnExpression, or_, select
from sqlalchemy.sql import ColumnElement

from sessiontrack.database import Contains
from sessiontrack.models import DeviceAlias
from sessiontrack.models.columns import bind
from sessiontrack.values.macs import mac_parts


def search_values(search: str) -> dict[str, str]:
    """The parameters of a search: the text, and how a MAC address has it, in one spelling or in two."""
    if not search:
        return {}
    spellings = mac_parts(search) or (search,)
    return {
        "pattern": contained(search),
        "mac_pattern": contained(spellings[0]),
        "other_mac_pattern": contained(spellings[-1]),
    }


def in_mac(column: SQLColumnExpression[str], is_ascii: bool) -> ColumnElement[bool]:
    """Whether a MAC address has what is looked for, in any notation."""
    patterns = (bind("mac_pattern"), bind("other_mac_pattern"))
    return or_(*(Contains(column, each, is_ascii) for each in patterns))


def contained(search: str) -> str:
    """What Contains looks for: the text itself, anywhere."""
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def devices_with_alias_like(is_ascii: bool) -> Select[int]:
    """The ids of the devices that have a further MAC address which has what is looked for."""
    return select(DeviceAlias.device_id).where(in_mac(DeviceAlias.mac, is_ascii))
