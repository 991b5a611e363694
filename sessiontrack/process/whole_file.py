"""Writing a file whole or not at all."""

import os
import secrets
from pathlib import Path

from sessiontrack.exceptions import InvalidSetting


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Put a text in the place of what is there; where root writes, the file is its folder's owner's.

    Raises:
        InvalidSetting: it cannot be written; what was there still is.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
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
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidSetting(f"{path} cannot be written: {error.strerror}.") from error
