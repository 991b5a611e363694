"""PostgreSQL: any number of writers, on any number of hosts."""

from typing import Any

from sqlalchemy import Connection, Engine

from sessiontrack.engines import DatabaseEngine


class PostgreSQL(DatabaseEngine):
    """A PostgreSQL server; it queues its writers well by itself."""

    # In autocommit mode, as set below, the driver begins nothing by itself; we say BEGIN.
    begin_reading = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_writing = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    size_query = "SELECT pg_database_size(current_database())"

    def options(self) -> dict[str, Any]:
        """No prepared statements: behind PgBouncer each transaction may meet another server process."""
        connect = {"autocommit": True, "prepare_threshold": None}
        return {
            "connect_args": connect,
            "use_native_hstore": False,
            "pool_size": 16,
            "max_overflow": 48,
        }

    def prepare(self, engine: Engine) -> None:
        """Nothing that a connection would have to be told."""

    def begin_migrating(self, connection: Connection) -> None:
        """One migration at a time."""
        connection.exec_driver_sql(self.begin_writing)

    def is_unavailable(self, error: BaseException) -> bool:
        """The server is gone, is starting or is full; a lock was not given in time."""
        return type(error).__name__ in {"OperationalError", "PoolTimeout"}

    def used_bytes(self, engine: Engine) -> int:
        """All that it takes: what is free inside is the server's to know."""
        return self.database_bytes(engine)

    def database_bytes(self, engine: Engine) -> int:
        """Of the tables and their indexes."""
        with engine.connect() as connection:
            found: int = connection.exec_driver_sql(
                "SELECT pg_database_size(current_database())"
            ).scalar_one()
        return found

    def rewrite(self, engine: Engine) -> None:
        """By VACUUM, which locks nobody out; outside of a transaction."""
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM (ANALYZE)")
        finally:
            connection.close()
