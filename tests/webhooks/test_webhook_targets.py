"""senders/: where a webhook may lead, that nothing else is connected to, and how it is sent."""

import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from sessiontrack.exceptions import InvalidInput
from sessiontrack.senders import webhook
from sessiontrack.senders.messages import Message, SendResult
from sessiontrack.senders.signatures import new_secret
from sessiontrack.senders.targets import check_target, is_allowed, read_target
from sessiontrack.senders.webhook import post
from tests.support import receiver
from tests.support.application import NOW
from tests.support.receiver import Receiver, verify
from tests.support.waiting import SECONDS

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
NOT_PUBLIC = re.findall(
    r"\S+",
    """
    127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
    100.64.0.1 100.127.255.255 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 224.0.0.1 239.1.1.1
    240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 fe80::1
    febf::1 fec0::1 fc00::1 fd12::1 ff02::1 ff0e::1 2001:db8::1 2002:7f00:1:: 2002:a00:1:: 64:ff9b::7f00:1
    64:ff9b::a00:1 64:ff9b:1::1 2001::1 100::1
    """,
)
PUBLIC = ["8.8.8.8", "93.184.216.34", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
ODD_NOTATIONS = re.findall(
    r"\S+",
    """
    http://2130706433/ http://0x7f000001/ http://0x7f.0.0.1/ http://0177.0.0.1/ http://127.1/
    http://127.0.1/ http://0/ http://017700000001/ http://127.0.0.1./ http://8.8.8.8./ http://134744072/
    http://256.1.1.1/ http://1.2.3.4.5/ http://[::1%25lo]/ http://[fe80::1%25eth0]/ http://[127.0.0.1]/
    http://[::1/ http://a.b.0x1/ http://\uff11\uff12\uff17.0.0.1/ http://127\u30020\u30020\u30021/
    http://\u24d0.example/
    """,
)
NOT_URLS = [
    "",
    "hook.example",
    "/hook",
    "//hook.example/",
    "ftp://hook.example/",
    "file:///etc/passwd",
    "gopher://hook.example/",
    "javascript:alert(1)",
    "unix:///run/docker.sock",
    "http://",
    "http:///path",
    "http://hook.example:0/",
    "http://hook.example:65536/",
    "http://hook.example:80:80/",
    "http://user:password@hook.example/",
    "http://user@hook.example/",
    "http://@hook.example/",
    "http://8.8.8.8\\@127.0.0.1/",
    "http://hook.example/#fragment",
    "http://hook.example/a b",
    "http://hook.example/\r\nHost: x",
    "http://hook.example\t/",
    "http://-hook.example/",
    "http://hook..example/",
    "http://" + "a" * 64 + ".example/",
    "http://hook.example/" + "a" * 2048,
]


def resolver(*answers: list[str]) -> Callable[..., Any]:
    """A name server that gives one answer after the other, the last one for ever; asks are counted."""
    left = list(answers)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        resolve.asked.append(host)  # type: ignore[attr-defined]
        addresses = left.pop(0) if len(left) > 1 else left[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    resolve.asked = []  # type: ignore[attr-defined]
    return resolve


def message(url: str, secret: str | None = None) -> Message:
    return Message(url, secret or new_secret(), "11111111-2222-4333-8444-555555555555", b'{"type": "test"}')


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every address that anything in this process connects to."""
    found: list[Any] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: Any) -> None:
        found.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", counted)
    return found


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_as_address_and_as_name_and_never_connected_to(
    address: str, connects: list[Any]
) -> None:
    assert not is_allowed(ip_address(address), ())
    host = f"[{address}]" if ":" in address else address
    for url in (f"http://{host}/", f"https://{host}:8443/x"):
        with pytest.raises(InvalidInput, match=r"WEBHOOK_ALLOW"):
            check_target(url, ())
        outcome = post(message(url), NOW, ())
        assert not outcome.is_taken
        assert outcome.status is None
    assert not post(message("http://hook.example/"), NOW, (), resolver([address])).is_taken
    assert connects == []


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), ())
    assert check_target("https://hook.example/", (), resolver([address])).host == "hook.example"


@pytest.mark.parametrize("url", [*ODD_NOTATIONS, *NOT_URLS])
def test_other_notations_and_what_is_no_url_is_refused_and_never_connected_to(
    url: str, connects: list[Any]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_target(url, LOOPBACK)
    assert "password" not in refusal.value.message.replace("user, password or", "")
    assert not post(message(url), NOW, LOOPBACK).is_taken
    assert connects == []


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "ip6-localhost"])
def test_names_of_this_host_are_refused(name: str, connects: list[Any]) -> None:
    assert not post(message(f"http://{name}/"), NOW, ()).is_taken
    assert connects == []


def test_a_network_in_the_settings_is_allowed_and_no_other() -> None:
    allowed = [ip_network("192.168.1.0/24"), ip_network("fd00:1::/32")]
    assert is_allowed(ip_address("192.168.1.9"), allowed)
    assert is_allowed(ip_address("fd00:1::9"), allowed)
    assert not is_allowed(ip_address("192.168.2.9"), allowed)
    assert not is_allowed(ip_address("::ffff:192.168.1.9"), allowed)


def test_a_name_without_an_address_now_may_have_one_later() -> None:
    assert check_target("https://hook.example/", (), resolver([])).port == 443
    outcome = post(message("https://hook.example/"), NOW, (), resolver([]))
    assert outcome == SendResult(None, "hook.example has no address just now.")
    assert outcome.is_receivers_trouble


def test_what_is_shown_of_a_url_is_its_host() -> None:
    target = read_target("https://hooks.example:8443/services/T0/B0/secret?token=secret")
    assert target.shown == "https://hooks.example:8443/..."
    assert read_target("http://[2606:4700::1111]").shown == "http://[2606:4700::1111]/"


def test_a_name_is_resolved_once_and_that_address_connected_to(connects: list[Any]) -> None:
    with Receiver() as first, Receiver("127.0.0.2") as second:
        # The name means another address from the second look on: the one that must not be reached.
        rebinding = resolver(["127.0.0.1"], ["127.0.0.2"])
        allowed = [ip_network("127.0.0.1")]
        outcome = post(message(f"http://hook.example:{first.server_port}/"), NOW, allowed, rebinding)
        assert outcome == SendResult(204)
        assert rebinding.asked == ["hook.example"]  # type: ignore[attr-defined]
        assert connects == [("127.0.0.1", first.server_port)]
        assert (len(first.received), second.connections) == (1, 0)
        assert first.received[0].headers["Host"] == f"hook.example:{first.server_port}"


def test_a_name_that_turns_to_loopback_after_it_was_added_is_not_connected_to(connects: list[Any]) -> None:
    with Receiver() as trap:
        turning = resolver(["93.184.216.34"], ["127.0.0.1"])
        url = f"http://hook.example:{trap.server_port}/"
        check_target(url, (), turning)
        assert "127.0.0.1" in post(message(url), NOW, (), turning).error
        assert (connects, trap.connections) == ([], 0)


def test_of_several_addresses_those_that_are_not_allowed_are_left_out(connects: list[Any]) -> None:
    with Receiver() as trap, Receiver("127.0.0.2") as good:
        url = f"http://hook.example:{good.server_port}/"
        both = resolver(["127.0.0.1", "127.0.0.2"])
        assert post(message(url), NOW, [ip_network("127.0.0.2")], both).is_taken
        assert connects == [("127.0.0.2", good.server_port)]
        assert trap.connections == 0


def test_an_address_where_nobody_is_gives_way_to_the_next_one() -> None:
    with Receiver("127.0.0.2") as good:
        url = f"http://hook.example:{good.server_port}/"
        outcome = post(message(url), NOW, LOOPBACK, resolver(["127.0.0.3", "127.0.0.2"]))
    assert outcome.is_taken


def test_a_redirect_is_not_followed() -> None:
    with Receiver() as trap, Receiver("127.0.0.2") as redirecting:
        for status in (301, 302, 303, 307, 308):
            redirecting.script = [receiver.answer(status, Location=trap.url)]
            outcome = post(message(redirecting.url), NOW, LOOPBACK)
            assert (outcome.status, outcome.is_taken) == (status, False)
            assert "redirect" in outcome.error
        assert trap.connections == 0


def test_the_signature_is_verified_and_fails_for_any_change() -> None:
    secret = new_secret()
    with Receiver() as hook:
        assert post(message(hook.url, secret), NOW, LOOPBACK).is_taken
    (received,) = hook.received
    assert received.path == "/hook?key=in-the-url"
    assert received.headers["Content-Type"] == "application/json"
    assert verify(received, secret, NOW)
    assert not verify(received, new_secret(), NOW)
    assert not verify(received, secret, NOW + 301)
    for name in ("webhook-id", "webhook-timestamp"):
        kept = received.headers[name]
        received.headers.replace_header(name, "1" + kept[1:-1] + "9")
        assert not verify(received, secret, NOW)
        received.headers.replace_header(name, kept)
    received.body += b" "
    assert not verify(received, secret, NOW)


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own libraries."""
    signature = webhook.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (receiver.drop, "cannot be reached"),
        (receiver.nonsense, "cannot be reached"),
        (receiver.answer(500), "answered 500"),
        (receiver.answer(404), "answered 404"),
    ],
)
def test_what_fails_is_told_in_one_line_without_the_path(behaviour: receiver.Behaviour, said: str) -> None:
    with Receiver(script=[behaviour]) as hook:
        outcome = post(message(hook.url), NOW, LOOPBACK)
    assert said in outcome.error
    assert "in-the-url" not in outcome.error
    assert "\n" not in outcome.error


