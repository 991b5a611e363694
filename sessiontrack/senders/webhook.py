"""One POST to the receiver of a webhook: to an address that was judged, bounded in time and in size."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sessiontrack.exceptions import SessiontrackError
from sessiontrack.senders.failures import failure
from sessiontrack.senders.messages import Message, SendResult
from sessiontrack.senders.signatures import sign
from sessiontrack.senders.targets import Networks, Resolver, Target, addresses_of, read_target

CONNECT_SECONDS = 5
# From the connection to the end of the answer, however slowly that comes.
ANSWER_SECONDS = 10
LONGEST_ANSWER = 4096
MOST_ADDRESSES = 3


def post(message: Message, now: int, allowed: Networks, resolve: Resolver = socket.getaddrinfo) -> SendResult:
    """Send it once; a failure is returned, not raised. Redirects are not followed."""
    try:
        target = read_target(message.url)
        addresses = addresses_of(target, allowed, resolve)[:MOST_ADDRESSES]
    except SessiontrackError as error:
        return SendResult(None, error.message)
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": "sessiontrack",
        "webhook-id": message.delivery_id,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(message.secret, message.delivery_id, now, message.body),
    }
    outcome = SendResult(None, f"{target.host} has no address just now.")
    for address in addresses:
        connection = _connection(target, address)
        try:
            connection.connect()
        except (OSError, HTTPError, ValueError) as error:
            # Nothing was sent: the next address may do.
            outcome = SendResult(None, failure(target.host, error))
            connection.close()
            continue
        return _exchange(connection, target, message.body, headers, now)
    return outcome


@cache
def _tls() -> ssl.SSLContext:
    """The system's authorities, or those of SSL_CERT_FILE."""
    return ssl.create_default_context()


def _connection(target: Target, address: str) -> HTTPConnection:
    """To that very address; of TLS, the name in the URL is asked for and verified."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=CONNECT_SECONDS)
    return HTTPSConnection(
        address, target.port, timeout=CONNECT_SECONDS, server_hostname=target.host, ssl_context=_tls()
    )


def _exchange(
    connection: HTTPConnection, target: Target, body: bytes, headers: dict[str, str], now: int
) -> SendResult:
    try:
        with _ended_after(connection, ANSWER_SECONDS) as has_ended:
            connection.request(
                "POST", target.path, body, headers, preload_content=False, decode_content=False
            )
            response = connection.getresponse()
            # Some servers report a broken connection when their answer is not read.
            response.read(LONGEST_ANSWER)
            if has_ended.is_set():
                raise TimeoutError
            return _judged(response.status, response.headers.get("Retry-After", ""), now)
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        return SendResult(None, failure(target.host, error))
    finally:
        connection.close()


def _judged(status: int, retry_after: str, now: int) -> SendResult:
    if 200 <= status < 300:
        return SendResult(status)
    said = f"answered {status}"
    if 300 <= status < 400:
        said += ", a redirect, which is not followed"
    return SendResult(status, said, _seconds(retry_after, now))


def _seconds(retry_after: str, now: int) -> int:
    """A Retry-After header in seconds from now; 0 where it cannot be read."""
    if re.fullmatch("[0-9]{1,9}", retry_after):
        return int(retry_after)
    try:
        return max(0, int(parsedate_to_datetime(retry_after).timestamp()) - now)
    except (ValueError, OverflowError, TypeError):
        return 0


@contextmanager
def _ended_after(connection: HTTPConnection, seconds: int) -> Iterator[threading.Event]:
    """Hang up then: the time-outs of a socket start anew with every byte that comes."""
    sock = connection.sock
    assert sock is not None
    sock.settimeout(seconds)

    has_ended = threading.Event()

    def hang_up() -> None:
        has_ended.set()
        # Not TLS's own goodbye, which would wait for the other side.
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield has_ended
    finally:
        timer.cancel()
