"""What many rows are deleted with: an index of sums without rows, and one trigger a table, on SQLite."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"

# Each table of kept sums, and its number of rows.
NUMBERS = {
    "row_count": "rows",
    "user_sum": "sessions",
    "user_day": "sessions",
    "text_count": "rows",
    "presence_change": "rows",
}
APART = "NOT EXISTS (SELECT 1 FROM kept_apart)"
GONE = re.compile(
    rf"CREATE TRIGGER \w+ AFTER DELETE ON (\w+) WHEN (.*) AND {re.escape(APART)} BEGIN (.*) END", re.DOTALL
)


def upgrade() -> None:
    """Add the indexes, which are empty, and make one trigger of all those of a table's deleted rows."""
    for table, number in NUMBERS.items():
        where = sa.text(f"{number} = 0")
        op.create_index(f"ix_{table}_zero", table, ["part"], sqlite_where=where, postgresql_where=where)
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    gone = (
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'keep_*_gone' ORDER BY name"
    )
    done: dict[str, list[str]] = {}
    for name, sql in connection.exec_driver_sql(gone).fetchall():
        found = GONE.fullmatch(sql)
        assert found is not None, sql
        source, when, statements = found.groups()
        # The condition of the trigger becomes that of its statement.
        done.setdefault(source, []).append(
            statements.replace("WHERE true ON CONFLICT", f"WHERE {when} ON CONFLICT", 1)
        )
        op.execute(f"DROP TRIGGER {name}")
    for source, statements in done.items():
        of_a_row = f"CREATE TRIGGER keep_{source}_gone AFTER DELETE ON {source} WHEN {APART}"
        connection.exec_driver_sql(f"{of_a_row} BEGIN {' '.join(statements)} END")
