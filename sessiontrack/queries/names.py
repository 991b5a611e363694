"""Names in the order in which people look for them."""

from sqlalchemy import SQLColumnExpression, String, case, func, literal_column
from sqlalchemy.sql import ColumnElement

# Longer numbers than this are compared by their last digits.
_DIGITS = 20
_ZEROS: ColumnElement[str] = literal_column(f"'{'0' * _DIGITS}'", String)
_ALL_DIGITS: ColumnElement[str] = literal_column("'0123456789'", String)


def in_order(name: SQLColumnExpression[str]) -> ColumnElement[str]:
    """What a name is sorted by: in either case, a number at its end by its value, "TV 2" before "TV 10".

    In functions that SQLite and PostgreSQL both have, so that there is no second column to keep.
    """
    words = func.rtrim(name, _ALL_DIGITS)
    number = func.substr(name, func.length(words) + 1, type_=String)
    padded = func.substr(_ZEROS + number, func.length(number) + 1, type_=String)
    return func.lower(words) + case((number == "", ""), else_=padded)
