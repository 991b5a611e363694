"""Hook scripts: files that another program runs when something happens, and that call this one."""

import shlex
from pathlib import Path

from sessiontrack.exceptions import Conflict
from sessiontrack.process.whole_file import write_whole, writing

MARK = "# Written by `sessiontrack listen"


def reporter(interface: str, script: str) -> str:
    """What calls a script for hostapd's events: in the background; -r: again once it has restarted."""
    return f"hostapd_cli -B -r -i {interface} -a {script}"


OPENWRT_PATH = "/usr/bin/sessiontrack-hook"
_OPENWRT_REPORTER = reporter("phy0-ap0", OPENWRT_PATH)
# For each interface. With -r it goes into the background only once hostapd answers: hence the `&`.
# What follows an `exit 0` would not be run.
OPENWRT_LINES = (
    _OPENWRT_REPORTER,
    "sed -i '/^exit 0/d' /etc/rc.local",
    f"echo '{_OPENWRT_REPORTER} &' >> /etc/rc.local",
)
# dnsmasq calls hotplug only where it found such a file when it started.
_LEASES_PATH = "/etc/hotplug.d/dhcp/90-sessiontrack"
OPENWRT_LEASES = f"cp {OPENWRT_PATH} {_LEASES_PATH} && /etc/init.d/dnsmasq restart"
# Else a sysupgrade removes them.
OPENWRT_KEEP, OPENWRT_KEEP_LEASES = (
    f"echo {path} >> /etc/sysupgrade.conf" for path in (OPENWRT_PATH, _LEASES_PATH)
)


def write_hook_script(
    path: Path,
    command: str,
    listener: str,
    instance: Path,
    url: str,
    token: str,
    source: str,
) -> None:
    """Write an executable script that hands its arguments on.

    Args:
        command: the program's absolute path: the caller of the script has another PATH.
        listener: the subcommand of `listen`.
        url: where the service is; "" is this host's own database.
        source: the name of this host as a source; "" is after the host and the interface.
    Raises:
        Conflict: there is another file at that place.
        Unwritable: it cannot be written.
    """
    exported = {"SESSIONTRACK_INSTANCE": str(instance)}
    if url:
        exported = {"SESSIONTRACK_URL": url, "SESSIONTRACK_TOKEN": token}
    if source:
        exported["SESSIONTRACK_SOURCE"] = source
    _write(
        path,
        [
            *_head(f"{listener} write", exported, "export "),
            f'exec {shlex.quote(command)} listen {listener} record -- "$@"',
        ],
        is_secret=bool(token),
    )


def write_openwrt_script(path: Path, url: str, token: str) -> None:
    """Write a script for a host without this program: it posts by itself, with curl or wget.

    Raises:
        Conflict: there is another file at that place.
        Unwritable: it cannot be written.
    """
    body = (Path(__file__).parent / "openwrt_hook.sh").read_text("utf-8")
    head = _head("openwrt write", {"URL": url, "TOKEN": token})
    _write(path, [*head, *body.splitlines()], is_secret=True)


def _head(written_by: str, variables: dict[str, str], export: str = "") -> list[str]:
    return [
        "#!/bin/sh",
        f"{MARK} {written_by}`. A failure is said on standard error and by the exit code.",
        *(f"{export}{name}={shlex.quote(value)}" for name, value in variables.items()),
    ]


def _write(path: Path, lines: list[str], *, is_secret: bool) -> None:
    with writing(path):
        if path.exists() and MARK not in path.read_text("utf-8", "replace"):
            raise Conflict(f"{path} is there already, and is not ours; remove it, or give another name.")
    # A token is for its owner's eyes only.
    write_whole(path, "\n".join(lines) + "\n", 0o700 if is_secret else 0o755)
