"""`sessiontrack doctor`: what is right and what is wrong with this install, for people and for monitoring."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from flask import Flask

from sessiontrack import clock
from sessiontrack.base import create_base_app
from sessiontrack.cli import work_as_owner
from sessiontrack.config import Settings, load_settings
from sessiontrack.database.transactions import database_engine
from sessiontrack.doctor.bundle import Bundle
from sessiontrack.doctor.examination import examine
from sessiontrack.doctor.findings import WORDS, Finding, Patient, State, wrong
from sessiontrack.doctor.findings import as_json as findings_json
from sessiontrack.exceptions import SessiontrackError
from sessiontrack.process import instance

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.WRONG: "red"}


@click.command()
@click.option("--fast", is_flag=True, help="Do not read the whole database.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what helps to find a fault, without secrets, into a .tar.gz.",
)
def doctor(fast: bool, as_json: bool, bundle: Path | None) -> None:
    """Say what is right and wrong with this install: settings, files, clock, sources.

    The exit code is 0 where all is well, 1 where something should be looked after, 2 where something is
    wrong. Run it as the user that runs the service. It changes nothing but a row that counts such looks.

    \b
    Example: sessiontrack doctor
    Example: sessiontrack doctor --fast --json
    Example: sessiontrack doctor --bundle help.tar.gz
    """
    begun = None if bundle is None else Bundle(bundle)
    work_as_owner()
    findings = _findings(fast=fast)
    state = max(each.state for each in findings)
    _print(findings, as_json=as_json)
    if begun is not None:
        begun.write(findings, clock.now())
        click.echo(f"Written: {bundle}, without secrets. Look at it before you send it.", err=True)
    sys.exit(int(state))


def _findings(*, fast: bool) -> list[Finding]:
    try:
        settings = load_settings()
    except SessiontrackError as error:
        return [wrong("settings.unreadable", error=error.message)]
    try:
        app = _app(settings)
    except SessiontrackError as error:
        started = [wrong("start.failed", error=error.message)]
        return [*started, *examine(Patient(settings, None, clock.now(), fast))]
    return list(examine(Patient(settings, app, clock.now(), fast)))


def _app(settings: Settings) -> Flask | None:
    """The application, where it was ever started: to look at it must not be its first start."""
    if not (settings.instance / instance.KEY_FILE).is_file():
        return None
    app = create_base_app()
    with app.app_context():
        return app if database_engine().is_there() else None


def _print(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(findings_json(findings), indent=2, ensure_ascii=False))
        return
    for each in findings:
        click.echo(
            click.style(f"{WORDS[each.state]:9}", fg=COLOURS[each.state]) + f"{each.name:12}{each.message}"
        )
