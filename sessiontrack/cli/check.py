"""`sessiontrack check`"""

import json
from dataclasses import asdict

import click
from flask import Flask

from sessiontrack import migrations
from sessiontrack.cli.application import bare_app
from sessiontrack.database import database_file, db, in_use
from sessiontrack.database.maintenance import sqlite_file
from sessiontrack.exceptions import StorageUnavailable
from sessiontrack.keeping import soundness
from sessiontrack.keeping.soundness import Finding


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be; make a backup first.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(repair: bool, as_json: bool) -> None:
    """Look at each page and row of the database; mend them with --repair.

    The service may go on meanwhile. The exit code is 0 where nothing is wrong (any more), else 1.

    \b
    Example: sessiontrack check
    Example: sessiontrack check --repair
    """
    app = bare_app()
    with app.app_context():
        _refuse_unusable(app)
        found = soundness.examine()
        before = {each.name: each.count for each in found}
        if repair and (any(each.count for each in found) or soundness.is_ahead()):
            found = soundness.mend(found)
    mended = {each.name: before.get(each.name, 0) - each.count for each in found} if repair else {}
    is_sound = not any(each.count for each in found)
    if as_json:
        checked = [{**asdict(each), "mended": max(0, mended.get(each.name, 0))} for each in found]
        click.echo(json.dumps({"sound": is_sound, "checked": checked}, indent=2, ensure_ascii=False))
    else:
        _print(found, mended)
    raise SystemExit(0 if is_sound else 1)


def _refuse_unusable(app: Flask) -> None:
    """Refuse a database that is missing, another program's or of an older schema."""
    file = sqlite_file()
    if file is not None:
        if not file.exists():
            raise StorageUnavailable(f"There is no database {file} yet.")
        in_use.use_with_others(file, app)
        migrations.refuse_newer(database_file.find_revision(file))
    revision = migrations.current_revision(db.engine)
    migrations.refuse_newer(revision)
    if revision != migrations.newest_revision():
        raise StorageUnavailable(
            f"The database is of an older version (revision {revision}): run sessiontrack migrate first."
        )


def _print(found: list[Finding], mended: dict[str, int]) -> None:
    for each in found:
        state = f"{each.count} wrong" if each.count else "ok"
        if mended.get(each.name, 0) > 0:
            state = f"{mended[each.name]} mended" + (f", {each.count} left" if each.count else "")
        click.echo(f"{state:<12} {each.name}: {each.says}")
        for example in each.examples:
            click.echo(f"{'':12}   {example}")
    if any(each.can_be_mended for each in found):
        click.echo("sessiontrack check --repair mends what can be; make a backup first.")
    if any(each.count and not each.can_be_mended for each in found):
        click.echo("What cannot be mended here: put a backup in its place with sessiontrack restore.")
