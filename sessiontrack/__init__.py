"""Which devices were connected, and which people were in the web UI, from when to when."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(overrides: Mapping[str, object] | None = None) -> "Flask":
    """Make the application.

    The database is not touched: `startup.prepare(app)` migrates it and makes the first admin.

    Args:
        overrides: settings by name, above the settings file and the environment.
    Raises:
        InvalidSetting: a setting cannot work; one line says which.
    """
    # Imported here: a user of one part of this package, such as the command's help, need not wait for all.
    from sessiontrack import application

    return application.create_app(overrides)
