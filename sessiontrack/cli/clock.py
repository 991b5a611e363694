"""`sessiontrack clock`: whether the clock is believed."""

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.database import read_transaction, write_transaction
from sessiontrack.process.kernel_clock import is_synchronised
from sessiontrack.services.clock_door import accept_clock, find_floor
from sessiontrack.values.timestamps import IN_UTC

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
    with prepared_app().app_context(), read_transaction() as tx:
        floor = find_floor(tx)
    click.echo(f"The clock says      {IN_UTC.format_minute(clock.now())} UTC")
    click.echo(f"Not before          {IN_UTC.format_minute(floor.at)} UTC")
    click.echo(f"Time source         {SYNCHRONISED[is_synchronised()]}")


@clock_.command()
def accept() -> None:
    """Say that the clock is right: what was held for its sake is recorded again, within seconds.

    Example: sessiontrack clock accept
    """
    now = clock.now()
    with prepared_app().app_context(), write_transaction() as tx:
        accept_clock(tx, now)
    click.echo(f"{IN_UTC.format_minute(now)} UTC is right.")
