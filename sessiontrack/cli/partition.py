"""`sessiontrack partition`"""

import click

from sessiontrack import clock, partitions
from sessiontrack.cli.application import prepared_app
from sessiontrack.database import write_transaction


@click.command()
@click.argument("tables", metavar="[event] [device_session]", nargs=-1, type=click.Choice([*partitions.KEYS]))
@click.option(
    "--ahead",
    type=click.IntRange(1, 120),
    default=12,
    show_default=True,
    metavar="MONTHS",
    help="How many months to come have their tables already.",
)
def partition(tables: tuple[str, ...], ahead: int) -> None:
    """Divide events, and sessions of devices, into a table a month; PostgreSQL only.

    Make a backup first: nobody reads or writes meanwhile, some seconds for each million rows. Without a name,
    the tables that are divided get the months they lack: do that once a month. See docs/growing.md before.

    \b
    Example: sessiontrack partition event
    Example: sessiontrack partition
    """
    app = prepared_app()
    now = clock.now()
    with app.app_context(), write_transaction() as tx:
        chosen = tables or tuple(partitions.divided_tables(tx))
        made = [name for table in chosen for name in partitions.divide(tx, table, now, ahead)]
    if not chosen:
        raise click.UsageError("No table is divided by months yet: say which one is to be.")
    click.echo(f"{len(made)} tables of a month were made" + (f", up to {made[-1]}." if made else "."))
