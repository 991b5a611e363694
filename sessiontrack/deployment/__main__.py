"""For developers: write `deploy/` from the templates; `make deploy` calls this."""

import sys
from pathlib import Path

from sessiontrack.deployment.files import write_shown

write_shown(Path(sys.argv[1]))
