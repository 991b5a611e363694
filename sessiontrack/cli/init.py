"""`sessiontrack init`"""

import click

from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of


@click.command()
def init() -> None:
    """Make the database, its keys and the first admin, and end; `serve` does it too.

    In the folder that SESSIONTRACK_INSTANCE names, else ./instance. Called again it changes nothing.

    \b
    Example: sessiontrack init
    Example: SESSIONTRACK_INSTANCE=/srv/tracker sessiontrack init
    """
    settings = settings_of(prepared_app(makes_instance=True))
    click.echo(f"The instance in {settings.instance} is ready: sessiontrack serve.")
