"""Which sources hold a device as connected, by the rules, and when each of them last saw it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sessiontrack.database import Statement, Transaction
from sessiontrack.presence.facts import RUNS, SAID, SOURCE_NAMES, Chunk, chunks, put_word
from sessiontrack.presence.history import Evidence
from sessiontrack.presence.rules import SourceEvidence, held_addresses

GRACES = Statement("SELECT id, coalesce(grace_seconds, :grace) FROM device WHERE id AMONG(:ids)")
NEWEST_SCAN = Statement("SELECT max(at) FROM scan WHERE source_id = :source_id")
# Earlier scans do not matter: the device was seen after them.
SCANS_SINCE = Statement(
    "SELECT at, trusted FROM scan WHERE source_id = :source_id AND at >= :since ORDER BY at"
)
KNOWN_TO = Statement(
    "SELECT r.device_id FROM sighting_run r JOIN source s ON s.id = r.source_id"
    " WHERE s.name = :source AND NOT r.settled"
    " UNION SELECT e.device_id FROM device_evidence e JOIN source s ON s.id = e.source_id"
    " WHERE s.name = :source AND NOT e.settled"
)


class Hold(NamedTuple):
    """A source's evidence says that the device is there; it last saw the device at that instant.

    addresses: those of the device that it holds, as the rules name them.
    left_at: when the device left, if the source says so now: at last_at; but where another source saw it
        within its grace time after that, then. Else what was one stay by the word of both would be two.
    """

    device_id: int
    source: str
    last_at: int
    addresses: frozenset[str]
    left_at: int


def holds_on(tx: Transaction, device_ids: Iterable[int], grace: int) -> Iterator[Hold]:
    """All sources that hold one of these devices.

    Args:
        grace: seconds, for devices without a grace time of their own.
    """
    names: dict[int, str] = dict(tx.rows(SOURCE_NAMES))
    for chunk in chunks(device_ids):
        graces: dict[int, int] = dict(tx.rows(GRACES, **chunk, grace=grace))
        found = _evidence(tx, chunk)
        of_device: dict[int, list[SourceEvidence]] = defaultdict(list)
        for (device_id, _), evidence in found.items():
            of_device[device_id].append(evidence)
        for (device_id, source_id), evidence in found.items():
            last, grace = evidence.last_sighting(), graces[device_id]
            held = held_addresses(evidence, grace)
            if last is not None and held:
                others = (each for each in of_device[device_id] if each is not evidence)
                seen = (at for each in others for at in each.sightings_beside(last))
                left_at = min((at for at in seen if last < at <= last + grace), default=last)
                yield Hold(device_id, names[source_id], last, frozenset(held), left_at)


def held_by(tx: Transaction, source: str, grace: int) -> list[Hold]:
    """All devices that this source holds."""
    known = [device_id for (device_id,) in tx.rows(KNOWN_TO, source=source)]
    return [each for each in holds_on(tx, known, grace) if each.source == source]


def _evidence(tx: Transaction, chunk: Chunk) -> Mapping[tuple[int, int], SourceEvidence]:
    """What each source saw of each device, by their ids."""
    found: dict[tuple[int, int], Evidence] = defaultdict(Evidence)
    newest: dict[int, int] = {}
    for device_id, source_id, first, last, ip, settled in tx.rows(RUNS, **chunk):
        if last is None and source_id not in newest:
            newest[source_id] = tx.value(NEWEST_SCAN, source_id=source_id)
        until = newest[source_id] if last is None else last
        found[device_id, source_id].add_run("", first, until, ip, settled=bool(settled))
    for device_id, source_id, *word in tx.rows(SAID, **chunk):
        put_word(found[device_id, source_id], "", word)
    by_source: dict[int, list[SourceEvidence]] = defaultdict(list)
    for (_, source_id), evidence in found.items():
        by_source[source_id].append(evidence.source(""))
    for source_id, its in by_source.items():
        since = min(
            (last for last in (each.last_sighting() for each in its) if last is not None), default=None
        )
        rows = [] if since is None else tx.rows(SCANS_SINCE, source_id=source_id, since=since)
        scans, trusted = [at for at, _ in rows], [at for at, is_trusted in rows if is_trusted]
        for each in its:
            each.scans, each.trusted = scans, trusted
    return {key: evidence.source("") for key, evidence in found.items()}
