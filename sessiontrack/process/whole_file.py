"""Writing a file whole or not at all, and saying in one line why it cannot be written."""

import os
import pwd
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sessiontrack.exceptions import Unwritable


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusal of a file or folder into ours.

    Raises:
        Unwritable: names the path, the reason and, where it is about rights, the user.
    """
    try:
        yield
    except OSError as error:
        who = f" by the user {user_name(os.geteuid())}" if isinstance(error, PermissionError) else ""
        raise Unwritable(f"{path.absolute()} cannot be written{who}: {error.strerror}.") from error


def user_name(uid: int) -> str:
    """The name of a user, else the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Put a text in the place of what is there; where root writes, the file is its folder's owner's.

    Raises:
        Unwritable: it cannot be written; what was there still is.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with writing(path), discarding(draft):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        draft.replace(path)


@contextmanager
def discarding(draft: Path) -> Iterator[None]:
    """Remove the draft at the end, unless it was renamed."""
    try:
        yield
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
