"""`sessiontrack install` and `uninstall`: the files of deploy/, put where they belong, and taken back."""

import shutil
import sys
from pathlib import Path

import click

from sessiontrack.deployment.files import INSTANCE, Choices
from sessiontrack.deployment.plan import KEEP, Step, install, plan_installation, plan_removal, uninstall
from sessiontrack.exceptions import InvalidSetting

ROOT = Path("/")
FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)
prefix_option = click.option(
    "--prefix", type=FOLDER, default=ROOT, show_default=True, help="The root of the system."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
trial_option = click.option("--dry-run", "is_trial", is_flag=True, help="Show it; do nothing.")
# What systemd hides from a service, and so from its program.
HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))


@click.command("install")
@prefix_option
@click.option("--server-name", default=Choices.server_name, show_default=True, help="The host's name.")
@click.option(
    "--sub-path", default="", metavar="/PATH", help="Below this path of a site that nginx serves already."
)
@click.option("--certificate", default=Choices.certificate, show_default=True, help="For TLS.")
@click.option("--certificate-key", default=Choices.certificate_key, show_default=True, help="For TLS.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Of the server.")
@click.option("--command", metavar="PATH", help="The program.  [default: this one]")
@yes_option
@trial_option
def install_(
    prefix: Path,
    server_name: str,
    sub_path: str,
    certificate: str,
    certificate_key: str,
    port: int,
    command: str | None,
    yes: bool,
    is_trial: bool,
) -> None:
    """Write systemd's units, nginx's site and the folders of a service on this host.

    Shows what it will write, asks, and writes it; then says what is left to do. Nothing is started, and no
    site enabled. `sessiontrack uninstall` takes it back.

    \b
    Example: sessiontrack install --server-name tracker.example.org
    Example: sessiontrack install --sub-path /sessiontrack --dry-run
    """
    choices = Choices(
        command=command or _this_command(prefix),
        port=port,
        prefix=sub_path.rstrip("/"),
        server_name=server_name,
        certificate=certificate,
        certificate_key=certificate_key,
    )
    steps = plan_installation(prefix, choices)
    _show(steps)
    if _goes_on(is_trial, yes):
        install(prefix, choices)
        click.echo(
            f"Installed.\n\n{_left_to_do(choices)}" if any(s.action != KEEP for s in steps) else "Done."
        )


@click.command("uninstall")
@prefix_option
@click.option("--purge", is_flag=True, help="Remove the data too, and files that were changed since.")
@yes_option
@trial_option
def uninstall_(prefix: Path, purge: bool, yes: bool, is_trial: bool) -> None:
    """Remove what `sessiontrack install` wrote, and nothing else.

    The data stays, unless --purge says otherwise, and so do files that somebody changed since. Stop the
    services first: systemctl disable --now 'sessiontrack*'

    \b
    Example: sessiontrack uninstall --dry-run
    Example: sessiontrack uninstall --purge --yes
    """
    _show(plan_removal(prefix, purge=purge))
    if _goes_on(is_trial, yes):
        uninstall(prefix, purge=purge)
        click.echo("Uninstalled. The user sessiontrack stays: userdel sessiontrack")


def _this_command(prefix: Path) -> str:
    found = shutil.which("sessiontrack", path=str(Path(sys.executable).parent)) or shutil.which(
        "sessiontrack"
    )
    if found is None:
        raise InvalidSetting("The command sessiontrack is not found; say where it is with --command.")
    path = Path(found).absolute()
    if prefix == ROOT and any(path.resolve().is_relative_to(each) for each in HIDDEN):
        raise InvalidSetting(
            f"{path} is where services cannot see it; install it into /opt, say, or use --command."
        )
    return str(path)


def _show(steps: list[Step]) -> None:
    for step in steps:
        click.echo(f"{step.action:7}{step.path}" + (f"  ({step.why})" if step.why else ""))


def _goes_on(is_trial: bool, yes: bool) -> bool:
    if is_trial:
        click.echo("A trial; nothing was changed.")
        return False
    if yes or click.confirm("Go on?"):
        return True
    click.echo("Nothing was changed.")
    return False


def _left_to_do(choices: Choices) -> str:
    site = [
        f"  # the certificate: {choices.certificate}, its key: {choices.certificate_key}",
        "  ln -s ../sites-available/sessiontrack /etc/nginx/sites-enabled/",
    ]
    if choices.prefix:
        site = ["  # into the server block of your site:  include snippets/sessiontrack.conf;"]
    lines = [
        "Left to do, as root:",
        "  systemd-sysusers /etc/sysusers.d/sessiontrack.conf",
        "  systemctl daemon-reload",
        "  systemctl enable --now sessiontrack.service sessiontrack-network.service"
        " sessiontrack-backup.timer sessiontrack-prune.timer",
        *site,
        "  nginx -t && systemctl reload nginx",
        f"The first password: {INSTANCE}/initial-admin-password",
        "And where they are wanted: systemctl enable --now sessiontrack-radius.service"
        " sessiontrack-scan@arp.service",
    ]
    return "\n".join(lines)
