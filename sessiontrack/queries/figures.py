"""What is worth watching of the database as a whole, as few numbers."""

from dataclasses import dataclass

from sessiontrack.database import Statement, Transaction
from sessiontrack.queries.devices import count_totals
from sessiontrack.queries.sources import SourceStatus, list_sources

ACTIVE_PEOPLE = Statement(
    "SELECT count(DISTINCT username) FROM user_session WHERE ended_at IS NULL AND last_ping > :active_since"
)
LAST_SCANS = Statement(
    "SELECT name, (SELECT max(at) FROM scan WHERE source_id = source.id) FROM source ORDER BY name"
)


LATEST = Statement(
    "SELECT max(at) FROM (SELECT max(last_ping) AS at FROM user_session"
    " UNION ALL SELECT max(started_at) FROM user_session"
    " UNION ALL SELECT max(at) FROM event UNION ALL SELECT max(created_at) FROM login) latest"
)


@dataclass(frozen=True)
class Figures:
    """As of one instant.

    devices: by state, of TOTALS all but "all".
    last_scans: by source, in UTC epoch seconds; sources that never made a scan are absent.
    heard: sources that were heard of, also those that speak of single devices.
    failing: sources whose last look failed, since when.
    wal_bytes: None where the engine has no such file.
    """

    devices: dict[str, int]
    active_people: int
    last_scans: dict[str, int]
    heard: list[SourceStatus]
    failing: dict[str, int]
    database_bytes: int
    wal_bytes: int | None
    is_writable: bool


def read_figures(
    tx: Transaction,
    now: int,
    alive_seconds: int,
    flapping: tuple[int, int],
    size: tuple[int, int | None],
    *,
    is_writable: bool,
) -> Figures:
    """Count.

    Args:
        flapping: more connections than the first number, within the seconds of the second.
        size: bytes of the database and of its log.
    """
    devices = count_totals(tx, flapping, now)
    del devices["all"]
    sources = list_sources(tx, now)
    return Figures(
        devices=devices,
        active_people=int(tx.value(ACTIVE_PEOPLE, active_since=now - alive_seconds)),
        last_scans={name: at for name, at in tx.rows(LAST_SCANS) if at is not None},
        heard=[each for each in sources if each.last_look is not None],
        failing={each.name: each.failing_since for each in sources if each.failing_since is not None},
        database_bytes=size[0],
        wal_bytes=size[1],
        is_writable=is_writable,
    )


def latest_instant(tx: Transaction) -> int | None:
    """Of what was recorded as of the clock at that time; None where nothing was."""
    found = tx.value(LATEST)
    return None if found is None else int(found)
