"""The application for any WSGI server: `gunicorn wsgi:app`."""

from sessiontrack import create_app
from sessiontrack.startup import prepare

app = create_app()
prepare(app, is_service=True)
