"""Webhooks: who is told of what happens."""

from collections.abc import Collection, Sequence

from sessiontrack.database import Statement, Transaction
from sessiontrack.exceptions import Conflict, InvalidInput, NotFound
from sessiontrack.values.webhook_events import EVENT_TYPES

# So that a mistake in a script does not fill the outbox by as many.
MOST_WEBHOOKS = 100

INSERT = Statement(
    "INSERT INTO webhook (name, url, secret, created_at)"
    " SELECT :name, :url, :secret, :now WHERE (SELECT count(*) FROM webhook) < :most"
    " ON CONFLICT (name) DO NOTHING RETURNING id"
)
INSERT_EVENT = Statement("INSERT INTO webhook_event (webhook_id, type) VALUES (:webhook_id, :type)")
HAS_NAME = Statement("SELECT 1 FROM webhook WHERE name = :name")
FIND = Statement("SELECT id FROM webhook WHERE name = :name")
DELETE = Statement("DELETE FROM webhook WHERE id = :webhook_id")
READ = Statement("SELECT url, secret FROM webhook WHERE id = :webhook_id")


def add_webhook(tx: Transaction, now: int, name: str, url: str, secret: str, types: Collection[str]) -> int:
    """Tell that URL of events of these types from now on; empty: of all types.

    Args:
        url: found good by senders.targets.check_target.
    Returns:
        the webhook's id.
    Raises:
        InvalidInput: a type of event that there is not.
        Conflict: the name is taken, or there are too many already.
    """
    if unknown := sorted(set(types) - set(EVENT_TYPES)):
        said = f"{unknown[0]!r} is none of: {', '.join(EVENT_TYPES)}."
        raise InvalidInput(said, {"events": [said]})
    webhook_id: int | None = tx.value(INSERT, name=name, url=url, secret=secret, now=now, most=MOST_WEBHOOKS)
    if webhook_id is None:
        taken = tx.value(HAS_NAME, name=name) is not None
        raise Conflict(
            f"There is a webhook {name} already; remove it first, or take another name."
            if taken
            else f"There are {MOST_WEBHOOKS} webhooks already."
        )
    rows = [{"webhook_id": webhook_id, "type": each} for each in ordered(types) or EVENT_TYPES]
    tx.run_many(INSERT_EVENT, rows)
    return webhook_id


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
    """Tell it nothing any more, and forget what it was to be told.

    Raises:
        NotFound: there is no such webhook.
    """
    if tx.run(DELETE, webhook_id=webhook_id) == 0:
        raise NotFound(f"There is no webhook {webhook_id}.")


def address_and_secret(tx: Transaction, webhook_id: int) -> tuple[str, str]:
    """The URL and the key of the signature, for whoever sends; for nobody's eyes.

    Raises:
        NotFound: there is no such webhook.
    """
    found = tx.row(READ, webhook_id=webhook_id)
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return found[0], found[1]
