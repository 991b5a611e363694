"""Why a server gave no answer."""

import ssl

from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import TimeoutError as ConnectTimeout


def failure(server: str, error: Exception) -> str:
    """One line of at most 200 characters: the server's name, and what the connection or urllib3 raised."""
    # By its class a refused connection is a time-out too; its cause says what happened.
    is_late = isinstance(error, ConnectTimeout) and not isinstance(error, NewConnectionError)
    cause = error if is_late else _cause(error)
    if isinstance(cause, ConnectTimeout | TimeoutError):
        return f"{server} does not answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{server} has no certificate for its name: {cause.verify_message}"
    said = getattr(cause, "strerror", None) or type(cause).__name__
    return " ".join(f"{server} cannot be reached: {said}".split())[:200]


def _cause(error: Exception) -> Exception:
    """What urllib3 wraps in an exception of its own."""
    inside = (each for each in (error.__cause__, *error.args) if isinstance(each, Exception))
    return next(inside, error)
