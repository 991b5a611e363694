"""What happened to a device, told to a sessiontrack elsewhere by `POST /presence/events`."""

import json
import urllib.error
import urllib.request
from typing import Any

from sessiontrack.exceptions import InvalidInput, StorageUnavailable
from sessiontrack.observations import DeviceEvent

ANSWER_SECONDS = 10


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another place, and make a GET of what is sent."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none."""


def send_event(url: str, token: str, event: DeviceEvent) -> None:
    """Tell it, and wait until it is stored.

    Raises:
        InvalidInput: the URL is none, or the service refuses it; its own sentence says why.
        StorageUnavailable: nobody answers.
    """
    body = {
        "source": event.source,
        "mac": event.device.mac,
        "at": event.at,
        "event": event.kind,
        "info": event.info,
        **({"ip": event.device.ip} if event.device.ip else {}),
        **({"name": event.device.name} if event.device.name else {}),
    }
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"{url!a} is not an http:// or https:// address.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("The token has characters that no token has.")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(
            f"{url.rstrip('/')}/presence/events", json.dumps(body).encode(), headers, method="POST"
        )
        with urllib.request.build_opener(NoRedirect).open(request, timeout=ANSWER_SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(10_000).decode("utf-8", "replace")
        raise InvalidInput(f"{url} answers {error.code}: {_message(said)}") from error
    except (OSError, ValueError) as error:
        raise StorageUnavailable(f"{url} cannot be reached: {error}.") from error


def _message(said: str) -> str:
    """The one sentence of the service's error, or that there is none."""
    try:
        return str(json.loads(said)["message"])
    except (ValueError, LookupError, TypeError):
        return "without saying why."
