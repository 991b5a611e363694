"""An id, once given, never comes back; on SQLite, where a number was free again with the last row."""

import re

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

TABLES = ("device", "device_session", "event", "user_session", "user", "api_token", "webhook")


def upgrade() -> None:
    """Say AUTOINCREMENT in the schema itself: the tables are the same, so that no row need be written."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    # So that SQLite makes the table in which it keeps the numbers.
    op.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    op.execute("DROP TABLE numbered")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    for table in TABLES:
        named = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
        before = connection.execute(named, {"name": table}).scalar_one()
        change = sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name")
        connection.execute(change, {"sql": _numbered(before, table), "name": table})
        op.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', last"
            f' FROM (SELECT max(id) AS last FROM "{table}") AS given WHERE last IS NOT NULL'
        )
    op.execute(f"PRAGMA schema_version = {version + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def _numbered(sql: str, table: str) -> str:
    without = re.sub(rf",\s*CONSTRAINT pk_{table} PRIMARY KEY \(id\)", "", sql)
    return re.sub(r"\bid INTEGER NOT NULL", "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", without, count=1)
