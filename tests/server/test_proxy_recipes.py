"""Login by a proxy: what docs/accounts.md and docs/start.md show for nginx, in an nginx that runs."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sessiontrack.deployment.files import Choices, render
from tests.support.nginx import ConfiguredNginx
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.receiver import Handler, Receiver, answer
from tests.support.server import COMMAND, Server, environment

OWN_PAGE = "the appliance's own page"
SITE = """
{http}
server {{
    listen 127.0.0.1:{port};
    root {folder}/pages;
    {sign_in}
    {locations}
}}
"""
PASSWORD_FILE = """
    auth_basic {realm};
    auth_basic_user_file {folder}/htpasswd;
"""
ANNA = {"Authorization": "Basic YW5uYTpzZWNyZXQ="}  # anna:secret
# nginx takes the name from it all the same, where it does not look at the password.
FORGED = {"Authorization": "Basic YWRtaW46d3Jvbmc="}  # admin:wrong


class Site(ConfiguredNginx):
    """A site with a page of its own and the documented lines."""

    def __init__(self, folder: Path, *, sign_in: str, locations: str, http: str = "") -> None:
        (folder / "pages").mkdir(parents=True)
        (folder / "pages" / "own.html").write_text(OWN_PAGE)
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "secret"], capture_output=True, text=True)
        (folder / "htpasswd").write_text(f"anna:{hashed.stdout}")
        self.port = free_port()
        locations = locations.replace("/etc/nginx/htpasswd", f"{folder}/htpasswd")
        given = {"port": self.port, "folder": folder, "http": http, "locations": locations}
        super().__init__(folder, SITE.format(**given, sign_in=sign_in.format(folder=folder)))

    def me(self, token: str | None = None, **headers: str) -> tuple[int, str | None]:
        """The status, and how and as whom one is signed in."""
        got = self.call("GET", "/sessiontrack/auth/me", token=token, **headers)
        return got.status, f"{got.json['kind']} {got.json['username']}" if got.status == 200 else None


class Behind(NamedTuple):
    port: int
    token: str


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """A server that believes nginx, and a viewer's token of admin's."""
    instance = tmp_path_factory.mktemp("recipes") / "instance"
    settings = {"TRUSTED_PROXIES": "127.0.0.1", "AUTH_PROXY_HEADER": "X-Remote-User"}
    with Server(instance, workers=1, **settings) as server:
        made = subprocess.run(
            [COMMAND, "token", "add", "script", "--role", "viewer", "--quiet"],
            env=environment(instance, **settings),
            capture_output=True,
            text=True,
            check=True,
        )
        yield Behind(server.port, made.stdout.strip())


def in_location(behind: Behind) -> str:
    """The location of docs/start.md, with this server's port."""
    (site,) = blocks("start.md", "In an appliance", "nginx")
    location = re.search(r"^    location .+? {\n.+?^    }\n", site, re.MULTILINE | re.DOTALL)
    assert location is not None
    assert ":8000" in location[0]
    return location[0].replace(":8000", f":{behind.port}")


@pytest.fixture(params=["in the location", "in the server block", "installed snippet"])
def basic(request: pytest.FixtureRequest, behind: Behind, tmp_path: Path) -> Iterator[Site]:
    """A password file, and tokens that pass it; the appliance's own page is behind the file, too."""
    (maps,) = blocks("accounts.md", "Tokens through nginx", "nginx")
    location = in_location(behind)
    sign_in = PASSWORD_FILE.replace("{realm}", "$sessiontrack_realm")
    if request.param == "in the location":
        sign_in = PASSWORD_FILE.replace("{realm}", '"Appliance"')
        location = location.replace("{", "{\nauth_basic $sessiontrack_realm;", 1)
    if request.param == "installed snippet":
        choices = Choices(port=behind.port, prefix="/sessiontrack", proxy_user_header="X-Remote-User")
        maps = render("nginx/http.conf", choices) + maps
        location = render("nginx/locations.conf", choices)
    with Site(tmp_path / "nginx", http=maps, sign_in=sign_in, locations=location) as site:
        yield site


