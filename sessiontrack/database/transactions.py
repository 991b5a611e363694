"""Read and write transactions, and the connection that each of them uses.

Writes and look-ups use the primary database. Reads may use a replica once it has replayed the login's writes.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from flask import Flask, current_app, g
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from sessiontrack.database.engines.engine import DatabaseEngine, Kind
from sessiontrack.database.engines.postgres import POSITION, PostgreSQL
from sessiontrack.database.engines.replica import Replica
from sessiontrack.database.engines.sqlite import SQLite
from sessiontrack.database.kept_sums import APART, Addition, Deletion, KeptSum, fold, forget_zeros
from sessiontrack.database.statements import Row, Statement, db
from sessiontrack.exceptions import (
    Contention,
    Defect,
    InvalidSetting,
    QueryTooSlow,
    SessiontrackError,
    StorageUnavailable,
)
from sessiontrack.process import server_timing

# Execution option of SQLAlchemy's own connections that only read.
READS = "sessiontrack_reads"
REPLICA = "replica"
# Of SQLAlchemy's names of back ends, each alone or with the one driver that is used.
_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
SET_APART = Statement(f"INSERT INTO {APART} (id) VALUES (1)")
END_APART = Statement(f"DELETE FROM {APART}")
DEFINED = Statement("SELECT type, name, sql FROM sqlite_master WHERE name AMONG(:names) ORDER BY rowid")
WRITTEN = Statement("SELECT position FROM last_write WHERE login_key = :login_key")
MARK_WRITTEN = Statement(
    f"INSERT INTO last_write (login_key, position) VALUES (:login_key, {POSITION})"
    " ON CONFLICT (login_key) DO UPDATE SET position = greatest(last_write.position, excluded.position)"
)


class Transaction:
    """A transaction on the driver's own connection; without a commit it is rolled back."""

    def __init__(self, connection: DBAPIConnection, engine: DatabaseEngine) -> None:
        self._connection = connection
        self._engine = engine

    def _execute(
        self, statement: Statement, parameters: Mapping[str, Any], cursor: DBAPICursor | None = None
    ) -> DBAPICursor:
        sql, fixed = statement.for_dialect(self._engine.dialect)
        cursor = cursor or self._connection.cursor()
        cursor.execute(sql, {**fixed, **parameters} if fixed else parameters)
        return cursor

    def rows(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """All rows, in memory."""
        return list(self._execute(statement, parameters).fetchall())

    def stream(self, statement: Statement, /, **parameters: Any) -> Generator[Row, None, None]:
        """Iterate over the rows, for long answers."""
        cursor = self._execute(statement, parameters, self._engine.open_stream(self._connection))
        try:
            while chunk := cursor.fetchmany(1000):
                yield from chunk
        finally:
            cursor.close()

    def row(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """The first row, or None."""
        cursor = self._execute(statement, parameters)
        rows = cursor.fetchmany(1)
        cursor.close()
        return rows[0] if rows else None

    def value(self, statement: Statement, /, **parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.row(statement, **parameters)
        return None if row is None else row[0]

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Change rows; return their number."""
        cursor = self._execute(statement, parameters)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> int:
        """Make the same change for each set of parameters; return the number of changed rows."""
        sql, fixed = statement.for_dialect(self._engine.dialect)
        cursor = self._connection.cursor()
        cursor.executemany(sql, [{**fixed, **each} for each in parameters] if fixed else list(parameters))
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do something that a defect may prevent; then nothing of it is done, and the transaction goes on.

        Raises:
            Defect: what happened, as its cause; but storage that cannot be used is what it is.
        """
        run = self._connection.cursor().execute
        run("SAVEPOINT attempt")
        try:
            yield
            if self._engine.check_deferred is not None:
                run(self._engine.check_deferred)
        except Exception as error:
            if isinstance(error, StorageUnavailable):
                raise
            meaning = self._engine.meaning_of(error)
            if isinstance(meaning, StorageUnavailable):
                raise
            run("ROLLBACK TO SAVEPOINT attempt")
            run("RELEASE SAVEPOINT attempt")
            raise Defect(f"{type(error).__name__}: {error}") from error
        run("RELEASE SAVEPOINT attempt")

    def exclude_writers(self, *tables: str) -> None:
        """Keep other writers out of these tables until the transaction ends.

        For rules that neither one statement nor row locks can enforce. Call it before the first read that the
        rule depends on.
        """
        lock = self._engine.lock_tables(tables)
        if lock is not None:
            self._connection.cursor().execute(lock)

    def fold_sums(self, kept: Mapping[str, Sequence[KeptSum]]) -> None:
        """Add up the parts of kept sums, if the back end has parts."""
        for target, sums in kept.items() if self._engine.has_parts else ():
            cursor = self._connection.cursor()
            cursor.execute(fold(target, sums[0]))
            cursor.execute(forget_zeros(target, sums[0]))

    def delete_summed(self, deletion: Deletion, ids: list[int], values: Mapping[str, Any]) -> int:
        """Delete many rows, and take their sums at once, not by triggers row by row; return their number.

        Only within `pruning()`, which lets SQLite's connection leave foreign keys to the deletion.
        """
        if self._engine.has_parts:  # Its triggers run once a statement.
            return self.run(deletion.delete, **values, ids=ids)
        self.run(deletion.make)
        self.run(deletion.clear)
        found = self.run(deletion.note, **values, ids=ids)
        if found:
            self.run(SET_APART)
            for each in (*deletion.take, *deletion.forget, *deletion.release, deletion.delete_noted):
                self.run(each)
            self.run(END_APART)
        return found

    @contextmanager
    def adding(self, addition: Addition, rows: int) -> Iterator[None]:
        """Within it so many rows are added to a table; their sums are added up at its end, not row by row.

        Where there were no more before, the indexes are made anew at its end: to sort all rows takes a third
        of what it takes to put each of them in its place.
        """
        if self._engine.has_parts:  # Others could not read meanwhile.
            yield
            return
        ((before, last_id),) = self.rows(addition.count)
        names = addition.triggers + (addition.indexes if before <= rows else [])
        aside = self.rows(DEFINED, names=names)
        cursor = self._connection.cursor()
        for kind, name, _ in aside:
            cursor.execute(f'DROP {kind} "{name}"')
        yield
        for each in addition.add:
            self.run(each, last_id=last_id)
        for _, _, sql in aside:
            cursor.execute(sql)

    def prepare_bulk(self) -> None:
        """Reserve the memory that changing a million rows needs."""
        if self._engine.prepare_bulk is not None:
            self._connection.cursor().execute(self._engine.prepare_bulk)

    def set_up(self, statements: Iterable[str]) -> None:
        """Run statements of the engine's own about this connection."""
        for each in statements:
            self._connection.cursor().execute(each)


@contextmanager
def write_transaction(*, brief: bool = False) -> Iterator[Transaction]:
    """Read and change; commit at the end, roll back on any exception.

    Args:
        brief: the transaction has only a few quick statements, so others may wait for its commit.
    Raises:
        StorageUnavailable: the database is locked past the timeout, full, read-only, damaged or unreachable.
    """
    engine = database_engine()
    kind = Kind.BRIEF_WRITE if brief else Kind.WRITE
    with storage_errors():
        with _transaction(engine, engine.begin_writing, kind) as transaction:
            yield transaction
        if _replica() is not None:
            _mark_written(engine)


@contextmanager
def read_transaction() -> Iterator[Transaction]:
    """Read one consistent snapshot; it neither waits for writers nor blocks them.

    Raises:
        Contention: the replica failed during the transaction; a retry reads elsewhere.
    """
    replica = _replica()
    connection = None
    if replica is not None and (position := _reading_from()) is not None:
        connection = replica.begun(position, _most_seconds())
    if replica is None or connection is None:
        back_end = database_engine()
        seconds = _most_seconds()
        begin = back_end.limited(back_end.begin_reading, seconds)
        with storage_errors(), _transaction(back_end, begin, Kind.READ, seconds) as transaction:
            yield transaction
        return
    try:
        with _on(connection) as transaction:
            yield transaction
    except Exception as error:
        if isinstance(meaning := replica.meaning_of(error), QueryTooSlow):
            raise meaning from error
        if not replica.failed(error):
            raise
        raise Contention("The replica cannot be read just now; try again shortly.") from error


def limit_reads(seconds: int | None) -> None:
    """From now on let the database spend so long at most on what this request reads; None: however long."""
    g.sessiontrack_read_seconds = seconds


def _most_seconds() -> int | None:
    seconds: int | None = g.get("sessiontrack_read_seconds")
    return seconds


def read_from_replica(position: int) -> None:
    """Let this request read from a replica that has replayed the log up to this position."""
    g.sessiontrack_position = position


def mark_writes_of(login_key: str) -> None:
    """Record the writes of this request for the login: its later requests must read them."""
    g.sessiontrack_writer = login_key


def written_by(tx: Transaction, login_key: str) -> int | None:
    """The log position that a replica needs to answer this login; None without a replica."""
    if _replica() is None:
        return None
    return int(tx.value(WRITTEN, login_key=login_key) or 0)


def _reading_from() -> int | None:
    position: int | None = g.get("sessiontrack_position")
    return position


def _mark_written(engine: DatabaseEngine) -> None:
    """Store the log position after this request's write; from now on the request reads from the primary.

    The write does not wait for the disk: a crash that loses it also stops the primary that feeds the
    replicas.
    """
    g.pop("sessiontrack_position", None)
    writer = g.get("sessiontrack_writer")
    if writer is None:
        return
    with _on(_begun(engine, f"{engine.begin_writing}; SET LOCAL synchronous_commit = off")) as tx:
        tx.run(MARK_WRITTEN, login_key=writer)


def _replica() -> Replica | None:
    found: Replica | None = current_app.extensions.get("sessiontrack.replica")
    return found


@contextmanager
def look_up() -> Iterator[Transaction]:
    """Read with one statement, or with several that need no common snapshot; never from a replica."""
    back_end = database_engine()
    with storage_errors(), _transaction(back_end, back_end.begin_reading, Kind.LOOK_UP) as transaction:
        yield transaction


@contextmanager
def pruning() -> Iterator[None]:
    """Let this thread's connection remove many rows in small transactions.

    They are on the disk with the next transaction after it, at the latest.
    """
    back_end = database_engine()
    with look_up() as tx:
        tx.set_up(back_end.prepare_pruning)
    try:
        yield
    finally:
        with look_up() as tx:
            tx.set_up(back_end.end_pruning)


@contextmanager
def _transaction(
    back_end: DatabaseEngine, begin: str, kind: Kind, seconds: int | None = None
) -> Iterator[Transaction]:
    own = back_end.own_transaction(kind, seconds)
    if own is None:
        with server_timing.part(kind.value), _on(_begun(back_end, begin)) as transaction:
            yield transaction
        return
    with server_timing.part(kind.value), own as driver_connection:
        yield Transaction(driver_connection, back_end)


@contextmanager
def _on(connection: PoolProxiedConnection) -> Iterator[Transaction]:
    try:
        yield Transaction(connection, database_engine())
        connection.commit()
    except BaseException:
        _abandon(connection)
        raise
    finally:
        connection.close()


def _begun(back_end: DatabaseEngine, begin: str) -> PoolProxiedConnection:
    """A connection on which a transaction has begun.

    A restart of the server breaks the idle connections of the pool, so each of them is tried once.
    """
    pool = db.engine.pool
    for _ in range(pool.checkedin() if isinstance(pool, QueuePool) else 0):
        connection = db.engine.raw_connection()
        try:
            connection.cursor().execute(begin)
            return connection
        except BaseException:
            lost = back_end.begin_again(connection.driver_connection)
            connection.invalidate() if lost else connection.close()
            if not lost:
                raise
    connection = db.engine.raw_connection()
    try:
        connection.cursor().execute(begin)
    except BaseException:
        connection.close()
        raise
    return connection


def _abandon(connection: PoolProxiedConnection) -> None:
    """Roll back; on a lost connection the server has done so already."""
    try:
        connection.rollback()
    except Exception:
        connection.invalidate()


class _StorageErrors(AbstractContextManager[None]):
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, SessiontrackError):
            return
        cause = error.orig if isinstance(error, DBAPIError) else error
        meaning = None if cause is None else database_engine().meaning_of(cause)
        if meaning is not None:
            raise meaning from error


_STORAGE_ERRORS = _StorageErrors()


def storage_errors() -> AbstractContextManager[None]:
    """Turn the driver's errors about the disk, the server or other writers into domain errors."""
    return _STORAGE_ERRORS


def database_engine() -> DatabaseEngine:
    """The back end of the current application."""
    found: DatabaseEngine = current_app.extensions["sessiontrack.engine"]
    return found


def init_app(app: Flask, url: str, synchronous: str, busy_timeout_seconds: int, read_url: str = "") -> None:
    """Set up the application's back end and, if configured, its replica.

    Raises:
        InvalidSetting: the URL is invalid, of another back end, or names an in-memory database.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            parsed = parsed.set(database=str(Path(app.instance_path) / parsed.database))
        engine = _engine_of(parsed, synchronous, busy_timeout_seconds)
        app.config["SQLALCHEMY_DATABASE_URI"] = parsed
        app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine.options()
        if read_url:
            app.config["SQLALCHEMY_BINDS"] = {REPLICA: _replica_options(engine, read_url)}
        db.init_app(app)
    except InvalidSetting:
        raise
    except ModuleNotFoundError as error:
        raise InvalidSetting(
            f"PostgreSQL needs the Python package {error.name}, which is not installed: pip install"
            " 'psycopg[binary]' with the pip of this program."
        ) from error
    except Exception as error:
        raise InvalidSetting(f"DATABASE_URL cannot be used: {error}") from error
    app.extensions["sessiontrack.engine"] = engine
    with app.app_context():
        _prepare(engine)
        if read_url and isinstance(engine, PostgreSQL):
            engine.prepare(db.engines[REPLICA])
            app.extensions["sessiontrack.replica"] = Replica(db.engines[REPLICA], engine)


def _engine_of(url: URL, synchronous: str, busy_timeout_seconds: int) -> DatabaseEngine:
    if url.drivername not in _DRIVERS:
        raise InvalidSetting(
            f"DATABASE_URL begins with {url.drivername}://; it is sqlite:///FILE, or"
            " postgresql://USER@HOST/DATABASE."
        )
    if url.get_backend_name() == "sqlite":
        return SQLite(url, synchronous, busy_timeout_seconds)
    return PostgreSQL(busy_timeout_seconds)


def _replica_options(engine: DatabaseEngine, url: str) -> dict[str, Any]:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise InvalidSetting(f"READ_DATABASE_URL cannot be used: {error}") from error
    if not isinstance(engine, PostgreSQL) or parsed.drivername not in _DRIVERS[2:]:
        raise InvalidSetting("READ_DATABASE_URL is for a replica of a PostgreSQL in DATABASE_URL.")
    return {"url": parsed, **engine.options(is_replica=True)}


def _prepare(engine: DatabaseEngine) -> None:
    engine.prepare(db.engine)
    engine.dialect = db.engine.dialect

    @event.listens_for(db.engine, "begin")
    def begin(connection: Connection) -> None:
        # Only Alembic uses these connections.
        if connection.get_execution_options().get(READS):
            connection.exec_driver_sql(engine.begin_reading)
        else:
            engine.begin_migrating(connection)
