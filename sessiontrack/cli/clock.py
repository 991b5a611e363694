"""`sessiontrack clock`: whether the clock is believed."""

import click

from sessiontrack import clock
from sessiontrack.cli.application import reading_database, writing_database
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
    with reading_database() as (tx, settings):
        floor, site = find_floor(tx), settings.timezone
    click.echo(f"The clock says      {site.format_offset(clock.now())}")
    click.echo(f"Not before          {site.format_offset(floor.at)}")
    click.echo(f"Time source         {SYNCHRONISED[is_synchronised()]}")


@clock_.command()
def accept() -> None:
    """Say that the clock is right: what was held for its sake is recorded again, within seconds.

    Example: sessiontrack clock accept
    """
    now = clock.now()
    with writing_database() as (tx, settings):
        accept_clock(tx, now)
    click.echo(f"{settings.timezone.format_offset(now)} is right.")
