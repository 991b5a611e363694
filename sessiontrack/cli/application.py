"""The application as commands need it: settings checked, database current."""

import os

import click
from flask import Flask

from sessiontrack import create_app
from sessiontrack.config import unknown_variables
from sessiontrack.startup import FirstAdmin, prepare


def prepared_app() -> Flask:
    """The application, its database migrated; a first admin is announced."""
    for name in unknown_variables():
        click.echo(f"Note: {name} is set, and is no setting of sessiontrack.", err=True)
    app = create_app()
    announce(prepare(app))
    return app


def announce(admin: FirstAdmin | None) -> None:
    """Show the first admin's name and password on standard error: the only time that it is printed.

    Not to the journal, which others read and which keeps what it is told.
    """
    if admin is None:
        return
    password = "the one from SESSIONTRACK_ADMIN_PASSWORD"
    if admin.password is not None:
        password = f"{admin.password}  (also in {admin.file})"
        if "JOURNAL_STREAM" in os.environ:
            password = f"in {admin.file}"
    click.echo(f"User:     admin\nPassword: {password}", err=True)
