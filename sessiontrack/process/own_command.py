"""How the command of this program is called on this host, for pages that show lines to type."""

import shutil
import sys
from pathlib import Path


def own_command() -> str:
    """As a user types it in the folder that this process was started in.

    That is `sessiontrack` where a shell finds it, `.venv/bin/sessiontrack` in a checkout, else a whole path.
    """
    beside = Path(sys.executable).parent / "sessiontrack"
    found = shutil.which("sessiontrack")
    if not beside.is_file() or (found is not None and Path(found).resolve() == beside.resolve()):
        return "sessiontrack"
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)
