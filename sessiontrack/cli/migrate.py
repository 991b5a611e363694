"""`sessiontrack migrate`"""

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.config import Settings


@click.command()
def migrate() -> None:
    """Bring the database to this version's schema, as serve does at its start.

    Example: sessiontrack migrate
    """
    settings: Settings = prepared_app().extensions["sessiontrack.settings"]
    click.echo(f"The database in {settings.instance} is current.")
