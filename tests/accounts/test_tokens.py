"""Tokens that were not issued here, or are not due here, let nobody in (contract 5)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from time_machine import Traveller

from tests.support.application import NOW, Clients
from tests.support.refusals import refused

Claims = dict[str, Any]
HS256 = {"alg": "HS256", "typ": "JWT"}


def part(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(claims: object, key: str, header: object = HS256, digest: str = "sha256") -> str:
    """A token by hand: a library would refuse to make most of these."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.new(key.encode(), text.encode(), digest).digest())}"


def unsigned(claims: Claims, key: str, alg: str) -> str:
    return f"{part({**HS256, 'alg': alg})}.{part(claims)}."


def without(claims: Claims, *names: str) -> Claims:
    return {name: value for name, value in claims.items() if name not in names}


def claims_of(token: str) -> Claims:
    body = token.split(".")[1]
    claims: Claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


Forge = Callable[[Claims, str], str]
# Each gets the claims of a token that is valid, and the signing key.
FORGED: dict[str, Forge] = {
    "none": lambda c, k: unsigned(c, k, "none"),
    "None": lambda c, k: unsigned(c, k, "None"),
    "NONE": lambda c, k: unsigned(c, k, "NONE"),
    "empty algorithm": lambda c, k: unsigned(c, k, ""),
    "none with a signature": lambda c, k: sign(c, k, {**HS256, "alg": "none"}),
    "no signature": lambda c, k: unsigned(c, k, "HS256"),
    "HS512": lambda c, k: sign(c, k, {**HS256, "alg": "HS512"}, "sha512"),
    "HS384": lambda c, k: sign(c, k, {**HS256, "alg": "HS384"}, "sha384"),
    "HS512 in an HS256 header": lambda c, k: sign(c, k, digest="sha512"),
    "RS256": lambda c, k: sign(c, k, {**HS256, "alg": "RS256"}),
    "ES256": lambda c, k: sign(c, k, {**HS256, "alg": "ES256"}),
    "PS256": lambda c, k: sign(c, k, {**HS256, "alg": "PS256"}),
    "no algorithm": lambda c, k: sign(c, k, {"typ": "JWT"}),
    "algorithm is null": lambda c, k: sign(c, k, {"alg": None}),
    "algorithm is a list": lambda c, k: sign(c, k, {"alg": ["HS256"]}),
    "wrong key": lambda c, k: sign(c, "x" * 64),
    "empty key": lambda c, k: sign(c, ""),
    "key and more": lambda c, k: sign(c, k + "x"),
    "key and a line end": lambda c, k: sign(c, k + "\n"),
    "no exp": lambda c, k: sign(without(c, "exp"), k),
    "exp is null": lambda c, k: sign({**c, "exp": None}, k),
    "exp is a word": lambda c, k: sign({**c, "exp": "never"}, k),
    "exp is a list": lambda c, k: sign({**c, "exp": [c["exp"]]}, k),
    "exp is infinite": lambda c, k: sign({**c, "exp": float("inf")}, k),
    "expired": lambda c, k: sign({**c, "iat": NOW - 10, "exp": NOW - 1}, k),
    "expires now": lambda c, k: sign({**c, "exp": NOW}, k),
    "nbf in the future": lambda c, k: sign({**c, "nbf": NOW + 60}, k),
    "nbf is a word": lambda c, k: sign({**c, "nbf": "soon"}, k),
    "iat in the future": lambda c, k: sign({**c, "iat": NOW + 60}, k),
    "wrong aud": lambda c, k: sign({**c, "aud": "other"}, k),
    "no aud": lambda c, k: sign(without(c, "aud"), k),
    "aud is empty": lambda c, k: sign({**c, "aud": []}, k),
    "wrong iss": lambda c, k: sign({**c, "iss": "other"}, k),
    "no iss": lambda c, k: sign(without(c, "iss"), k),
    "crit": lambda c, k: sign(c, k, {**HS256, "crit": ["exp"]}),
    "crit of an unknown extension": lambda c, k: sign(c, k, {**HS256, "crit": ["x"], "x": 1}),
    "crit is empty": lambda c, k: sign(c, k, {**HS256, "crit": []}),
    "kid is a path, empty key": lambda c, k: sign(c, "", {**HS256, "kid": "../../../../dev/null"}),
    "kid is a path": lambda c, k: sign(c, k, {**HS256, "kid": "../../../../dev/null"}),
    "kid is SQL": lambda c, k: sign(c, "x", {**HS256, "kid": "' UNION SELECT 'x"}),
    "kid is a number": lambda c, k: sign(c, k, {**HS256, "kid": 7}),
    "its own jwk": lambda c, k: sign(
        c, "own", {**HS256, "jwk": {"kty": "oct", "k": part(b"own"), "alg": "HS256"}}
    ),
    "jku": lambda c, k: sign(c, k, {**HS256, "jku": "http://127.0.0.1:9/keys"}),
    "detached payload": lambda c, k: sign(c, k, {**HS256, "b64": False}),
    "no sub": lambda c, k: sign(without(c, "sub"), k),
    "sub is a number": lambda c, k: sign({**c, "sub": 1}, k),
    "no family": lambda c, k: sign(without(c, "fam"), k),
    "family is a number": lambda c, k: sign({**c, "fam": 1}, k),
    "family is null": lambda c, k: sign({**c, "fam": None}, k),
    "family is nobody's": lambda c, k: sign({**c, "fam": "x"}, k),
    "family is SQL": lambda c, k: sign({**c, "fam": "' OR '1'='1"}, k),
    "family is an API token's": lambda c, k: sign({**c, "fam": "token:1"}, k),
    "type is unknown": lambda c, k: sign({**c, "type": "admin"}, k),
    "type is a list": lambda c, k: sign({**c, "type": ["access", "refresh"]}, k),
    "claims are a list": lambda c, k: sign([c], k),
    "claims are a text": lambda c, k: sign("admin", k),
    "claims are no JSON": lambda c, k: sign(b"{", k),
    "header is a list": lambda c, k: sign(c, k, [HS256]),
    "header is no JSON": lambda c, k: sign(c, k, b"\xff"),
    "header is deep": lambda c, k: sign(c, k, b"[" * 3000),
    "claims are deep": lambda c, k: sign(b"[" * 3000, k),
    "claims have a huge number": lambda c, k: sign(b'{"exp":' + b"9" * 4400 + b"}", k),
    "half of a surrogate pair": lambda c, k: sign(b'{"sub":"\\ud800"}', k),
    "signature of other claims": lambda c, k: ".".join(
        [*sign({**c, "exp": c["exp"] + 1}, k).split(".")[:2], sign(c, k).split(".")[2]]
    ),
    "cut short": lambda c, k: sign(c, k)[:-2],
    "one part more": lambda c, k: sign(c, k) + ".e30",
    "two parts": lambda c, k: sign(c, k).rsplit(".", 1)[0],
    "twice": lambda c, k: f"{sign(c, k)} {sign(c, k)}",
    "empty": lambda c, k: "",
    "dots": lambda c, k: "..",
    "one dot": lambda c, k: ".",
    "garbage": lambda c, k: "garbage",
    "not ASCII": lambda c, k: "é.è.à",
    "the key": lambda c, k: k,
    "long": lambda c, k: "a" * 60_000,
    "an API token's beginning": lambda c, k: "st_",
    "an API token that is none": lambda c, k: "st_" + "a" * 43,
    "an API token that is not ASCII": lambda c, k: "st_é",
    "an API token's hash": lambda c, k: "st_" + hashlib.sha256(b"x").hexdigest(),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_contract_5_forged_tokens_are_all_401(
    clients: Clients, clock: Traveller, name: str, kind: str
) -> None:
    token = clients.log_in("admin")[f"{kind}_token"]
    key = str(clients.app.config["JWT_SECRET_KEY"])
    method, path = ("GET", "/auth/me") if kind == "access" else ("POST", "/auth/refresh")
    forged = FORGED[name](claims_of(token), key)
    headers = {"Authorization": f"Bearer {forged}".encode().decode("latin-1")}
    for _ in range(2):
        # The second time as the first: nothing of a forged token is remembered.
        refused(clients.nobody.call(method, path, headers=headers), 401)
    cookie = f"sessiontrack_{kind}={forged}".encode().decode("latin-1")
    headers = {"Cookie": cookie, "X-CSRF-TOKEN": claims_of(token)["csrf"]}
    refused(clients.nobody.call(method, path, headers=headers), 401)
    # What the forgeries are made from is valid.
    again = sign(claims_of(token), key)
    assert again != forged
    assert clients.with_token(again).call(method, path).status_code == 200


def test_contract_5_a_refresh_token_is_no_access_token_and_the_other_way_round(clients: Clients) -> None:
    tokens = clients.log_in("admin")
    access, refresh = clients.with_token(tokens["access_token"]), clients.with_token(tokens["refresh_token"])
    for _ in range(2):
        refused(refresh.get("/auth/me"), 401)
        refused(refresh.post("/api/v2/sessionstart"), 401)
        refused(refresh.post("/auth/logout"), 401)
        refused(access.post("/auth/refresh"), 401)
        # Both are remembered from here on, each for what it is.
        access.ok("GET", "/auth/me")
        refresh.ok("POST", "/auth/refresh")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "{token}",
        "Token {token}",
        "JWT {token}",
        "Bearer: {token}",
        'Bearer "{token}"',
        "Bearer {token}, Bearer {token}",
    ],
)
def test_contract_2_only_a_bearer_header_lets_in(clients: Clients, header: str) -> None:
    token = clients.log_in("admin")["access_token"]
    headers = {"Authorization": header.format(token=token)}
    refused(clients.nobody.call("GET", "/auth/me", headers=headers), 401)


