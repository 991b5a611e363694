"""instance.py: the signing key and the first password."""

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiontrack.exceptions import InvalidSetting
from sessiontrack.process import instance


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_made_with_its_parents_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    instance.make_instance_folder(folder)
    instance.make_instance_folder(folder)
    assert mode(folder) == 0o700


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    instance.make_instance_folder(tmp_path)
    assert mode(tmp_path) == 0o750


@pytest.mark.parametrize("path", ["file", "file/below"])
def test_what_is_no_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidSetting, match="file"):
        instance.make_instance_folder(tmp_path / path)


def test_the_signing_key_is_random_long_and_kept(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    key = instance.signing_key(tmp_path)
    assert len(key) >= 43
    assert instance.signing_key(tmp_path) == key
    assert instance.signing_key(tmp_path / "other") != key
    assert mode(tmp_path / instance.KEY_FILE) == 0o600


def test_of_many_at_once_all_have_the_same_key_and_no_draft_stays(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: instance.signing_key(tmp_path), range(64)))
    assert len(keys) == 1
    assert [each.name for each in tmp_path.iterdir()] == [instance.KEY_FILE]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short\n",
        b"k" * 31,
        b" " * 64,
        b"\xff" * 64,
        b"a" * 64,
        b"0123456789" * 7,
        b"password" * 8,
        b"Change-Me-0123456789-abcdefghijklmnop",
        b"my-Super-Secret-key-of-0123456789-abcdef",
        b"a-string-secret-at-least-256-bits-long",
        b"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        b"09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7",
        b"sessiontrack-sessiontrack-0123456789",
    ],
)
def test_a_key_that_is_none_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / instance.KEY_FILE
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(InvalidSetting, match=instance.KEY_FILE):
        instance.signing_key(tmp_path)
    assert file.read_bytes() == content


def test_no_random_key_is_taken_for_a_known_one() -> None:
    assert not [key for _ in range(2000) if instance._is_guessable(key := secrets.token_urlsafe(24))]


@pytest.mark.parametrize("bits", [0o644, 0o604, 0o606, 0o601])
def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path, bits: int) -> None:
    instance.signing_key(tmp_path)
    file = tmp_path / instance.KEY_FILE
    file.chmod(bits)
    with pytest.raises(InvalidSetting, match="chmod 600"):
        instance.signing_key(tmp_path)
    file.chmod(0o640)
    instance.signing_key(tmp_path)


def test_a_key_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=instance.KEY_FILE):
        instance.signing_key(tmp_path / "nowhere")


def test_the_first_password_is_written_over_an_old_one_and_forgotten(tmp_path: Path) -> None:
    instance.write_initial_password(tmp_path, "old")
    file = instance.write_initial_password(tmp_path, "new")
    assert file.read_text() == "new\n"
    assert mode(file) == 0o600
    instance.forget_initial_password(tmp_path)
    instance.forget_initial_password(tmp_path)
    assert list(tmp_path.iterdir()) == []
