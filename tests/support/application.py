"""Fixtures with an application: a fresh copy of a migrated database for each test, a client for each role.

tests/conftest.py loads them where a test outside of tests/values is collected.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright
from werkzeug.test import TestResponse

from sessiontrack import application, create_app, migrations
from sessiontrack.database import Transaction, db, write_transaction
from sessiontrack.services import api_tokens, users
from tests.support import databases
from tests.support.engine import IS_POSTGRES
from tests.support.server import Server
from tests.support.shared_url_map import SharedUrlMap
from tests.support.subpath import SubPathProxy
from tests.support.waiting import PATIENT
from tests.support.web import Visit, WebServer, fill_with_demo, launch, visiting

databases.use_in_this_process()
application.UrlMap = SharedUrlMap

# One round: the real hash takes a tenth of a second and more, for a name that does not exist too.
CHEAP_METHOD = "pbkdf2:sha256:1"
REAL_METHOD, users.PASSWORD_METHOD = users.PASSWORD_METHOD, CHEAP_METHOD


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing open."""
    databases.close_connections()


# 2025-08-15 12:00:00 UTC, a Friday: after the source documents' examples.
NOW = 1_755_259_200
PASSWORD = "correct horse"
ROLES = ("admin", "operator", "viewer")


class Client:
    """Calls the application as one user."""

    def __init__(self, flask_client: FlaskClient, token: str | None) -> None:
        self._client = flask_client
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def use(self, app: Flask) -> None:
        """Call another application from now on, with the same token."""
        self._client = app.test_client(use_cookies=False)

    def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        headers = {**self.headers, **kwargs.pop("headers", {})}
        if body is not None:
            kwargs["json"] = body
        return self._client.open(path, method=method, headers=headers, **kwargs)

    def get(self, path: str, query: Any = None) -> TestResponse:
        return self.call("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        return self.call("POST", path, body, **kwargs)

    def delete(self, path: str, body: Any = None, **kwargs: Any) -> TestResponse:
        return self.call("DELETE", path, body, **kwargs)

    def ok(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        """The body of an answer that must be 200."""
        response = self.call(method, path, body, **kwargs)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.get_json()


@dataclass(frozen=True)
class LiveServer:
    """A running server, its instance folder, and the secret of each role's API token."""

    server: Server
    instance: Path
    tokens: dict[str, str]


class Clients:
    """A client for each role (by API token), one without a token, and logins."""

    def __init__(self, app: Flask, secrets: dict[str, str]) -> None:
        self.app = app
        self.admin, self.operator, self.viewer = (self.with_token(secrets[role]) for role in ROLES)
        self.nobody = self.with_token(None)

    def with_token(self, token: str | None) -> Client:
        # Without a cookie jar: what a client sends is what its test says.
        return Client(self.app.test_client(use_cookies=False), token)

    def log_in(self, username: str, password: str = PASSWORD) -> dict[str, Any]:
        """The tokens of a new login."""
        body = {"username": username, "password": password}
        tokens: dict[str, Any] = self.nobody.ok("POST", "/auth/login", body)
        return tokens

    def logged_in(self, username: str) -> Client:
        return self.with_token(self.log_in(username)["access_token"])


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Make a folder by what is given, once for all processes of the run."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, is_made = run / name, run / f"{name}-is-made"
        with (run / f"{name}-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_made.exists():
                fill(folder)
                is_made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def template(made_once: Callable[[str, Callable[[Path], None]], Path]) -> tuple[Path, dict[str, str]]:
    """An instance folder with a user and an API token for each role, and the tokens' secrets."""
    folder = made_once("template", make_template)
    return folder, json.loads(folder.with_name("template-tokens").read_text())


def make_template(folder: Path) -> None:
    """The instance folder, and a file of the tokens' secrets beside it."""
    app = create_app({"INSTANCE": folder})
    password_hash = users.hash_password(PASSWORD)
    secrets = {}
    with app.app_context():
        migrations.upgrade(db.engine)
        with write_transaction() as tx:
            for role in ROLES:
                users.add_user(tx, NOW, role, password_hash, role)
                secrets[role] = api_tokens.issue_token(tx, NOW, role, f"{role}'s", None).secret
        db.engine.dispose()
    databases.mark_template(folder)
    folder.with_name("template-tokens").write_text(json.dumps(secrets))


@pytest.fixture(autouse=True)
def _databases_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test has made on a database server is dropped after it."""
    if not IS_POSTGRES or "tmp_path" not in request.fixturenames:
        yield
        return
    folder = request.getfixturevalue("tmp_path")
    yield
    databases.drop_below(folder)


@pytest.fixture
def make_clients(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Callable[..., Clients]]:
    """Make an application with settings of the test's own, on a copy of the template, and its clients."""
    made: list[Flask] = []

    def make(**overrides: object) -> Clients:
        folder = tmp_path / f"instance-{len(made)}"
        shutil.copytree(template[0], folder)
        made.append(create_app({"INSTANCE": folder, **PATIENT, **overrides}))
        return Clients(made[-1], template[1])

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def instance(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    """A copy of the template, which no application has opened."""
    folder = tmp_path / "instance"
    shutil.copytree(template[0], folder)
    return folder


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Passwords are hashed as they are outside of tests."""
    monkeypatch.setattr(users, "PASSWORD_METHOD", REAL_METHOD)
    users._nobodys_hash.cache_clear()
    yield
    users._nobodys_hash.cache_clear()


@pytest.fixture
def clients(make_clients: Callable[..., Clients]) -> Clients:
    """The clients of an application with default settings."""
    return make_clients()


@pytest.fixture
def app(clients: Clients) -> Flask:
    """The application of those clients."""
    return clients.app


@pytest.fixture
def tx(app: Flask) -> Iterator[Transaction]:
    """A write transaction on the application's database; committed at the end of the test."""
    with app.app_context(), write_transaction() as transaction:
        yield transaction


@pytest.fixture
def now() -> int:
    """The instant at which services are tested: pass it, do not patch."""
    return NOW


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The process's clock, standing still at NOW; `clock.shift(60)` and `clock.move_to(...)` move it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(scope="session")
def live(
    template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """The real server with two workers, for all tests that need no server of their own."""
    folder = tmp_path_factory.mktemp("live") / "instance"
    shutil.copytree(template[0], folder)
    with Server(folder) as server:
        yield LiveServer(server, folder, template[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests; each test has windows of its own in it."""
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def demo(
    template: tuple[Path, dict[str, str]], made_once: Callable[[str, Callable[[Path], None]], Path]
) -> Path:
    """The template, with the demo's home office up to now."""

    def fill(folder: Path) -> None:
        shutil.copytree(template[0], folder)
        fill_with_demo(folder)
        databases.mark_template(folder)

    return made_once("demo", fill)


@pytest.fixture(scope="session")
def running_web_server(
    demo: Path, template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    """The one of this process."""
    folder = tmp_path_factory.mktemp("web") / "instance"
    shutil.copytree(demo, folder)
    settings = {"TIMEZONE": "Europe/Paris", "TRUSTED_PROXIES": "127.0.0.1", "LOGIN_ATTEMPTS_PER_NAME": "3"}
    with Server(folder, workers=1, **settings) as server:
        yield WebServer(server, folder, template[1])


@pytest.fixture
def web_server(running_web_server: WebServer) -> WebServer:
    """The real server with the demo's data, for tests of the web UI; they leave the data as it is."""
    running_web_server.bring_people_back()
    return running_web_server


@pytest.fixture
def visit(browser: Browser, web_server: WebServer) -> Iterator[Visit]:
    """A window on that server in which nobody is signed in."""
    with visiting(browser, web_server.base) as opened:
        yield opened


@pytest.fixture
def signed_in(visit: Visit) -> Visit:
    """A window in which the administrator is signed in."""
    visit.log_in("admin", PASSWORD)
    return visit


@pytest.fixture
def own(browser: Browser, instance: Path) -> Iterator[Visit]:
    """The administrator's window on a server whose users and tokens the test may change."""
    (instance / "sessiontrack.toml").write_text('retention_events = "1 year"\n')
    with (
        Server(instance, workers=1, TIMEZONE="Europe/Paris") as server,
        visiting(browser, f"http://127.0.0.1:{server.port}") as visit,
    ):
        visit.log_in("admin", PASSWORD)
        yield visit


@pytest.fixture
def subpath(web_server: WebServer) -> Iterator[str]:
    """The address of that server below a sub-path, behind a proxy as nginx would be."""
    with SubPathProxy(web_server.server.port, "/sessiontrack") as proxy:
        yield proxy.base
