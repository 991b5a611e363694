"""Old evidence, forgotten where it can no longer change anything.

Before the floor nothing is accepted any more, so what a source said of a device before it is settled once a
trusted scan, or the source itself, has reported before the floor that the device left. What is not settled is
one going word of each address, and is kept as one: the newest row of it remembers since when. Of what is
settled the newest row stays as well, as a mark that the device was known, and up to which instant it is
settled; and where that row has no IP address, the newest that has one.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sessiontrack.database import Statement, Transaction
from sessiontrack.presence.rules import ANY, KINDS, LEFT, REMEMBERED, SourceEvidence, left_by, rank_of
from sessiontrack.values.timestamps import FOREVER

EVERY_SECONDS = 3600
# Of a clock that went further since the last time nothing is believed before the next time: it may be wrong.
LONGEST_STEP_SECONDS = 86_400

DUE = Statement(
    "SELECT id, pruned_at FROM source WHERE name = :name"
    " AND (pruned_at IS NULL OR pruned_at <= :due OR pruned_at > :now)"
)
DONE = Statement("UPDATE source SET pruned_at = :now WHERE id = :source_id")
SCANS = Statement("SELECT at, trusted FROM scan WHERE source_id = :source_id ORDER BY at")
_OLD = (
    "(SELECT device_id FROM sighting_run WHERE source_id = :source_id AND last_at < :floor"
    " UNION SELECT device_id FROM device_evidence WHERE source_id = :source_id AND at < :floor)"
)
RUNS = Statement(
    "SELECT r.device_id, coalesce(d.grace_seconds, :grace), r.id, r.first_at, r.last_at, r.settled, r.ip"
    " FROM sighting_run r JOIN device d ON d.id = r.device_id"
    f" WHERE r.source_id = :source_id AND r.first_at < :floor AND r.device_id IN {_OLD}"
)
WORDS = Statement(
    "SELECT e.device_id, coalesce(d.grace_seconds, :grace), e.id, coalesce(e.since_at, e.at), e.at,"
    " e.settled, e.kind, e.arrival, e.ip, e.mac FROM device_evidence e JOIN device d ON d.id = e.device_id"
    f" WHERE e.source_id = :source_id AND e.at < :floor AND e.device_id IN {_OLD}"
)
NEXT_ITEM = Statement(
    "SELECT min(at) FROM (SELECT first_at AS at FROM sighting_run"
    " WHERE source_id = :source_id AND device_id = :device_id AND first_at >= :floor AND ip <> '-'"
    " UNION ALL SELECT at FROM device_evidence"
    " WHERE source_id = :source_id AND device_id = :device_id AND at >= :floor) AS later"
)
DELETE_RUN = Statement("DELETE FROM sighting_run WHERE id = :row_id")
DELETE_WORD = Statement("DELETE FROM device_evidence WHERE id = :row_id")
SETTLE_RUN = Statement("UPDATE sighting_run SET settled = true, judged = true WHERE id = :row_id")
SETTLE_WORD = Statement("UPDATE device_evidence SET settled = true, judged = true WHERE id = :row_id")
BEGIN_RUN = Statement("UPDATE sighting_run SET first_at = :start WHERE id = :row_id")
END_RUN = Statement("UPDATE sighting_run SET last_at = :end, judged = true WHERE id = :row_id")
BEGIN_WORD = Statement("UPDATE device_evidence SET since_at = :start WHERE id = :row_id")
# Those that excuse the last trusted scan before the floor stay with it.
FORGET_REMEMBERED = Statement(
    "DELETE FROM sighting_run WHERE source_id = :source_id AND ip = '-' AND last_at < :before"
)
# But for the newest, which says what goes on, and the last trusted one, which others are measured by.
FORGET_SCANS = Statement(
    "DELETE FROM scan WHERE source_id = :source_id AND at < :floor AND at < :kept_from"
    " AND at <> (SELECT max(at) FROM scan newest WHERE newest.source_id = :source_id)"
    " AND at < coalesce((SELECT max(at) FROM scan kept WHERE kept.source_id = :source_id"
    " AND kept.trusted AND kept.at < :floor), :floor)"
)


@dataclass
class _Item:
    """A run or a word of one source about one device; a run that goes on has no end."""

    row_id: int
    is_run: bool
    start: int
    end: int | None
    settled: bool
    kind: str = "seen"
    arrival: int | None = None
    ip: str = ""
    mac: str = ANY
    changed: bool = False

    @property
    def left(self) -> bool:
        """Whether it says that the device left."""
        return KINDS[self.kind] == LEFT

    def place(self) -> tuple[int, int, bool, int]:
        """To sort by, as the rules take what a source said."""
        rank = rank_of(KINDS[self.kind], self.arrival)
        return (self.start, rank, self.end is None, self.end or 0)


def forget(tx: Transaction, source: str, now: int, floor: int, grace: int) -> None:
    """Forget what the source said before the floor and what is settled of it; once an hour a source."""
    due = tx.row(DUE, name=source, now=now, due=now - EVERY_SECONDS)
    if due is None:
        return
    source_id, last_time = due
    tx.run(DONE, source_id=source_id, now=now)
    if last_time is not None:
        floor -= max(0, now - int(last_time) - LONGEST_STEP_SECONDS)
    rows = tx.rows(SCANS, source_id=source_id)
    scans = [at for at, _ in rows]
    trusted = [at for at, is_trusted in rows if is_trusted and at < floor]
    excused: dict[int, list[tuple[int, int]]] = defaultdict(list)
    values = {"source_id": source_id, "floor": floor, "grace": grace}
    items: dict[tuple[int, int], list[_Item]] = defaultdict(list)
    for device_id, its_grace, row_id, start, end, settled, ip in tx.rows(RUNS, **values):
        if ip == REMEMBERED:
            excused[device_id].append((start, scans[-1] if end is None else end))
            continue
        items[device_id, its_grace].append(_Item(row_id, True, start, end, bool(settled), ip=ip))
    for device_id, its_grace, row_id, start, end, settled, *said in tx.rows(WORDS, **values):
        items[device_id, its_grace].append(_Item(row_id, False, start, end, bool(settled), *said))
    kept_from = floor
    for (device_id, its_grace), of_device in items.items():
        _end_runs_at_departures(tx, of_device, scans)
        later = tx.value(NEXT_ITEM, source_id=source_id, device_id=device_id, floor=floor)
        source_evidence = SourceEvidence(trusted=trusted, excused=excused[device_id])
        last = _condense(tx, of_device, source_evidence, its_grace, floor, later)
        if last is not None:
            kept_from = min(kept_from, _chain(source_evidence, last))
    tx.run(FORGET_REMEMBERED, source_id=source_id, before=min(max(trusted, default=floor), kept_from))
    tx.run(FORGET_SCANS, source_id=source_id, floor=floor, kept_from=kept_from)


def _chain(evidence: SourceEvidence, last: int) -> int:
    """The scan from which on it is counted how long a device was missed after a sighting."""
    miss = evidence.first_miss(last)
    if miss is None:
        return FOREVER
    place = bisect_left(evidence.trusted, miss)
    return evidence.trusted[place - 1] if place and evidence.trusted[place - 1] > last else miss


def _end_runs_at_departures(tx: Transaction, items: list[_Item], scans: Sequence[int]) -> None:
    """A run that a departure lies in begins with the first scan after that."""
    departures = sorted(each.start for each in items if each.left)
    for run in [each for each in items if each.is_run and not each.settled]:
        for left in departures:
            if not (run.start <= left and (run.end is None or left < run.end)):
                continue
            place = bisect_right(scans, left)
            if place < len(scans):
                # The scan that was next may be forgotten already; the run's last one saw it in any case.
                run.start = scans[place] if run.end is None else min(scans[place], run.end)
                run.changed = True
            elif run.end is None:
                run.end = scans[-1]
                tx.run(END_RUN, row_id=run.row_id, end=run.end)


def _condense(
    tx: Transaction,
    items: list[_Item],
    evidence: SourceEvidence,
    grace: int,
    floor: int,
    later: int | None,
) -> int | None:
    """Settle what is over, and keep one row of each address by which it goes on.

    Returns:
        the last sighting where the device is there by what is kept and a scan may yet miss it.
    """
    items.sort(key=_Item.place)
    kept: list[_Item] = []
    going: dict[str, _Item] = {}
    for following in [*items, None]:
        last = _last(going.values(), floor)
        until = floor if later is None else min(floor, later)
        if following is not None:
            until = min(until, following.start)
        if last is not None and evidence.missed(last, until, grace) is not None:
            _settle(going, going)
        if following is None:
            break
        before = None if following.settled or following.left else going.get(following.mac)
        if before is not None and _is_within(following, before):
            _delete(tx, following)
            continue
        if before is not None:
            following.start, following.changed = before.start, True
            _delete(tx, before)
            kept.remove(before)
        kept.append(following)
        if following.settled:
            continue
        if following.left:
            _settle(going, set(going) - left_by(going, following.mac))
            following.settled = following.changed = True
        else:
            going[following.mac] = following
    _write(tx, kept)
    return _last(going.values(), floor)


def _is_within(later: _Item, item: _Item) -> bool:
    return item.end is None or (later.end is not None and later.end <= item.end)


def _last(going: Iterable[_Item], floor: int) -> int | None:
    """The last sighting of what goes on; None where nothing does, or one lies after the floor."""
    ends = [each.end for each in going]
    known = [end for end in ends if end is not None and end < floor]
    return max(known) if known and len(known) == len(ends) else None


def _settle(going: dict[str, _Item], macs: Iterable[str]) -> None:
    for mac in list(macs):
        item = going.pop(mac)
        item.settled = item.changed = True


def _delete(tx: Transaction, item: _Item) -> None:
    tx.run(DELETE_RUN if item.is_run else DELETE_WORD, row_id=item.row_id)


def _write(tx: Transaction, items: list[_Item]) -> None:
    for is_run in (True, False):
        settled = [each for each in items if each.settled and each.is_run == is_run]
        # The newest, and the newest that knows an address: a departure often has none.
        marks = settled[-1:] + [each for each in settled[:-1] if each.ip and not settled[-1].ip][-1:]
        for item in settled:
            if item not in marks:
                _delete(tx, item)
            elif item.changed:
                tx.run(SETTLE_RUN if is_run else SETTLE_WORD, row_id=item.row_id)
    for item in items:
        if item.changed and not item.settled:
            tx.run(BEGIN_RUN if item.is_run else BEGIN_WORD, row_id=item.row_id, start=item.start)
