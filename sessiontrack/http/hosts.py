"""Which host names requests may be addressed to: a foreign name that leads here (DNS rebinding) is refused.

Werkzeug's own check compares case and knows no IPv6 address.
"""

import re
from functools import partial

from flask import Flask, request

from sessiontrack.exceptions import InvalidInput
from sessiontrack.values.setting_texts import Hosts

# Probes, also those of the service itself, name an address; the answers say nothing of users.
FOR_EVERY_HOST = ("/healthz", "/readyz")
_NAME_AND_PORT = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{1,5})?")


def is_trusted(host: str, trusted: Hosts) -> bool:
    """Whether a Host header names one of these; `.example.org` is that name and all below it."""
    found = _NAME_AND_PORT.fullmatch(host.lower())
    if found is None:
        return False
    name = found[1]
    return any(name == each.lstrip(".") or (each[0] == "." and name.endswith(each)) for each in trusted)


def _refuse_others(trusted: Hosts) -> None:
    # As the trusted proxy says it, or else the client.
    if request.path not in FOR_EVERY_HOST and not is_trusted(request.environ.get("HTTP_HOST", ""), trusted):
        raise InvalidInput("Requests for that host are not answered here.")


def init_app(app: Flask, trusted: Hosts) -> None:
    """Answer for these hosts only, but probes always; for all where there are none."""
    if trusted:
        app.before_request(partial(_refuse_others, trusted))
