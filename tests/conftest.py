"""What holds for all tests: options, marks, generated examples; fixtures: support/application.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import thorough
from tests.support.engine import IS_POSTGRES, WITHOUT_DATABASE
from tests.support.quick import LONG, is_quick

# Its tests import neither the application nor a browser, so they start at once.
_HERE = Path(__file__).parent
PURE = (
    _HERE / "values",
    _HERE / "presence" / "test_rules.py",
    _HERE / "device_sessions" / "test_schemas.py",
)
# Their servers and commands run what other tests' do; to measure how much makes them almost twice as slow.
UNMEASURED = (_HERE / "database", _HERE / "journeys", _HERE / "web")
MEASURING = "COVERAGE_PROCESS_CONFIG"
# The same examples at each run: what fails is the change's. `make fuzz` looks for others. How long an example
# takes, or making it up, is the machine's; and what a test's fixtures make may serve all its examples.
settings.register_profile(
    "tests",
    derandomize=thorough.FACTOR == 1,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of tests that are of one engine, or long."""
    config.addinivalue_line("markers", "sqlite(reason): of SQLite's file itself, so for no other engine")
    config.addinivalue_line("markers", "postgres: of PostgreSQL itself")
    config.addinivalue_line("markers", "long: takes a third of a second and more, so not quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What `make test-quick` gives."""
    parser.addoption("--quick", action="store_true", help="only tests that start no process and no browser")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After a failure: the order in which tests ran."""
    seed = getattr(config.option, "randomly_seed", None)
    if terminalreporter.stats.get("failed") and seed is not None:
        terminalreporter.write_line(f"In the same order: -p randomly --randomly-seed={seed}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what is long."""
    return True if config.option.quick and collection_path.stem in LONG else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of the other engine, beside PostgreSQL what asks no database, and what takes long."""
    other = "sqlite" if IS_POSTGRES else "postgres"
    without = WITHOUT_DATABASE if IS_POSTGRES else ()
    left_out = {
        item: None
        for item in items
        if item.get_closest_marker(other)
        or item.path.stem in without
        or (config.option.quick and not is_quick(item))
    }
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Load the fixtures that need an application with the first file that may ask for them."""
    if isinstance(collector, pytest.Module) and not any(map(collector.path.is_relative_to, PURE)):
        collector.config.pluginmanager.import_plugin("tests.support.application")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leave the processes that some tests start out of the measured coverage."""
    measuring = os.environ.pop(MEASURING, None) if any(map(item.path.is_relative_to, UNMEASURED)) else None
    result = yield
    if measuring is not None:
        os.environ[MEASURING] = measuring
    return result
