"""What is worth watching of the database as a whole, as few numbers."""

from dataclasses import dataclass

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.device_session import DERIVED
from sessiontrack.queries.devices import count_totals
from sessiontrack.queries.sources import SourceStatus, list_sources

ACTIVE_PEOPLE = Statement(
    "SELECT count(DISTINCT username) FROM user_session WHERE ended_at IS NULL AND last_ping > :active_since"
)
LAST_SCANS = Statement(
    "SELECT name, (SELECT max(at) FROM scan WHERE source_id = source.id) FROM source ORDER BY name"
)


UNDERIVED = Statement("SELECT count(*) FROM underived_device")
UNDERIVED_MACS = Statement(
    "SELECT d.mac, u.error FROM underived_device u JOIN device d ON d.id = u.device_id ORDER BY d.mac"
)
# Reported through the API or an import and without an end, and a source reported the disconnection since.
CONTRADICTED_OPEN = Statement(
    "SELECT d.mac, s.connected_at, min(e.at) FROM device_session s JOIN device d ON d.id = s.device_id"
    " JOIN device_evidence e ON e.device_id = d.id AND e.kind = 'disconnected' AND e.at > s.connected_at"
    f" WHERE s.still_connected AND coalesce(s.source, '') <> '{DERIVED}'"
    " GROUP BY d.mac, s.connected_at ORDER BY d.mac"
)
# The same, of devices that no source has seen since.
# Not the column connected_at itself: by its index, all sessions of every device would be read.
FORGOTTEN_OPEN = Statement(
    "SELECT d.mac, s.connected_at FROM device_session s JOIN device d ON d.id = s.device_id"
    f" WHERE s.still_connected AND coalesce(s.source, '') <> '{DERIVED}' AND s.connected_at + 0 < :since"
    " AND NOT EXISTS (SELECT 1 FROM sighting_run r WHERE r.device_id = d.id AND NOT r.settled"
    " AND r.ip <> '-' AND (r.last_at IS NULL OR r.last_at >= :since))"
    " AND NOT EXISTS (SELECT 1 FROM device_evidence e WHERE e.device_id = d.id AND e.at >= :since)"
    " ORDER BY d.mac"
)
# Not of events: that of a session's end lies ahead of the clock where the end was reported so.
LATEST = Statement(
    "SELECT max(at) FROM (SELECT max(last_ping) AS at FROM user_session"
    " UNION ALL SELECT max(started_at) FROM user_session"
    " UNION ALL SELECT max(created_at) FROM login UNION ALL SELECT max(begin_at) FROM device_session"
    " UNION ALL SELECT (SELECT max(at) FROM scan WHERE source_id = s.id) FROM source s"
    " UNION ALL SELECT (SELECT max(at) FROM device_evidence WHERE source_id = s.id) FROM source s) latest"
)


@dataclass(frozen=True)
class Figures:
    """As of one instant.

    devices: by state, of TOTALS all but "all".
    last_scans: by source, in UTC epoch seconds; sources that never made a scan are absent.
    heard: sources that were heard of, also those that speak of single devices.
    failing: sources whose last look failed, since when.
    wal_bytes: None where the engine has no such file.
    last_backup: None where none was made into a folder; then backup_awaited_since may say since when one is
        awaited.
    """

    devices: dict[str, int]
    active_people: int
    last_scans: dict[str, int]
    heard: list[SourceStatus]
    failing: dict[str, int]
    database_bytes: int
    wal_bytes: int | None
    is_writable: bool
    underived_devices: int
    last_backup: int | None
    backup_awaited_since: int | None


def read_figures(
    tx: Transaction,
    now: int,
    alive_seconds: int,
    flapping: tuple[int, int],
    size: tuple[int, int | None],
    *,
    is_writable: bool,
    last_backup: int | None,
    backup_awaited_since: int | None,
) -> Figures:
    """Count.

    Args:
        flapping: more connections than the first number, within the seconds of the second.
        size: bytes of the database and of its log.
    """
    devices = count_totals(tx, flapping, now)
    del devices["all"]
    sources = list_sources(tx, now, counts=False, quiet=True)
    retired = {each.name for each in sources if each.archived}
    return Figures(
        devices=devices,
        active_people=int(tx.value(ACTIVE_PEOPLE, active_since=now - alive_seconds)),
        last_scans={name: at for name, at in tx.rows(LAST_SCANS) if at is not None and name not in retired},
        heard=[each for each in sources if each.last_look is not None and not each.archived],
        failing={each.name: each.failing_since for each in sources if each.failing_since is not None},
        database_bytes=size[0],
        wal_bytes=size[1],
        is_writable=is_writable,
        underived_devices=int(tx.value(UNDERIVED)),
        last_backup=last_backup,
        backup_awaited_since=backup_awaited_since,
    )


def underived(tx: Transaction) -> list[tuple[str, str]]:
    """(MAC, error) of devices whose history could not be derived."""
    return [(mac, error) for mac, error in tx.rows(UNDERIVED_MACS)]


def forgotten_open(tx: Transaction, since: int) -> list[tuple[str, int]]:
    """(MAC, start) of reported sessions that are open, of devices that no source has seen since."""
    return [(mac, at) for mac, at in tx.rows(FORGOTTEN_OPEN, since=since)]


def contradicted_open(tx: Transaction) -> list[tuple[str, int, int]]:
    """(MAC, start, disconnection) of reported sessions that are open, though a source reported their end."""
    return [(mac, start, end) for mac, start, end in tx.rows(CONTRADICTED_OPEN)]


def latest_instant(tx: Transaction) -> int | None:
    """Of what was recorded as of the clock at that time; None where nothing was."""
    found = tx.value(LATEST)
    return None if found is None else int(found)
