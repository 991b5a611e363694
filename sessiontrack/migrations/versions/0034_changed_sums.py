"""Updates that leave a row's key as it is change its kept sums in one step, on SQLite."""

from importlib import import_module

from alembic import op

revision = "0034"
down_revision = "0030"

MADE_IN = {"0018_row_counts": "COUNTED", "0019_user_sums": "SUMS", "0020_text_counts": "TEXTS"}


def upgrade() -> None:
    """Make the triggers of updates anew; the sums stay."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for module, name in MADE_IN.items():
        for kept in getattr(import_module(f"sessiontrack.migrations.versions.{module}"), name):
            for what in ("changed", "moved"):
                op.execute(f"DROP TRIGGER IF EXISTS keep_{kept.name}_{what}")
            for sql in kept.changes_in_sqlite():
                op.execute(sql)
