"""History brought along: what other places recorded, written here once, however often it is brought.

It was reported, as through the API: no source may change it. Nothing is made up from it: a session
makes no events, and an unknown device no `New Device`. What differs from what is stored here is refused.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.models.kept import addition_to
from sessiontrack.presence.ahead import FUTURE_SECONDS, LATEST_END_SECONDS
from sessiontrack.presence.derivation import Terms, derive_devices, reporting
from sessiontrack.presence.evidence import hold_evidence
from sessiontrack.presence.links import LINK
from sessiontrack.services.history_devices import DeviceBook, Known
from sessiontrack.services.history_sessions import BATCH, SessionImport, batches, ip_key
from sessiontrack.services.presence import PresenceRules, in_force
from sessiontrack.values.periods import format_duration
from sessiontrack.values.records import (
    DeviceRecord,
    EventRecord,
    Fault,
    Record,
    Section,
    SessionRecord,
    Skipped,
    UserSessionRecord,
)
from sessiontrack.values.timestamps import IN_UTC, SiteTime

Refuse = Callable[[Fault], None]
# The number of a row, and its record; of a section all are of one kind.
_Numbered = tuple[int, Any]

_LINK = LINK.replace("event.type", ":type")
# What was derived is reported from now on.
INSERT_EVENT = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, pending_alert, voided, session_id)"
    " VALUES (:device_id, :at, :type, :ip, :ip_key, :info, :pending_alert, false,"
    f" {_LINK})"
    " ON CONFLICT (device_id, at, type) WHERE NOT voided DO UPDATE SET source = NULL, ip = excluded.ip,"
    " ip_key = excluded.ip_key, info = excluded.info, session_id = excluded.session_id"
    f" WHERE event.source = '{DERIVED}'"
)
# Not the one of voided events, which are looked for by their instant.
EVENTS_ADDED = addition_to("event", "ix_event_at", "ix_event_device", "ix_event_session")
# Voided ones may be there several times: as often as the file has them, and no more.
INSERT_VOIDED = Statement(
    "INSERT INTO event (device_id, at, type, ip, ip_key, info, pending_alert, voided)"
    " SELECT :device_id, :at, :type, :ip, :ip_key, :info, :pending_alert, true"
    " WHERE :nth > (SELECT count(*) FROM event WHERE device_id = :device_id AND at = :at AND type = :type"
    " AND voided)"
)
INSERT_USER_SESSION = Statement(
    "INSERT INTO user_session (public_id, login_key, username, started_at, last_ping, last_visible_ping,"
    " last_view, last_tab, visible_seconds, ended_at) VALUES (:public_id, :login_key, :username,"
    " :started_at, :last_ping, :last_visible_ping, :last_view, :last_tab, :visible_seconds,"
    # A login has one open session: where there is one, this one is over.
    " CASE WHEN :is_open AND EXISTS (SELECT 1 FROM user_session WHERE login_key = :login_key"
    " AND ended_at IS NULL) THEN :last_ping ELSE :ended_at END)"
    " ON CONFLICT (public_id) DO NOTHING RETURNING id"
)
STORED_USER_SESSION = Statement(
    "SELECT username, started_at, last_ping, visible_seconds FROM user_session WHERE public_id = :public_id"
)
INSERT_VIEW = Statement(
    "INSERT INTO view_time (session_id, view, tab, seconds) VALUES (:session_id, :view, :tab, :seconds)"
)


@dataclass
class Tally:
    """What became of the rows of one kind.

    changed: those that completed a row stored here, and those that were stored with a correction.
    still_open: the device sessions among them that have no end afterwards.
    ahead: of those refused, what lies ahead of the clock.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    present: int = 0
    skipped: int = 0
    refused: int = 0
    still_open: int = 0
    ahead: int = 0


def import_history(
    tx: Transaction,
    now: int,
    sections: Iterable[Section],
    refuse: Refuse,
    rules: PresenceRules,
    site: SiteTime = IN_UTC,
    known: Known | None = None,
) -> dict[str, Tally]:
    """Write what is not here yet, all in this transaction; what lies ahead of the clock is not taken.

    Args:
        sections: devices before sessions before events, where there are several.
        refuse: called for every row that is not taken.
        rules: by which what is derived gives way to it.
        site: the zone of the times in what is refused.
        known: what becomes of known devices of which a file says something else; by default that stays.
    Returns:
        what became of the rows, by kind.
    """
    # Rows are compared with stored ones: other writers wait, as on an engine with one writer.
    hold_evidence(tx)
    terms = in_force(tx, rules).terms(now)
    tx.exclude_writers("device", "user_session")
    tx.prepare_bulk()
    devices = DeviceBook(tx, now, known or Known())
    tallies: dict[str, Tally] = {}
    for section in sections:
        tally = tallies.setdefault(section.kind, Tally())
        _Intake(tx, now, devices, tally, refuse, terms, site).take(section)
    derive_devices(tx, terms, devices.settle(terms.floor))
    return tallies


