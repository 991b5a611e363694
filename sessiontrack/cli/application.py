"""The application as commands need it: settings checked, database current."""

import os
from pathlib import Path

import click
from flask import Flask

from sessiontrack.application import create_app
from sessiontrack.config import unknown_variables
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.startup import FirstAdmin, prepare


def prepared_app(*, is_service: bool = False) -> Flask:
    """The application, its database sound and migrated; a first admin is announced."""
    app = bare_app()
    announce(prepare(app, is_service=is_service))
    return app


def bare_app() -> Flask:
    """The application, its database as it is: not migrated, not even there perhaps."""
    for name in unknown_variables():
        click.echo(f"Note: {name} is set, and is no setting of sessiontrack.", err=True)
    return create_app()


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


def own_file(app: Flask, otherwise: str) -> Path:
    """The SQLite file that the database is.

    Raises:
        UsageError: it is a server's; what to do instead is said.
    """
    with app.app_context():
        file = sqlite_file()
    if file is None:
        raise click.UsageError(f"The database is PostgreSQL: {otherwise}; see docs/keeping.md.")
    return file
