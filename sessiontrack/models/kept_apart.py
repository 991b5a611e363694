"""A row that keeps triggers from taking what is deleted from the kept sums."""

from sqlalchemy.orm import Mapped, mapped_column

from sessiontrack.database import Base
from sessiontrack.database.kept_sums import APART


class KeptApart(Base):
    """Empty for all but the transaction on SQLite that deletes many rows and takes their sums by itself."""

    __tablename__ = APART

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
