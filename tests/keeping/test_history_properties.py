"""For any reports and any stored data, an import leaves consistent data and may be repeated."""

from collections.abc import Sequence

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.database import Transaction, write_transaction
from sessiontrack.services.history import Tally, import_history
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.records import (
    EVENTS,
    SESSIONS,
    DeviceRecord,
    EventRecord,
    Fault,
    Record,
    Section,
    SessionRecord,
    UserSessionRecord,
)
from tests.support import rows
from tests.support.application import NOW
from tests.support.history import EVENTS as STORED_EVENTS
from tests.support.history import SESSIONS as STORED_SESSIONS

RULES = PresenceRules(600, 7 * 86_400, 0.0)

MAC = "AA:BB:CC:DD:EE:FF"
OTHER = "AA:BB:CC:00:00:01"
Ends = tuple[int | None, int | None, bool]


class _Undo(Exception):
    """Restore the database for the next example."""


def _ends(instants: st.SearchStrategy[int]) -> st.SearchStrategy[Ends]:
    closed = st.tuples(instants, instants).map(lambda two: (min(two), max(two), False))
    begun = st.tuples(instants, st.none(), st.booleans())
    return closed | begun | st.tuples(st.none(), instants, st.just(False))


TOLD = st.builds(
    lambda mac, ends, ip: SessionRecord(mac, *ends, ip=ip),
    st.sampled_from((MAC, OTHER)),
    _ends(st.integers(0, 12)),
    st.sampled_from(("", "10.0.0.1")),
)
HAPPENED = st.builds(
    lambda mac, at, event_type, voided: EventRecord(mac, at, event_type, voided=voided),
    st.sampled_from((MAC, OTHER)),
    st.integers(0, 12),
    st.sampled_from(("Connected", "Disconnected")),
    st.booleans(),
)


def _import(
    tx: Transaction, sessions: Sequence[SessionRecord], events: Sequence[EventRecord]
) -> tuple[dict[str, Tally], list[Fault]]:
    refused: list[Fault] = []
    sections = [Section(SESSIONS, enumerate(sessions, start=1)), Section(EVENTS, enumerate(events, start=1))]
    return import_history(tx, NOW, sections, refused.append, RULES), refused


def _overlap(one: Ends, other: Ends) -> bool:
    """By the contract: a missing end takes the value of the known one, an open session has no end yet."""

    def stretch(ends: Ends) -> tuple[float, float]:
        start, end, is_open = ends
        known = [each for each in (start, end) if each is not None]
        return min(known), float("inf") if is_open else max(known)

    (begin, end), (other_begin, other_end) = stretch(one), stretch(other)
    return begin < other_end and other_begin < end


@settings(max_examples=150)
@given(
    before=st.lists(TOLD, max_size=6),
    derived=st.booleans(),
    sessions=st.lists(TOLD, max_size=8),
    events=st.lists(HAPPENED, max_size=8),
)
def test_an_import_leaves_no_overlap_keeps_what_was_there_and_may_be_repeated(
    app: Flask,
    before: list[SessionRecord],
    derived: bool,
    sessions: list[SessionRecord],
    events: list[EventRecord],
) -> None:
    try:
        with app.app_context(), write_transaction() as tx:
            _import(tx, before, [])
            derived = derived and not _touch(tx.rows(STORED_SESSIONS))
            if derived:
                tx._connection.cursor().execute("UPDATE device_session SET source = 'presence'")
            there = tx.rows(STORED_SESSIONS)
            tallies, refused = _import(tx, sessions, events)
            after = tx.rows(STORED_SESSIONS)
            _assert_consistent(after)
            told = tallies[SESSIONS]
            assert told.refused == len(refused)
            if not derived:
                # One without an end may have got it, an open one have lost it; nothing else has changed.
                assert {row for row in there if row[2] is not None} <= set(after)
                assert {row[:2] for row in there} <= {row[:2] for row in after}
                assert len(after) == len(there) + told.added
                _assert_linked(tx)
            everything = (after, tx.rows(STORED_EVENTS))
            again, refused_again = _import(tx, sessions, events)
            assert (tx.rows(STORED_SESSIONS), tx.rows(STORED_EVENTS)) == everything
            assert again[SESSIONS].added == again[SESSIONS].changed == again[EVENTS].added == 0
            assert {fault.row for fault in refused_again} == {fault.row for fault in refused}
            raise _Undo
    except _Undo:
        pass


