"""Which sessions of all devices overlap a window: each kind of session by its own index."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.sql import ColumnElement

from sessiontrack.models import DeviceSession
from sessiontrack.models.columns import bind, holds
from sessiontrack.models.device_session import (
    IS_LONGEST,
    IS_MIDDLE,
    IS_MISSING,
    IS_OPEN,
    IS_SHORT,
    MIDDLE_SECONDS,
    SHORT_SECONDS,
)

Part = Select[*tuple[Any, ...]]


def overlapping_parts(
    *columns: Any, has_instants: bool = True, began_before: ColumnElement[int] | None = None
) -> tuple[Part, ...]:
    """These columns of the sessions that overlap [start, end), and of those that ended at its start.

    Together the parts hold each of them once, to be put together by UNION ALL. Sessions that lack an end are
    in none: how long they were is for the caller to judge.

    The parameters: start, end, UTC epoch seconds.

    Args:
        has_instants: whether sessions of no length are in them. Where they are not, and the columns are
            begin_at and end_at alone, no row of a short session is looked at.
        began_before: only those that began before this; by default before the end.
    """
    begin_at, end_at = DeviceSession.begin_at, DeviceSession.end_at
    start, end = bind("start"), bind("end")
    found = select(*columns).where(begin_at < (end if began_before is None else began_before))
    # What lacks an end has no length.
    known = holds(f"NOT {IS_MISSING}") if has_instants else end_at > begin_at
    return (
        found.where(holds(IS_SHORT), begin_at >= start - SHORT_SECONDS, end_at >= start, known),
        found.where(holds(IS_MIDDLE), begin_at >= start - MIDDLE_SECONDS, end_at >= start),
        found.where(holds(IS_LONGEST), end_at >= start),
        found.where(holds(IS_OPEN)),
    )
