"""Contract section 3 against slow and obvious models: creating and deleting, and every kind of window."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.queries import calendar, device_sessions, events, long_windows
from sessiontrack.services import device_sessions as services
from sessiontrack.services.presence import PresenceRules
from sessiontrack.values.timestamps import IN_UTC
from tests.support import rows
from tests.support.application import NOW
from tests.support.engine import IS_POSTGRES

RULES = PresenceRules(600, 7 * 86_400, 0.0)

HOUR, DAY = 3600, 86400
MACS = ("AA:BB:CC:DD:EE:01", "AA:BB:CC:DD:EE:02", "AA:BB:CC:DD:EE:03")
FOREVER = 10**15
EMPTY = [Statement(f"DELETE FROM {table}") for table in ("event", "device_session", "device")]
SAVE, BACK = Statement("SAVEPOINT before_create"), Statement("ROLLBACK TO before_create")
# One database for all examples of a test: each begins by emptying it.
often = settings(max_examples=150)
windowed = settings(max_examples=60)
# A query takes many times longer there.
WINDOWS = 20 if IS_POSTGRES else 60


@pytest.fixture
def tx(app: Flask) -> Iterator[Transaction]:
    with rows.writing(app) as transaction:
        yield transaction


def emptied(tx: Transaction) -> None:
    for statement in EMPTY:
        tx.run(statement)


# --- creating and deleting


@dataclass
class Known:
    """What the model knows of one session."""

    start: int
    end: int | None
    is_open: bool
    facts: tuple[str, str, str]
    id: int | None = None
    # What was reported of it before its end was.
    before: tuple[str, str, str] | None = None

    def interval(self) -> tuple[int, int]:
        if self.is_open:
            return self.start, FOREVER
        return self.start, self.start if self.end is None else self.end


class Model:
    """The contract's sentences about create and delete, one after another."""

    def __init__(self) -> None:
        self.sessions: dict[str, list[Known]] = {mac: [] for mac in MACS}

    def create(self, new: services.NewSession) -> Known | None:
        """The session that the call speaks of; None where it is refused."""
        known = self.sessions[new.mac]
        facts = (new.ip, new.conn_type, new.disc_type)
        same = next((each for each in known if each.start == new.start), None)
        if same is not None and (same.end is not None or new.end is None):
            is_repeated = (same.end, same.facts) == (new.end, facts)
            return same if is_repeated or (new.end is None and same.before == facts) else None
        others = [each for each in known if each is not same]
        is_last = all(each.start < new.start for each in others)
        made = Known(new.start, new.end, new.end is None and is_last, facts)
        begin, end = made.interval()
        for session in others:
            left = session.is_open and session.start < new.start
            other_begin, other_end = session.interval()
            if not left and other_begin < end and begin < other_end:
                return None
        for session in others:
            session.is_open = session.is_open and session.start > new.start
        if same is not None:
            same.is_open, same.end, same.before, same.facts = False, new.end, same.facts, facts
            return same
        known.append(made)
        return made

    def delete(self, mac: str) -> int:
        deleted = len(self.sessions[mac])
        self.sessions[mac] = []
        return deleted

    def rows(self) -> list[tuple[Any, ...]]:
        found = [
            (each.id, mac, each.start, each.end, int(each.is_open), *each.facts)
            for mac, sessions in self.sessions.items()
            for each in sessions
        ]
        return sorted(found)


new_sessions = st.builds(
    lambda start, length, **rest: services.NewSession(
        start=NOW + start, end=None if length is None else NOW + start + length, **rest
    ),
    start=st.integers(0, 12),
    length=st.none() | st.integers(0, 6),
    mac=st.sampled_from(MACS[:2]),
    ip=st.sampled_from(("192.168.1.10", "192.168.1.10", "2001:db8::1")),
    conn_type=st.sampled_from(("Connected", "Connected", "Associated")),
    disc_type=st.sampled_from(("Disconnected", "Disconnected", "Connected")),
)
steps = st.lists(st.one_of(new_sessions, new_sessions, new_sessions, st.sampled_from(MACS[:2])), max_size=25)


