"""The `sessiontrack` command."""

import gc
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from sessiontrack.exceptions import SessiontrackError, Unwritable
from sessiontrack.process.instance import default_folder
from sessiontrack.process.owner import become_owner
from sessiontrack.process.whole_file import user_name
from sessiontrack.version import VERSION

# In the order of the help. Only the one that is called is imported: `serve` need not wait for rich and pyrad.
GROUPS = {
    "Run": {
        "serve": "serve.serve",
        "demo": "demo.demo_",
        "init": "init.init",
        "settings": "settings.settings",
        "install": "install.install_",
        "uninstall": "install.uninstall_",
        "provision": "provision.provision",
    },
    "Feed with what is seen on the network": {
        "scan": "scan.scan",
        "listen": "listen.listen",
        "source": "source.source",
    },
    "Devices and their history": {
        "device": "device.device",
        "webhook": "webhook.webhook",
        "export": "export.export",
        "import": "import_.import_",
    },
    "Accounts": {
        "user": "user.user",
        "token": "token.token",
    },
    "Look after": {
        "doctor": "doctor.doctor",
        "check": "check.check",
        "backup": "backup.backup",
        "restore": "restore.restore",
        "prune": "prune.prune",
        "vacuum": "vacuum.vacuum",
        "clock": "clock.clock_",
        "migrate": "migrate.migrate",
        "migrate-database": "migrate_database.migrate_database",
    },
}
# Of a command, in the help of all: it is wrapped, not cut.
LONGEST_SUMMARY = 200
COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}


# These use files of root's, or become the owner after they have read or made them.
AS_CALLER = ("install", "uninstall", "restore", "backup", "listen", "doctor")
# The key of the context under which the instance folder is kept whose owner root has become.
OWNED = "sessiontrack.owned"
HELP = frozenset({"-h", "--help"})


class _Group(click.Group):
    """Lists its commands by what they are for; shows what goes wrong as one line.

    The exit code is then 1, or 2 for a wrong call.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(".")
        command: click.Command = getattr(_imported(f"{__name__}.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if close := get_close_matches(args[0], COMMANDS, cutoff=0.7) if args[0] not in COMMANDS else ():
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(close)}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            rows = []
            for name in group:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name.ljust(widest), command.get_short_help_str(LONGEST_SUMMARY)))
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Unwritable as error:
            raise click.ClickException(error.message + _place_to_write(ctx)) from error
        except SessiontrackError as error:
            raise click.ClickException(error.message) from error
        except PermissionError as error:
            if error.filename is None:
                raise
            user = user_name(os.geteuid())
            message = f"{error.filename} cannot be used by the user {user}: {error.strerror}."
            raise click.ClickException(message + _place_to_write(ctx)) from error


def _place_to_write(ctx: click.Context) -> str:
    """Root expects a command to be able to write anywhere."""
    owned = ctx.meta.get(OWNED)
    return "" if owned is None else f" Name a place in {owned}, or in a folder that this user may write."


def _imported(name: str) -> ModuleType:
    """A module, imported now if it was not before.

    What imports make stays: looking for garbage in it, then or once they are done, is a quarter of the time
    that they take.
    """
    if name in sys.modules:
        return sys.modules[name]
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="sessiontrack")
@click.pass_context
def main(context: click.Context) -> None:
    """Which devices were connected, and which people were in the web UI, from when to when.

    Settings come from sessiontrack.toml in the instance folder (SESSIONTRACK_INSTANCE, else ./instance, or of
    an installed program that of the installation) and from SESSIONTRACK_<NAME> in the environment. Root's
    commands go on as the user who owns that folder.

    Example: sessiontrack serve --port 8000
    """
    if context.invoked_subcommand not in AS_CALLER and not HELP.intersection(sys.argv):
        work_as_owner()


def instance_folder() -> Path:
    """Where it is, without reading the settings that are in it."""
    return Path(os.environ.get("SESSIONTRACK_INSTANCE") or default_folder()).expanduser().absolute()


def work_as_owner() -> None:
    """As root, go on as the owner of the instance folder, and say so."""
    folder = instance_folder()
    if (name := become_owner(folder)) is not None:
        click.get_current_context().meta[OWNED] = folder
        click.echo(f"Note: as the user {name}, in {folder}.", err=True)