def test_a_password_file_names_the_user_and_tokens_pass_it(basic: Site, behind: Behind) -> None:
    refused = basic.call("GET", "/sessiontrack/auth/me")
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="Appliance"')
    assert basic.me(**ANNA) == (200, "proxy anna")
    assert basic.me(behind.token) == (200, "token admin")
    assert basic.me(Authorization=f"bearer {behind.token}") == (200, "token admin")


def test_the_site_of_an_image_signs_in_its_pages_and_what_install_wrote(
    behind: Behind, tmp_path: Path
) -> None:
    """docs/embedding.md, "nginx in the image"; where it listens and what its pages are is the test's own."""
    (shown,) = blocks("embedding.md", "nginx in the image", "nginx")
    choices = Choices(port=behind.port, prefix="/sessiontrack", proxy_user_header="X-Remote-User")
    (tmp_path / "snippet").write_text(render("nginx/locations.conf", choices))
    included = "include snippets/sessiontrack.conf;"
    assert included in shown
    inner = shown.replace(included, f"include {tmp_path}/snippet;").splitlines()[1:-1]
    locations = "\n".join(line for line in inner if not re.match(r" *(listen|root) ", line))
    http = render("nginx/http.conf", choices)
    with Site(tmp_path / "nginx", http=http, sign_in="", locations=locations) as site:
        assert site.me() == (401, None)
        assert site.me(**ANNA) == (200, "proxy anna")
        assert site.call("GET", "/own.html").status == 401
        assert site.call("GET", "/own.html", **ANNA).raw == OWN_PAGE.encode()


def test_a_bearer_header_alone_opens_nothing(basic: Site, behind: Behind) -> None:
    assert basic.me("st_unknown") == (401, None)
    # No name of the client's own gets through.
    assert basic.me("st_unknown", **{"X-Remote-User": "admin"}) == (401, None)
    assert basic.me(**ANNA, **{"X-Remote-User": "admin"}) == (200, "proxy anna")
    # It opens no other page, and a path that reads like the header is none.
    for path in ("/own.html", "/sessiontrack/../own.html", "/sessiontrack/%2e%2e/own.html"):
        assert basic.call("GET", path, token=behind.token).status == 401
        assert OWN_PAGE.encode() not in basic.call("GET", path, token=behind.token).raw
    assert basic.call("GET", "/own.html", **ANNA).raw == OWN_PAGE.encode()
    for path in ("/sessiontrack/devices/x%20bearer%20x", "/sessiontrack/auth/me?bearer%20x"):
        assert basic.call("GET", path, **FORGED).status == 401


def test_two_authorizations_are_not_the_better_of_both(basic: Site) -> None:
    for first, second in (("Bearer x", FORGED["Authorization"]), (FORGED["Authorization"], "Bearer x")):
        both = ["-H", f"Authorization: {first}", "-H", f"Authorization: {second}"]
        url = f"http://127.0.0.1:{basic.port}/sessiontrack/auth/me"
        ran = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *both, url],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout in ("400", "401")


