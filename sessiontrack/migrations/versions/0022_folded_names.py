"""Names that look alike are one name."""

import sqlalchemy as sa
from alembic import op

from sessiontrack.values.names import fold

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Of those there are that look alike, the oldest is found by any form; the others by their own alone."""
    op.add_column("user", sa.Column("folded_name", sa.String(255), nullable=True))
    users = sa.table("user", sa.column("id"), sa.column("username"), sa.column("folded_name"))
    connection = op.get_bind()
    taken = set()
    for user_id, name in connection.execute(sa.select(users.c.id, users.c.username).order_by(users.c.id)):
        folded = fold(name)
        if folded not in taken:
            taken.add(folded)
            connection.execute(users.update().where(users.c.id == user_id).values(folded_name=folded))
    op.create_index("uq_user_folded_name", "user", ["folded_name"], unique=True)
