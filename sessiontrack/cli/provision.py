"""`sessiontrack provision`: an instance with a token, made without a person."""

from pathlib import Path

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app
from sessiontrack.config import settings_of
from sessiontrack.database import write_transaction
from sessiontrack.exceptions import Conflict, NotFound
from sessiontrack.process.whole_file import write_whole, writing
from sessiontrack.services import api_tokens, users
from sessiontrack.values.roles import OPERATOR, ROLES

LONGEST_SECRET = 1024


@click.command()
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the token is kept.  [default: `token` in the instance folder]",
)
@click.option("--name", default="appliance", show_default=True, help="The token's name.")
@click.option(
    "--role", type=click.Choice(ROLES), default=OPERATOR, show_default=True, help="The token's role."
)
def provision(token_file: Path | None, name: str, role: str) -> None:
    """Make the database, the first admin and an API token, without asking.

    Called again it changes nothing, as long as the token in the file works; else a new one takes its place.
    It is admin's, or another admin's where admin is one no more. Call it at the first boot of each machine:
    an instance folder in an image would give all of them the same keys.

    \b
    Example: sessiontrack provision
    Example: sessiontrack provision --token-file /etc/appliance/sessiontrack.token
    """
    app = prepared_app(makes_instance=True, is_unattended=True)
    settings = settings_of(app)
    path = settings.instance / "token" if token_file is None else token_file
    with app.app_context(), write_transaction() as tx:
        tx.exclude_writers("api_token")
        now = clock.now()
        if api_tokens.is_in_use(tx, now, name, _read(path), role):
            click.echo(f"The token {name} ({role}) is in {path} already.")
            return
        try:
            token_id = api_tokens.get_token_id(tx, name)
        except NotFound:
            pass
        else:
            api_tokens.revoke_token(tx, now, token_id, settings.session_alive_seconds)
        issued = api_tokens.issue_token(tx, now, users.get_admin(tx), name, role)
        # Within the transaction: a token whose file cannot be written is not issued.
        write_whole(path, f"{issued.secret}\n")
    click.echo(f"The token {name} ({role}) is in {path}.")


def _read(path: Path) -> str:
    """The secret in the file; "" where there is no file.

    Raises:
        Conflict: there is something else at that place.
    """
    with writing(path):
        try:
            with path.open("rb") as file:
                raw = file.read(LONGEST_SECRET)
        except FileNotFoundError:
            return ""
    if raw and not raw.startswith(api_tokens.PREFIX.encode()):
        raise Conflict(f"{path} is there already, and is no token; remove it, or give another name.")
    return raw.decode("ascii", "replace").strip()