@pytest.mark.parametrize("header", ["Bearer {token}", "bearer {token}", "BEARER  {token} "])
def test_the_scheme_is_read_in_either_case(clients: Clients, header: str) -> None:
    token = clients.log_in("admin")["access_token"]
    headers = {"Authorization": header.format(token=token)}
    assert clients.nobody.call("GET", "/auth/me", headers=headers).status_code == 200


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "api_key"])
def test_a_token_in_the_url_lets_nobody_in(clients: Clients, name: str) -> None:
    token = clients.log_in("admin")["access_token"]
    refused(clients.nobody.get("/auth/me", {name: token}), 401)


def test_contract_5_a_remembered_token_expires_on_the_second(clients: Clients, clock: Traveller) -> None:
    client = clients.logged_in("admin")
    client.ok("GET", "/auth/me")
    clock.shift(899)
    client.ok("GET", "/auth/me")
    clock.shift(1)
    refused(client.get("/auth/me"), 401)


def test_what_is_remembered_of_tokens_has_a_limit(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontrack.http.authentication.MOST_REMEMBERED", 3)
    made = [clients.logged_in("viewer") for _ in range(8)]
    for client in made * 2:
        client.ok("GET", "/auth/me")
    assert 0 < len(clients.app.extensions["sessiontrack.verified_tokens"]) <= 3
