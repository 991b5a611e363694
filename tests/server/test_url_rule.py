"""The application is made without compiling the builders of its URLs; the URLs are right all the same."""

from pathlib import Path

import pytest
from flask import url_for
from werkzeug.routing import Rule

from sessiontrack import create_app


def test_a_url_is_built_by_what_is_compiled_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    of_werkzeug = Rule._compile_builder

    def compile_builder(rule: Rule, append_unknown: bool = True) -> object:
        compiled.append(rule.rule)
        return of_werkzeug(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", compile_builder)
    app = create_app({"INSTANCE": tmp_path})
    assert compiled == []
    with app.test_request_context():
        for _ in range(2):
            assert url_for("web.device", mac="AA:BB:CC:00:00:01", tab="x y") == (
                "/ui/devices/AA:BB:CC:00:00:01?tab=x+y"
            )
    assert set(compiled) == {"/ui/devices/<mac:mac>"}
