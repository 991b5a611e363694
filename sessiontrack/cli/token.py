"""`sessiontrack token`: API tokens for scripts and appliances."""

from pathlib import Path

import click

from sessiontrack import clock
from sessiontrack.cli.application import reading_database, writing_database
from sessiontrack.cli.former_names import keep_former_name
from sessiontrack.cli.tables import print_table
from sessiontrack.exceptions import Conflict, InvalidInput
from sessiontrack.models.columns import EVERYTHING
from sessiontrack.process.whole_file import write_whole, writing
from sessiontrack.queries import accounts
from sessiontrack.services import api_tokens, users
from sessiontrack.values.names import LONGEST_NAME, is_name
from sessiontrack.values.roles import MOST_TOKEN_DAYS, ROLES


@click.group()
def token() -> None:
    """Add, list and remove API tokens for scripts.

    Example: sessiontrack token add --user admin --role operator "nightly scan"
    """


@token.command()
@click.argument("name")
@click.option("--user", "username", help="Whose token.  [default: admin, or the oldest other admin]")
@click.option("--role", type=click.Choice(ROLES), help="At most the user's own role, which is the default.")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_TOKEN_DAYS),
    help="For how long it is valid; else until it is revoked.",
)
@click.option("--quiet", is_flag=True, help="Print the token and nothing else, for scripts.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the token into a new file of mode 0600, and do not print it.",
)
def add(
    name: str, username: str | None, role: str | None, days: int | None, quiet: bool, output: Path | None
) -> None:
    """Make a token; it is shown this once, or written into a file.

    A file that is there already is left as it is, and no token is made.

    \b
    Example: sessiontrack token add --user admin --role operator --days 90 "nightly scan"
    Example: sessiontrack token add prometheus --role viewer --output token
    """
    if not is_name(name):
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} characters, none of them a control character.")
    with writing_database() as (tx, _):
        if username is None:
            username = users.get_admin(tx)
        issued = api_tokens.issue_token(tx, clock.now(), username, name, role, days)
        if output is not None:
            with writing(output):
                is_there = output.exists()
            if is_there:
                raise Conflict(f"{output} is there already; remove it, or give another name.")
            # Within the transaction: what cannot be written is not issued.
            write_whole(output, f"{issued.secret}\n")
    if output is not None:
        click.echo(
            f"Token {issued.token_id} ({name}, {issued.role} of {username}) is in {output}.", err=quiet
        )
        return
    if quiet:
        click.echo(issued.secret)
        return
    click.echo(f"Token {issued.token_id} ({name}, {issued.role} of {username}), shown this once:")
    click.echo(issued.secret)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List the tokens, without their secrets.

    Example: sessiontrack token list
    """
    with reading_database() as (tx, _):
        found = list(accounts.list_tokens(tx, EVERYTHING, 0))
    print_table(found, as_json=as_json)


@token.command()
@click.argument("which", metavar="ID_OR_NAME")
def remove(which: str) -> None:
    """Revoke a token at once, by its number or its name.

    Example: sessiontrack token remove "nightly scan"
    """
    with writing_database() as (tx, settings):
        by_number = which.isascii() and which.isdigit() and len(which) < 19
        token_id = int(which) if by_number else api_tokens.get_token_id(tx, which)
        api_tokens.revoke_token(tx, clock.now(), token_id, settings.session_alive_seconds)
    click.echo(f"Revoked token {which}.")


keep_former_name(token, "add", former="issue")
keep_former_name(token, "remove", former="revoke")
