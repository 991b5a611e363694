"""Sources: those that were retired are archived, and webhooks are notified of silent ones."""

from collections.abc import Mapping

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import NotFound
from sessiontrack.queries.sources import SHORTEST_SILENCE, SourceStatus, find_source
from sessiontrack.services.announcing import announce_source
from sessiontrack.services.presence import PresenceRules, disconnect_held
from sessiontrack.services.source_failures import record_success
from sessiontrack.values.webhook_events import SOURCE_BACK, SOURCE_SILENT

ARCHIVE = Statement("UPDATE source SET archived_look = :look WHERE name = :name")
TELL_SILENT = Statement("UPDATE source SET told_look = :look WHERE name = :name AND told_look IS NULL")
TELL_BACK = Statement("UPDATE source SET told_look = NULL WHERE name = :name AND told_look < :look")


def archive_source(
    tx: Transaction, now: int, name: str, disconnected_by: PresenceRules | None
) -> tuple[SourceStatus, int]:
    """Report it neither silent nor failing, until it is heard of again.

    Args:
        disconnected_by: the devices that it holds as connected left when it last saw them, by these rules.
    Returns:
        what it is then, and how many devices that disconnected.
    Raises:
        NotFound: no source has that name.
    """
    _get(tx, now, name)
    disconnected = 0 if disconnected_by is None else disconnect_held(tx, now, name, disconnected_by)
    source = _get(tx, now, name)
    record_success(tx, name)
    tx.run(ARCHIVE, name=name, look=source.last_look or 0)
    # One that never worked is known by its failure alone, and is forgotten with it.
    return find_source(tx, now, name) or source, disconnected


def unarchive_source(tx: Transaction, now: int, name: str) -> SourceStatus:
    """Take it back out of the archive; what it is then.

    Raises:
        NotFound: no source has that name.
    """
    _get(tx, now, name)
    tx.run(ARCHIVE, name=name, look=None)
    return _get(tx, now, name)


def _get(tx: Transaction, now: int, name: str) -> SourceStatus:
    source = find_source(tx, now, name)
    if source is None:
        raise NotFound(f"There is no source {name}.")
    return source


class SilenceWatch:
    """What one process has observed of the sources' silence.

    After a boot every source seems silent until its next look, and after a wrong jump of the clock too. So
    webhooks are notified of a silence only when the source said nothing for SHORTEST_SILENCE by a clock that
    never jumps, while this process was running.
    """

    def __init__(self) -> None:
        self._heard: dict[str, tuple[int, float]] = {}

    def news(self, sources: list[SourceStatus], monotonic: float) -> dict[str, str]:
        """What webhooks are to be notified of: source.silent or source.back, by the source's name.

        Args:
            monotonic: seconds of a clock that never jumps.
        """
        found = {}
        heard = {}
        for each in sources:
            if each.last_look is None:
                continue
            look, since = self._heard.get(each.name, (None, monotonic))
            heard[each.name] = (each.last_look, since if look == each.last_look else monotonic)
            is_sure = monotonic - heard[each.name][1] >= SHORTEST_SILENCE
            if each.told_look is not None and each.told_look < each.last_look:
                found[each.name] = SOURCE_BACK
            elif each.told_look is None and each.silent_since is not None and is_sure:
                found[each.name] = SOURCE_SILENT
        self._heard = heard
        return found


def tell(tx: Transaction, now: int, news: Mapping[str, str]) -> None:
    """Notify receivers; of many processes that have found the same news, one does."""
    for name, event_type in news.items():
        source = find_source(tx, now, name)
        if source is None or source.last_look is None:
            continue
        statement = TELL_BACK if event_type == SOURCE_BACK else TELL_SILENT
        if event_type == SOURCE_SILENT and source.silent_since is None:
            continue
        if tx.run(statement, name=name, look=source.last_look):
            announce_source(tx, now, event_type, source)
