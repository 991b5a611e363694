"""The application as commands need it: settings checked, database current."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import Flask

from sessiontrack.base import create_base_app
from sessiontrack.config import FILE_NAME, PREFIX, Settings, load_settings, settings_of, source_of
from sessiontrack.database import Transaction, read_transaction, write_transaction
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import instance
from sessiontrack.startup import FirstAdmin, prepare


def prepared_app(
    *,
    is_service: bool = False,
    makes_instance: bool = False,
    is_unattended: bool = False,
    make: Callable[[], Flask] = create_base_app,
) -> Flask:
    """The application, its database sound and migrated; a first admin is announced.

    Args:
        make: what makes it: a server needs its calls and pages too.
        is_unattended: the command is made for machines: only a terminal gets the first password.
        makes_instance: the command may make a database where there is none.
    Raises:
        InvalidSetting: there is none, and the folder is only the default.
    """
    app = bare_app(makes_instance=makes_instance, make=make)
    announce(prepare(app, is_service=is_service), is_unattended=is_unattended)
    return app


@contextmanager
def reading_database() -> Iterator[tuple[Transaction, Settings]]:
    """A transaction that reads the prepared database, and the settings."""
    app = prepared_app()
    with app.app_context(), read_transaction() as tx:
        yield tx, settings_of(app)


@contextmanager
def writing_database() -> Iterator[tuple[Transaction, Settings]]:
    """The same to write, committed at its end."""
    app = prepared_app()
    with app.app_context(), write_transaction() as tx:
        yield tx, settings_of(app)


def bare_app(*, makes_instance: bool = False, make: Callable[[], Flask] = create_base_app) -> Flask:
    """The application, its database as it is: not migrated, not even there perhaps."""
    if not makes_instance:
        _refuse_absent(load_settings())
    return make()


def _refuse_absent(settings: Settings) -> None:
    """Of a database in the default folder: a command called elsewhere by mistake would make another one.

    Raises:
        InvalidSetting: it is not there; what is, and what would be, is said.
    """
    if f"{PREFIX}INSTANCE" in os.environ or not settings.database_url.startswith("sqlite:///"):
        return
    file = settings.instance / settings.database_url.removeprefix("sqlite:///")
    if file.exists():
        return
    installed = ""
    if instance.INSTALLED.is_dir() and settings.instance != instance.INSTALLED:
        installed = f" The installation's is {instance.INSTALLED}: set {PREFIX}INSTANCE to it."
    raise InvalidSetting(
        f"There is no database {file}; `sessiontrack init` or `serve` makes it, and {PREFIX}INSTANCE names"
        f" another folder.{installed}"
    )


def announce(admin: FirstAdmin | None, *, is_unattended: bool = False) -> None:
    """Show the first admin's name and password on standard error: the only time that it is printed.

    Where a log keeps standard error, and others read it, the password's file is named instead.
    """
    if admin is None:
        return
    password = f"the one in {_chosen_in()}"
    if admin.password is not None:
        password = f"{admin.password}  (also in {admin.file})"
        if not sys.stderr.isatty() and (is_unattended or _is_logged()):
            password = f"in {admin.file}"
    click.echo(f"User:     admin\nPassword: {password}", err=True)


def _chosen_in() -> str:
    """Where ADMIN_PASSWORD is."""
    if source_of("ADMIN_PASSWORD") == "file":
        return f"{load_settings().instance / FILE_NAME}, where it may be removed now"
    return f"{PREFIX}ADMIN_PASSWORD"


def _is_logged() -> bool:
    """Whether standard error, which is no terminal, goes into the journal or a container's log."""
    return "JOURNAL_STREAM" in os.environ or os.getpid() == 1


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
