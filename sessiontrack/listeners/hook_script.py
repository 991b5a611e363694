"""Hook scripts: files that another program runs when something happens, and that call this one."""

import os
import shlex
import stat
from pathlib import Path

from sessiontrack.exceptions import Conflict, InvalidSetting

MARK = "# Written by `sessiontrack listen"


def write_hook_script(
    path: Path, command: str, listener: str, instance: Path, url: str = "", token: str = ""
) -> None:
    """Write an executable script that hands its arguments on.

    Args:
        command: the program's absolute path: whoever calls the script has another PATH.
        listener: the subcommand of `listen`.
        url: where the service is; "" is this host's own database.
    Raises:
        Conflict: there is another file at that place.
        InvalidSetting: it cannot be written.
    """
    exported = {"SESSIONTRACK_INSTANCE": str(instance)}
    if url:
        exported = {"SESSIONTRACK_URL": url, "SESSIONTRACK_TOKEN": token}
    lines = [
        "#!/bin/sh",
        f"{MARK} {listener} install`. A failure is said on standard error and by the exit code.",
        *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
        f'exec {shlex.quote(command)} listen {listener} record -- "$@"',
    ]
    try:
        if path.exists() and MARK not in path.read_text("utf-8", "replace"):
            raise Conflict(f"{path} is there already, and is not ours; remove it, or give another name.")
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        # A token is for its owner's eyes only.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRWXU)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        draft.chmod(0o700 if token else 0o755)
        draft.replace(path)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be written: {error.strerror}.") from error
