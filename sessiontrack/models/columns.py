"""Column types that several tables share."""

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

# SQLite numbers its rows only for a plain INTEGER key; PostgreSQL's INTEGER would end in 2038.
_Whole = BigInteger().with_variant(Integer, "sqlite")

RowId = Annotated[int, mapped_column(_Whole, Identity(), primary_key=True)]
Instant = Annotated[int, mapped_column(_Whole)]
Seconds = Annotated[int, mapped_column(_Whole)]
Position = Annotated[int, mapped_column(_Whole)]
Number = Annotated[int, mapped_column(_Whole)]
Reference = Annotated[int, mapped_column(_Whole)]
Mac = Annotated[str, mapped_column(String(17))]
Ip = Annotated[str, mapped_column(String(45), server_default="")]
# ips.ip_sort_key(ip): sorts as the address does, which its text does not.
IpKey = Annotated[str, mapped_column(String(33), server_default="")]
Name = Annotated[str, mapped_column(String(255), server_default="")]
EventType = Annotated[str, mapped_column(String(64))]

# A LIMIT that leaves nothing out.
EVERYTHING = 2**62


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows for which the condition holds, on both engines."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def holds(condition: str) -> ColumnElement[bool]:
    """A partial index's own condition in a query, word for word."""
    return text(condition)  # type: ignore[return-value]


def unlocked(key: SQLColumnExpression[Any], where: ColumnElement[bool]) -> Select[Any]:
    """The keys of rows that nobody else is changing.

    Who deletes old rows leaves the others to those: each could wait for the other.
    """
    return select(key).where(where).with_for_update(skip_locked=True)


def bind(name: str) -> BindParameter[Any]:
    """A parameter whose value comes with each call of the statement."""
    return bindparam(name)
