"""`device_session` and `event` divided into a table a month, on PostgreSQL; a month goes at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from sessiontrack.database import Statement, Transaction
from sessiontrack.database.transactions import database_engine
from sessiontrack.exceptions import InvalidInput
from sessiontrack.partitions import guards
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.services.retention import DEVICE_SESSIONS, EVENTS, Kind, Plan

SESSION = "device_session"
EVENT = "event"
# By what a row belongs to a month. A generated column may not be it; what generates it may.
KEYS = {SESSION: "coalesce(connected_at, disconnected_at)", EVENT: "at"}
INSTANTS = {SESSION: "begin_at", EVENT: "at"}
KINDS: Mapping[str, Kind] = {SESSION: DEVICE_SESSIONS, EVENT: EVENTS}
# What is older shares one table: each table more is looked at by every query that names no time.
MOST_MONTHS = 180

IS_DIVIDED = Statement("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:table)")
OLDEST = {name: Statement(f"SELECT min({INSTANTS[name]}) FROM {name}") for name in KEYS}
CALENDAR = Statement(
    "SELECT to_char(m, 'YYYY_MM'), extract(epoch FROM m)::bigint,"
    " extract(epoch FROM m + interval '1 month')::bigint FROM generate_series("
    "date_trunc('month', to_timestamp(:first) AT TIME ZONE 'UTC'), date_trunc('month',"
    " to_timestamp(:now) AT TIME ZONE 'UTC') + make_interval(months => CAST(:ahead AS int)),"
    " interval '1 month') AS m ORDER BY m DESC LIMIT :most"
)
# Both ends of each; null where it has none.
PARTITIONS = Statement(
    "SELECT c.relname, substring(bound FROM 'FROM \\(''(-?[0-9]+)''\\)')::bigint,"
    " substring(bound FROM 'TO \\(''(-?[0-9]+)''\\)')::bigint"
    " FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid,"
    " LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound"
    " WHERE inhparent = to_regclass(:table) ORDER BY 3 NULLS LAST"
)
COLUMNS = Statement(
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
    " WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
)
REFERENCES = Statement(
    "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid), confrelid = to_regclass(:table)"
    " FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
    " AND to_regclass(:table) IN (conrelid, confrelid)"
)
INDEXES = Statement(
    "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass(:table)"
    " AND NOT indisprimary AND NOT indisexclusion"
)
LAST_NUMBER = Statement("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, 'id')::regclass)")
NUMBER_ON = Statement("SELECT setval(pg_get_serial_sequence(:table, 'id'), :number)")


@dataclass(frozen=True)
class Month:
    """A partition: what is in [start, end); None for the two that reach to all that is older or later."""

    table: str
    start: int | None
    end: int | None


def divided_tables(tx: Transaction) -> list[str]:
    """Which of the two are divided by months."""
    if not database_engine().divides_tables:
        return []
    return [name for name in KEYS if tx.value(IS_DIVIDED, table=name)]


def divide(tx: Transaction, table: str, now: int, ahead: int) -> list[str]:
    """Divide a table, where it is not yet, and make the months that it lacks, so many ahead of now.

    The oldest months' tables go, where they are empty.

    Nobody reads or writes it meanwhile.

    Returns:
        the months' tables that were made.
    Raises:
        InvalidInput: this engine does not divide tables.
    """
    if not database_engine().divides_tables:
        raise InvalidInput("Tables are divided on PostgreSQL only.")
    tx.run(Statement(f"LOCK TABLE {SESSION}, {EVENT} IN ACCESS EXCLUSIVE MODE"))
    if table in divided_tables(tx):
        _drop_emptied(tx, table, now)
        return _add_months(tx, table, now, ahead)
    return _divide(tx, table, now, ahead)


def list_months(tx: Transaction, table: str) -> list[Month]:
    """The partitions of a divided table, oldest first."""
    return [Month(*row) for row in tx.rows(PARTITIONS, table=table)]


def _calendar(tx: Transaction, first: int, now: int, ahead: int) -> list[tuple[str, int, int]]:
    months = tx.rows(CALENDAR, first=min(first, now), now=now, ahead=ahead, most=MOST_MONTHS + ahead)
    return [(name, start, end) for name, start, end in reversed(months)]


def _divide(tx: Transaction, table: str, now: int, ahead: int) -> list[str]:
    """Make it anew, from itself."""
    columns, number = tx.value(COLUMNS, table=table), tx.value(LAST_NUMBER, table=table)
    oldest = tx.value(OLDEST[table])
    indexes = [sql for (sql,) in tx.rows(INDEXES, table=table)]
    references = tx.rows(REFERENCES, table=table)
    whole = f"{table}_whole"
    for name, of, _, is_incoming in references:
        if is_incoming:
            tx.run(Statement(f"ALTER TABLE {of} DROP CONSTRAINT {name}"))
    tx.run(Statement(f"ALTER TABLE {table} RENAME TO {whole}"))
    copied = "DEFAULTS INCLUDING IDENTITY INCLUDING GENERATED INCLUDING CONSTRAINTS"
    key = KEYS[table] if table == EVENT else f"({KEYS[table]})"
    tx.run(Statement(f"CREATE TABLE {table} (LIKE {whole} INCLUDING {copied}) PARTITION BY RANGE ({key})"))
    months = _calendar(tx, now if oldest is None else oldest, now, ahead)
    made = [_make(tx, table, name, start, end) for name, start, end in months]
    _make(tx, table, "before", None, months[0][1])
    _make(tx, table, "later", months[-1][2], None)
    tx.run(Statement(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {whole} ORDER BY id"))
    tx.run(Statement(f"DROP TABLE {whole}"))
    if number is not None:
        tx.value(NUMBER_ON, table=table, number=number)
    if table == EVENT:
        tx.run(Statement("ALTER TABLE event ADD CONSTRAINT pk_event PRIMARY KEY (id, at)"))
    for sql in indexes:
        # Across months it is not unique by an index: `guards` has what keeps sessions apart.
        tx.run(Statement(sql.replace("CREATE UNIQUE", "CREATE") if table == SESSION else sql))
    for name, of, sql, is_incoming in references:
        if not is_incoming:
            tx.run(Statement(f"ALTER TABLE {of} ADD CONSTRAINT {name} {sql}"))
    if table == SESSION:
        tx.run(Statement(guards.SESSIONS))
    if SESSION in divided_tables(tx):
        tx.run(Statement(guards.LINKS))
    tx.run(Statement(f"ANALYZE {table}"))
    return made


def _make(tx: Transaction, table: str, name: str, start: int | None, end: int | None) -> str:
    """A partition; of sessions it also says what their generated column is, by which queries ask."""
    made = f"{table}_{name}"
    low, high = "MINVALUE" if start is None else str(start), "MAXVALUE" if end is None else str(end)
    checks = ""
    if table == SESSION:
        bounds = [f"begin_at >= {start}"] if start is not None else []
        bounds += [f"begin_at < {end}"] if end is not None else []
        checks = f" (CONSTRAINT month CHECK ({' AND '.join(bounds)}))"
    tx.run(Statement(f"CREATE TABLE {made} PARTITION OF {table}{checks} FOR VALUES FROM ({low}) TO ({high})"))
    if table == SESSION:
        tx.run(Statement(f"CREATE UNIQUE INDEX uq_{made}_id ON {made} (id)"))
    return made


def _drop_emptied(tx: Transaction, table: str, now: int) -> None:
    """Let the oldest months that are over and empty be a part of what was before them."""
    before, *months = list_months(tx, table)
    emptied = []
    for month in months:
        if month.end is None or month.end > now:
            break
        if tx.row(Statement(f"SELECT 1 FROM {month.table} LIMIT 1")) is not None:
            break
        emptied.append(month)
    if not emptied:
        return
    for month in emptied:
        tx.run(Statement(f"DROP TABLE {month.table}"))
    end = emptied[-1].end
    tx.run(Statement(f"ALTER TABLE {table} DETACH PARTITION {before.table}"))
    if table == SESSION:
        tx.run(Statement(f"ALTER TABLE {before.table} DROP CONSTRAINT month"))
        tx.run(Statement(f"ALTER TABLE {before.table} ADD CONSTRAINT month CHECK (begin_at < {end})"))
    attached = f"ATTACH PARTITION {before.table} FOR VALUES FROM (MINVALUE) TO ({end})"
    tx.run(Statement(f"ALTER TABLE {table} {attached}"))


def _add_months(tx: Transaction, table: str, now: int, ahead: int) -> list[str]:
    """Let the months begin that begin within what comes later; what is there already goes into them."""
    later = list_months(tx, table)[-1]
    assert later.start is not None
    months = [each for each in _calendar(tx, later.start, now, ahead) if each[1] >= later.start]
    if not months:
        return []
    columns = tx.value(COLUMNS, table=table)
    tx.run(Statement(f"ALTER TABLE {table} DETACH PARTITION {later.table}"))
    tx.run(Statement(f"ALTER TABLE {later.table} RENAME TO {table}_rest"))
    tx.run(Statement(f"DROP INDEX IF EXISTS uq_{later.table}_id"))
    made = [_make(tx, table, name, start, end) for name, start, end in months]
    _make(tx, table, "later", months[-1][2], None)
    tx.run(Statement(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_rest"))
    tx.run(Statement(f"DROP TABLE {table}_rest"))
    return made


def empty_months(tx: Transaction, plan: Plan, kind: Kind) -> int:
    """Throw the months away of which the plan leaves nothing; how many rows that were.

    A month with a row that stays, like an open session, loses the others one by one, as all do elsewhere. Its
    table stays, for what may still come from that time, until `divide` finds it empty.
    """
    table = next((name for name, other in KINDS.items() if other is kind), None)
    if table is None or table not in divided_tables(tx):
        return 0
    cutoff = plan.cutoffs[kind.name]
    removed = 0
    for month in list_months(tx, table):
        if month.start is not None and month.end is not None and month.end <= cutoff:
            removed += _empty(tx, plan, kind, month)
    return removed


def _empty(tx: Transaction, plan: Plan, kind: Kind, month: Month) -> int:
    hold_evidence(tx)
    tx.exclude_writers(month.table)
    rows = int(tx.value(Statement(f"SELECT count(*) FROM {month.table}")))
    within = {"from_at": month.start, "to_at": month.end}
    if not rows or rows != tx.value(kind.count_between, **plan.values(kind), **within):
        return 0
    if kind is DEVICE_SESSIONS:
        tx.run(
            Statement(
                f"UPDATE event SET session_id = NULL WHERE session_id IN (SELECT id FROM {month.table})"
            )
        )
    tx.run(Statement(f"TRUNCATE {month.table}"))
    return rows
