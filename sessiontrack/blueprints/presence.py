"""Evidence of presence: `/presence/...` (contract 6)."""

from itertools import islice
from typing import Any

from flask import Response, g

from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.http import examples
from sessiontrack.http.answers import answer
from sessiontrack.http.endpoint import Blueprint, settings
from sessiontrack.http.json_body import LARGE
from sessiontrack.queries.online_history import connected_at_each
from sessiontrack.queries.presence_at import recorded_since
from sessiontrack.queries.sources import SourceStatus, list_sources
from sessiontrack.schemas import presence as schemas
from sessiontrack.schemas.fields import MOST_LISTED
from sessiontrack.services.presence import Outcome, PresenceRules, observe_event, observe_scan
from sessiontrack.services.sources import archive_source, unarchive_source
from sessiontrack.sources.formats import as_sentence
from sessiontrack.values.periods import instants_every
from sessiontrack.values.reports import EventReport, ScanReport
from sessiontrack.values.roles import OPERATOR, VIEWER

DAY = 86_400
MOST_POINTS = 10_000

blueprint = Blueprint(
    "presence", __name__, url_prefix="/presence", description=f"Evidence of presence. {as_sentence()}"
)


@blueprint.endpoint(
    "/scans",
    method="POST",
    needs_time=True,
    role=OPERATOR,
    body=schemas.ScanBody,
    limits=LARGE,
    body_example=examples.SCAN,
    answer=schemas.PresenceAnswer,
    example=examples.SCAN_TAKEN,
)
def scans(scan: ScanReport) -> Response:
    """Take in who was seen at an instant; any order and any repetition give the same sessions"""
    rules, arrives = PresenceRules.of(settings()), scan.at is None
    at = g.now if scan.at is None else scan.at
    with write_transaction() as tx:
        outcome = observe_scan(
            tx, g.now, scan.source, at, scan.devices, rules, complete=scan.complete, arrives=arrives
        )
    return _answer(outcome, left_out=scan.left_out[:MOST_LISTED])


@blueprint.endpoint(
    "/events",
    method="POST",
    needs_time=True,
    role=OPERATOR,
    body=schemas.EventBody,
    body_example=examples.PRESENCE_EVENT,
    answer=schemas.PresenceAnswer,
    example=examples.EVENT_TAKEN,
)
def events(event: EventReport) -> Response:
    """Take in that one device connected, disconnected or was seen"""
    rules, arrives = PresenceRules.of(settings()), event.at is None
    at = g.now if event.at is None else event.at
    with write_transaction() as tx:
        outcome = observe_event(
            tx, g.now, event.source, at, event.kind, event.device, rules, event.info, arrives=arrives
        )
    return _answer(outcome)


@blueprint.endpoint(
    "/sources",
    role=VIEWER,
    answer=schemas.SourcesAnswer,
    example=examples.SOURCES,
)
def sources() -> Response:
    """List sources: last look, rhythm, and since when and why one is silent or fails"""
    with read_transaction() as tx:
        found = list_sources(tx, g.now)
    return answer({"success": True, "sources": [_source(each) for each in found]})


@blueprint.endpoint(
    "/sources",
    method="PATCH",
    role=OPERATOR,
    body=schemas.ChangeSource,
    body_example=examples.CHANGE_SOURCE,
    answer=schemas.SourceAnswer,
    example=examples.SOURCE_CHANGED,
    errors=(404,),
)
def change_source(body: dict[str, Any]) -> Response:
    """Archive a source that was retired, or take it back out of the archive"""
    rules = PresenceRules.of(settings()) if body["disconnect"] else None
    disconnected = 0
    with write_transaction() as tx:
        if body["archived"]:
            changed, disconnected = archive_source(tx, g.now, body["name"], rules)
        else:
            changed = unarchive_source(tx, g.now, body["name"])
    return answer({"success": True, "source": _source(changed), "disconnected": disconnected})


def _source(found: SourceStatus) -> dict[str, object]:
    site = settings().timezone

    def shown(at: int | None) -> str | None:
        return None if at is None else site.format_offset(at)

    return {
        "name": found.name,
        "kind": found.kind,
        "last_look": shown(found.last_look),
        "rhythm_seconds": found.rhythm,
        "quiet_seconds": found.quiet,
        "silent_since": shown(found.silent_since),
        "failing_since": shown(found.failing_since),
        "reason": found.reason,
        "archived": found.archived,
        "seen": found.seen,
    }


@blueprint.endpoint(
    "/online-history",
    role=VIEWER,
    query=schemas.OnlineHistory,
    answer=schemas.OnlineHistoryAnswer,
    example=examples.ONLINE_HISTORY,
)
def online_history(query: dict[str, Any]) -> Response:
    """How many devices were connected over time; without the future"""
    site, now = settings().timezone, g.now
    end = now if query["end"] is None else query["end"]
    start = max(0, end - DAY) if query["start"] is None else query["start"]
    if start > end:
        raise InvalidInput(
            "start must not be after now.", {"start": ["Must not be after now, where end is left out."]}
        )
    instants = list(islice(instants_every(query["step"], start, end, site), MOST_POINTS + 1))
    if len(instants) > MOST_POINTS:
        wrong = f"These are more than {MOST_POINTS} points: take a longer step, or less time."
        raise InvalidInput(wrong, {"step": [wrong]})
    instants = [each for each in instants if each <= now]
    with read_transaction() as tx:
        counts, since = connected_at_each(tx, instants), recorded_since(tx)
    points = [
        {"at": site.format_offset(at), "connected": count} for at, count in zip(instants, counts, strict=True)
    ]
    shown = None if since is None else site.format_offset(since)
    return answer({"success": True, "step": str(query["step"]), "recorded_since": shown, "points": points})


def _answer(outcome: Outcome, **more: object) -> Response:
    return answer({"success": True, **outcome.counts(), "suspicious": outcome.suspicious, **more})
