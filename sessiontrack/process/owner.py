"""Whose this install is: a command of root's works as the user who owns the instance folder.

What root wrote there, the service could not read.
"""

import os
import pwd
from pathlib import Path

from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process.instance import INSTALLED

USER = "sessiontrack"


def become_owner(folder: Path) -> str | None:
    """As root, go on as the owner of the folder; the name of whom this process has become.

    Raises:
        InvalidSetting: the folder is another user's, and this is not root; or its user is not there yet, or
            cannot read this program.
    """
    owner = owner_to_become(folder)
    if owner is None:
        return None
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.umask(0o077)
    os.environ["HOME"] = owner.pw_dir
    if not os.access(__file__, os.R_OK):
        raise InvalidSetting(f"The user {owner.pw_name} cannot read {Path(__file__).parent.parent}.")
    return owner.pw_name


def owner_to_become(folder: Path) -> pwd.struct_passwd | None:
    """Whom root has to become for this folder; None where root itself is its owner, or it is not there.

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
        raise InvalidSetting(f"{folder} belongs to uid {uid}, and there is no such user.") from error


def _first_owner(folder: Path) -> pwd.struct_passwd:
    """Before the first start the installed folder is still root's; it is the service's from now on."""
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
    raise InvalidSetting(f"{folder} is the service's own: call this as root, or as the user {USER}.")
