"""Another sessiontrack, told of something through its API."""

import http.client
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from sessiontrack.exceptions import InvalidInput, RemoteFailed, RemoteRefused
from sessiontrack.values.observations import DeviceEvent

ANSWER_SECONDS = 10
LONGEST_ANSWER = 65_536


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to another place, and make a GET of what is sent."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none."""


class Remote:
    """A sessiontrack elsewhere, by its URL and an API token of an operator.

    Raises:
        InvalidInput: it is no http or https URL, or the token cannot be one.
    """

    def __init__(self, url: str, token: str, seconds: int = ANSWER_SECONDS) -> None:
        if not _is_url(url):
            raise InvalidInput(
                "The sessiontrack cannot be reached: its URL is like https://host:8000 or https://host/sub-path."
            )
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidInput("The token is empty, or has characters that no token has.")
        self.url = url.rstrip("/")
        self._token = token
        self._seconds = seconds
        self._opener = urllib.request.build_opener(NoRedirect)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Tell it, and wait until it is stored.

        Raises:
            RemoteRefused: it was read, and is not taken.
            RemoteFailed: it was not taken for another reason.
        """
        request = urllib.request.Request(
            self.url + path,
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
            method="POST",
        )
        try:
            with self._opener.open(request, timeout=self._seconds) as response:
                answer = json.loads(response.read(LONGEST_ANSWER))
        except urllib.error.HTTPError as error:
            with error:
                kind = RemoteRefused if error.code == 400 else RemoteFailed
                raise kind(f"{self.url} answered {error.code}: {_message(error)}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise RemoteFailed(
                f"{self.url} cannot be reached: {str(reason) or type(reason).__name__}"
            ) from error
        except ValueError as error:
            raise self.strange_answer() from error
        if not isinstance(answer, dict):
            raise self.strange_answer()
        return answer

    def strange_answer(self) -> RemoteFailed:
        """What to raise where the answer is not what a sessiontrack answers."""
        return RemoteFailed(f"{self.url} does not answer like a sessiontrack.")


def send_event(url: str, token: str, event: DeviceEvent) -> None:
    """Tell what happened to a device, and wait until it is stored.

    Raises:
        InvalidInput: the URL or the token cannot be one.
        RemoteFailed: nobody answers, or it is refused; its own sentence says why.
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
    Remote(url, token).post("/presence/events", body)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_port_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_plain = url.isascii() and not parts.query and not parts.fragment and parts.username is None
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_port_number and is_plain


def _message(error: urllib.error.HTTPError) -> str:
    """What the server says, where it is one of ours; else the status in words."""
    try:
        answer = json.loads(error.read(LONGEST_ANSWER))
        return " ".join(str(answer["message"]).split())
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return str(error.reason)
