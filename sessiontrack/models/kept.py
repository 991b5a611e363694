"""All sums that the database keeps, by the table that holds them."""

from sessiontrack.database.kept_sums import KeptSum
from sessiontrack.models.row_count import COUNTED, RowCount

KEPT: dict[str, list[KeptSum]] = {RowCount.__tablename__: list(COUNTED.values())}
