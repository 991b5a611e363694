"""A database while everything is moved; an engine's own ways are in the modules beside this one."""

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

# So that what is added up never leaves the range of whole numbers.
PRIME = 1_000_000_007
Totals = tuple[int | None, ...]


class Store(ABC):
    """One of the two databases, within one transaction; `name` is how messages call it.

    in_use: whether others have it open; what they write from now on is not read.
    """

    name: str
    in_use = False

    @abstractmethod
    def identity(self) -> object:
        """Equal for two stores that are the same database."""

    @abstractmethod
    def totals(self, table: Table) -> Totals:
        """How many rows there are, then of each column how many values and what they add up to.

        By the engine alone, which also adds up what it generates itself.
        """

    @abstractmethod
    def read(self, table: Table) -> Iterator[bytes]:
        """All rows in the order of the key, a few at a time, as blocks of lines."""

    @abstractmethod
    def last_number(self, table: Table) -> int:
        """The last number that was given to a row, which need not be there any more; 0 where none was."""


class Target(Store):
    """One that is filled, and that nobody sees before all is done."""

    @abstractmethod
    def write(self, table: Table, blocks: Iterable[bytes]) -> None:
        """Take in what the other one's `read` gives."""

    @abstractmethod
    def number_on_after(self, table: Table, number: int) -> None:
        """Give no new row a number up to this one."""

    @abstractmethod
    def finish(self) -> None:
        """Make what was left out so that rows go in fast: indexes, and what they forbid."""


def written_columns(table: Table) -> list[Column[Any]]:
    """Those that are not generated from others."""
    return [column for column in table.columns if column.computed is None]


def is_numbered(table: Table) -> bool:
    """Whether the engine numbers its rows."""
    return any(column.identity is not None for column in table.primary_key.columns)


def rows_of(table: Table) -> Select[Any]:
    """What `read` reads; what is true or false is 1 or 0 on either engine."""
    chosen = (
        cast(column, Integer) if isinstance(column.type, Boolean) else column
        for column in written_columns(table)
    )
    return select(*chosen).order_by(*table.primary_key.columns)


def totals_of(table: Table) -> Select[Any]:
    """What `totals` asks."""
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
    """Nothing is moved onto itself.

    Raises:
        InvalidInput: it is the same database, whatever the two URLs look like.
    """
    if identity == source.identity():
        raise InvalidInput("Both URLs lead to the same database; nothing was changed.")


def not_taken(name: str, error: Exception) -> Conflict:
    """What to raise where a database does not take what the other one holds, or holds what no column can."""
    reason = " ".join(str(error).partition("\n")[0].split())
    return Conflict(
        f"{name} does not take what the other database holds ({reason}); nothing was changed."
        " See what sessiontrack check says of that one."
    )
