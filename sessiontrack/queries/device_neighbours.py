"""The devices before and after one in the list by name, as its page leads to them."""

from functools import cache

from sqlalchemy import case, func, select, tuple_
from sqlalchemy.orm import aliased

from sessiontrack.database import Statement, Transaction
from sessiontrack.models import Device
from sessiontrack.models.columns import bind

Neighbour = dict[str, str]


def find_neighbours(tx: Transaction, mac: str) -> tuple[Neighbour | None, Neighbour | None]:
    """The one before and the one after, of those that are not archived; None at the ends of the list."""
    before, after = (tx.row(_beside(is_after), mac=mac) for is_after in (False, True))
    return (
        None if before is None else {"mac": before[0], "name": before[1]},
        None if after is None else {"mac": after[0], "name": after[1]},
    )


@cache
def _beside(is_after: bool) -> Statement:
    other, this = aliased(Device), aliased(Device)
    mine, its = (
        (case((each.name == "", 1), else_=0), func.natural_order(each.name), each.mac)
        for each in (other, this)
    )
    is_beyond = tuple_(*mine) > tuple_(*its) if is_after else tuple_(*mine) < tuple_(*its)
    order = [each.asc() if is_after else each.desc() for each in mine]
    rows = select(other.mac, other.name).join(this, this.mac == bind("mac"))
    return Statement(rows.where(~other.archived, is_beyond).order_by(*order).limit(1))