def _touch(found: list[rows.Row]) -> bool:
    """Whether some share an instant, as derived ones never do."""
    ends = [
        (row[0], *sorted(each for each in (row[1], row[2], 99 if row[3] else None) if each is not None))
        for row in found
    ]
    return any(
        one[0] == other[0] and one[1] <= other[-1] and other[1] <= one[-1]
        for n, one in enumerate(ends)
        for other in ends[n + 1 :]
    )


def _assert_consistent(found: list[rows.Row]) -> None:
    for mac in (MAC, OTHER):
        ends: list[Ends] = [(row[1], row[2], bool(row[3])) for row in found if row[0] == mac]
        for n, one in enumerate(ends):
            for other in ends[n + 1 :]:
                assert not _overlap(one, other), (one, other)


def _assert_linked(tx: Transaction) -> None:
    """Every event belongs to the session that begins or ends with it, if there is one."""
    found = tx.rows(STORED_SESSIONS)
    for mac, at, event_type, *_, voided, _, begin, end in tx.rows(STORED_EVENTS):
        column = 1 if event_type == "Connected" else 2
        wanted = {(row[1], row[2]) for row in found if row[0] == mac and row[column] == at}
        if voided or not wanted:
            assert (begin, end) == (None, None)
        else:
            assert begin is not None


@settings(max_examples=40)
@given(order=st.permutations(range(8)))
def test_sessions_that_touch_are_all_taken_in_any_order(app: Flask, order: list[int]) -> None:
    try:
        with app.app_context(), write_transaction() as tx:
            tallies, refused = _import(tx, [SessionRecord(MAC, n * 10, n * 10 + 10) for n in order], [])
            assert (tallies[SESSIONS].added, refused) == (len(order), [])
            raise _Undo
    except _Undo:
        pass


HOUR = 3600


def _stay(last_ping: int) -> UserSessionRecord:
    return UserSessionRecord("id", "login", "anna", NOW - HOUR, last_ping, None, None, None, 0, (), None)


@pytest.mark.parametrize(
    ("record", "is_export", "is_ahead"),
    [
        (SessionRecord(MAC, NOW - HOUR, NOW + 20 * HOUR), True, False),
        (SessionRecord(MAC, NOW - HOUR, NOW + 20 * HOUR), False, True),
        (SessionRecord(MAC, NOW - HOUR, NOW + 26 * HOUR), True, True),
        (SessionRecord(MAC, NOW + 301, None), True, True),
        (SessionRecord(MAC, None, NOW + 301), True, True),
        (EventRecord(MAC, NOW + 20 * HOUR, "Disconnected"), True, False),
        (EventRecord(MAC, NOW + 20 * HOUR, "Disconnected"), False, True),
        (DeviceRecord(MAC, NOW - HOUR, NOW + 300), True, False),
        (DeviceRecord(MAC, NOW - HOUR, NOW + 301), True, True),
        (_stay(NOW + 300), True, False),
        (_stay(NOW + 301), True, True),
    ],
)
def test_only_a_reported_end_may_lie_ahead_of_now(
    app: Flask, record: Record, is_export: bool, is_ahead: bool
) -> None:
    with app.app_context(), write_transaction() as tx:
        section = Section("rows", [(1, record)], is_export=is_export)
        refused: list[Fault] = []
        tally = import_history(tx, NOW, [section], refused.append, RULES)["rows"]
    assert (tally.ahead, len(refused)) == (is_ahead, is_ahead)
