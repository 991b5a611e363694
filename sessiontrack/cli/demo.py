"""`sessiontrack demo`: something to look at."""

import secrets

import click

from sessiontrack import clock, demo
from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of
from sessiontrack.database import write_transaction
from sessiontrack.services import users

DEFAULT_SEED = 1


@click.command("demo")
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Another number, another history.")
@click.option("--now", "now_text", hidden=True, help="Where the history ends, for tests.")
def demo_(seed: int, now_text: str | None) -> None:
    """Fill an empty database with a home office: 25 devices, six people, 60 days up to now.

    The people (anna, ben, ...) can sign in once they are given a password.

    \b
    Example: sessiontrack demo
    Example: SESSIONTRACK_INSTANCE=/tmp/demo sessiontrack demo --seed 7
    """
    app = prepared_app(makes_instance=True)
    settings = settings_of(app)
    site = settings.timezone
    now = clock.now() if now_text is None else site.parse_timestamp_start(now_text)
    password_hash = users.hash_password(secrets.token_urlsafe())
    with app.app_context(), write_transaction() as tx:
        filled = demo.fill(tx, now, site, seed, password_hash)
    click.echo(
        f"{filled.devices} devices, {filled.device_sessions} device sessions, {filled.events} events,"
        f" {filled.user_sessions} user sessions."
    )
