"""The shape of refused calls, the same for werkzeug's test answers and real ones."""

from typing import Any

from werkzeug.test import TestResponse

from tests.support.server import Answer

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    429: "rate_limited",
}


def refused(response: TestResponse | Answer, status: int, code: str | None = None) -> dict[str, Any]:
    """The body of an answer, which must be this error in the contract's shape."""
    found = response.status if isinstance(response, Answer) else response.status_code
    body: dict[str, Any] = response.json
    assert found == status, (found, body)
    assert body["success"] is False
    assert body["error"] == (code or CODES[status])
    assert isinstance(body["message"], str)
    assert body["message"]
    assert set(body) <= {"success", "error", "message", "errors"}
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"
    if status == 429:
        assert int(response.headers["Retry-After"]) > 0
    return body