@often
@given(steps=steps)
def test_contract_3_creates_and_deletes_follow_the_model(
    tx: Transaction, steps: list[services.NewSession | str]
) -> None:
    emptied(tx)
    model = Model()
    for step in steps:
        if isinstance(step, str):
            assert services.delete_sessions(tx, step) == model.delete(step)
            continue
        expected = model.create(step)
        tx.run(SAVE)
        try:
            session_id = services.create_session(tx, NOW, step, RULES)
        except Conflict:
            tx.run(BACK)
            assert expected is None, step
        else:
            assert expected is not None, step
            # The same session keeps its id however often it is told.
            assert expected.id in (None, session_id)
            expected.id = session_id
        stored = tx.rows(rows.SESSIONS)
        assert sorted(stored) == model.rows()
        assert_apart(stored)


def assert_apart(stored: list[tuple[Any, ...]]) -> None:
    """No two sessions of a device share a second: each ends before the next begins."""
    for mac in MACS:
        spans = [
            (start, FOREVER if is_open else start if end is None else end)
            for _, of_mac, start, end, is_open, *_ in stored
            if of_mac == mac
        ]
        assert all(one[1] <= other[0] for one, other in pairwise(sorted(spans))), spans


@often
@given(new=st.lists(new_sessions, min_size=1, max_size=6))
def test_contract_3_create_is_safe_to_repeat_at_once(tx: Transaction, new: list[services.NewSession]) -> None:
    emptied(tx)
    for each in new:
        tx.run(SAVE)
        try:
            session_id = services.create_session(tx, NOW, each, RULES)
        except Conflict:
            tx.run(BACK)
            continue
        before = tx.rows(rows.SESSIONS), tx.rows(rows.EVENTS)
        assert services.create_session(tx, NOW, each, RULES) == session_id
        assert (tx.rows(rows.SESSIONS), tx.rows(rows.EVENTS)) == before


# --- windows


@dataclass(frozen=True)
class Stored:
    """A row, as the database has it."""

    id: int
    mac: str
    connected_at: int | None
    disconnected_at: int | None
    still_connected: bool

    @property
    def begin(self) -> int:
        found = self.disconnected_at if self.connected_at is None else self.connected_at
        assert found is not None
        return found

    @property
    def end(self) -> int | None:
        if self.still_connected:
            return None
        return self.connected_at if self.disconnected_at is None else self.disconnected_at

    @property
    def is_missing(self) -> bool:
        return not self.still_connected and None in (self.connected_at, self.disconnected_at)


gaps = st.sampled_from((0, 0, 0, 1, HOUR - 1, HOUR, HOUR + 1, 2 * HOUR, DAY, 3 * DAY)) | st.integers(
    0, 2 * DAY
)
lengths = st.sampled_from(
    (0, 1, 60, HOUR, DAY - 1, DAY, DAY + 1, 9 * DAY, 32 * DAY, 32 * DAY + 1)
) | st.integers(0, 2 * DAY)
kinds = st.sampled_from(("closed", "closed", "missing connection", "missing disconnection"))
histories = st.lists(
    st.tuples(st.lists(st.tuples(gaps, lengths, kinds), max_size=8), st.booleans()), min_size=1, max_size=3
)


def laid_out(
    history: tuple[list[tuple[int, int, str]], bool],
) -> Iterator[tuple[int | None, int | None, bool]]:
    """One device's sessions, one after another; the last one open where the history says so."""
    parts, has_open = history
    at, last_connection = NOW - 10 * DAY, 0
    for gap, length, kind in parts:
        at += gap
        if kind == "missing connection":
            yield None, at, False
            continue
        # No two sessions of a device connect at the same instant.
        at += at == last_connection
        last_connection = at
        if kind == "closed":
            yield at, at + length, False
            at += length
        else:
            yield at, None, False
    if has_open:
        yield at + 1, None, True


