"""The number of a row in a path, as in `/auth/tokens/<id>`."""

from werkzeug.routing import IntegerConverter, Map

MOST_DIGITS = 18


class RowIdConverter(IntegerConverter):
    """No more digits than the database can hold: longer ones are no row's, so they are not found."""

    regex = rf"[0-9]{{1,{MOST_DIGITS}}}"

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=10**MOST_DIGITS - 1)
