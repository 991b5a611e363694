"""Installing and taking it back: what would be written or removed, and then exactly that.

A manifest in the installation says what was written, and with which content. It is written before the files
are, so an installation that was cut short can be taken back, or done again. What a person changed since is
left alone.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from sessiontrack.deployment.files import (
    ETC,
    INSTANCE,
    NGINX,
    PACKAGED_UNIT,
    SNIPPET,
    SYSTEMD,
    Choices,
    File,
    files_wanted,
    render,
)
from sessiontrack.exceptions import Conflict, InvalidSetting, NotFound
from sessiontrack.process.whole_file import write_whole, writing

MANIFEST = ETC / "installed.json"
VERSION = 1
INCLUDES = re.compile(rf"^[^#\n]*\binclude\s+\S*{re.escape(SNIPPET)}", re.MULTILINE)
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
    choices: those of the last time, by name.
    """

    files: dict[str, list[str]]
    folders: list[str]
    choices: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """As it is kept."""
        return json.dumps({"version": VERSION, **vars(self)}, indent=2) + "\n"


def below(prefix: Path, path: PurePosixPath) -> Path:
    """Where a file of the installation is for us, whose root is the prefix."""
    return prefix / path.relative_to("/")


def remembered(prefix: Path) -> dict[str, Any]:
    """The choices of the last installation there, by name; none where nothing is installed."""
    manifest = _read_manifest(prefix) or Manifest({}, [])
    known = {each.name for each in fields(Choices)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in manifest.choices.items()
        if name in known
    }


def has_forgotten(prefix: Path) -> bool:
    """Whether something is installed there by a version that did not remember its choices."""
    manifest = _read_manifest(prefix)
    return manifest is not None and bool(manifest.files) and not manifest.choices


def is_packaged(prefix: Path) -> bool:
    """Whether a package has brought the units, the user and the settings."""
    return below(prefix, PACKAGED_UNIT).exists()


