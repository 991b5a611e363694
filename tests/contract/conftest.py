"""The OpenAPI document, which takes a while to make."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sessiontrack import create_app


@pytest.fixture(scope="session")
def document_text(template: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """As it is answered; whoever reads it has one of their own to change."""
    folder = tmp_path_factory.mktemp("openapi") / "instance"
    shutil.copytree(template[0], folder)
    answer = create_app({"INSTANCE": folder}).test_client().get("/openapi.json")
    assert answer.status_code == 200
    return answer.data


@pytest.fixture(scope="module")
def document(document_text: bytes) -> dict[str, Any]:
    """Read only."""
    found: dict[str, Any] = json.loads(document_text)
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By "GET /path"."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
