"""`sessiontrack settings`: what they are, and the file they are in."""

import json
import os
import re
import tomllib
from pathlib import Path

import click

from sessiontrack.cli.tables import print_table
from sessiontrack.config import FILE_NAME, PREFIX, describe_settings, load_settings
from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process.instance import INSTALLED
from sessiontrack.process.whole_file import write_whole
from sessiontrack.startup import refuse_weak_first

SERVER = ("service", "reload sessiontrack")


@click.group()
def settings() -> None:
    """List the settings, or write one into the instance folder's sessiontrack.toml.

    Example: sessiontrack settings set TIMEZONE Europe/Berlin
    """


@settings.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs, with defaults and meanings.")
def list_(as_json: bool) -> None:
    """List every setting with its value and where that is from; no secret.

    Example: sessiontrack settings list
    """
    found = describe_settings()
    if not as_json:
        for each in found:
            if each["secret"] and each["source"] != "default":
                each["value"] = "(secret)"
        found = [{name: each[name] for name in ("name", "value", "source")} for each in found]
    print_table(found, as_json=as_json)


@settings.command("set")
@click.argument("name")
@click.argument("words", metavar="VALUE", nargs=-1, required=True)
def set_(name: str, words: tuple[str, ...]) -> None:
    """Write a setting into sessiontrack.toml, readable by its owner only; an empty VALUE is an empty one.

    A value that cannot work is refused, and nothing is written. A running service reads it when it is
    reloaded or restarted; listeners and scanners when they are restarted (RADIUS_CLIENTS also by SIGHUP).

    \b
    Example: sessiontrack settings set TIMEZONE Europe/Berlin
    Example: sessiontrack settings set RETENTION_EVENTS 2 years
    Example: sessiontrack settings set RADIUS_CLIENTS "10.0.0.1=secret, 10.0.1.0/24=another"
    """
    key, value = name.strip().removeprefix(PREFIX).lower(), " ".join(words)
    if key == "instance":
        raise InvalidSetting("INSTANCE cannot be set in the file, which is found through that folder.")
    load_settings({key.upper(): value})
    if key == "admin_password":
        refuse_weak_first(value.strip())
    folder = load_settings().instance
    path = folder / FILE_NAME
    if not folder.is_dir():
        raise InvalidSetting(f"{folder} is not there; `sessiontrack init` makes it.")
    write_whole(path, _changed(path, key, value))
    # This one the server does not read.
    who, unit = ("`listen radius`", "restart sessiontrack-radius") if key == "radius_clients" else SERVER
    how = (
        f"`systemctl {unit}`"
        if folder == INSTALLED
        else "SIGHUP to its first process, or Ctrl-C and another start"
    )
    click.echo(f"{key.upper()} is set in {path}. To let a running {who} read it: {how}.")
    if PREFIX + key.upper() in os.environ:
        click.echo(f"Note: {PREFIX}{key.upper()} in the environment goes before the file.", err=True)


def _changed(path: Path, key: str, value: str) -> str:
    """The file's text with this setting; its other lines and comments stay.

    Raises:
        InvalidSetting: the setting's value there is more than a line.
    """
    text = path.read_text("utf-8") if path.exists() else ""
    # Both write texts in the same way.
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    assigned = re.compile(rf"^[ \t]*\"?{key}\"?[ \t]*=.*$", re.MULTILINE | re.IGNORECASE)
    if assigned.search(text):
        new = assigned.sub(lambda _: line, text, count=1)
    else:
        new = f"{text.rstrip()}\n{line}\n".lstrip()
    wanted = {name: each for name, each in tomllib.loads(text).items() if name.lower() != key}
    try:
        found = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        found = {}
    if {name.lower(): each for name, each in found.items()} != {
        **{name.lower(): each for name, each in wanted.items()},
        key: value,
    }:
        raise InvalidSetting(f"{key} in {path} is more than one line: change it there by hand.")
    return new
