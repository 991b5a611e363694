"""How many sessions begin and end in each quarter of an hour, for the history of how many were connected."""

from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import KeptSum
from sessiontrack.models.columns import Number, part_indexes

# Every zone of today is whole quarters from UTC.
QUARTER_SECONDS = 900


class PresenceChange(Base):
    """Maintained by triggers of `device_session`.

    What a quarter changes are the sessions that begin in it less those that end. Sessions that do both are in
    neither number, nor are those that lack an end.
    """

    __tablename__ = "presence_change"
    __table_args__ = (
        *part_indexes("presence_change", "rows"),
        {"sqlite_with_rowid": False},
    )

    # Its end divided by QUARTER_SECONDS: what happens at its end belongs to it.
    quarter: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    # 0: the sessions that begin in it, 1: those that end.
    ended: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[Number] = mapped_column(primary_key=True, autoincrement=False, server_default="0")
    rows: Mapped[Number]


def _quarter(column: str) -> str:
    return f"({{row}}{column} + {QUARTER_SECONDS - 1}) / {QUARTER_SECONDS}"


_CROSSES = f"({{row}}end_at IS NULL OR {_quarter('begin_at')} <> {_quarter('end_at')})"


def _changes(name: str, ended: str, column: str, condition: str) -> KeptSum:
    keys = {"quarter": _quarter(column), "ended": ended}
    return KeptSum(
        f"presence_{name}", "device_session", PresenceChange.__tablename__, keys, {"rows": "1"}, condition
    )


PRESENCE_CHANGES = (
    _changes("begin", "0", "begin_at", _CROSSES),
    _changes("end", "1", "end_at", f"{{row}}end_at IS NOT NULL AND {_CROSSES}"),
)
