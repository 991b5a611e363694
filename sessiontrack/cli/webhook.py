"""`sessiontrack webhook`: the receivers of notifications."""

import json
import uuid
from collections.abc import Sequence

import click
from flask import Flask

from sessiontrack import clock
from sessiontrack.background.dispatcher import Dispatcher
from sessiontrack.cli.application import prepared_app, reading_database, writing_database
from sessiontrack.cli.tables import print_table
from sessiontrack.config import settings_as_text, settings_of
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.models.webhook import DEAD, DELIVERED, PENDING
from sessiontrack.process.served_settings import differing
from sessiontrack.queries import webhooks as queries
from sessiontrack.senders.formats import shaped
from sessiontrack.senders.messages import Message
from sessiontrack.senders.signatures import new_secret
from sessiontrack.senders.targets import check_target
from sessiontrack.senders.webhook import post
from sessiontrack.services import deliveries as outbox
from sessiontrack.services import webhooks as services
from sessiontrack.services.clock_door import pass_once
from sessiontrack.values.names import LONGEST_NAME, is_name
from sessiontrack.values.quiet_hours import parse_time
from sessiontrack.values.tags import join_tags
from sessiontrack.values.timestamps import IN_UTC
from sessiontrack.values.webhook_events import EVENT_TYPES, TEST
from sessiontrack.values.webhook_formats import FORMATS, JSON


@click.group()
def webhook() -> None:
    """Notify other programs by HTTP: new devices, devices down and back, logins from elsewhere.

    \b
    Example: sessiontrack webhook add pager https://pager.example/hook --event "Device Down"
    """


def _sending_app() -> Flask:
    """The application, where the clock can be right: receivers refuse what is signed at a wrong time."""
    app = prepared_app()
    with app.app_context():
        pass_once(settings_of(app))
    return app


@webhook.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice(EVENT_TYPES, case_sensitive=False),
    help="A type of event to send; may be repeated. Left out: all types.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    help="Of devices, only those with this tag; may be repeated. Left out: all devices.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default=JSON,
    show_default=True,
    help="What the receiver takes; slack is for Mattermost too.",
)
@click.option(
    "--quiet-hours",
    metavar="FROM-TO",
    default="",
    help="When its deliveries wait, in site time, like 22:00-07:00.",
)
@click.option("--quiet", is_flag=True, help="Print the secret and nothing else, for scripts.")
def add(
    name: str,
    url: str,
    events: Sequence[str],
    tags: Sequence[str],
    format_: str,
    quiet_hours: str,
    quiet: bool,
) -> None:
    """Add a receiver; the secret that it verifies signatures with is shown this once.

    \b
    Example: sessiontrack webhook add pager https://pager.example/hook --event "Device Down"
    """
    if not is_name(name):
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} characters, none of them a control character.")
    app, secret = prepared_app(), new_secret()
    check_target(url, settings_of(app).webhook_allow)
    with app.app_context(), write_transaction() as tx:
        webhook_id = services.add_webhook(tx, clock.now(), name, url, secret, events, format_)
        services.set_tags(tx, webhook_id, join_tags(tags))
        if quiet_hours:
            begin, _, end = quiet_hours.partition("-")
            services.set_quiet_hours(tx, webhook_id, parse_time(begin), parse_time(end))
    if quiet:
        click.echo(secret)
        return
    click.echo(f"Webhook {webhook_id} ({name}); its secret, shown this once:")
    click.echo(secret)


@webhook.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List the webhooks, with what waits and what is dead; without their secrets.

    Example: sessiontrack webhook list
    """
    with reading_database() as (tx, _):
        found = queries.list_webhooks(tx)
    if not as_json:
        joined = ("events", "tags")
        found = [{**each, **{name: ", ".join(each[name]) for name in joined}} for each in found]
    print_table(found, as_json=as_json)


@webhook.command()
@click.argument("name")
def test(name: str) -> None:
    """Send a delivery of the type `test` now, and say what came of it.

    The command sends it, by the settings as they are now; a running service that has read other ones is
    pointed out.

    Example: sessiontrack webhook test pager
    """
    app = _sending_app()
    with app.app_context(), read_transaction() as tx:
        webhook_id = services.get_webhook_id(tx, name)
        receiver = services.get_receiver(tx, webhook_id)
    now, delivery_id = clock.now(), str(uuid.uuid4())
    told = {"id": delivery_id, "type": TEST, "at": now, "time": IN_UTC.format_offset(now)}
    message = Message(receiver.url, receiver.secret, delivery_id, json.dumps(told).encode(), receiver.format)
    if others := differing(settings_of(app).instance, settings_as_text()):
        click.echo(
            f"Note: the running service has another value of {', '.join(others)}. This test uses the"
            " settings of the command; the service reads them when it is restarted.",
            err=True,
        )
    site, allowed = settings_of(app).timezone, settings_of(app).webhook_allow
    outcome = post(shaped(message, site), now, allowed)
    if not outcome.is_taken:
        raise click.ClickException(f"Not delivered: {outcome.error.removesuffix('.')}.")
    with app.app_context(), write_transaction() as tx:
        outbox.record_answer(tx, clock.now(), webhook_id)
    click.echo(f"Delivered: answered {outcome.status}.")


@webhook.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a receiver, with the notifications that still wait for it.

    Example: sessiontrack webhook remove pager
    """
    with writing_database() as (tx, _):
        services.remove_webhook(tx, services.get_webhook_id(tx, name))
    click.echo(f"Removed webhook {name}.")


@webhook.command()
@click.argument("name", required=False)
@click.option("--state", type=click.Choice((PENDING, DELIVERED, DEAD)), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def deliveries(name: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, newest first: of one webhook or of all.

    Example: sessiontrack webhook deliveries pager --state dead
    """
    with reading_database() as (tx, _):
        webhook_id = 0 if name is None else services.get_webhook_id(tx, name)
        found = list(queries.list_deliveries(tx, limit, 0, webhook_id, state or ""))
    print_table(found, as_json=as_json)


@webhook.command()
@click.argument("name")
def retry(name: str) -> None:
    """Try a webhook's dead deliveries anew.

    Example: sessiontrack webhook retry pager
    """
    app = _sending_app()
    with app.app_context(), write_transaction() as tx:
        count = outbox.retry_dead(tx, clock.now(), services.get_webhook_id(tx, name))
    click.echo(f"{count} to be tried again.")


@webhook.command()
def deliver() -> None:
    """Deliver what is due, once; `serve` does it by itself, other WSGI servers do not.

    Example: sessiontrack webhook deliver
    """
    app = _sending_app()
    Dispatcher(app).look()
