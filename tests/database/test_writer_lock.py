"""writer_lock.py: one writer at a time, among threads and among processes."""

import fcntl
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from flask import Flask

from sessiontrack.database import db, write_transaction
from sessiontrack.database.engines.postgres import PostgreSQL
from sessiontrack.database.engines.writer_lock import WriterLock
from sessiontrack.exceptions import StorageUnavailable
from tests.support.waiting import SECONDS, join, wait_until

ROOT = Path(__file__).parents[2]

# Reads, waits and writes back: without a lock it loses most of the other processes' steps.
INCREMENT = """
import sys, time
from pathlib import Path
from sessiontrack.database.engines.writer_lock import WriterLock

lock, counter = WriterLock(Path(sys.argv[1]), 30), Path(sys.argv[2])
for _ in range(50):
    with lock.held():
        number = int(counter.read_text())
        time.sleep(0.001)
        counter.write_text(str(number + 1))
"""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    arguments = [sys.executable, "-c", INCREMENT, str(tmp_path / "lock"), str(counter)]
    processes = [subprocess.Popen(arguments, cwd=ROOT) for _ in range(4)]
    assert [process.wait(SECONDS) for process in processes] == [0] * 4
    assert counter.read_text() == "200"


def test_one_thread_at_a_time(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock", 30)
    numbers = [0]

    def increment() -> None:
        for _ in range(50):
            with lock.held():
                number = numbers[0]
                time.sleep(0.0005)
                numbers[0] = number + 1

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert numbers == [200]


@pytest.mark.long
def test_a_thread_whose_turn_does_not_come_is_told(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock", 1)
    told: list[str] = []

    def wait() -> None:
        with pytest.raises(StorageUnavailable) as caught, lock.held():
            told.append("had its turn")
        told.append(caught.value.message)

    with lock.held():
        thread = threading.Thread(target=wait)
        thread.start()
        join(thread)
    assert told == ["The database is busy; try again shortly."]
    with lock.held():
        pass


HOLD = """
import sys
from pathlib import Path
from sessiontrack.database.engines.writer_lock import WriterLock
from tests.support.waiting import SECONDS, join

from tests.support.waiting import SECONDS, join
from sessiontrack.database.engines.writer_lock import WriterLock

with WriterLock(Path(sys.argv[1]), 30).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_of_a_process_that_was_killed_the_next_one_inherits(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
    with WriterLock(tmp_path / "lock", 30).held():
        pass


def test_the_holder_sees_that_another_process_waits(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock", 30)
    arguments = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with lock.held():
        assert not lock.is_wanted()
        with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
            wait_until(lock.is_wanted, "that it waits")
            killed.kill()
        assert not lock.is_wanted()
        with subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiter:
            wait_until(lock.is_wanted, "that it waits")
            lock.release()
            assert waiter.stdout is not None
            assert waiter.stdout.readline() == b"held\n"
            assert not lock.is_wanted()
            waiter.communicate()
        lock.acquire()
        assert not lock.is_wanted()


def test_where_files_have_no_such_locks_somebody_may_always_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = WriterLock(tmp_path / "lock", 30)
    with lock.held():
        monkeypatch.setattr(fcntl, "fcntl", Mock(side_effect=OSError))
        assert lock.is_wanted()


def _open_files(path: Path) -> int:
    """How often this process has it open."""
    descriptors = Path("/proc/self/fd").iterdir()
    return sum(each.is_symlink() and each.resolve() == path.resolve() for each in descriptors)


def test_its_file_is_closed_with_the_connections(app: Flask) -> None:
    """Else each application that a process makes would leave one: a reload, or a test."""
    with app.app_context():
        with write_transaction():
            pass
        file = next(Path(app.instance_path).glob("*-writer"))
        assert _open_files(file) == 1
        db.engine.dispose()
        assert _open_files(file) == 0


def test_a_lock_that_has_waited_is_closed_by_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = WriterLock(path, 30), WriterLock(path, 0)
    with first.held(), pytest.raises(StorageUnavailable), second.held():
        pass
    second.close()
    first.close()
    wait_until(lambda: _open_files(path) == 0, "the waiting thread's end")
    with second.held():
        second.close()
        assert _open_files(path) == 1


def test_what_is_raised_inside_lets_go(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "lock", 1)
    for _ in range(2):
        with pytest.raises(KeyError), lock.held():
            raise KeyError
    with lock.held():
        pass


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "nowhere" / "lock", 1)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="folder"), lock.held():
            pass


def test_engines_that_queue_their_writers_need_no_lock() -> None:
    engine = PostgreSQL(5)
    with engine.writer_turn(), engine.writer_turn():
        pass
