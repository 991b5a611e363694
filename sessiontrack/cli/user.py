"""`sessiontrack user`: who may sign in."""

import secrets
import sys

import click

from sessiontrack import clock
from sessiontrack.cli.application import prepared_app, reading_database, writing_database
from sessiontrack.cli.tables import print_table
from sessiontrack.config import settings_of
from sessiontrack.database import write_transaction
from sessiontrack.exceptions import InvalidInput
from sessiontrack.process import instance
from sessiontrack.queries import accounts
from sessiontrack.services import users
from sessiontrack.values.names import LONGEST_NAME, is_name
from sessiontrack.values.passwords import refuse_weak
from sessiontrack.values.roles import ROLES, VIEWER

password_options = [
    click.option("--generate", is_flag=True, help="Make a random password and print it."),
    click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
]


def _with_password(command: click.decorators.FC) -> click.decorators.FC:
    for option in password_options:
        command = option(command)
    return command


@click.group()
def user() -> None:
    """Add, list, disable and remove users.

    Example: sessiontrack user add anna --role operator
    """


@user.command()
@click.argument("username")
@click.option("--role", type=click.Choice(ROLES), default=VIEWER, show_default=True, help="What they may do.")
@_with_password
def add(username: str, role: str, generate: bool, password_stdin: bool) -> None:
    """Add a user; asks for the password.

    Example: sessiontrack user add anna --role operator --generate
    """
    if not is_name(username):
        raise InvalidInput(
            f"A user name has 1 to {LONGEST_NAME} characters, none of them a control character."
        )
    app = prepared_app()
    password = _password(generate, password_stdin)
    password_hash = users.hash_password(password)
    with app.app_context(), write_transaction() as tx:
        users.add_user(tx, clock.now(), username, password_hash, role)
    _show(password, generate)
    click.echo(f"Added {username} ({role}).")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List the users.

    Example: sessiontrack user list
    """
    with reading_database() as (tx, _):
        found = accounts.list_users(tx)
    print_table(found, as_json=as_json)


@user.command()
@click.argument("username")
@_with_password
def passwd(username: str, generate: bool, password_stdin: bool) -> None:
    """Give a new password; signs the user out everywhere.

    Example: sessiontrack user passwd admin
    """
    app = prepared_app()
    settings = settings_of(app)
    password = _password(generate, password_stdin)
    password_hash = users.hash_password(password)
    with app.app_context(), write_transaction() as tx:
        users.set_password(tx, clock.now(), username, password_hash, settings.session_alive_seconds)
    _show(password, generate)
    if username == users.FIRST_ADMIN:
        instance.forget_initial_password(settings.instance)
    click.echo(f"{username} has a new password, and is signed out everywhere.")


@user.command()
@click.argument("username")
@click.argument("new_role", type=click.Choice(ROLES), metavar="ROLE")
def role(username: str, new_role: str) -> None:
    """Give another role; it holds from the next request on.

    Example: sessiontrack user role anna viewer
    """
    with writing_database() as (tx, _):
        users.set_role(tx, username, new_role)
    click.echo(f"{username} is {new_role}.")


@user.command("sign-out")
@click.argument("username")
def sign_out(username: str) -> None:
    """End all of a user's logins at once; API tokens stay valid.

    Example: sessiontrack user sign-out anna
    """
    with writing_database() as (tx, settings):
        users.sign_out_user(tx, clock.now(), username, settings.session_alive_seconds)
    click.echo(f"{username} is signed out everywhere.")


@user.command()
@click.argument("username")
def disable(username: str) -> None:
    """Let a user in no more, from the next request on.

    Example: sessiontrack user disable anna
    """
    with writing_database() as (tx, settings):
        users.disable_user(tx, clock.now(), username, settings.session_alive_seconds)
    click.echo(f"{username} is disabled.")


@user.command()
@click.argument("username")
def enable(username: str) -> None:
    """Let a disabled user in again.

    Example: sessiontrack user enable anna
    """
    with writing_database() as (tx, _):
        users.enable_user(tx, username)
    click.echo(f"{username} is enabled.")


@user.command()
@click.argument("username")
def remove(username: str) -> None:
    """Remove a user with all tokens; past user sessions stay.

    Example: sessiontrack user remove anna
    """
    with writing_database() as (tx, settings):
        users.remove_user(tx, clock.now(), username, settings.session_alive_seconds)
    if username == users.FIRST_ADMIN:
        instance.forget_initial_password(settings.instance)
    click.echo(f"{username} is removed.")


def _password(generate: bool, from_stdin: bool) -> str:
    if generate:
        return secrets.token_urlsafe(12)
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    refuse_weak(password)
    return password


def _show(password: str, generated: bool) -> None:
    """Print a generated password, once it is stored."""
    if generated:
        click.echo(f"Password: {password}")
