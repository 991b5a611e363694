"""The interface of the two databases of a move; the modules beside this one implement it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Integer,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    select,
)

from sessiontrack.exceptions import Conflict, InvalidInput

# Sums of remainders by this prime stay within 64 bits.
PRIME = 1_000_000_007
Totals = tuple[int | None, ...]


class Store(ABC):
    """One of the two databases, in one transaction; messages call it `name`.

    in_use: whether other programs have it open; their later writes are not read.
    """

    name: str
    in_use = False

    @abstractmethod
    def identity(self) -> object:
        """A value that is equal for two stores of the same database."""

    @abstractmethod
    def totals(self, table: Table) -> Totals:
        """The number of rows, then for each column the number of values and their sum.

        The back end computes them, also for generated columns.
        """

    @abstractmethod
    def read(self, table: Table) -> Iterator[bytes]:
        """Yield all rows in key order, as blocks of lines."""

    @abstractmethod
    def last_number(self, table: Table) -> int:
        """The highest row number ever given, even if that row is gone; 0 if none was."""


class Target(Store):
    """The database to fill, which is invisible until it is complete."""

    @abstractmethod
    def write(self, table: Table, blocks: Iterable[bytes]) -> None:
        """Insert the blocks of the source's `read`."""

    @abstractmethod
    def number_on_after(self, table: Table, number: int) -> None:
        """Number new rows above this number."""

    @abstractmethod
    def finish(self) -> None:
        """Create the indexes and constraints that were left out to insert faster."""


def written_columns(table: Table) -> list[Column[Any]]:
    """The columns that are not generated."""
    return [column for column in table.columns if column.computed is None]


def is_numbered(table: Table) -> bool:
    """Whether the back end numbers the rows."""
    return any(column.identity is not None for column in table.primary_key.columns)


def rows_of(table: Table) -> Select[Any]:
    """The query of `read`; booleans become 1 or 0 on both back ends."""
    chosen = (
        cast(column, Integer) if isinstance(column.type, Boolean) else column
        for column in written_columns(table)
    )
    return select(*chosen).order_by(*table.primary_key.columns)


def totals_of(table: Table) -> Select[Any]:
    """The query of `totals`."""
    sums: list[Any] = [
        each for column in table.columns for each in (func.count(column), func.sum(_summand(column)))
    ]
    return select(func.count(), *sums).select_from(table)


def _summand(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, String):
        return func.length(column)
    if isinstance(column.type, Boolean):
        return case((column, 1), else_=0)
    return column % PRIME


def refuse_same(identity: object, source: Store) -> None:
    """Refuse to move a database onto itself.

    Raises:
        InvalidInput: both are the same database, even if the URLs differ.
    """
    if identity == source.identity():
        raise InvalidInput("Both URLs lead to the same database; nothing was changed.")


def not_taken(name: str, error: Exception) -> Conflict:
    """The error for a database that rejects the other's rows, or holds values that no column can."""
    reason = " ".join(str(error).partition("\n")[0].split())
    return Conflict(
        f"{name} rejects rows of the other database ({reason}); nothing was changed."
        " Run sessiontrack check on that one."
    )
