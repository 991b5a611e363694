"""The application is made without compiling its URLs; they are right all the same."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule
from werkzeug.routing.matcher import StateMachineMatcher

from sessiontrack import application, create_app
from sessiontrack.http.url_map import UrlMap
from tests.support.waiting import join


@pytest.fixture
def make_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Flask]:
    """Make an application whose map is its own."""
    monkeypatch.setattr(application, "UrlMap", UrlMap)
    return lambda: create_app({"INSTANCE": tmp_path})


def test_rules_are_compiled_for_the_first_request(
    make_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    of_werkzeug = Rule.compile

    def compile_rule(rule: Rule) -> None:
        compiled.append(rule.rule)
        of_werkzeug(rule)

    monkeypatch.setattr(Rule, "compile", compile_rule)
    app = make_app()
    assert compiled == []
    client = app.test_client()
    for _ in range(2):
        assert client.get("/healthz").status_code == 200
    assert len(compiled) == len(list(app.url_map.iter_rules()))


def test_a_request_waits_for_the_rules_that_another_one_compiles(
    make_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, found = make_app(), []
    of_werkzeug = StateMachineMatcher.add

    def ask() -> None:
        found.append(app.test_client().get("/healthz").status_code)

    second = Thread(target=ask)

    def add(matcher: StateMachineMatcher, rule: Rule) -> None:
        if rule.rule == "/healthz":
            second.start()
            # Time enough for an answer that would not wait.
            second.join(0.1)
        of_werkzeug(matcher, rule)

    monkeypatch.setattr(StateMachineMatcher, "add", add)
    ask()
    join(second)
    assert found == [200, 200]


def test_a_url_is_built_by_what_is_compiled_then(
    make_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    of_werkzeug = Rule._compile_builder

    def compile_builder(rule: Rule, append_unknown: bool = True) -> object:
        compiled.append(rule.rule)
        return of_werkzeug(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", compile_builder)
    app = make_app()
    list(app.url_map.iter_rules())
    assert compiled == []
    with app.test_request_context():
        for _ in range(2):
            assert url_for("web.device", mac="AA:BB:CC:00:00:01", tab="x y") == (
                "/ui/devices/AA:BB:CC:00:00:01?tab=x+y"
            )
    assert set(compiled) == {"/ui/devices/<mac:mac>"}
