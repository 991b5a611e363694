"""The name of a backup in a path, as in `/backups/<name>`: nothing that could lead elsewhere."""

from werkzeug.routing import BaseConverter

PATTERN = r"sessiontrack-[0-9]{8}T[0-9]{6}Z(?:-asked)?\.(?:sqlite3|dump)"


class BackupNameConverter(BaseConverter):
    """A dated name, as backups have it; other names are not found."""

    regex = PATTERN
