"""Another sessiontrack, to which observations are sent through its API."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3

from sessiontrack.exceptions import InvalidInput, RemoteFailed, RemoteRefused
from sessiontrack.senders.failures import failure
from sessiontrack.values.observations import DeviceEvent

ANSWER_SECONDS = 10
LONGEST_ANSWER = 65_536


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
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._seconds = seconds
        # A redirect would take the token to another place, and make a GET of what is sent.
        self._pool = urllib3.PoolManager(retries=False)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send it, and wait until it is stored.

        Raises:
            RemoteRefused: the answer is 400: the body was read, and is not accepted.
            RemoteFailed: there is another answer, or none.
        """
        return self._ask("POST", path, json.dumps(body))

    def role(self) -> str:
        """The role that the token has there.

        Raises:
            RemoteFailed: it has none, or nobody answers like a sessiontrack.
        """
        role = self._ask("GET", "/auth/me").get("role")
        if not isinstance(role, str):
            raise self.strange_answer()
        return role

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        try:
            response = self._pool.request(
                method,
                self.url + path,
                body=body,
                headers=self._headers,
                timeout=self._seconds,
                preload_content=False,
            )
            try:
                text = response.read(LONGEST_ANSWER)
            finally:
                response.close()
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise RemoteFailed(failure(self.url, error)) from error
        if response.status != 200:
            kind = RemoteRefused if response.status == 400 else RemoteFailed
            said = _sign_in_before(response) or _message(text) or response.reason
            raise kind(f"{self.url} answered {response.status}: {said}")
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise self.strange_answer() from error
        if not isinstance(answer, dict):
            raise self.strange_answer()
        return answer

    def strange_answer(self) -> RemoteFailed:
        """What to raise where the answer is not what a sessiontrack answers."""
        return RemoteFailed(f"{self.url} does not answer like a sessiontrack.")


def send_event(url: str, token: str, event: DeviceEvent, *, arrives: bool = False) -> None:
    """Report what happened to a device, and wait until it is stored.

    Args:
        arrives: it happens just now; within one second, what is sent first was first.
    Raises:
        InvalidInput: the URL or the token cannot be one.
        RemoteFailed: nobody answers, or it is refused; its own sentence says why.
    """
    body = {
        "source": event.source,
        "mac": event.device.mac,
        **({} if arrives else {"at": event.at}),
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


def _sign_in_before(response: urllib3.BaseHTTPResponse) -> str:
    """Of a web server in front of it that has a sign-in of its own, and does not know our token."""
    asked = response.headers.get("WWW-Authenticate", "")
    if response.status != 401 or not asked.lower().startswith("basic"):
        return ""
    return (
        "the web server before it asks for a sign-in of its own (WWW-Authenticate: Basic), and takes no"
        " token: use sessiontrack's own address and port, or let that server pass requests with a token"
    )


def _message(text: bytes) -> str:
    """The sentence in an error's body, where the server is one of ours."""
    try:
        return " ".join(str(json.loads(text)["message"]).split())
    except (ValueError, LookupError, TypeError):
        return ""
