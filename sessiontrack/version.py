"""The version: NUMBER, and for a development build the commit that it was made of.

A checkout asks git; what was installed says what it was built as. Nothing else names a version.
"""

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

NUMBER = "0.2.0"
GIT_SECONDS = 5.0


def version_of(root: Path) -> str:
    """The version of the package whose folder lies in `root`."""
    if (root / ".git").exists():
        return _of_checkout(root)
    if (root / "PKG-INFO").is_file():
        lines = (root / "PKG-INFO").read_text("utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("Version: "))
    # The sources without their history: an archive of them.
    return NUMBER if (root / "setup.cfg").is_file() else version("sessiontrack")


def _of_checkout(root: Path) -> str:
    """`0.2.0.dev<commits>+g<commit>`, which is before the release; the commit with its tag is the release."""
    commit, _, names = _git(root, "log", "-1", "--abbrev=8", "--format=%h %D").partition(" ")
    if f"tag: v{NUMBER}" in names.split(", "):
        return NUMBER
    commits = _git(root, "rev-list", "--count", "HEAD")
    return f"{NUMBER}.dev{commits}+g{commit}" if commits and commit else f"{NUMBER}.dev0"


def _git(root: Path, *words: str) -> str:
    """What git says, or nothing where it is not here, or may not read another user's checkout."""
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        ran = subprocess.run(
            [git, "-C", str(root), *words], capture_output=True, text=True, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if ran.returncode else ran.stdout.strip()


VERSION = version_of(Path(__file__).parent.parent)
# When it was built, in UTC epoch seconds: no clock that is before it is right. Of a checkout it is only known
# that it was written after 2024.
_BUILT_AT = Path(__file__).with_name("built_at")
BUILT_AT = int(_BUILT_AT.read_text()) if _BUILT_AT.is_file() else 1_735_689_600
