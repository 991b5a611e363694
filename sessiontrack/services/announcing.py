"""Puts notifications into the outbox of webhooks, in the transaction that records what happened.

Here and not by a look through new rows of `event`: on PostgreSQL a lower id may be committed after a higher
one, so a reader that remembers its position would skip some; and an import writes events that are no news.
Reports of an instant long past are left out for the same reason.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sessiontrack.database import Statement, Transaction
from sessiontrack.queries.sources import SourceStatus
from sessiontrack.services import flapping
from sessiontrack.values.changes import Change
from sessiontrack.values.tags import split_tags
from sessiontrack.values.timestamps import IN_UTC
from sessiontrack.values.webhook_events import DEVICE_DOWN, EVENT_TYPES, FLAPPING, NEW_ADDRESS, TEST

# What is older is history that arrives late.
OLDEST_SECONDS = 86_400
# Of one receiver; what comes while so much is waiting is counted and dropped.
MOST_PENDING = 100_000
RELEVANT = frozenset(EVENT_TYPES) | flapping.CONNECTIONS
CHUNK = 400

WANTED = Statement("SELECT e.type, w.id, w.tags FROM webhook_event e JOIN webhook w ON w.id = e.webhook_id")
# By each address that a device is known by.
DEVICES = Statement(
    "SELECT mac, id, mac, name, owner, vendor, grace_seconds, tags FROM device WHERE mac AMONG(:macs)"
    " UNION ALL SELECT a.mac, d.id, d.mac, d.name, d.owner, d.vendor, d.grace_seconds, d.tags"
    " FROM device_alias a JOIN device d ON d.id = a.device_id WHERE a.mac AMONG(:macs)"
)
INSERT = Statement(
    "INSERT INTO webhook_delivery (public_id, webhook_id, type, body, created_at, due_at)"
    " VALUES (:public_id, :webhook_id, :type, :body, :now, :now)"
)
COUNT_PENDING = Statement(
    "SELECT count(*) FROM webhook_delivery WHERE webhook_id = :webhook_id AND state = 'pending'"
)
DROP = Statement("UPDATE webhook SET dropped = dropped + :dropped WHERE id = :webhook_id")


class News(NamedTuple):
    """The body of a notification, without the id of the delivery.

    tags: folded, of the device that it is about; None where it is about no device.
    """

    type: str
    at: int
    content: Mapping[str, Any]
    tags: frozenset[str] | None = None

    def body(self, delivery_id: str) -> str:
        """The JSON that is sent."""
        told = {"id": delivery_id, "type": self.type, "at": self.at, "time": IN_UTC.format_offset(self.at)}
        return json.dumps({**told, **self.content}, ensure_ascii=False)


class _Webhook(NamedTuple):
    id: int
    tags: frozenset[str]

    def wants(self, news: News) -> bool:
        return not self.tags or news.tags is None or not self.tags.isdisjoint(news.tags)


class _Device(NamedTuple):
    id: int
    mac: str
    name: str
    owner: str
    vendor: str
    grace: int | None
    tags: str


def announce(
    tx: Transaction, now: int, changes: Sequence[Change], rules: flapping.FlappingRules, grace: int = 0
) -> None:
    """Notify receivers of events that were recorded in this transaction.

    Without webhooks, that is one look at an empty table.

    Args:
        grace: seconds, of devices without a grace time of their own: a disconnection is dated at the last
            sighting, and found out only that much later.
    """
    if not changes:
        return
    wanted = _wanted(tx)
    if not wanted:
        return
    devices = _devices(tx, {each.mac for each in changes if each.type in RELEVANT})
    known = [each._replace(mac=devices[each.mac].mac) for each in changes if each.mac in devices]
    fresh = [each for each in known if _is_news(each, devices[each.mac], now, grace)]
    if wanted.keys() & flapping.CONCERNED:
        fresh = _without_flapping(tx, now, known, fresh, rules)
    _put(tx, now, wanted, [_news(each, devices[each.mac]) for each in fresh])


def _without_flapping(
    tx: Transaction,
    now: int,
    changes: Sequence[Change],
    fresh: Sequence[Change],
    rules: flapping.FlappingRules,
) -> list[Change]:
    """The news; of a flapping device only that it has begun to flap."""
    connected = {each.mac for each in changes if each.type in flapping.CONNECTIONS}
    begun, marked = flapping.mark(tx, now, connected, rules)
    silent = [each for each in fresh if each.type in flapping.WITHHELD and each.mac in marked]
    flapping.withhold(tx, {marked[each.mac] for each in silent})
    heard = [each for each in fresh if each not in silent] if silent else list(fresh)
    return heard + [Change(mac, FLAPPING, now, "", "") for mac in begun]


def announce_login(tx: Transaction, now: int, username: str, address: str) -> None:
    """Notify receivers that a user has signed in from an address for the first time."""
    content = {"user": {"username": username}, "address": address}
    _put(tx, now, _wanted(tx), [News(NEW_ADDRESS, now, content)])


def announce_source(tx: Transaction, now: int, event_type: str, source: SourceStatus) -> None:
    """Notify receivers that a source is silent, or back."""
    told = {
        "name": source.name,
        "kind": source.kind,
        "last_look": source.last_look,
        "failing_since": source.failing_since,
        "reason": source.reason,
    }
    _put(tx, now, _wanted(tx), [News(event_type, now, {"source": told})])


def announce_test(tx: Transaction, now: int, webhook_id: int) -> str:
    """Put a test delivery into the outbox of a receiver; its id."""
    (row,) = _rows(now, webhook_id, [News(TEST, now, {})])
    tx.run(INSERT, **row)
    public_id: str = row["public_id"]
    return public_id


def settle_flapping(tx: Transaction, now: int, rules: flapping.FlappingRules) -> None:
    """Notify receivers of the last state of devices that stopped flapping, if it was withheld."""
    rested = [Change(*row) for row in flapping.settle(tx, now, rules)]
    devices = _devices(tx, {change.mac for change in rested})
    _put(tx, now, _wanted(tx), [_news(change, devices[change.mac]) for change in rested])


def _wanted(tx: Transaction) -> dict[str, list[_Webhook]]:
    """Webhooks by the type of event."""
    found: dict[str, list[_Webhook]] = defaultdict(list)
    for event_type, webhook_id, tags in tx.rows(WANTED):
        found[event_type].append(_Webhook(webhook_id, _folded(tags)))
    return found


def _folded(tags: str) -> frozenset[str]:
    return frozenset(split_tags(tags.casefold()))


def _devices(tx: Transaction, macs: Iterable[str]) -> dict[str, _Device]:
    """Devices by their main address, and by the address that was asked for."""
    ordered = sorted(macs)
    found: dict[str, _Device] = {}
    for first in range(0, len(ordered), CHUNK):
        chunk = ordered[first : first + CHUNK]
        for mac, *known in tx.rows(DEVICES, macs=chunk):
            device = _Device(*known)
            found[mac] = found[device.mac] = device
    return found


def _is_news(change: Change, device: _Device, now: int, grace: int) -> bool:
    late = grace if device.grace is None else device.grace
    oldest = now - OLDEST_SECONDS - (late if change.type == DEVICE_DOWN else 0)
    return change.type in EVENT_TYPES and change.at >= oldest


def _news(change: Change, device: _Device) -> News:
    told = {
        "mac": change.mac,
        "name": device.name,
        "owner": device.owner,
        "vendor": device.vendor,
        "ip": change.ip,
    }
    return News(change.type, change.at, {"device": told}, _folded(device.tags))


def _put(tx: Transaction, now: int, wanted: Mapping[str, Sequence[_Webhook]], news: Sequence[News]) -> None:
    """Write the deliveries, as far as there is room for them."""
    by_webhook: dict[int, list[News]] = defaultdict(list)
    for each in news:
        for webhook in wanted.get(each.type, ()):
            if webhook.wants(each):
                by_webhook[webhook.id].append(each)
    for webhook_id, told in by_webhook.items():
        room = max(0, MOST_PENDING - tx.value(COUNT_PENDING, webhook_id=webhook_id))
        if len(told) > room:
            tx.run(DROP, webhook_id=webhook_id, dropped=len(told) - room)
        tx.run_many(INSERT, _rows(now, webhook_id, told[:room]))


def _rows(now: int, webhook_id: int, news: Sequence[News]) -> Iterator[dict[str, Any]]:
    for each in news:
        public_id = str(uuid.uuid4())
        yield {
            "public_id": public_id,
            "webhook_id": webhook_id,
            "type": each.type,
            "body": each.body(public_id),
            "now": now,
        }
