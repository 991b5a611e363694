"""One Debian package of the service, for the Pythons of Debian 12 and 13; `make deb` calls it.

It needs neither root nor a machine of the other architecture: the dependencies come as wheels. Files that
both
Pythons share are in the package once.
"""

import argparse
import filecmp
import gzip
import os
import re
import shutil
import subprocess
import sys
from email.utils import formatdate
from inspect import cleandoc
from pathlib import Path

import click

from sessiontrack.cli import GROUPS, main
from sessiontrack.deployment.files import ETC, FILES, Choices, render
from sessiontrack.version import VERSION

ROOT = Path(__file__).parent.parent
PARTS = Path(__file__).parent / "deb"
OPT = "opt/sessiontrack"
PYTHONS = ("3.11", "3.13")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# The platforms that Debian 12's C library supports.
C_LIBRARIES = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
SCRIPT = """\
#!/opt/sessiontrack/bin/python
import sys

from sessiontrack.cli import main

sys.exit(main())
"""
CONFIG = "home = /usr/bin\ninclude-system-site-packages = false\nversion = {python}\n"
MAINTAINER = "sessiontrack <sessiontrack@localhost>"
ENTRY = """\
sessiontrack ({version}) unstable; urgency=medium

  * /usr/share/doc/sessiontrack/CHANGELOG.md lists the changes.

 -- {maintainer}  {when}
"""


def build(architecture: str, folder: Path) -> Path:
    """Build the package into the folder; return its path."""
    tree = ROOT / "build" / "deb" / architecture
    shutil.rmtree(tree, ignore_errors=True)
    _environment(tree, architecture)
    _files(tree)
    _documentation(tree)
    _control(tree, architecture)
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"sessiontrack_{debian_version(VERSION)}_{architecture}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", tree, made], check=True)
    return made


def debian_version(version: str) -> str:
    """The version as dpkg sorts it: a development build before its release."""
    return version.replace(".dev", "~dev")


def _environment(tree: Path, architecture: str) -> None:
    """The virtual environment, for either of the Pythons."""
    wheel = _wheel()
    library = tree / OPT / "lib"
    folders = [library / f"python{python}" / "site-packages" for python in PYTHONS]
    for python, target in zip(PYTHONS, folders, strict=True):
        platforms = [f"--platform={each}_{MACHINES[architecture]}" for each in C_LIBRARIES]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        options = ["--target", target, "--python-version", python, "--implementation", "cp", *platforms]
        plain = ["--only-binary=:all:", "--no-compile", "--no-deps"]
        # What is not as its hash says is not packaged.
        exact = ["--require-hashes", "--requirement", ROOT / "requirements" / "package.txt"]
        for wanted in (exact, [wheel]):
            subprocess.run([*pip, *options, *plain, *wanted], check=True)
            # Examples outside of any package, and scripts for another Python; pip warns where it finds some.
            for name in ("bin", "docs", "example"):
                shutil.rmtree(target / name, ignore_errors=True)
    _share(folders, library / "common")
    for path in library.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    programs = tree / OPT / "bin"
    programs.mkdir()
    (programs / "python").symlink_to("/usr/bin/python3")
    _write(programs / "sessiontrack", SCRIPT, 0o755)
    _write(tree / OPT / "pyvenv.cfg", CONFIG.format(python=PYTHONS[0]))
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "usr/bin/sessiontrack").symlink_to(f"/{OPT}/bin/sessiontrack")


