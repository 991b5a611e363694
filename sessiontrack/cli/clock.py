"""`sessiontrack clock`: whether the clock is believed."""

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.process.kernel_clock import is_synchronised
from sessiontrack.services.clock_door import accept_clock, find_floor

SYNCHRONISED = {True: "keeps it right", False: "none keeps it right", None: "not known"}


@click.group("clock")
def clock_() -> None:
    """Show whether the clock is believed, or say that it is right.

    Example: sessiontrack clock show
    """


@clock_.command()
def show() -> None:
    """Show the clock, and the newest instant that is sure: a clock before it records nothing.

    Example: sessiontrack clock show
    """
    app = prepared_app()
    site = settings_of(app).timezone
    with app.app_context(), read_transaction() as tx:
        floor = find_floor(tx)
    click.echo(f"The clock says      {site.format_offset(clock.now())}")
    click.echo(f"Not before          {site.format_offset(floor.at)}")
    click.echo(f"Time source         {SYNCHRONISED[is_synchronised()]}")


@clock_.command()
def accept() -> None:
    """Say that the clock is right: what was held for its sake is recorded again, within seconds.

    Example: sessiontrack clock accept
    """
    now, app = clock.now(), prepared_app()
    site = settings_of(app).timezone
    with app.app_context(), write_transaction() as tx:
        accept_clock(tx, now)
    click.echo(f"{site.format_offset(now)} is right.")
