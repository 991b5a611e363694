"""What a DataTables with `serverSide: true` sends, read as our own parameters.

Source: the manual of DataTables 1.10 to 2, "Server-side processing". What the table does not need of us, such
as which columns it lets people search, is not looked at.
"""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

_NAME = re.compile(
    r"length|search\[(?:value|regex)\]|order\[[0-9]{1,3}\]\[(?:column|dir|name)\]"
    r"|columns\[[0-9]{1,3}\]\[(?:data|name|searchable|orderable|search\]\[(?:value|regex))\]"
)
_COLUMN_SEARCH = re.compile(r"columns\[[0-9]{1,3}\]\[search\]\[value\]")
_ORDER = re.compile(r"order\[([0-9]{1,3})\]\[column\]")
ALL = "-1"
# Fields of the objects in `events` that are not columns, and the column that is in the same order.
SAME_ORDER = {
    "at": "time",
    "id": "order_time",
    "connected_at": "connection",
    "disconnected_at": "disconnection",
}


def from_datatables(given: Mapping[str, Any], sorts: Mapping[str, str], most: int) -> dict[str, Any]:
    """Our parameters for what a table asks for; `order` is a comma-separated list of columns.

    Args:
        sorts: what can be sorted by, by name and by number.
        most: the rows of a page for which the table asks for all.
    Raises:
        ValidationError: it asks for an order or a search that there is not; named as it was sent.
    """
    sent = {name: value for name, value in given.items() if _NAME.fullmatch(name)}
    plain = {name: value for name, value in given.items() if name not in sent}
    if not sent:
        return plain
    for name, value in sent.items():
        if value and _COLUMN_SEARCH.fullmatch(name):
            raise _refused(name, "One column alone cannot be searched; search[value] searches all.")
    if "length" in sent:
        plain["limit"] = str(most) if sent["length"] == ALL else sent["length"]
        plain["offset"] = plain.pop("start", "")
    if sent.get("search[value]"):
        plain["search"] = sent["search[value]"]
    places = sorted(
        int(found[1]) for name, value in sent.items() if value and (found := _ORDER.fullmatch(name))
    )
    if order := [_column(sent, place, sorts) for place in places]:
        plain["order"] = ",".join(order)
    return plain


def _column(sent: Mapping[str, Any], place: int, sorts: Mapping[str, str]) -> str:
    """The column by which a table sorts in that place, with - before it where it descends."""
    named = f"order[{place}][column]"
    number, direction = sent[named], sent.get(f"order[{place}][dir]") or "asc"
    # What a column shows; without that, the columns are ours in our order.
    shown = sent.get(f"columns[{number}][data]") or number
    column = sorts.get(SAME_ORDER.get(shown, shown))
    if column is None:
        raise _refused(named, f"Rows cannot be sorted by {shown[:40]}.")
    if direction not in ("asc", "desc"):
        raise _refused(f"order[{place}][dir]", "Must be asc or desc.")
    return f"-{column}" if direction == "desc" else column


def _refused(name: str, why: str) -> ValidationError:
    return ValidationError({name: [why]})