def filled(tx: Transaction, told: list[Any], chance: random.Random) -> list[Stored]:
    """The rows of a few devices, put in in any order: an id tells nothing about time."""
    emptied(tx)
    ids = {mac: rows.add_device(tx, mac) for mac in MACS}
    wanted = [(mac, *ends) for mac, history in zip(MACS, told, strict=False) for ends in laid_out(history)]
    chance.shuffle(wanted)
    return [
        Stored(rows.add_session(tx, ids[mac], start, end, still_connected=is_open), mac, start, end, is_open)
        for mac, start, end, is_open in wanted
    ]


def windows(stored: list[Stored], chance: random.Random) -> Iterator[tuple[int, int]]:
    """Windows whose edges lie on, just beside, or an hour or a day from what happened."""
    known = {NOW, *(at for each in stored for at in (each.connected_at, each.disconnected_at) if at)}
    near = sorted({at + far + off for at in known for far in (-HOUR, 0, HOUR, DAY) for off in (-1, 0, 1)})
    for _ in range(WINDOWS):
        one, other = chance.choice(near), chance.choice(near)
        yield min(one, other), max(one, other) + (one == other)


def in_order(stored: list[Stored]) -> list[Stored]:
    return sorted(stored, key=lambda each: (each.begin, each.id))


def ids(found: Any) -> list[int]:
    return [json.loads(each)["id"] for each in found]


