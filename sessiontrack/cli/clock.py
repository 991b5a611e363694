"""`sessiontrack clock`: whether the clock is believed."""

import click

from sessiontrack import clock
from sessiontrack.cli.application import reading_database, writing_database
from sessiontrack.process.kernel_clock import is_synchronised
from sessiontrack.services.clock_door import accept_clock, find_floor, least_of

SYNCHRONISED = {True: "keeps it right", False: "none keeps it right", None: "not known"}


@click.group("clock")
def clock_() -> None:
    """Show whether the clock is believed, or say that it is right.

    Example: sessiontrack clock show
    """


@clock_.command()
def show() -> None:
    """Show the clock, the instant that it cannot be before, and why: before that nothing is recorded.

    Example: sessiontrack clock show
    """
    with reading_database() as (tx, settings):
        floor, site = find_floor(tx), settings.timezone
    least = least_of(floor)
    why = "recorded or accepted then" if floor.at >= least else "this program is newer"
    click.echo(f"The clock says      {site.format_offset(clock.now())}")
    click.echo(f"Not before          {site.format_offset(max(floor.at, least))}: {why}")
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
