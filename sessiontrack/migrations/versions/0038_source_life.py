"""Sources that were retired, and those of whose silence receivers were told."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0034"

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# All that there were; a receiver of all of them is told of everything.
EARLIER = 5


def upgrade() -> None:
    """Sources that were retired, and those of whose silence receivers were told."""
    op.add_column("source", sa.Column("archived_look", WHOLE, nullable=True))
    op.add_column("source", sa.Column("told_look", WHOLE, nullable=True))
    everything = sa.text("SELECT webhook_id FROM webhook_event GROUP BY webhook_id HAVING count(*) = :count")
    connection = op.get_bind()
    for (webhook_id,) in connection.execute(everything, {"count": EARLIER}).all():
        for event_type in ("source.silent", "source.back"):
            connection.execute(
                sa.text("INSERT INTO webhook_event (webhook_id, type) VALUES (:webhook_id, :type)"),
                {"webhook_id": webhook_id, "type": event_type},
            )
