"""`sessiontrack migrate`"""

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema, as serve does at its start.

    Example: sessiontrack migrate
    """
    settings = settings_of(prepared_app())
    click.echo(f"The database in {settings.instance} is current.")
