"""The `sessiontrack` command."""

import click

from sessiontrack.cli.backup import backup
from sessiontrack.cli.check import check
from sessiontrack.cli.demo import demo_
from sessiontrack.cli.doctor import doctor
from sessiontrack.cli.export import export
from sessiontrack.cli.import_ import import_
from sessiontrack.cli.install import install_, uninstall_
from sessiontrack.cli.listen import listen
from sessiontrack.cli.migrate import migrate
from sessiontrack.cli.prune import prune
from sessiontrack.cli.restore import restore
from sessiontrack.cli.scan import scan
from sessiontrack.cli.serve import serve
from sessiontrack.cli.token import token
from sessiontrack.cli.user import user
from sessiontrack.cli.vacuum import vacuum
from sessiontrack.cli.webhook import webhook
from sessiontrack.exceptions import SessiontrackError


class _Group(click.Group):
    """Shows what goes wrong as one line; the exit code is 1, or 2 for a wrong call."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SessiontrackError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sessiontrack")
def main() -> None:
    """Which devices were connected, and which people were in the web UI, from when to when.

    Settings come from sessiontrack.toml in the instance folder (SESSIONTRACK_INSTANCE, else ./instance)
    and from SESSIONTRACK_<NAME> in the environment.

    Example: sessiontrack serve --port 8000
    """


for command in (
    serve,
    migrate,
    user,
    token,
    scan,
    listen,
    import_,
    export,
    demo_,
    backup,
    restore,
    check,
    prune,
    vacuum,
    install_,
    uninstall_,
    doctor,
    webhook,
):
    main.add_command(command)
