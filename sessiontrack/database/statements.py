"""SQL statements, and the metadata that the models share.

A SQLAlchemy Core statement is compiled once for each dialect and runs on the driver's own cursor: a row costs
7 us that way and 330 us as an entity.
"""

import re
from typing import Any, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    Column,
    MetaData,
    SQLColumnExpression,
    String,
    Table,
    text,
)
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

Row = tuple[Any, ...]


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


# To so many a number in a name is padded, for its order.
DIGITS = 20
# PostgreSQL's collation for all languages.
ANY_LANGUAGE = '"und-x-icu"'


class Base(DeclarativeBase):
    """The base class of the models."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)


# What AMONG(:ids) means: one parameter that is a list, of any length.
AMONG = re.compile(r"AMONG\((:\w+|%\(\w+\)s)\)")
AMONG_IN = {
    "sqlite": r"IN (SELECT value FROM json_each(\1))",
    "postgresql": r"= ANY (\1)",
}
# What JSON_LIST(expression) means: one JSON array of its values in all rows, in the order of such an array of
# another expression. Text after text from the driver takes three times as long.
JSON_LIST = re.compile(r"JSON_LIST\(([^()]*)\)")
JSON_LIST_AS = {"sqlite": r"json_group_array(\1)", "postgresql": r"coalesce(json_agg(\1)::text, '[]')"}
# What UNORDERED(column) means: the same text, but not by an index in its order.
UNORDERED = re.compile(r"UNORDERED\(([^()]*)\)")
UNORDERED_AS = {"sqlite": r"+\1", "postgresql": r"(\1 || '')"}
# What DIGEST(column) means: a number of 20 bits for a text, the same within one statement.
DIGEST = re.compile(r"DIGEST\(([^()]*)\)")
DIGEST_AS = {"sqlite": r"(digest(\1) & 1048575)", "postgresql": r"(hashtext(\1) & 1048575)"}
MACROS = ((AMONG, AMONG_IN), (JSON_LIST, JSON_LIST_AS), (UNORDERED, UNORDERED_AS), (DIGEST, DIGEST_AS))


class Statement:
    """One SQL statement with named parameters, written once and compiled once for each dialect.

    `column AMONG(:ids)` is a condition that the column is one of the values in the list `ids`. JSON_LIST,
    UNORDERED and DIGEST are explained above.
    Made at import time, or by a cached function where its shape depends on the filters asked for.
    """

    def __init__(self, clause: ClauseElement | str) -> None:
        self._clause = clause
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The SQL, and the values of the parameters that the clause itself binds."""
        found = self._compiled.get(dialect.name)
        if found is None:
            # Compiled at first use: at start there are hundreds of statements.
            clause = text(self._clause) if isinstance(self._clause, str) else self._clause
            compiled = clause.compile(dialect=dialect)
            params = {} if isinstance(compiled, DDLCompiler) else compiled.params
            fixed = {name: value for name, value in params.items() if value is not None}
            sql = str(compiled)
            for macro, meaning in MACROS:
                sql = macro.sub(meaning.get(dialect.name, ""), sql)
            found = self._compiled[dialect.name] = (sql, fixed)
        return found


class Contains(ColumnElement[bool]):
    """Whether a text column contains a LIKE pattern (escaped by backslash), case-insensitively."""

    inherit_cache = False

    def __init__(
        self, column: SQLColumnExpression[str], pattern: SQLColumnExpression[str], is_ascii: bool
    ) -> None:
        self.parts: tuple[Any, Any] = (column, pattern)
        self.is_ascii = is_ascii


@compiles(Contains)
def _contains(element: Contains, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, pattern = (compiler.process(each, **kwargs) for each in element.parts)
    collate = "" if element.is_ascii else f" COLLATE {ANY_LANGUAGE}"
    return f"{column}{collate} ILIKE {pattern} ESCAPE '\\'"


@compiles(Contains, "sqlite")
def _contains_in_sqlite(element: Contains, compiler: SQLCompiler, **kwargs: Any) -> str:
    """SQLite's LIKE folds the case of ASCII letters only; other text goes through our own lower()."""
    column, pattern = (compiler.process(each, **kwargs) for each in element.parts)
    if element.is_ascii:
        return f"{column} LIKE {pattern} ESCAPE '\\'"
    return f"lower({column}) LIKE lower({pattern}) ESCAPE '\\'"


class lower(GenericFunction[str]):
    """Text in lower case, in any language; `func.lower` finds this class by its name."""

    inherit_cache = True


@compiles(lower, "postgresql")
def _lower_in_postgresql(element: lower, compiler: SQLCompiler, **kwargs: Any) -> str:
    """Fold the case with the ICU collation ("C" folds ASCII only), and sort by "C"."""
    text = compiler.process(element.clauses, **kwargs)
    return f'lower({text} COLLATE {ANY_LANGUAGE}) COLLATE "C"'


class natural_order(GenericFunction[str]):
    """What names are sorted by: in either case, each number in them by its value, "TV 2" before "TV 10".

    `func.natural_order` finds this class by its name. Of a longer number its last DIGITS digits count.
    """

    inherit_cache = True


@compiles(natural_order, "postgresql")
def _natural_order_in_postgresql(element: natural_order, compiler: SQLCompiler, **kwargs: Any) -> str:
    """As natural_order() of engines/sqlite.py, in SQL."""
    folded = _lower_in_postgresql(cast("lower", element), compiler, **kwargs)
    padded = f"regexp_replace({folded}, '([0-9]+)', '{'0' * DIGITS}\\1', 'g')"
    return f"regexp_replace({padded}, '[0-9]*([0-9]{{{DIGITS}}})', '\\1', 'g')"


class json_numbers(GenericFunction[str]):
    """A group's whole numbers, none of them null, as one text: a JSON array, or null where there are none."""

    inherit_cache = True


@compiles(json_numbers, "sqlite")
def _json_numbers_in_sqlite(element: json_numbers, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **kwargs)})"


@compiles(json_numbers, "postgresql")
def _json_numbers_in_postgresql(element: json_numbers, compiler: SQLCompiler, **kwargs: Any) -> str:
    """As an array is written, without its braces: json_agg looks up how to write each number."""
    number = compiler.process(element.clauses, **kwargs)
    return f"'[' || btrim(array_agg({number})::text, '{{}}') || ']'"


def temporary_table(name: str, *columns: Column[Any]) -> tuple[Statement, Statement]:
    """The statements that create a temporary table unless it exists, and empty it."""
    table = Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
    for column in table.columns:
        if isinstance(column.type, String):
            collated = type(column.type)(column.type.length, collation="C")
            column.type = column.type.with_variant(collated, "postgresql")
    return Statement(CreateTable(table, if_not_exists=True)), Statement(table.delete())