def plan_installation(prefix: Path, choices: Choices) -> list[Step]:
    """What an installation would write, and what of an earlier one it would remove.

    Raises:
        Conflict: another file is at the place of one of ours, or somebody changed ours; nothing was done.
    """
    manifest = _read_manifest(prefix) or Manifest({}, [])
    wanted = files_wanted(choices, packaged=is_packaged(prefix))
    names = {str(each.target) for each in wanted}
    left = {name: digests for name, digests in manifest.files.items() if name not in names}
    removed = [_removal(below(prefix, PurePosixPath(name)), digests, False) for name, digests in left.items()]
    links = _links(prefix, [step.path for step in removed if step.action == REMOVE])
    return [
        *(step for step in [*links, *removed] if os.path.lexists(step.path)),
        *(_planned(prefix, each, choices, manifest) for each in wanted),
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


def install(prefix: Path, choices: Choices, refused: Callable[[], str | None] = lambda: None) -> None:
    """Do what the plan says, or nothing.

    Args:
        refused: why nginx does not take what was written, None where it does.
    Raises:
        Conflict: it does not, and everything is as it was before.
    """
    with _alone(prefix):
        plan = plan_installation(prefix, choices)
        steps = [step for step in plan if step.action == WRITE]
        removed = [step.path for step in plan if step.action == REMOVE]
        before = _read_manifest(prefix) or Manifest({}, [])
        folders = _missing_folders(prefix, [*(step.path for step in steps), below(prefix, INSTANCE) / "any"])
        written = {f"/{step.path.relative_to(prefix)}": [_digest(step.text.encode())] for step in steps}
        either = {name: [*new, *before.files.get(name, ())] for name, new in written.items()}
        made = [*before.folders, *(f"/{folder.relative_to(prefix)}" for folder in folders)]
        folders_made = list(dict.fromkeys(made))
        # One that is cut short the first time is done again with its own choices.
        meanwhile = before.choices or asdict(choices)
        _write_manifest(prefix, Manifest({**before.files, **either}, folders_made, meanwhile))
        for folder in folders:
            # No other user may read the data.
            folder.mkdir(mode=0o700 if folder == below(prefix, INSTANCE) else 0o755, exist_ok=True)
        earlier = [_Earlier.of(path) for path in [*removed, *(step.path for step in steps)]]
        for path in removed:
            _remove(path)
        for step in steps:
            write_whole(step.path, step.text, step.mode)
        if (why := refused()) is not None:
            for each in earlier:
                each.put_back()
            _write_manifest(prefix, Manifest(before.files, folders_made, before.choices))
            raise Conflict(f"nginx refuses what was written, so all is as it was before: {why}")
        gone = {f"/{path.relative_to(prefix)}" for path in removed}
        kept = {name: digests for name, digests in before.files.items() if name not in gone}
        _write_manifest(prefix, Manifest({**kept, **written}, folders_made, asdict(choices)))


@dataclass(frozen=True)
class _Earlier:
    """What was at a place: a file, a link, or nothing."""

    path: Path
    content: bytes | None
    mode: int
    link: str | None

    @classmethod
    def of(cls, path: Path) -> "_Earlier":
        if path.is_symlink():
            return cls(path, None, 0, os.readlink(path))
        if not path.exists():
            return cls(path, None, 0, None)
        return cls(path, _content(path), path.stat().st_mode & 0o777, None)

    def put_back(self) -> None:
        """Have the place as it was."""
        if self.content is not None:
            write_whole(self.path, self.content.decode(), self.mode)
            return
        self.path.unlink(missing_ok=True)
        if self.link is not None:
            self.path.symlink_to(self.link)


def plan_removal(prefix: Path, *, purge: bool) -> list[Step]:
    """What taking the installation back would remove.

    Args:
        purge: the data as well, and what was changed since.
    Raises:
        NotFound: nothing is installed there.
        Conflict: a site of somebody else includes a file of ours, and nginx would not start without it.
    """
    manifest = _read_manifest(prefix)
    if manifest is None:
        raise NotFound(f"There is no {below(prefix, MANIFEST)}, so nothing that was installed here.")
    steps = [
        _removal(below(prefix, PurePosixPath(name)), digests, purge)
        for name, digests in manifest.files.items()
    ]
    removed = [step.path for step in steps if step.action == REMOVE]
    _refuse_included(prefix, removed)
    steps = [*_links(prefix, removed), *steps]
    data = below(prefix, INSTANCE)
    if data.is_dir() and not is_packaged(prefix):
        steps.append(Step(REMOVE, data, "the data, all of it") if purge else Step(LEAVE, data, "the data"))
    return [step for step in steps if os.path.lexists(step.path)]


def _removal(path: Path, digests: list[str], purge: bool) -> Step:
    if purge or not path.is_file() or _digest(_content(path)) in digests:
        return Step(REMOVE, path)
    return Step(LEAVE, path, "it was changed since")


def _links(prefix: Path, targets: list[Path]) -> list[Step]:
    """What enables these files: links to units and sites, which would lead nowhere without them."""
    places = [*below(prefix, SYSTEMD).glob("*.wants"), below(prefix, NGINX) / "sites-enabled"]
    links = [each for place in places if place.is_dir() for each in sorted(place.iterdir())]
    return [
        Step(REMOVE, link, f"a link to {target}")
        for link in links
        if link.is_symlink() and (target := _target(prefix, link)) in targets
    ]


def _target(prefix: Path, link: Path) -> Path:
    """Where a link leads, below our root; one that has been followed already may be gone."""
    path = Path(os.path.normpath(link.parent / os.readlink(link)))
    return path if path.is_relative_to(prefix) else below(prefix, PurePosixPath(path))


def _refuse_included(prefix: Path, removed: list[Path]) -> None:
    """A site that includes what is not there keeps nginx, and all other sites, from starting."""
    snippet = below(prefix, NGINX / SNIPPET)
    if snippet not in removed:
        return
    nginx = below(prefix, NGINX)
    read = [nginx / "nginx.conf", *nginx.glob("conf.d/*.conf"), *nginx.glob("sites-enabled/*")]
    for path in read:
        if path.is_file() and path.resolve() not in removed and INCLUDES.search(path.read_text("utf-8")):
            raise Conflict(
                f"{path} includes {SNIPPET}, without which nginx would not start: remove that line first."
                " Nothing was removed."
            )


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
    with writing(manifest.parent):
        manifest.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(manifest.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor, manifest.parent)
        if missing:
            # Also where another one came first: it has found the folder there, and not made it.
            before = _read_manifest(prefix) or Manifest({}, [])
            made = [f"/{folder.relative_to(prefix)}" for folder in missing]
            folders = list(dict.fromkeys([*made, *before.folders]))
            _write_manifest(prefix, Manifest(before.files, folders, before.choices))
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
    write_whole(below(prefix, MANIFEST), manifest.as_json(), 0o644)


def _read_manifest(prefix: Path) -> Manifest | None:
    path = below(prefix, MANIFEST)
    try:
        raw: Mapping[str, Any] = json.loads(_content(path))
        if raw["version"] != VERSION:
            raise ValueError(f"its version is {raw['version']}")
        return Manifest(dict(raw["files"]), list(raw["folders"]), dict(raw.get("choices", {})))
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