@pytest.mark.long
@pytest.mark.parametrize("behaviour", [receiver.hang, receiver.dribble])
def test_a_receiver_that_never_ends_is_hung_up_on(
    behaviour: receiver.Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.5)
    with Receiver(script=[behaviour]) as hook:
        outcome = post(message(hook.url), NOW, LOOPBACK)
        assert outcome.status is None
        assert outcome.is_receivers_trouble


def test_of_a_long_answer_little_is_read() -> None:
    with Receiver(script=[receiver.flood]) as hook:
        assert post(message(hook.url), NOW, LOOPBACK).is_taken
        assert hook.hung_up.wait(SECONDS)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Fri, 15 Aug 2025 12:01:00 GMT", 60),
        ("Fri, 15 Aug 2025 11:00:00 GMT", 0),
        ("soon", 0),
        ("-5", 0),
        ("1" * 400, 0),
        ("Fri, 99 Aug 2025 11:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(header: str, seconds: int) -> None:
    with Receiver(script=[receiver.answer(503, Retry_After=header)]) as hook:
        assert post(message(hook.url), NOW, LOOPBACK).retry_after == seconds


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for hook.example, which is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    asked = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    named = ["-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example,IP:127.0.0.3"]
    command = ["openssl", "req", "-x509", "-days", "30", "-out", str(certificate), *asked, *named]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """For the receiver; the sender trusts it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    webhook._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    yield context
    webhook._tls.cache_clear()


def test_tls_asks_for_the_name_at_the_pinned_address(tls: ssl.SSLContext) -> None:
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    with Receiver(tls=tls) as hook:
        url = f"https://hook.example:{hook.server_port}/hook"
        assert post(message(url), NOW, LOOPBACK, resolver(["127.0.0.1"])) == SendResult(204)
    assert asked == ["hook.example"]
    assert hook.received[0].headers["Host"] == f"hook.example:{hook.server_port}"


def test_tls_verifies_the_name_and_not_the_address(tls: ssl.SSLContext) -> None:
    with Receiver(tls=tls) as hook:
        for host, resolve in (
            ("other.example", resolver(["127.0.0.1"])),
            # The certificate is good for the address 127.0.0.3, and nobody asked for that.
            ("other.example", resolver(["127.0.0.3"])),
            ("127.0.0.1", resolver(["127.0.0.1"])),
        ):
            outcome = post(message(f"https://{host}:{hook.server_port}/"), NOW, LOOPBACK, resolve)
            assert "certificate" in outcome.error or "cannot be reached" in outcome.error
        assert hook.received == []


def test_tls_of_an_address_is_verified_by_that(tls: ssl.SSLContext) -> None:
    with Receiver("127.0.0.3", tls=tls) as hook:
        assert post(message(f"https://127.0.0.3:{hook.server_port}/"), NOW, LOOPBACK) == SendResult(204)


def test_an_unknown_authority_is_refused(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    webhook._tls.cache_clear()
    with Receiver(tls=tls) as hook:
        url = f"https://hook.example:{hook.server_port}/"
        outcome = post(message(url), NOW, LOOPBACK, resolver(["127.0.0.1"]))
        assert "certificate" in outcome.error
        assert hook.received == []
