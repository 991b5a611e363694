"""Webhooks and their deliveries as lists show them; no secret, and of a URL not what may be one."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sessiontrack.database import Statement, Transaction
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.senders.targets import read_target
from sessiontrack.values.quiet_hours import format_time
from sessiontrack.values.tags import split_tags

_COUNT = "(SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.state = '{}')".format
_PENDING, _DEAD = _COUNT("pending"), _COUNT("dead")
WEBHOOKS = Statement(
    "SELECT w.id, w.name, w.url, w.format, w.tags, w.quiet_from, w.quiet_to, w.created_at,"
    f" w.last_delivered_at, w.last_error, w.failures, w.dropped, {_PENDING}, {_DEAD}"
    " FROM webhook w WHERE :webhook_id = 0 OR w.id = :webhook_id"
    " ORDER BY w.id LIMIT :limit OFFSET :offset"
)
WEBHOOK_COUNT = Statement("SELECT count(*) FROM webhook")
TYPES = Statement("SELECT webhook_id, type FROM webhook_event ORDER BY type")
FIELDS = (
    "id",
    "name",
    "url",
    "format",
    "tags",
    "quiet_from",
    "quiet_to",
    "created_at",
    "last_delivered_at",
    "last_error",
    "failures",
    "dropped",
    "pending",
    "dead",
)
_OF = " WHERE (:webhook_id = 0 OR d.webhook_id = :webhook_id) AND (:state = '' OR d.state = :state)"
DELIVERIES = Statement(
    "SELECT d.public_id, w.name, d.type, d.state, d.attempts, d.status, d.error, d.created_at,"
    " CASE WHEN d.state = 'pending' THEN d.due_at END, d.finished_at"
    f" FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id{_OF}"
    " ORDER BY d.id DESC LIMIT :limit OFFSET :offset"
)
DELIVERY_COUNT = Statement(f"SELECT count(*) FROM webhook_delivery d{_OF}")
DELIVERY_FIELDS = (
    "id",
    "webhook",
    "type",
    "state",
    "attempts",
    "status",
    "error",
    "created_at",
    "next_at",
    "finished_at",
)
# The second condition is that of the index.
DEAD = Statement("SELECT count(*) FROM webhook_delivery WHERE state = 'dead' AND state <> 'pending'")
HAS_ANY = Statement("SELECT 1 FROM webhook LIMIT 1")


def list_webhooks(
    tx: Transaction, limit: int = EVERYTHING, offset: int = 0, webhook_id: int = 0
) -> list[dict[str, Any]]:
    """Webhooks, oldest first, with how many deliveries wait and are dead; one, where given."""
    types: dict[int, list[str]] = defaultdict(list)
    for receiver, event_type in tx.rows(TYPES):
        types[receiver].append(event_type)
    found = []
    for row in tx.rows(WEBHOOKS, limit=limit, offset=offset, webhook_id=webhook_id):
        webhook = dict(zip(FIELDS, row, strict=True))
        webhook["tags"] = split_tags(webhook["tags"])
        webhook["url"] = read_target(webhook["url"]).shown
        for end in ("quiet_from", "quiet_to"):
            webhook[end] = None if webhook[end] is None else format_time(webhook[end])
        found.append({**webhook, "events": types[webhook["id"]]})
    return found


def count_webhooks(tx: Transaction) -> int:
    """How many there are."""
    return int(tx.value(WEBHOOK_COUNT))


def list_deliveries(
    tx: Transaction, limit: int, offset: int, webhook_id: int = 0, state: str = ""
) -> Iterator[dict[str, Any]]:
    """Deliveries, newest first; of one webhook, or in one state, where that is given."""
    for row in tx.rows(DELIVERIES, limit=limit, offset=offset, webhook_id=webhook_id, state=state):
        yield dict(zip(DELIVERY_FIELDS, row, strict=True))


def count_deliveries(tx: Transaction, webhook_id: int = 0, state: str = "") -> int:
    """How many of them there are."""
    return int(tx.value(DELIVERY_COUNT, webhook_id=webhook_id, state=state))


def count_dead(tx: Transaction) -> int:
    """Deliveries that were given up, of all webhooks."""
    return int(tx.value(DEAD))


def has_webhooks(tx: Transaction) -> bool:
    """Whether there is any receiver."""
    return tx.value(HAS_ANY) is not None
