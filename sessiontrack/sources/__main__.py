"""`python -m sessiontrack.sources PAGE...`: writes the list of formats in these pages of the docs anew."""

import sys
from pathlib import Path

from sessiontrack.sources.formats import in_page

for path in map(Path, sys.argv[1:]):
    path.write_text(in_page(path.read_text("utf-8")), "utf-8")