def minute(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def drawn(stored: list[Stored], start: int, end: int) -> list[dict[str, str]]:
    """The calendar events of a window, by the contract's sentences."""
    found = []
    for each in stored:
        others = [other for other in stored if other.mac == each.mac and other.id != each.id]
        begin, stop, color = each.connected_at, each.disconnected_at, "#00a659"
        connection = "<missing event>" if begin is None else minute(begin)
        disconnection = "<missing event>" if stop is None else minute(stop)
        if each.still_connected:
            stop, color, disconnection = max(NOW, each.begin), "#0073b7", "<still connected>"
        elif begin is None:
            assert stop is not None
            earlier = [o.disconnected_at for o in others if o.disconnected_at and o.disconnected_at <= stop]
            begin, color = max([*earlier, stop - HOUR]), "#f39c12"
        elif stop is None:
            later = [o.connected_at for o in others if o.connected_at and o.connected_at > begin]
            stop, color = min([*later, begin + HOUR]), "#f39c12"
        assert begin is not None
        assert stop is not None
        if begin < end and (stop > start or begin >= start):
            tooltip = f"Connection: {connection}\nDisconnection: {disconnection}\nIP: 192.168.1.10"
            shown = {"resourceId": each.mac, "title": "", "start": second(begin), "end": second(stop)}
            shown |= {"color": color, "tooltip": tooltip, "className": "no-border"}
            found.append((begin, each.id, shown))
    return [shown for _, _, shown in sorted(found, key=lambda one: one[:2])]


@windowed
@given(told=histories, seed=st.integers(0, 2**32))
def test_contract_3_calendar_is_every_session_that_overlaps(
    tx: Transaction, told: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    stored = filled(tx, told, chance)
    for start, end in windows(stored, chance):
        # Long windows of all devices are read in another way than short ones.
        monkeypatch.setattr(long_windows, "LONG_SECONDS", chance.choice((0, 62 * DAY)))
        monkeypatch.setattr(calendar, "AT_ONCE", chance.choice((1, 2, 10_000)))
        for mac in (None, *MACS[: len(told)]):
            wanted = calendar.CalendarFilter(start, end, mac)
            found = [json.loads(each) for each in calendar.list_calendar(tx, wanted, None, 0, NOW, IN_UTC)]
            whole = drawn(stored, start, end)
            assert found == [each for each in whole if mac in (None, each["resourceId"])]
            assert calendar.count_calendar(tx, wanted, NOW) == len(found)
        wanted = calendar.CalendarFilter(start, end)
        page = calendar.list_calendar(tx, wanted, 3, 1, NOW, IN_UTC)
        assert [json.loads(each) for each in page] == drawn(stored, start, end)[1:4]


@windowed
@given(told=histories, seed=st.integers(0, 2**32))
def test_contract_3_list_and_device_windows_equal_brute_force(tx: Transaction, told: Any, seed: int) -> None:
    chance = random.Random(seed)
    stored = filled(tx, told, chance)
    for start, end in windows(stored, chance):
        first, last = chance.choice(((start, end), (start, None), (None, end)))
        mac = chance.choice((None, *MACS))
        listed = [
            each.id
            for each in in_order(stored)
            if mac in (None, each.mac)
            and (first is None or each.begin >= first)
            and (last is None or (each.end is not None and each.end <= last))
        ]
        wanted = device_sessions.SessionFilter(mac=mac, start=first, end=last)
        assert ids(device_sessions.list_sessions(tx, wanted, None, 0, NOW, IN_UTC)) == listed
        assert device_sessions.count_sessions(tx, wanted) == len(listed)
        for mac in MACS:
            overlapping = [
                each.id
                for each in in_order(stored)
                if each.mac == mac and (each.end is None or (each.end >= start and each.begin <= end))
            ]
            wanted = device_sessions.SessionFilter(mac=mac, overlapping=(start, end), newest_first=True)
            found = ids(device_sessions.list_sessions(tx, wanted, None, 0, NOW, IN_UTC))
            assert found == overlapping[::-1]
            assert device_sessions.count_sessions(tx, wanted) == len(found)


@windowed
@given(told=histories, seed=st.integers(0, 2**32))
def test_contract_3_session_types_of_a_period_equal_brute_force(
    tx: Transaction, told: Any, seed: int
) -> None:
    chance = random.Random(seed)
    stored = filled(tx, told, chance)
    for since, _ in windows(stored, chance):
        newest = [each for each in in_order(stored) if each.end is None or each.end >= since][::-1]
        lacking = [each for each in newest if each.is_missing]
        for kind, expected in (("sessions", newest), ("missing", lacking)):
            wanted = events.EventFilter(kind, since)
            assert [row[0] for row in events.list_page(tx, wanted, 100, 0, NOW)] == [
                each.id for each in expected
            ]
            assert events.count_rows(tx, wanted, searched=True) == len(expected)
        totals = events.count_totals(tx, since)
        assert (totals["sessions"], totals["missing"]) == (len(newest), len(lacking))


NAMED = Statement("UPDATE device SET name = :name, owner = :name WHERE mac = :mac")
SORTED = ("name", "owner", "mac", "duration")


@settings(max_examples=12)
@given(
    told=histories,
    names=st.lists(st.sampled_from(("", "Anna", "anna", "Bert")), min_size=3, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_a_sorted_page_is_where_sorting_everything_has_it(
    tx: Transaction, told: Any, names: list[str], seed: int
) -> None:
    chance = random.Random(seed)
    stored = filled(tx, told, chance)
    tx.run_many(NAMED, [{"name": name, "mac": mac} for name, mac in zip(names, MACS, strict=True)])
    device_ids = dict(tx.rows(Statement("SELECT mac, id FROM device")))
    for each in stored:
        rows.add_event(tx, device_ids[each.mac], each.begin, f"Event {each.id}")
    for kind in ("all", "sessions"):
        for column in SORTED if kind == "sessions" else SORTED[:-1]:
            for descends in (True, False):
                order = ((column, descends), *chance.choice(((), (("order_time", False),))))
                since = chance.choice((0, *(each.begin for each in stored)))
                wanted = events.EventFilter(kind, since, order=order)
                whole = list(events.list_page(tx, wanted, EVERYTHING, 0, NOW))
                assert len(whole) == events.count_rows(tx, wanted, searched=True)
                for offset in chance.sample(range(len(whole) + 2), 2):
                    page = list(events.list_page(tx, wanted, 2, offset, NOW))
                    assert page == whole[offset : offset + 2], (order, offset)
