"""No call of the document reads a table from end to end that grows with the history, on either engine."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy.engine.interfaces import DBAPICursor

from benchmarks import dataset, flat
from benchmarks.dataset import DAY, LAST_DAY, Shape
from benchmarks.flat_calls import LONG, NOW, READS, Call, values_of
from sessiontrack.database import Statement, Transaction
from tests.support import rows
from tests.support.application import Clients

SHAPE = Shape.of(200, 10)
GROWING = (
    "device_session|event|user_session|view_time|view_visit|user_sum|user_day|scan|device_evidence"
    "|webhook_delivery|row_count"
)
# A row of SQLite's plans: its number, that of the part that it belongs to, what it says.
Line = tuple[int, int, str]
SCAN = re.compile(
    rf"SCAN ({GROWING})(_\d+)?\b(?! USING (COVERING )?INDEX (uq_device_session_open|\w+_open)\b)"
)
WAYS_TO_READ_ALL = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
STAY = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, ended_at)"
    " VALUES (:id, :id, 'user17', :at, :at, :at)"
)


def reads_everything(sql: str, plan: Sequence[Line]) -> bool:
    """Whether a statement on SQLite reads a growing table, and not in its order until a page is full."""
    sorts = {parent for _, parent, detail in plan if detail.startswith("USE TEMP B-TREE")}
    scans = [parent for _, parent, detail in plan if SCAN.match(detail)]
    return any(parent in sorts or "LIMIT" not in sql for parent in scans)


@pytest.mark.parametrize(
    ("sql", "details", "expected"),
    [
        ("SELECT count(*)", ["SCAN event USING COVERING INDEX ix_event_at"], True),
        ("SELECT * LIMIT :limit", ["SCAN event", "USE TEMP B-TREE FOR ORDER BY"], True),
        ("SELECT * LIMIT :limit", ["SCAN device_session_1 USING INDEX ix_device_session_begin"], False),
        ("SELECT count(*)", ["SCAN device_session USING INDEX uq_device_session_open"], False),
        ("SELECT count(*)", ["SEARCH event USING INDEX ix_event_at (at>?)"], False),
        ("SELECT count(*)", ["SCAN device"], False),
    ],
)
def test_a_plan_that_reads_everything_is_recognised(sql: str, details: list[str], expected: bool) -> None:
    plan = [(number, 0, detail) for number, detail in enumerate(details, 1)]
    assert reads_everything(sql, plan) is expected


@contextmanager
def each_call(explain: Callable[[Transaction, str, Any], bool]) -> Iterator[dict[str, set[str]]]:
    """The statements of each call for which `explain` is true, by the call's name; the others have none."""
    found: dict[str, set[str]] = defaultdict(set)
    running: list[str] = []
    execute, measure = Transaction._execute, flat.Asker.measure

    def explained(
        tx: Transaction,
        statement: Statement,
        parameters: Mapping[str, Any],
        cursor: DBAPICursor | None = None,
    ) -> DBAPICursor:
        sql, fixed = statement.for_dialect(tx._engine.dialect)
        if running and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)\b", sql):
            statements = found[running[-1]]
            if explain(tx, sql, {**fixed, **parameters}):
                statements.add(sql)
        return execute(tx, statement, parameters, cursor)

    def measured(asker: flat.Asker, call: Call, tries: int, keep: Path | None) -> flat.Measured:
        running.append(call.name)
        try:
            return measure(asker, call, 1, keep)
        finally:
            running.pop()

    with patch.object(Transaction, "_execute", explained), patch.object(flat.Asker, "measure", measured):
        yield found


def of_pages(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is wrong; calls that are asked for everything may read it."""
    assert len(found) > len(READS)
    everything = {call.name for call in LONG}
    return {name: statements for name, statements in found.items() if statements and name not in everything}


@pytest.mark.sqlite("the history is written through sqlite3")
def test_no_call_reads_everything(tmp_path: Path) -> None:
    def explain(tx: Transaction, sql: str, values: Any) -> bool:
        cursor = tx._connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        return reads_everything(sql, [(row[0], row[1], str(row[3])) for row in cursor.fetchall()])

    with patch.object(dataset, "DATA", tmp_path / "data"), each_call(explain) as found:
        flat.measure(SHAPE, tmp_path, "", None)
    assert of_pages(found) == {}


@pytest.mark.postgres
def test_no_call_reads_everything_on_postgresql(make_clients: Callable[..., Clients]) -> None:
    def explain(tx: Transaction, sql: str, values: Any) -> bool:
        cursor = tx._connection.cursor()
        # Of so few rows the planner reads all, index or not. Which index it takes of more rows is a matter
        # of test_query_plans_postgres.py.
        for way in WAYS_TO_READ_ALL:
            cursor.execute(f"SET LOCAL {way} = off")
        cursor.execute(f"EXPLAIN {sql}", values)
        plan = "".join(f"{row[0]}\n" for row in cursor.fetchall())
        for way in WAYS_TO_READ_ALL:
            cursor.execute(f"SET LOCAL {way} = on")
        return bool(re.search(rf"Seq Scan on ({GROWING})\b", plan))

    clients = make_clients(WEBHOOK_ALLOW="192.0.2.0/24")
    with rows.writing(clients.app) as tx:
        for number in range(SHAPE.devices):
            device_id = rows.add_device(tx, SHAPE.mac(number), f"device {number}")
            for day in range(1, 21):
                at = LAST_DAY - day * DAY
                rows.add_session(tx, device_id, at, at + 3600)
                rows.add_event(tx, device_id, at, "Connected")
        for number in range(200):
            tx.run(STAY, id=f"{number:036}", at=LAST_DAY - number)
    with patch("sessiontrack.clock.now", lambda: NOW), each_call(explain) as found:
        list(flat._measured(flat._asker(clients.app, values_of(SHAPE, f"{7:036}")), "", None))
    assert of_pages(found) == {}
