"""`sessiontrack vacuum`"""

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.keeping import vacuuming


@click.command()
@click.option("--incremental", is_flag=True, help="Give back the free pages only, a few at a time.")
def vacuum(incremental: bool) -> None:
    """Give back to the disk what removed history has left free.

    Without --incremental the database is rewritten, and writers wait until that is done: a few seconds for
    each gigabyte. After that, --incremental does it without making writers wait.

    \b
    Example: sessiontrack vacuum
    Example: sessiontrack vacuum --incremental
    """
    app = prepared_app()
    with app.app_context():
        won, size = vacuuming.vacuum(incremental=incremental)
    # What makes the incremental kind possible takes a page.
    click.echo(f"{max(0, won):,} bytes won; the database has {size:,} now.")
