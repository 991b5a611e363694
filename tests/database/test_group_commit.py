"""engines/group_commit.py: brief writers share a commit, but not each other's failures."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sessiontrack.database.engines.group_commit import GroupCommit
from sessiontrack.database.engines.writer_lock import WriterLock
from sessiontrack.exceptions import StorageUnavailable
from tests.database.test_writer_lock import HOLD, ROOT
from tests.support.waiting import SECONDS, join, wait_until


class Counting(sqlite3.Connection):
    """A connection that counts its commits, and can be made to fail."""

    commits = 0
    fails = False

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
        if sql == "COMMIT":
            if self.fails:
                raise sqlite3.OperationalError("disk full")
            self.commits += 1
        return super().execute(sql, *args)  # type: ignore[arg-type]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Counting]:
    made = sqlite3.connect(tmp_path / "db", isolation_level=None, check_same_thread=False, factory=Counting)
    made.execute("PRAGMA journal_mode = WAL")
    made.execute("CREATE TABLE told (number INTEGER PRIMARY KEY)")
    yield made
    made.close()


@pytest.fixture
def group(tmp_path: Path, connection: Counting) -> GroupCommit:
    return GroupCommit(WriterLock(tmp_path / "lock", SECONDS), lambda: connection, SECONDS)


@contextmanager
def others_waiting(group: GroupCommit, *bodies: Callable[[], None]) -> Iterator[list[threading.Thread]]:
    """Start threads that wait for the turn while the caller holds it."""
    threads = [threading.Thread(target=body) for body in bodies]
    with group.member() as shared:
        for count, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda count=count: group._waiting >= count, f"{count} that wait", pause=0.001)  # type: ignore[misc]
        shared.execute("INSERT INTO told VALUES (0)")
        yield threads
    for thread in threads:
        join(thread)


def stored(tmp_path: Path) -> list[int]:
    with closing(sqlite3.connect(tmp_path / "db")) as reader:
        return [number for (number,) in reader.execute("SELECT number FROM told ORDER BY number")]


def write(group: GroupCommit, number: int) -> Callable[[], None]:
    def body() -> None:
        with group.member() as shared:
            shared.execute("INSERT INTO told VALUES (?)", (number,))

    return body


def write_in_vain(group: GroupCommit, sql: str, error: Exception) -> None:
    with group.member() as shared:
        shared.execute(sql)
        raise error


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessiontrack.database.engines.group_commit.LONGEST_SECONDS", SECONDS)


def test_one_by_itself_commits(group: GroupCommit, connection: Counting, tmp_path: Path) -> None:
    write(group, 1)()
    assert stored(tmp_path) == [1]
    assert connection.commits == 1


def test_those_that_wait_share_a_commit(group: GroupCommit, connection: Counting, tmp_path: Path) -> None:
    with others_waiting(group, *(write(group, number) for number in range(1, 6))):
        pass
    assert stored(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert connection.commits == 1


def test_nobody_is_told_before_the_commit(group: GroupCommit, tmp_path: Path) -> None:
    seen: list[bool] = []

    def body() -> None:
        write(group, 1)()
        seen.append(1 in stored(tmp_path))

    with others_waiting(group, body, write(group, 2)):
        pass
    assert seen == [True]
    assert stored(tmp_path) == [0, 1, 2]


def test_an_error_in_one_undoes_that_one_only(group: GroupCommit, tmp_path: Path) -> None:
    def fail() -> None:
        with pytest.raises(KeyError):
            write_in_vain(group, "INSERT INTO told VALUES (7)", KeyError())

    with others_waiting(group, write(group, 1), fail, write(group, 2), fail):
        pass
    assert stored(tmp_path) == [0, 1, 2]


def test_an_error_in_the_first_undoes_that_one_only(group: GroupCommit, tmp_path: Path) -> None:
    with pytest.raises(KeyError), others_waiting(group, write(group, 1), write(group, 2)) as threads:
        raise KeyError
    for thread in threads:
        join(thread)
    assert stored(tmp_path) == [1, 2]


def test_a_commit_that_fails_is_told_to_all(group: GroupCommit, connection: Counting, tmp_path: Path) -> None:
    told: list[str] = []

    def failing(number: int) -> Callable[[], None]:
        def body() -> None:
            with pytest.raises(sqlite3.OperationalError) as caught:
                write(group, number)()
            told.append(str(caught.value))

        return body

    connection.fails = True
    with (
        pytest.raises(sqlite3.OperationalError, match="disk full"),
        others_waiting(group, failing(1), failing(2)) as threads,
    ):
        pass
    for thread in threads:
        join(thread)
    assert told == ["disk full", "disk full"]
    assert stored(tmp_path) == []
    connection.fails = False
    write(group, 3)()
    assert stored(tmp_path) == [3]


def test_what_undoes_the_whole_transaction_is_told_to_all_in_it(group: GroupCommit, tmp_path: Path) -> None:
    def undo_everything() -> None:
        with pytest.raises(sqlite3.Error):
            # As SQLite does itself when the disk is full.
            write_in_vain(group, "ROLLBACK", sqlite3.OperationalError("disk full"))

    with (
        pytest.raises(sqlite3.OperationalError, match="disk full"),
        others_waiting(group, undo_everything),
    ):
        pass
    assert stored(tmp_path) == []
    write(group, 3)()
    assert stored(tmp_path) == [3]


def test_a_long_writer_comes_after_the_group_that_is_open(group: GroupCommit, tmp_path: Path) -> None:
    found: list[list[int]] = []

    def long_one() -> None:
        with group.alone():
            found.append(stored(tmp_path))

    with others_waiting(group, long_one):
        pass
    assert found == [[0]]


def test_a_group_ends_though_others_still_come(
    group: GroupCommit, connection: Counting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sessiontrack.database.engines.group_commit.MOST_MEMBERS", 2)
    with others_waiting(group, *(write(group, number) for number in range(1, 6))):
        pass
    assert stored(tmp_path) == [0, 1, 2, 3, 4, 5]
    assert connection.commits == 3


def test_many_threads_lose_nothing(group: GroupCommit, connection: Counting, tmp_path: Path) -> None:
    def body(first: int) -> None:
        for number in range(first, first + 50):
            if number % 7:
                write(group, number)()
            else:
                with pytest.raises(KeyError):
                    write_in_vain(group, f"INSERT INTO told VALUES ({number})", KeyError())

    threads = [threading.Thread(target=body, args=(1000 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert stored(tmp_path) == [
        1000 * n + step for n in range(8) for step in range(50) if (1000 * n + step) % 7
    ]


@pytest.mark.long
def test_a_turn_that_does_not_come_is_told(tmp_path: Path, connection: Counting) -> None:
    group = GroupCommit(WriterLock(tmp_path / "lock", 1), lambda: connection, 1)
    told: list[str] = []

    def body() -> None:
        with pytest.raises(StorageUnavailable) as caught:
            write(group, 1)()
        told.append(caught.value.message)

    with group.alone():
        thread = threading.Thread(target=body)
        thread.start()
        join(thread)
    assert told == ["The database is busy; try again shortly."]
    write(group, 2)()
    assert stored(tmp_path) == [2]


def test_a_holder_that_was_stopped_keeps_nobody_waiting_for_ever(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        lock = WriterLock(tmp_path / "lock", 1)
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="busy"), lock.held():
                pass
        os.kill(holder.pid, signal.SIGCONT)
        holder.stdin.close()
        holder.wait(SECONDS)
    # A lock that comes after the timeout is released.
    for _ in range(3):
        with lock.held(), WriterLock(tmp_path / "other", 1).held():
            pass
    with WriterLock(tmp_path / "lock", SECONDS).held():
        pass
