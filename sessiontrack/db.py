"""The database: statements and the two kinds of transaction; engines/ has what is one engine's alone.

Statements are SQLAlchemy Core, compiled once for each dialect and then run on the driver's own cursor: a row
costs 7 us that way and 330 us as an entity.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    URL,
    Column,
    Connection,
    MetaData,
    SQLColumnExpression,
    String,
    Table,
    event,
    make_url,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from sessiontrack import server_timing
from sessiontrack.engines import DatabaseEngine, Kind
from sessiontrack.engines.postgres import POSITION, PostgreSQL
from sessiontrack.engines.replica import Replica
from sessiontrack.engines.sqlite import SQLite
from sessiontrack.exceptions import Contention, InvalidSetting, SessiontrackError

Row = tuple[Any, ...]

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
# An execution option of SQLAlchemy's own connections, for those that change nothing.
READS = "sessiontrack_reads"
REPLICA = "replica"
# PostgreSQL's collation that knows the letters of all languages.
ANY_LANGUAGE = '"und-x-icu"'


class Base(DeclarativeBase):
    """What every model inherits from."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)


class Statement:
    """One SQL statement with named parameters, written once and compiled once for each dialect.

    Made at import time, or by a cached function where its shape depends on the filters asked for.
    """

    def __init__(self, clause: ClauseElement | str) -> None:
        self._clause = clause
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_dialect(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """The SQL and the values of the parameters that the clause itself fixes."""
        found = self._compiled.get(dialect.name)
        if found is None:
            # Not when it is made: a start makes hundreds.
            clause = text(self._clause) if isinstance(self._clause, str) else self._clause
            compiled = clause.compile(dialect=dialect)
            params = {} if isinstance(compiled, DDLCompiler) else compiled.params
            fixed = {name: value for name, value in params.items() if value is not None}
            found = self._compiled[dialect.name] = (str(compiled), fixed)
        return found


class Contains(ColumnElement[bool]):
    """Whether a text column holds a LIKE pattern (escaped by backslash) somewhere, in either case."""

    inherit_cache = False

    def __init__(
        self, column: SQLColumnExpression[str], pattern: SQLColumnExpression[str], is_ascii: bool
    ) -> None:
        self.parts: tuple[Any, Any] = (column, pattern)
        self.is_ascii = is_ascii


@compiles(Contains)
def _contains(element: Contains, compiler: SQLCompiler, **kwargs: Any) -> str:
    column, pattern = (compiler.process(each, **kwargs) for each in element.parts)
    collate = "" if element.is_ascii else f" COLLATE {ANY_LANGUAGE}"
    return f"{column}{collate} ILIKE {pattern} ESCAPE '\\'"


@compiles(Contains, "sqlite")
def _contains_in_sqlite(element: Contains, compiler: SQLCompiler, **kwargs: Any) -> str:
    """SQLite's LIKE knows the two cases of ASCII letters only; for others our own lower() is called."""
    column, pattern = (compiler.process(each, **kwargs) for each in element.parts)
    if element.is_ascii:
        return f"{column} LIKE {pattern} ESCAPE '\\'"
    return f"lower({column}) LIKE lower({pattern}) ESCAPE '\\'"


class lower(GenericFunction[str]):
    """Text in small letters, of any language; `func.lower` finds it by its name."""

    inherit_cache = True


@compiles(lower, "postgresql")
def _lower_in_postgresql(element: lower, compiler: SQLCompiler, **kwargs: Any) -> str:
    """The tables' collation knows the two cases of ASCII letters only, and gives the order."""
    text = compiler.process(element.clauses, **kwargs)
    return f'lower({text} COLLATE {ANY_LANGUAGE}) COLLATE "C"'


def temporary_table(name: str, *columns: Column[Any]) -> tuple[Statement, Statement]:
    """The statements that make a table for one transaction, where it is not there yet, and empty it."""
    table = Table(name, MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
    for column in table.columns:
        if isinstance(column.type, String):
            collated = type(column.type)(column.type.length, collation="C")
            column.type = column.type.with_variant(collated, "postgresql")
    return Statement(CreateTable(table, if_not_exists=True)), Statement(table.delete())


WRITTEN = Statement("SELECT position FROM last_write WHERE login_key = :login_key")
MARK_WRITTEN = Statement(
    f"INSERT INTO last_write (login_key, position) VALUES (:login_key, {POSITION})"
    " ON CONFLICT (login_key) DO UPDATE SET position = greatest(last_write.position, excluded.position)"
)


class Transaction:
    """A transaction on the driver's own connection; what it does not commit is rolled back."""

    def __init__(self, connection: DBAPIConnection, dialect: Dialect, engine: DatabaseEngine) -> None:
        self._connection = connection
        self._dialect = dialect
        self._engine = engine

    def _execute(
        self, statement: Statement, parameters: Mapping[str, Any], cursor: DBAPICursor | None = None
    ) -> DBAPICursor:
        sql, fixed = statement.for_dialect(self._dialect)
        cursor = cursor or self._connection.cursor()
        cursor.execute(sql, {**fixed, **parameters} if fixed else parameters)
        return cursor

    def rows(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """All rows, in memory."""
        return list(self._execute(statement, parameters).fetchall())

    def stream(self, statement: Statement, /, **parameters: Any) -> Iterator[Row]:
        """The rows one after another, for answers that may be long."""
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
        """Change something; the number of rows that were changed."""
        cursor = self._execute(statement, parameters)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> int:
        """The same change for each set of parameters; the number of rows that were changed."""
        sql, fixed = statement.for_dialect(self._dialect)
        cursor = self._connection.cursor()
        cursor.executemany(sql, [{**fixed, **each} for each in parameters])
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    @property
    def counts_rows(self) -> bool:
        """Whether the table `row_count` is kept."""
        return self._engine.counts_rows

    def exclude_writers(self, *tables: str) -> None:
        """Keep everybody else from changing these tables until the transaction ends.

        For rules that one statement or the locks of a few rows cannot hold. Taken before anything is read
        that the rule looks at.
        """
        lock = self._engine.lock_tables(tables)
        if lock is not None:
            self._connection.cursor().execute(lock)

    def prepare_bulk(self) -> None:
        """Take the memory that a million new rows need."""
        if self._engine.prepare_bulk is not None:
            self._connection.cursor().execute(self._engine.prepare_bulk)


@contextmanager
def write_transaction(*, brief: bool = False) -> Iterator[Transaction]:
    """Read and change; commits at the end, rolls back on any exception.

    Args:
        brief: it takes no longer than a few statements do, so that others may wait for its commit.
    Raises:
        StorageUnavailable: the database is locked past its time-out, full, read-only, damaged or away.
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
    """Read one consistent state; waits for nobody and keeps nobody waiting.

    Raises:
        Contention: a replica could not go on; the same again is read elsewhere.
    """
    replica = _replica()
    connection = None
    if replica is not None and (position := _reading_from()) is not None:
        connection = replica.begun(position)
    if replica is None or connection is None:
        ways = database_engine()
        with storage_errors(), _transaction(ways, ways.begin_reading, Kind.READ) as transaction:
            yield transaction
        return
    try:
        with _on(connection) as transaction:
            yield transaction
    except Exception as error:
        if not replica.failed(error):
            raise
        raise Contention("The replica cannot be read just now; try again shortly.") from error


def read_from_replica(position: int) -> None:
    """From now on let this request read where that much was seen of what is written."""
    g.sessiontrack_position = position


def mark_writes_of(login_key: str) -> None:
    """Let what this request writes be known as this login's: its later requests must read it."""
    g.sessiontrack_writer = login_key


def written_by(tx: Transaction, login_key: str) -> int | None:
    """What a replica must have seen to answer that login; None where there is no replica."""
    if _replica() is None:
        return None
    return int(tx.value(WRITTEN, login_key=login_key) or 0)


def _reading_from() -> int | None:
    position: int | None = g.get("sessiontrack_position")
    return position


def _mark_written(engine: DatabaseEngine) -> None:
    """Remember how far the log had come after this request's write; it reads here itself from now on.

    Not flushed to the disk by itself, so nobody waits for it: a server that crashes just then takes its
    replicas' source away as well.
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
    """Read with one statement, or with several that need not tell of the same state; never from a replica."""
    ways = database_engine()
    with storage_errors(), _transaction(ways, ways.begin_reading, Kind.LOOK_UP) as transaction:
        yield transaction


@contextmanager
def _transaction(ways: DatabaseEngine, begin: str, kind: Kind) -> Iterator[Transaction]:
    own = ways.own_transaction(kind)
    if own is None:
        with server_timing.part(kind.value), _on(_begun(ways, begin)) as transaction:
            yield transaction
        return
    with server_timing.part(kind.value), own as driver_connection:
        yield Transaction(driver_connection, db.engine.dialect, ways)


@contextmanager
def _on(connection: PoolProxiedConnection) -> Iterator[Transaction]:
    try:
        yield Transaction(connection, db.engine.dialect, database_engine())
        connection.commit()
    except BaseException:
        _abandon(connection)
        raise
    finally:
        connection.close()


def _begun(ways: DatabaseEngine, begin: str) -> PoolProxiedConnection:
    """A connection on which a transaction has begun.

    Those that waited in the pool may be lost, where the server was started anew; each is tried once.
    """
    pool = db.engine.pool
    for _ in range(pool.checkedin() if isinstance(pool, QueuePool) else 0):
        connection = db.engine.raw_connection()
        try:
            connection.cursor().execute(begin)
            return connection
        except BaseException:
            lost = ways.begin_again(connection.driver_connection)
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
    """Roll back; where the connection is lost, the server has done so."""
    try:
        connection.rollback()
    except Exception:
        connection.invalidate()


@contextmanager
def storage_errors() -> Iterator[None]:
    """Say in the domain's words what the driver says of the disk, the server or others who write."""
    try:
        yield
    except SessiontrackError:
        raise
    except Exception as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        meaning = None if cause is None else database_engine().meaning_of(cause)
        if meaning is not None:
            raise meaning from error
        raise


def database_engine() -> DatabaseEngine:
    """The engine of the application that runs."""
    found: DatabaseEngine = current_app.extensions["sessiontrack.engine"]
    return found


def sqlite_file() -> Path | None:
    """The file of this application's database; None where it is a server's."""
    return database_engine().file


def find_damage(most: int = 100) -> list[str]:
    """What the engine finds wrong with its own pages, indexes and values."""
    with storage_errors():
        return database_engine().find_damage(db.engine, most)


def rebuild_index(name: str) -> None:
    """Make an index anew from its table; a unique one that cannot be is dropped, for it forbids nothing."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rebuild_index(db.engine, name)


def used_bytes() -> int:
    """What the database has in use: pages that are free again do not count."""
    with storage_errors():
        return database_engine().used_bytes(db.engine)


def database_sizes() -> tuple[int, int | None]:
    """Bytes of the database, and of the write-ahead log beside it; None where that is a server's matter."""
    with storage_errors():
        return database_engine().sizes(db.engine)


def rewrite() -> None:
    """Write the database anew, without what is free in it; whoever wants to write waits."""
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        engine.rewrite(db.engine)


def give_back_pages(most: int) -> bool:
    """Give some free pages back to the disk; whether there are more.

    Raises:
        Conflict: this database was never written anew by `rewrite`.
    """
    engine = database_engine()
    with storage_errors(), engine.writer_turn():
        return engine.give_back_pages(db.engine, most)


def init_app(app: Flask, url: str, synchronous: str, busy_timeout_seconds: int, read_url: str = "") -> None:
    """Give the application its engine, and the replica that it may read from where there is one.

    Raises:
        InvalidSetting: the URL is not one, or names a database that lives in memory only.
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
    except Exception as error:
        raise InvalidSetting(f"DATABASE_URL cannot be used: {error}") from error
    app.extensions["sessiontrack.engine"] = engine
    with app.app_context():
        _prepare(engine)
        if read_url and isinstance(engine, PostgreSQL):
            engine.prepare(db.engines[REPLICA])
            app.extensions["sessiontrack.replica"] = Replica(db.engines[REPLICA], engine)


def _engine_of(url: URL, synchronous: str, busy_timeout_seconds: int) -> DatabaseEngine:
    if url.get_backend_name() == "sqlite":
        return SQLite(url, synchronous, busy_timeout_seconds)
    return PostgreSQL(busy_timeout_seconds)


def _replica_options(engine: DatabaseEngine, url: str) -> dict[str, Any]:
    try:
        parsed = make_url(url)
    except Exception as error:
        raise InvalidSetting(f"READ_DATABASE_URL cannot be used: {error}") from error
    if not isinstance(engine, PostgreSQL) or parsed.get_backend_name() != "postgresql":
        raise InvalidSetting("READ_DATABASE_URL is for a replica of a PostgreSQL in DATABASE_URL.")
    return {"url": parsed, **engine.options(is_replica=True)}


def _prepare(engine: DatabaseEngine) -> None:
    engine.prepare(db.engine)

    @event.listens_for(db.engine, "begin")
    def begin(connection: Connection) -> None:
        # Alembic's connections.
        if connection.get_execution_options().get(READS):
            connection.exec_driver_sql(engine.begin_reading)
        else:
            engine.begin_migrating(connection)
