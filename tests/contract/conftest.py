"""The OpenAPI document, which takes a while to make."""

import shutil
from pathlib import Path

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
