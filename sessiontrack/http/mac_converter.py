"""The MAC address in `/sessions/<mac>` and `/devices/<mac>`."""

from werkzeug.routing import BaseConverter


class MacConverter(BaseConverter):
    """Any text but the names of the other calls, so that GET /sessions/create is a wrong method.

    Whether it is a MAC address is for the view to say: with 400, not with 404.
    """

    regex = r"(?!(?:create|delete|list|calendar|session-events|totals|by-status)$)[^/]+"
