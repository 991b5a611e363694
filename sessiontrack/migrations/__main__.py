"""For developers: `python -m sessiontrack.migrations "Add a column"` writes the next migration."""

import sys
import tempfile

from sessiontrack import migrations
from sessiontrack.base import create_base_app
from sessiontrack.database import db

with tempfile.TemporaryDirectory() as folder:
    app = create_base_app({"INSTANCE": folder})
    with app.app_context():
        migrations.upgrade(db.engine)
        migrations.write_revision(db.engine, sys.argv[1])
        db.engine.dispose()