def _wheel() -> Path:
    made = ROOT / "build" / "deb" / "wheel"
    shutil.rmtree(made, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", made, ROOT], check=True)
    return next(made.glob("*.whl"))


def _share(folders: list[Path], common: Path) -> None:
    """Move equal files of these folders into one folder, which they name in a .pth file."""
    common.mkdir()
    first, *others = folders
    for path in sorted(first.iterdir()):
        if all(_is_same(path, other / path.name) for other in others):
            path.rename(common / path.name)
            for other in others:
                _remove(other / path.name)
            if path.suffix == ".libs":
                # A wheel's compiled modules look for its libraries beside their package.
                for folder in folders:
                    (folder / path.name).symlink_to(os.path.relpath(common / path.name, folder))
    for folder in folders:
        _write(folder / "common.pth", f"/{OPT}/lib/common\n")


def _is_same(one: Path, other: Path) -> bool:
    if one.is_file() or not other.is_dir():
        return other.is_file() and filecmp.cmp(one, other, shallow=False)
    names = {each.name for each in one.iterdir()}
    same = names == {each.name for each in other.iterdir()}
    return same and all(_is_same(one / name, other / name) for name in names)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _files(tree: Path) -> None:
    """The units, the user, the settings, and nginx's files as examples."""
    choices = Choices(command=f"/{OPT}/bin/sessiontrack")
    for each in FILES:
        kind, _, name = each.shown.rpartition("/")
        if each.target is not None and each.target.is_relative_to(ETC):
            place = str(each.target).lstrip("/")
        elif kind == "systemd":
            place = f"usr/lib/systemd/system/{name}"
        elif kind == "sysusers.d":
            place = f"usr/lib/sysusers.d/{name}"
        elif name == "settings.toml":
            place = "usr/share/sessiontrack/sessiontrack.toml"
        else:
            place = f"usr/share/doc/sessiontrack/examples/{each.shown}"
        _write(tree / place, render(each.template, choices))


def _documentation(tree: Path) -> None:
    """The man page, shell completions, the licence and the changelog."""
    _compressed(tree / "usr/share/man/man1/sessiontrack.1.gz", manual())
    when = formatdate(int(_committed_at() or 0))
    entry = ENTRY.format(version=debian_version(VERSION), maintainer=MAINTAINER, when=when)
    _compressed(tree / "usr/share/doc/sessiontrack/changelog.gz", entry)
    _write(tree / "usr/share/doc/sessiontrack/CHANGELOG.md", (ROOT / "CHANGELOG.md").read_text())
    licence = (ROOT / "LICENSE").read_text()
    _write(tree / "usr/share/doc/sessiontrack/copyright", licence)
    places = {
        "bash": "bash-completion/completions/sessiontrack",
        "zsh": "zsh/vendor-completions/_sessiontrack",
        "fish": "fish/vendor_completions.d/sessiontrack.fish",
    }
    for shell, place in places.items():
        asked = {**os.environ, "_SESSIONTRACK_COMPLETE": f"{shell}_source"}
        program = Path(sys.executable).with_name("sessiontrack")
        ran = subprocess.run([program], env=asked, capture_output=True, text=True, check=True)
        _write(tree / "usr/share" / place, ran.stdout)
    _write(tree / "usr/share/lintian/overrides/sessiontrack", (PARTS / "lintian-overrides").read_text())


def _committed_at() -> str:
    """The time of the built commit, in epoch seconds."""
    ran = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True)
    return ran.stdout.strip()


def manual() -> str:
    """The man page: the --help of each command, in the groups of the help."""
    lines = [f'.TH SESSIONTRACK 1 "" "sessiontrack {VERSION}" "User Commands"', ".SH NAME"]
    lines += ["sessiontrack - which devices and people were connected, from when to when", ".SH SYNOPSIS"]
    lines += [".B sessiontrack", "COMMAND [OPTIONS] [ARGUMENTS]", ".SH DESCRIPTION"]
    lines += _roff(cleandoc(main.help or "").replace("\n\n", "\n.PP\n"), ".PP")
    context = click.Context(main, info_name="sessiontrack", **main.context_settings)
    for title, group in GROUPS.items():
        lines.append(f".SH {title.upper()}")
        for name in group:
            command = main.get_command(context, name)
            assert command is not None
            lines += _of_command(command, name, context)
    lines += [".SH FILES", ".TP", ".I /var/lib/sessiontrack", "The database, the settings, the signing key."]
    return "\n".join(lines).replace("-", "\\-") + "\n"


def _of_command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    """Its help, and that of the commands below it, in their order."""
    context = click.Context(command, info_name=name, parent=parent)
    lines = [f".SS {context.command_path}", ".nf", *_roff(command.get_help(context)), ".fi"]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            below = command.get_command(context, inner)
            assert below is not None
            if not below.hidden:
                lines += _of_command(below, inner, context)
    return lines


def _roff(text: str, *requests: str) -> list[str]:
    """Plain text for troff, with a leading point or apostrophe escaped, but in those requests."""
    plain = text.replace("\\", "\\e").replace("\b", "")
    return [line if line in requests else re.sub("^([.'])", r"\\&\1", line) for line in plain.splitlines()]


def _control(tree: Path, architecture: str) -> None:
    scripts = ("config", "preinst", "postinst", "prerm", "postrm")
    for name in (*scripts, "templates"):
        _write(tree / "DEBIAN" / name, (PARTS / name).read_text(), 0o755 if name in scripts else 0o644)
    kept = sorted(path for path in (tree / "etc").rglob("*") if path.is_file())
    _write(tree / "DEBIAN/conffiles", "".join(f"/{path.relative_to(tree)}\n" for path in kept))
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    control = (PARTS / "control").read_text()
    written = control.format(
        version=debian_version(VERSION),
        architecture=architecture,
        maintainer=MAINTAINER,
        kilobytes=size // 1024,
        pythons="python3 (>= 3.11), python3 (<< 3.12) | python3 (>= 3.13), python3 (<< 3.14)",
    )
    _write(tree / "DEBIAN/control", written)


def _compressed(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    path.chmod(0o644)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=MACHINES, default="amd64")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    asked = parser.parse_args()
    os.umask(0o022)
    print(build(asked.architecture, asked.into))
