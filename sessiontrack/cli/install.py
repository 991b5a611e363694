"""`sessiontrack install` and `uninstall`: the files of deploy/, put where they belong, and taken back."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from sessiontrack.deployment.files import INSTANCE, PACKAGED_PORT, Choices
from sessiontrack.deployment.plan import (
    KEEP,
    Step,
    below,
    has_forgotten,
    install,
    is_packaged,
    plan_installation,
    plan_removal,
    remembered,
    uninstall,
)
from sessiontrack.exceptions import InvalidSetting

ROOT = Path("/")
FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)
prefix_option = click.option(
    "--prefix", type=FOLDER, default=ROOT, show_default=True, help="The root of the system."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
trial_option = click.option("--dry-run", "is_trial", is_flag=True, help="Show it; do nothing.")
# All of ours that may run; what is not loaded does not match.
SERVICES = ("sessiontrack.service", "sessiontrack-*.service", "sessiontrack-*.timer")
INSTALL_NGINX, RELOAD = "  apt install nginx", "  nginx -t && systemctl reload nginx"
# What systemd hides from a service, and so from its program.
HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))
# Where the documentation installs the program.
USUAL_FOLDER = Path("/opt/sessiontrack")


@click.command("install")
@prefix_option
@click.option("--server-name", help=f"The host's name.  [default: {Choices.server_name}]")
@click.option("--sub-path", metavar="/PATH", help="Below this path of a site that nginx serves already.")
@click.option("--certificate", metavar="PATH", help=f"For TLS.  [default: {Choices.certificate}]")
@click.option("--certificate-key", metavar="PATH", help=f"For TLS.  [default: {Choices.certificate_key}]")
@click.option("--port", type=click.IntRange(1, 65535), help=f"Of the server.  [default: {Choices.port}]")
@click.option(
    "--proxy-user-header", metavar="HEADER", help="In which nginx names the user whom it has authenticated."
)
@click.option("--command", metavar="PATH", help="The program.  [default: this one]")
@yes_option
@trial_option
def install_(
    prefix: Path,
    sub_path: str | None,
    command: str | None,
    yes: bool,
    is_trial: bool,
    **others: str | int | None,
) -> None:
    """Write systemd's units, nginx's site and the folders of a service on this host.

    Shows what it will write, asks, and writes it; then says what is left to do. Options that are left out are
    as they were the last time. Where nginx refuses what was written, all is as it was before. Nothing is
    started, and no site enabled. `sessiontrack uninstall` takes it back.

    \b
    Example: sessiontrack install --server-name tracker.example.org
    Example: sessiontrack install --sub-path /sessiontrack --dry-run
    Example: sessiontrack install --proxy-user-header X-Remote-User
    """
    before = remembered(prefix)
    given = {name: value for name, value in others.items() if value is not None}
    if sub_path is not None:
        given["prefix"] = sub_path.rstrip("/")
    if has_forgotten(prefix) and not {"prefix", "server_name"} & given.keys():
        raise InvalidSetting(
            "The version that was installed here did not remember its options: give them once more,"
            " --server-name or --sub-path at least."
        )
    given["command"], refusal = _program(prefix, command or before.get("command"))
    if refusal is not None and not is_trial:
        raise refusal
    choices = Choices(**{**before, **given})
    steps = plan_installation(prefix, choices)
    _show(steps)
    if not is_packaged(prefix):
        click.echo(f"The services will run {choices.command} as the user sessiontrack.")
    if refusal is not None:
        click.echo(f"Without --dry-run it is refused: {refusal.message}", err=True)
        sys.exit(1)
    left = _left_to_do(choices, prefix, steps) if any(s.action != KEEP for s in steps) else None
    if _goes_on(is_trial, yes):
        install(prefix, choices, nginx_refusal if prefix == ROOT else lambda: None)
        click.echo("Done." if left is None else f"Installed.\n\n{left}")
    elif is_trial and left is not None:
        click.echo(f"\nAfterwards:\n{left}")


@click.command("uninstall")
@prefix_option
@click.option("--purge", is_flag=True, help="Remove the data too, and files that were changed since.")
@yes_option
@trial_option
def uninstall_(prefix: Path, purge: bool, yes: bool, is_trial: bool) -> None:
    """Remove what `sessiontrack install` wrote, and nothing else.

    Its services are stopped first, and what enables them and the site goes too. The data stays, unless
    --purge says otherwise, and so do files that somebody changed since.

    \b
    Example: sessiontrack uninstall --dry-run
    Example: sessiontrack uninstall --purge --yes
    """
    _show(plan_removal(prefix, purge=purge))
    if _goes_on(is_trial, yes):
        has_systemd = prefix == ROOT and Path("/run/systemd/system").is_dir()
        packaged = is_packaged(prefix)
        if has_systemd and not packaged:
            _systemctl("stop", *SERVICES)
        uninstall(prefix, purge=purge)
        if has_systemd:
            _systemctl("daemon-reload")
        lines = ["Uninstalled. Left to do:", *([RELOAD] if has_nginx(prefix) else [])]
        lines.append("  systemctl try-restart sessiontrack" if packaged else "  userdel sessiontrack")
        click.echo("\n".join(lines))


def _systemctl(*words: str) -> None:
    """Say what systemd says, and go on: what is to be removed is removed."""
    if program := shutil.which("systemctl"):
        subprocess.run([program, *words], check=False)


def nginx() -> str | None:
    """The program of this host; None where it has none."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def has_nginx(prefix: Path) -> bool:
    """Whether it is there; below another root it may come later."""
    return prefix != ROOT or nginx() is not None


