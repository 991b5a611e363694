"""An HTTP client without a library, which imports quickly."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import SECONDS


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def call(
    port: int, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
) -> Answer:
    """Send one request on a new connection; bytes are sent as they are, anything else as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def answers(port: int, path: str = "/readyz") -> bool:
    """Whether a server listens there, and answers 200: by default, whether it is ready."""
    try:
        return call(port, "GET", path).status == 200
    except OSError:
        return False
