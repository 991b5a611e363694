"""Installing and taking it back: what would be written or removed, and then exactly that.

A manifest in the installation says what was written, and with which content. It is written before the files
are, so an installation that was cut short can be taken back, or done again. What a person changed since is
left alone.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sessiontrack.deployment.files import ETC, FILES, INSTANCE, Choices, File, render
from sessiontrack.exceptions import Conflict, InvalidSetting, NotFound

MANIFEST = ETC / "installed.json"
VERSION = 1
WRITE, KEEP, REMOVE, LEAVE = "write", "keep", "remove", "leave"


@dataclass(frozen=True)
class Step:
    """One thing that is done, or is not: what, with which file, and why, where that needs a word."""

    action: str
    path: Path
    why: str = ""
    text: str = ""
    mode: int = 0o644


@dataclass(frozen=True)
class Manifest:
    """What was written, and the folders that were made for it.

    files: by path the SHA-256 of the content; of the older one too, while it is being replaced.
    """

    files: dict[str, list[str]]
    folders: list[str]

    def as_json(self) -> str:
        """As it is kept."""
        return json.dumps({"version": VERSION, "files": self.files, "folders": self.folders}, indent=2) + "\n"


def below(prefix: Path, path: PurePosixPath) -> Path:
    """Where a file of the installation is for us, whose root is the prefix."""
    return prefix / path.relative_to("/")


def plan_installation(prefix: Path, choices: Choices) -> list[Step]:
    """What an installation would write.

    Raises:
        Conflict: another file is at the place of one of ours, or somebody changed ours; nothing was done.
    """
    manifest = _read_manifest(prefix) or Manifest({}, [])
    return [
        _planned(prefix, each, choices, manifest) for each in FILES if each.target and each.wanted(choices)
    ]


def _planned(prefix: Path, file: File, choices: Choices, manifest: Manifest) -> Step:
    assert file.target is not None
    path, text = below(prefix, file.target), render(file.template, choices)
    if not os.path.lexists(path):
        return Step(WRITE, path, text=text, mode=file.mode)
    if path.is_symlink() or not path.is_file():
        raise Conflict(f"{path} is there, and is no plain file; nothing was written.")
    found = _digest(_content(path))
    if found == _digest(text.encode()):
        return Step(KEEP, path)
    if file.kept:
        return Step(KEEP, path, "it is there already, and yours")
    if found in manifest.files.get(str(file.target), ()):
        return Step(WRITE, path, "in place of an older one", text, file.mode)
    raise Conflict(
        f"{path} is there, and is not what was written here; move it away first. Nothing was written."
    )


def install(prefix: Path, choices: Choices) -> None:
    """Do what the plan says, or nothing."""
    with _alone(prefix):
        steps = [step for step in plan_installation(prefix, choices) if step.action == WRITE]
        before = _read_manifest(prefix) or Manifest({}, [])
        folders = _missing_folders(prefix, [*(step.path for step in steps), below(prefix, INSTANCE) / "any"])
        written = {f"/{step.path.relative_to(prefix)}": [_digest(step.text.encode())] for step in steps}
        either = {name: [*new, *before.files.get(name, ())] for name, new in written.items()}
        made = [*before.folders, *(f"/{folder.relative_to(prefix)}" for folder in folders)]
        folders_made = list(dict.fromkeys(made))
        _write_manifest(prefix, Manifest({**before.files, **either}, folders_made))
        for folder in folders:
            # The data is nobody else's to read.
            folder.mkdir(mode=0o700 if folder == below(prefix, INSTANCE) else 0o755, exist_ok=True)
        for step in steps:
            _write(step.path, step.text, step.mode)
        _write_manifest(prefix, Manifest({**before.files, **written}, folders_made))


def plan_removal(prefix: Path, *, purge: bool) -> list[Step]:
    """What taking the installation back would remove.

    Args:
        purge: the data as well, and what was changed since.
    Raises:
        NotFound: nothing is installed there.
    """
    manifest = _read_manifest(prefix)
    if manifest is None:
        raise NotFound(f"There is no {below(prefix, MANIFEST)}, so nothing that was installed here.")
    steps = [
        _removal(below(prefix, PurePosixPath(name)), digests, purge)
        for name, digests in manifest.files.items()
    ]
    data = below(prefix, INSTANCE)
    if data.is_dir():
        steps.append(Step(REMOVE, data, "the data, all of it") if purge else Step(LEAVE, data, "the data"))
    return [step for step in steps if os.path.lexists(step.path)]


def _removal(path: Path, digests: list[str], purge: bool) -> Step:
    if purge or not path.is_file() or _digest(_content(path)) in digests:
        return Step(REMOVE, path)
    return Step(LEAVE, path, "it was changed since")


def uninstall(prefix: Path, *, purge: bool) -> None:
    """Do what the plan says."""
    if _read_manifest(prefix) is None:
        plan_removal(prefix, purge=purge)
    with _alone(prefix):
        manifest = _read_manifest(prefix) or Manifest({}, [])
        for step in plan_removal(prefix, purge=purge):
            if step.action == REMOVE:
                _remove(step.path)
        below(prefix, MANIFEST).unlink()
    below(prefix, MANIFEST).with_suffix(".lock").unlink(missing_ok=True)
    for folder in sorted(manifest.folders, key=len, reverse=True):
        _remove_empty(below(prefix, PurePosixPath(folder)))


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be removed: {error.strerror}.") from error


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Others have put something into it, or it is gone.
        return


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise InvalidSetting(f"{folder} cannot be locked: {error.strerror}.") from error


@contextmanager
def _alone(prefix: Path) -> Iterator[None]:
    """Of two at once, one after the other; the folder of the manifest is made here."""
    manifest = below(prefix, MANIFEST)
    missing = _missing_folders(prefix, [manifest])
    try:
        manifest.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(manifest.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidSetting(f"{manifest.parent} cannot be written: {error.strerror}.") from error
    try:
        _lock(descriptor, manifest.parent)
        if missing:
            # Also where another one came first: it has found the folder there, and not made it.
            before = _read_manifest(prefix) or Manifest({}, [])
            made = [f"/{folder.relative_to(prefix)}" for folder in missing]
            _write_manifest(prefix, Manifest(before.files, list(dict.fromkeys([*made, *before.folders]))))
        yield
    finally:
        os.close(descriptor)


def _missing_folders(prefix: Path, paths: list[Path]) -> list[Path]:
    """The folders above these files that are not there, outermost first."""
    found: dict[Path, None] = {}
    for path in paths:
        for folder in reversed(path.parents):
            if folder != prefix and folder.is_relative_to(prefix) and not folder.exists():
                found[folder] = None
    return list(found)


def _write_manifest(prefix: Path, manifest: Manifest) -> None:
    _write(below(prefix, MANIFEST), manifest.as_json(), 0o644)


def _read_manifest(prefix: Path) -> Manifest | None:
    path = below(prefix, MANIFEST)
    try:
        raw: Mapping[str, Any] = json.loads(_content(path))
        if raw["version"] != VERSION:
            raise ValueError(f"its version is {raw['version']}")
        return Manifest(dict(raw["files"]), list(raw["folders"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidSetting(f"{path} is no manifest of this program: {error}.") from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}.") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, text: str, mode: int) -> None:
    """The whole file or none; its owner is that of its folder, who may be the service."""
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