def nginx_refusal() -> str | None:
    """Why nginx does not take its configuration as it is now; None where it does, or is not here."""
    program = nginx()
    if program is None:
        return None
    tried = subprocess.run([program, "-t", "-q"], capture_output=True, text=True)
    return None if tried.returncode == 0 else " ".join(tried.stderr.split())[-500:]


def _program(prefix: Path, chosen: str | None) -> tuple[str, InvalidSetting | None]:
    """The program that the services run, and why they could not."""
    try:
        chosen = chosen or _this_command()
        _refuse_hidden(prefix, Path(chosen))
        if prefix == ROOT:
            _refuse_closed(Path(chosen))
    except InvalidSetting as error:
        return chosen or Choices.command, error
    return chosen, None


def _this_command() -> str:
    found = shutil.which("sessiontrack", path=str(Path(sys.executable).parent)) or shutil.which(
        "sessiontrack"
    )
    if found is None:
        raise InvalidSetting("The command sessiontrack is not found; say where it is with --command.")
    return str(Path(found).absolute())


def _refuse_hidden(prefix: Path, program: Path) -> None:
    """Below another root it need not be there yet, and links of this host say nothing of it."""
    paths = {program, program.resolve()} if prefix == ROOT else {program}
    if any(path.is_relative_to(each) for path in paths for each in HIDDEN):
        raise InvalidSetting(
            f"{program} is where services cannot see it. Install the program first and call that one, or name"
            " it with --command: python3 -m venv /opt/sessiontrack && /opt/sessiontrack/bin/pip install ."
        )


def _refuse_closed(program: Path) -> None:
    """What was made under a umask like 077 is root's alone; systemd would say no more than 203/EXEC."""
    if not program.is_file():
        raise InvalidSetting(f"There is no program {program}; say where it is with --command.")
    interpreter = Path(program.read_text("utf-8", "replace").partition("\n")[0].removeprefix("#!").strip())
    for path in (program, program.resolve(), interpreter, interpreter.resolve(), Path(__file__)):
        for each in (path, *path.parents):
            if each.exists() and not each.stat().st_mode & (0o001 if each.is_dir() else 0o004):
                raise InvalidSetting(
                    f"{each} is closed to the user sessiontrack{_remedy(each, program.parent.parent, path)}"
                )


def _remedy(closed: Path, environment: Path, path: Path) -> str:
    if closed.is_relative_to(environment):
        return f"; was it made under a umask like 077? chmod -R go+rX {environment}"
    if path.is_relative_to(environment):
        if closed == USUAL_FOLDER.parent:
            return f", who needs {path}; was it made under a umask like 077? chmod go+rx {closed}"
        return f", who needs {path}; install the program elsewhere, such as in {USUAL_FOLDER}."
    return f", who needs {path}; make {environment} with a Python of the system, such as /usr/bin/python3."


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


def _left_to_do(choices: Choices, prefix: Path, steps: list[Step]) -> str:
    title = "Left to do, as root:"
    if prefix != ROOT:
        title = f"Left to do, as root, on the host that {prefix} is for, not on this one:"
    site = _site(choices)
    if not has_nginx(prefix):
        site = [INSTALL_NGINX, *site]
    if is_packaged(prefix):
        port = below(prefix, PACKAGED_PORT)
        if any(step.path == port and step.action != KEEP for step in steps):
            site.append("  systemctl daemon-reload && systemctl restart sessiontrack")
        return "\n".join([title, *site, RELOAD])
    if not (has_nginx(prefix) or choices.prefix or choices.proxy_user_header):
        site = [
            f"This host has no nginx: http://127.0.0.1:{choices.port} answers, here alone. For other hosts",
            "without TLS, in a network that you trust, `systemctl edit sessiontrack`, these lines, and",
            "`systemctl restart sessiontrack`:",
            "  [Service]",
            "  ExecStart=",
            f"  ExecStart={choices.command} serve --host 0.0.0.0 --port {choices.port}",
            "For other hosts with TLS:",
            *site,
        ]
    lines = [
        title,
        "  systemd-sysusers /etc/sysusers.d/sessiontrack.conf",
        "  systemctl daemon-reload",
        "  systemctl enable --now sessiontrack.service sessiontrack-network.service"
        " sessiontrack-backup.timer sessiontrack-prune.timer",
        *site,
        RELOAD,
        f"The first password: {INSTANCE}/initial-admin-password",
        "And where they are wanted: systemctl enable --now sessiontrack-radius.service"
        " sessiontrack-scan@arp.service",
    ]
    return "\n".join(lines)


def _site(choices: Choices) -> list[str]:
    """What nginx needs before it is reloaded."""
    site = [
        f"  # the certificate: {choices.certificate}, its key: {choices.certificate_key}",
        "  ln -s ../sites-available/sessiontrack /etc/nginx/sites-enabled/",
    ]
    if choices.prefix:
        site = ["  # into the server block of your site:  include snippets/sessiontrack.conf;"]
    if choices.proxy_user_header:
        site += [
            "  # nginx must authenticate every request of this site by auth_basic, or anybody could be admin",
            f"  # and where {INSTANCE}/sessiontrack.toml was there before, it needs this line:",
            f'  #   auth_proxy_header = "{choices.proxy_user_header}"',
        ]
    return site
