"""benchmarks/flat_calls.py: no call of the document is left unmeasured, and none is asked wrongly."""

from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks import dataset, flat
from benchmarks.dataset import Shape
from benchmarks.flat_calls import CALLS
from tests.support.application import Clients


def test_every_call_of_the_document_is_measured(clients: Clients) -> None:
    paths = clients.nobody.get("/openapi.json").json["paths"]
    methods = {"get", "post", "put", "patch", "delete"}
    described = {(method.upper(), path) for path, calls in paths.items() for method in methods & set(calls)}
    assert described == {call.key for call in CALLS}
    names = [call.name for call in CALLS]
    assert len(set(names)) == len(names)


@pytest.mark.sqlite("the history is written through sqlite3")
def test_every_call_is_answered(tmp_path: Path) -> None:
    shape = Shape.of(200, 10)
    with patch.object(dataset, "DATA", tmp_path / "data"):
        found = flat.measure(shape, tmp_path, "", tmp_path)
    assert {name: measured.statuses for name, measured in found.items() if measured.statuses != {200}} == {}
    assert set(found) == {call.name for call in CALLS}
    assert "| totals: all | " in flat.table([200], [found])


@pytest.mark.sqlite("the history is written through sqlite3")
def test_one_call_alone_is_answered_as_among_the_others(tmp_path: Path) -> None:
    with patch.object(dataset, "DATA", tmp_path / "data"):
        for only in ("keepalive", "device: delete", "user: change", "presence at"):
            found = flat.measure(Shape.of(200, 10), tmp_path, only, None)
            assert found
            assert all(only in name for name in found)
            assert all(measured.statuses == {200} for measured in found.values()), only


def test_a_name_of_no_call_is_refused_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["flat", "--only", "nothing such"])
    monkeypatch.setattr(flat, "measure", lambda *_: {})
    with pytest.raises(SystemExit):
        flat.main()
    assert "presence at: middle; presence at: csv" in capsys.readouterr().err


def test_a_call_that_is_slow_or_grows_is_named() -> None:
    def measured(ms: float, status: int = 200) -> dict[str, flat.Measured]:
        return {"totals: all": flat.Measured(first=ms, whole=ms, statuses={status})}

    sizes = [10_000, 1_000_000]
    assert "over its limit, grows 6.0 times" in flat.table(sizes, [measured(1), measured(6)])
    assert "answers [200, 404]" in flat.table(sizes, [measured(1), measured(1, 404)])
    assert flat.table(sizes, [measured(1), measured(1)]).endswith("| 1.0 | 1.0 | 5 / 5 |  |")
