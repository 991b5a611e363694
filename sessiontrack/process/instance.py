"""The secrets of this install, the signing key and the first password, in files of mode 0600."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from sessiontrack.exceptions import InvalidSetting

# The instance folder of an installation by `sessiontrack install` or a package.
INSTALLED = Path("/var/lib/sessiontrack")
KEY_FILE = "signing-key"
PASSWORD_FILE = "initial-admin-password"
LEAST_KEY_LENGTH = 32
# A random key of the least length has more; a repeated word or character has fewer.
LEAST_KEY_CHARACTERS = 12
# Keys from other programs' documentation and examples, which attackers try first.
KNOWN_KEYS = (
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "a-string-secret-at-least-256-bits-long",
    "your-256-bit-secret",
    "change-me",
    "changeme",
    "change_me",
    "placeholder",
    "secret-key",
    "secret_key",
    "secretkey",
    "super-secret",
    "supersecret",
    "super_secret",
    "sessiontrack",
)


def default_folder() -> Path:
    """The default instance folder: that of the installation.

    For a checkout it is `instance` in the current folder.
    """
    is_checkout = (Path(__file__).parents[2] / "setup.cfg").is_file()
    return INSTALLED if INSTALLED.is_dir() and not is_checkout else Path("instance").absolute()


def make_instance_folder(folder: Path) -> None:
    """Create the folder, readable by its owner only, unless it exists.

    Raises:
        InvalidSetting: the folder cannot be created, or the path is a file.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidSetting(f"The instance folder {folder} cannot be made: {error.strerror}.") from error


def signing_key(folder: Path) -> str:
    """This install's key for tokens; created at the first start.

    Raises:
        InvalidSetting: the file cannot be read or created, all users may read it, or the key can be guessed.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _create_once(path, secrets.token_urlsafe(48))
        key = path.read_text("ascii").strip()
        is_public = bool(path.stat().st_mode & 0o007)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"The signing key {path} cannot be read or made: {error}.") from error
    if len(key) < LEAST_KEY_LENGTH:
        raise InvalidSetting(f"The signing key {path} is too short; delete it, and a new one is made.")
    if _is_guessable(key):
        raise InvalidSetting(f"The signing key {path} can be guessed; delete it, and a new one is made.")
    if is_public:
        raise InvalidSetting(
            f"The signing key {path} can be read by every user of this machine: delete it, and a new one is"
            " made; or chmod 600 it, if no other user has read it."
        )
    return key


def _is_guessable(key: str) -> bool:
    lowered = key.lower()
    return len(set(key)) < LEAST_KEY_CHARACTERS or any(known in lowered for known in KNOWN_KEYS)


def make_private(database: Path) -> None:
    """Create an empty file, readable by its owner only, unless it exists: SQLite would let all users read it.

    SQLite gives the files beside it the same mode, and reports the cause if the file cannot be created.
    """
    with suppress(OSError):
        os.close(os.open(database, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def write_initial_password(folder: Path, password: str) -> Path:
    """Store the first admin's password in the instance folder."""
    path = folder / PASSWORD_FILE
    path.unlink(missing_ok=True)
    _create_once(path, password)
    return path


def forget_initial_password(folder: Path) -> None:
    """Delete the file, once the password has changed."""
    (folder / PASSWORD_FILE).unlink(missing_ok=True)


def _create_once(path: Path, text: str) -> None:
    """Create the file atomically; of two processes at once, the first one's file stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
