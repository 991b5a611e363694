"""Column types and index helpers that several tables share."""

from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Identity,
    Index,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    bindparam,
    select,
    text,
)
from sqlalchemy.orm import mapped_column
from sqlalchemy.sql import ColumnElement

# SQLite numbers rows only for a plain INTEGER key; PostgreSQL's INTEGER would overflow.
_Whole = BigInteger().with_variant(Integer, "sqlite")

RowId = Annotated[int, mapped_column(_Whole, Identity(), primary_key=True)]
Instant = Annotated[int, mapped_column(_Whole)]
Seconds = Annotated[int, mapped_column(_Whole)]
Position = Annotated[int, mapped_column(_Whole)]
Number = Annotated[int, mapped_column(_Whole)]
Reference = Annotated[int, mapped_column(_Whole)]
Mac = Annotated[str, mapped_column(String(17))]
Ip = Annotated[str, mapped_column(String(45), server_default="")]
# ips.ip_sort_key(ip): sorts by address, unlike the text.
IpKey = Annotated[str, mapped_column(String(33), server_default="")]
Name = Annotated[str, mapped_column(String(255), server_default="")]
EventType = Annotated[str, mapped_column(String(64))]

# For tables whose ids are given out: an id is never given again, even if its row is gone.
GIVEN_ONCE = {"sqlite_autoincrement": True}

# A LIMIT that returns all rows.
EVERYTHING = 2**62


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that meet the condition, on both back ends."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def part_indexes(table: str, number: str) -> tuple[Index, Index]:
    """Of a table of kept sums: those that find the parts to add up, and the keys whose rows are all gone."""
    return (
        partial_index(f"ix_{table}_part", "part", where="part > 0"),
        partial_index(f"ix_{table}_zero", "part", where=f"{number} = 0"),
    )


def holds(condition: str) -> ColumnElement[bool]:
    """A partial index's condition for a query, word for word."""
    return text(condition)  # type: ignore[return-value]


def unlocked(key: SQLColumnExpression[Any], where: ColumnElement[bool]) -> Select[Any]:
    """The keys of rows that no other transaction has locked.

    A job that deletes old rows skips locked ones: otherwise two jobs could wait for each other.
    """
    return select(key).where(where).with_for_update(skip_locked=True)


def bind(name: str) -> BindParameter[Any]:
    """A parameter that each execution of the statement supplies."""
    return bindparam(name)
