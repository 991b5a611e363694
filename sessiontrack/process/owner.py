"""The owner of an install: a command called by root runs as the user who owns the instance folder.

The service could not read files that root wrote there.
"""

import os
import pwd
from pathlib import Path

from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process.instance import INSTALLED

USER = "sessiontrack"


def become_owner(folder: Path) -> str | None:
    """If called by root, become the owner of the folder; return that user's name.

    Raises:
        InvalidSetting: the folder belongs to another user and this is not root; or its user does not exist,
            or cannot read this program.
    """
    owner = owner_to_become(folder)
    if owner is None:
        return None
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = owner.pw_dir
    # Both are read while the command runs, too: this program, and what it needs of Python's.
    for file in (Path(__file__).parents[1] / "version.py", Path(os.__file__)):
        if not os.access(file, os.R_OK):
            raise InvalidSetting(f"The user {owner.pw_name} cannot read {file.parent}.")
    return owner.pw_name


def owner_to_become(folder: Path) -> pwd.struct_passwd | None:
    """The user that root must become for this folder; None if root owns it, or if it does not exist.

    Raises:
        InvalidSetting: see become_owner.
    """
    if os.geteuid() != 0:
        _refuse_other_user(folder)
        return None
    try:
        uid = folder.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        return None
    if uid == 0:
        return _first_owner(folder) if folder == INSTALLED else None
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise InvalidSetting(f"{folder} belongs to uid {uid}, and this user does not exist.") from error


def _first_owner(folder: Path) -> pwd.struct_passwd:
    """Give the installed folder, which root owns before the first start, to the service's user."""
    try:
        owner = pwd.getpwnam(USER)
    except KeyError as error:
        raise InvalidSetting(f"There is no user {USER} yet: systemd-sysusers sessiontrack.conf") from error
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    return owner


def _refuse_other_user(folder: Path) -> None:
    if folder != INSTALLED or os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return
    raise InvalidSetting(f"{folder} belongs to the service: run this command as root, or as the user {USER}.")
