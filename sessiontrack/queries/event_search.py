"""Which devices a search through all events or sessions concerns, by the texts that are counted of each."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import case, func, or_, select

from sessiontrack.database import Contains, Statement, Transaction
from sessiontrack.models import Device, TextCount
from sessiontrack.models.columns import bind
from sessiontrack.queries.searching import devices_with_alias_like, in_mac, search_values


class Matches(NamedTuple):
    """whole: devices of which every row matches, by name, owner or address; partly: of which some do.

    rows: how many rows match, whatever their time.
    """

    whole: list[int]
    partly: list[int]
    rows: int


def find_matches(tx: Transaction, counted: str, search: str) -> Matches:
    """Look through the texts that there are."""
    found = tx.rows(_matching(search.isascii()), counted=counted, **search_values(search))
    whole = [device_id for device_id, is_whole, _ in found if is_whole]
    partly = [device_id for device_id, is_whole, _ in found if not is_whole]
    return Matches(whole, partly, sum(int(rows) for *_, rows in found))


@cache
def _matching(is_ascii: bool) -> Statement:
    texts = [TextCount.type, TextCount.end_type, TextCount.info]
    # An address is plain ASCII.
    of_address = [in_mac(Device.mac, is_ascii)] if is_ascii else []
    columns = [*texts, *([TextCount.ip] if is_ascii else [])]
    is_whole = or_(
        *(Contains(each, bind("pattern"), is_ascii) for each in (Device.name, Device.owner)),
        *of_address,
        Device.id.in_(devices_with_alias_like(is_ascii)),
    )
    devices = select(Device.id.label("id"), case((is_whole, 1), else_=0).label("is_whole")).subquery()
    is_partly = or_(*(Contains(each, bind("pattern"), is_ascii) for each in columns))
    return Statement(
        select(TextCount.device_id, devices.c.is_whole, func.sum(TextCount.rows))
        .join(devices, devices.c.id == TextCount.device_id)
        .where(TextCount.counted == bind("counted"), or_(devices.c.is_whole == 1, is_partly))
        .group_by(TextCount.device_id, devices.c.is_whole)
        .having(func.sum(TextCount.rows) > 0)
    )