def test_a_foreign_page_cannot_name_its_own_host(basic: Site) -> None:
    foreign = {**ANNA, "Origin": "http://evil.example"}
    for forged in ({}, {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Port": "80"}):
        answered = basic.call("POST", "/sessiontrack/api/v2/sessionstart", **foreign, **forged)
        assert answered.status == 403, forged
    own = {**ANNA, "Origin": f"http://127.0.0.1:{basic.port}"}
    assert basic.call("POST", "/sessiontrack/api/v2/sessionstart", **own).status == 200


def checks(cookie: str, header: str) -> Any:
    """What a sign-in answers to `auth_request`: 202 with the name, or 401."""

    def behave(handler: Handler) -> None:
        signed_in = handler.headers["Cookie"] == cookie
        (answer(202, **{header: "anna"}) if signed_in else answer(401))(handler)

    return behave


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/oauth2/auth", "X-Auth-Request-Preferred-Username"),
        ("/api/authz/auth-request", "Remote-User"),
    ],
    ids=["oauth2-proxy", "authelia"],
)
def test_a_sign_in_that_nginx_asks_names_the_user(
    path: str, header: str, behind: Behind, tmp_path: Path
) -> None:
    (shown,) = blocks("accounts.md", "By oauth2-proxy, Authelia or Keycloak", "nginx")
    with Receiver(otherwise=checks("session=good", header)) as sign_in:
        here = {
            "127.0.0.1:8000": f"127.0.0.1:{behind.port}",
            "127.0.0.1:4180/oauth2/auth": f"127.0.0.1:{sign_in.server_port}{path}",
            "upstream_http_x_auth_request_preferred_username": "upstream_http_"
            + header.lower().replace("-", "_"),
        }
        for there, instead in here.items():
            assert there in shown
            shown = shown.replace(there, instead)
        with Site(tmp_path / "nginx", sign_in="", locations=shown) as site:
            sign_in.received.clear()
            assert site.me(Cookie="session=good") == (200, "proxy anna")
            (asked,) = sign_in.received
            assert (asked.path, asked.headers["X-Original-Method"]) == (path, "GET")
            assert asked.headers["X-Original-URL"] == f"http://127.0.0.1:{site.port}/sessiontrack/auth/me"
            # A body stays with the request.
            seen = {"visible": True, "path": "[devices]"}
            csrf = {"Cookie": "session=good", "X-CSRF-TOKEN": "1"}
            assert site.call("POST", "/sessiontrack/api/v2/sessionstart", **csrf).status == 200
            assert site.call("POST", "/sessiontrack/api/v2/keepalive", seen, **csrf).status == 200
            # Nobody else: no cookie, names of the client's own, and a password that nobody has looked at.
            for forged in ({}, {"X-Remote-User": "admin"}, {header: "admin"}, FORGED):
                refused = site.call("GET", "/sessiontrack/auth/me?a=b", **forged)
                assert refused.status == 302, forged
                assert refused.headers["Location"].endswith("/oauth2/sign_in?rd=/sessiontrack/auth/me?a=b")
            # Tokens, which the sign-in does not see.
            sign_in.received.clear()
            assert site.me(behind.token) == (200, "token admin")
            assert site.me("st_unknown", **{"X-Remote-User": "admin"}) == (401, None)
            assert not sign_in.received
            assert site.call("GET", "/sessiontrack-check", token=behind.token).status == 404


def test_a_site_of_its_own_signs_in_alike(behind: Behind, tmp_path: Path) -> None:
    (shown,) = blocks("accounts.md", "By oauth2-proxy, Authelia or Keycloak", "nginx")
    with Receiver(otherwise=checks("session=good", "X-Auth-Request-Preferred-Username")) as sign_in:
        here = {
            "127.0.0.1:8000": f"127.0.0.1:{behind.port}",
            "127.0.0.1:4180": f"127.0.0.1:{sign_in.server_port}",
            # As the page says.
            "location /sessiontrack/ {": "location / {",
            "X-Forwarded-Prefix /sessiontrack;": 'X-Forwarded-Prefix "";',
        }
        for there, instead in here.items():
            assert there in shown
            shown = shown.replace(there, instead)
        with Site(tmp_path / "nginx", sign_in="", locations=shown) as site:
            me = site.call("GET", "/auth/me", Cookie="session=good")
            assert (me.json["kind"], me.json["username"]) == ("proxy", "anna")
            # The client's own prefix does not get through, nor its own name.
            page = site.call("GET", "/ui/now", Cookie="session=good", **{"X-Forwarded-Prefix": "/forged"})
            assert (page.status, b"/forged" in page.raw) == (200, False)
            refused = site.call("GET", "/auth/me", **{"X-Remote-User": "admin"})
            assert refused.status == 302
            assert site.call("GET", "/auth/me", token=behind.token).json["kind"] == "token"