def _ahead(record: Record, latest: int, latest_end: int) -> int | None:
    """An instant of it that is later than can be true; None where there is none.

    Only the end of a device session, and its event, may be after `latest`: they may be reported so.
    """
    if isinstance(record, EventRecord):
        return record.at if record.at > latest_end else None
    begin: int | None
    end: int | None
    if isinstance(record, SessionRecord):
        begin, end = record.connected_at, record.disconnected_at
        if begin is None:
            begin = end
    elif isinstance(record, DeviceRecord):
        begin, end, latest_end = record.first_seen_at, record.last_seen_at, latest
    else:
        begin, end, latest_end = record.started_at, record.last_ping, latest
    if begin is not None and begin > latest:
        return begin
    return end if end is not None and end > latest_end else None


class _Intake:
    """Takes one section."""

    def __init__(
        self,
        tx: Transaction,
        now: int,
        devices: DeviceBook,
        tally: Tally,
        refuse: Refuse,
        terms: Terms,
        site: SiteTime,
    ) -> None:
        self._tx = tx
        self._site = site
        self._now = now
        self._devices = devices
        self._tally = tally
        self._refuse = refuse
        self._terms = terms
        self._voided: Counter[tuple[int, int, str]] = Counter()

    def take(self, section: Section) -> None:
        records = self._sift(section)
        first = next(records, None)
        if first is None:
            return
        rest = chain((first,), records)
        kind = type(first[1])
        if kind is DeviceRecord:
            self._take_devices(rest)
        elif kind is SessionRecord:
            self._take_sessions(section.kind, rest)
        elif kind is EventRecord:
            with self._tx.adding(EVENTS_ADDED, section.rows):
                self._take_events(rest)
        else:
            self._take_user_sessions(section.kind, rest)

    def _sift(self, section: Section) -> Iterator[_Numbered]:
        """The rows that can be taken; what is wrong with the others is reported."""
        latest = self._now + FUTURE_SECONDS
        latest_end = self._now + LATEST_END_SECONDS if section.is_export else latest
        for item in section.items:
            self._tally.read += 1
            if isinstance(item, Fault):
                self._refused(item)
            elif isinstance(item, Skipped):
                self._tally.skipped += 1
            elif (at := _ahead(item[1], latest, latest_end)) is not None:
                self._tally.ahead += 1
                by = format_duration(at - self._now)
                self._refused(Fault(section.kind, item[0], f"It lies ahead of now, by {by}."))
            else:
                yield item

    def _refused(self, fault: Fault) -> None:
        self._tally.refused += 1
        self._refuse(fault)

    def _take_devices(self, records: Iterator[_Numbered]) -> None:
        tally = self._tally
        for _, record in records:
            what = self._devices.put(record)
            tally.added += what == "added"
            tally.changed += what == "changed"
            tally.present += what == "present"

    def _take_sessions(self, kind: str, records: Iterator[_Numbered]) -> None:
        sessions = SessionImport(self._tx, self._site)
        for batch in batches(records, BATCH):
            sessions.stage((row, self._devices.id_of(record.mac, None), record) for row, record in batch)
        # Nothing of it is news: it is history.
        with reporting(self._tx, self._terms, sessions.concerned(), [], {}):
            done = sessions.write(
                lambda device_id, row, reason: self._refused(
                    Fault(kind, row, f"{self._devices.mac_of(device_id)}, {reason}")
                )
            )
        for device_id, at in done.first.items():
            self._devices.was_there(device_id, at)
        self._tally.added += done.added
        self._tally.changed += done.changed
        self._tally.present += done.present
        self._tally.still_open += done.still_open

    def _take_events(self, records: Iterator[_Numbered]) -> None:
        for batch in batches(records, BATCH):
            added_events, voided = [], []
            for _, record in batch:
                mac, at, event_type, ip, info, is_voided, pending_alert = record
                device_id = self._devices.id_of(mac, at)
                values = {
                    "device_id": device_id,
                    "at": at,
                    "type": event_type,
                    "ip": ip,
                    "ip_key": ip_key(ip),
                    "info": info,
                    "pending_alert": pending_alert,
                }
                if is_voided:
                    key = (device_id, at, event_type)
                    self._voided[key] += 1
                    values["nth"] = self._voided[key]
                    voided.append(values)
                else:
                    added_events.append(values)
            added = 0
            if added_events:
                added += self._tx.run_many(INSERT_EVENT, added_events)
            if voided:
                added += self._tx.run_many(INSERT_VOIDED, voided)
            self._tally.added += added
            self._tally.present += len(batch) - added

    def _take_user_sessions(self, kind: str, records: Iterator[_Numbered]) -> None:
        for row, record in records:
            values = record._asdict()
            views = values.pop("views")
            is_capped = values.pop("is_capped")
            session_id = self._tx.value(INSERT_USER_SESSION, **values, is_open=record.ended_at is None)
            if session_id is not None:
                self._tally.changed += is_capped
                self._tally.added += not is_capped
                if views:
                    parts = ("view", "tab", "seconds")
                    self._tx.run_many(
                        INSERT_VIEW,
                        ({"session_id": session_id, **dict(zip(parts, v, strict=True))} for v in views),
                    )
            elif self._is_stored(record):
                self._tally.present += 1
            else:
                reason = f"User session {record.public_id} is stored here already, and differs."
                self._refused(Fault(kind, row, reason))

    def _is_stored(self, record: UserSessionRecord) -> bool:
        stored = self._tx.row(STORED_USER_SESSION, public_id=record.public_id)
        return stored == (record.username, record.started_at, record.last_ping, record.visible_seconds)
