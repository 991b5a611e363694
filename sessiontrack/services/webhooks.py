"""Webhooks: the receivers of notifications."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, InvalidInput, NotFound
from sessiontrack.senders.formats import check_format
from sessiontrack.values.quiet_hours import refuse_wrong_hours
from sessiontrack.values.webhook_events import EVENT_TYPES
from sessiontrack.values.webhook_formats import JSON

# So that a mistake in a script does not fill the outbox by as many.
MOST_WEBHOOKS = 100
TAKEN = "There is a webhook {} already; remove it first, or take another name."

INSERT = Statement(
    "INSERT INTO webhook (name, url, secret, format, created_at)"
    " SELECT :name, :url, :secret, :format, :now WHERE (SELECT count(*) FROM webhook) < :most"
    " ON CONFLICT (name) DO NOTHING RETURNING id"
)
INSERT_EVENT = Statement("INSERT INTO webhook_event (webhook_id, type) VALUES (:webhook_id, :type)")
HAS_NAME = Statement("SELECT 1 FROM webhook WHERE name = :name")
FIND = Statement("SELECT id FROM webhook WHERE name = :name")
DELETE = Statement("DELETE FROM webhook WHERE id = :webhook_id")
FORGET_EVENTS = Statement("DELETE FROM webhook_event WHERE webhook_id = :webhook_id")
NAMED_ALIKE = Statement("SELECT 1 FROM webhook WHERE name = :name AND id <> :webhook_id")
RENAME = Statement("UPDATE webhook SET name = :name WHERE id = :webhook_id")
# What failed elsewhere says nothing of the new address.
MOVE = Statement(
    "UPDATE webhook SET url = :url, failures = 0, resting_until = 0, last_error = '' WHERE id = :webhook_id"
)
SHAPE = Statement("UPDATE webhook SET format = :format WHERE id = :webhook_id")
SET_TAGS = Statement("UPDATE webhook SET tags = :tags WHERE id = :webhook_id")
SET_QUIET = Statement(
    "UPDATE webhook SET quiet_from = :quiet_from, quiet_to = :quiet_to WHERE id = :webhook_id"
)
READ = Statement("SELECT url, secret, format FROM webhook WHERE id = :webhook_id")


class Receiver(NamedTuple):
    """The URL, secret and format of a webhook, for the sender alone.

    secret: the key of the signature.
    """

    url: str
    secret: str
    format: str


def add_webhook(
    tx: Transaction, now: int, name: str, url: str, secret: str, types: Collection[str], format_: str = JSON
) -> int:
    """Notify that URL of events of these types from now on; empty: of all types.

    Args:
        url: found good by senders.targets.check_target.
    Returns:
        the webhook's id.
    Raises:
        InvalidInput: a type of event that there is not; or the URL is none of a receiver of that format.
        Conflict: the name is taken, or there are too many already.
    """
    _refuse_unknown(types)
    check_format(format_, url)
    told = {"name": name, "url": url, "secret": secret, "format": format_, "now": now}
    webhook_id: int | None = tx.value(INSERT, **told, most=MOST_WEBHOOKS)
    if webhook_id is None:
        taken = tx.value(HAS_NAME, name=name) is not None
        raise Conflict(TAKEN.format(name) if taken else f"There are {MOST_WEBHOOKS} webhooks already.")
    _subscribe(tx, webhook_id, types)
    return webhook_id


def change_webhook(tx: Transaction, webhook_id: int, changes: Mapping[str, Any]) -> None:
    """Change its name, url, format, events, tags or quiet hours.

    What waits for it goes to its new address, in its new format.

    Args:
        changes: of a url, one that was found good by senders.targets.check_target.
    Raises:
        NotFound: there is no such webhook.
        InvalidInput: a type of event that there is not; or the URL is none of a receiver of its format.
        Conflict: another one has that name.
    """
    before = get_receiver(tx, webhook_id)
    check_format(changes.get("format", before.format), changes.get("url", before.url))
    if "name" in changes:
        if tx.value(NAMED_ALIKE, name=changes["name"], webhook_id=webhook_id) is not None:
            raise Conflict(TAKEN.format(changes["name"]))
        tx.run(RENAME, name=changes["name"], webhook_id=webhook_id)
    if "url" in changes:
        tx.run(MOVE, url=changes["url"], webhook_id=webhook_id)
    if "format" in changes:
        tx.run(SHAPE, format=changes["format"], webhook_id=webhook_id)
    if "quiet_from" in changes or "quiet_to" in changes:
        set_quiet_hours(tx, webhook_id, changes.get("quiet_from"), changes.get("quiet_to"))
    if "tags" in changes:
        set_tags(tx, webhook_id, changes["tags"])
    if "events" in changes:
        _refuse_unknown(changes["events"])
        tx.run(FORGET_EVENTS, webhook_id=webhook_id)
        _subscribe(tx, webhook_id, changes["events"])


def set_tags(tx: Transaction, webhook_id: int, text: str) -> None:
    """Limit its events about devices to those with one of these tags; empty: all devices.

    Args:
        text: the tags as values.tags joins them.
    """
    tx.run(SET_TAGS, webhook_id=webhook_id, tags=text)


def set_quiet_hours(tx: Transaction, webhook_id: int, quiet_from: int | None, quiet_to: int | None) -> None:
    """Leave it alone between these minutes of the day; without them, never.

    Raises:
        InvalidInput: one of them is missing, or both are the same.
    """
    refuse_wrong_hours(quiet_from, quiet_to)
    tx.run(SET_QUIET, webhook_id=webhook_id, quiet_from=quiet_from, quiet_to=quiet_to)


def _refuse_unknown(types: Collection[str]) -> None:
    if unknown := sorted(set(types) - set(EVENT_TYPES)):
        said = f"{unknown[0]!r} is none of: {', '.join(EVENT_TYPES)}."
        raise InvalidInput(said, {"events": [said]})


def _subscribe(tx: Transaction, webhook_id: int, types: Collection[str]) -> None:
    tx.run_many(
        INSERT_EVENT, [{"webhook_id": webhook_id, "type": each} for each in ordered(types) or EVENT_TYPES]
    )


def ordered(types: Collection[str]) -> Sequence[str]:
    """Each type once, in the order in which they are documented."""
    return [each for each in EVENT_TYPES if each in types]


def get_webhook_id(tx: Transaction, name: str) -> int:
    """The webhook of that name.

    Raises:
        NotFound: there is none.
    """
    webhook_id: int | None = tx.value(FIND, name=name)
    if webhook_id is None:
        raise NotFound(f"There is no webhook {name}.")
    return webhook_id


def remove_webhook(tx: Transaction, webhook_id: int) -> None:
    """Remove it, with the notifications that still wait for it.

    Raises:
        NotFound: there is no such webhook.
    """
    if tx.run(DELETE, webhook_id=webhook_id) == 0:
        raise NotFound(f"There is no webhook {webhook_id}.")


def get_receiver(tx: Transaction, webhook_id: int) -> Receiver:
    """The URL and the format of a webhook.

    Raises:
        NotFound: there is no such webhook.
    """
    found = tx.row(READ, webhook_id=webhook_id)
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return Receiver(*found)
