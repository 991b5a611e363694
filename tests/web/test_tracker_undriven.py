"""tracker.js in two tabs of Chromium with real clocks, channels and pages, and a real crash."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import groupby
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from playwright.sync_api import Error as PlaywrightError

from tests.support.application import Clients
from tests.support.tracked import Product, credited, served
from tests.support.web import TIMEOUT, wait_in

A, B, C = ("/product/a",), ("/product/b",), ("/product/c",)
# Headless Chromium shows all tabs at once; here tabs are hidden only for the page's scripts.
VISIBILITY = """
let shown = true;
Object.defineProperty(document, "visibilityState", {get: () => (shown ? "visible" : "hidden")});
window.show = (value) => {
  shown = value;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""


@pytest.fixture
def product(clients: Clients, template: tuple[Path, dict[str, str]]) -> Iterator[Product]:
    with served(clients.app, None, token=template[1]["viewer"], interval=1) as running:
        yield running


def told(product: Product) -> list[tuple[str, ...] | None]:
    """The paths of all pings so far; None for hidden time."""
    bodies = [body for _, call, body, _ in product.asked if call in ("keepalive", "session-hide")]
    return [tuple(body["path"]) if "path" in body else None for body in bodies]


def wait_for_ping(product: Product, page: Page, path: tuple[str, ...] | None, after: int) -> None:
    """Wait until a ping after the first ones has this path."""
    wait_in(page, lambda: path in told(product)[after:], lambda: f"a ping of {path}: {product.asked}")


def test_two_tabs_take_turns_one_of_them_crashes_and_the_other_goes_on(
    clients: Clients, browser: Browser, product: Product
) -> None:
    began = time.time()
    context = browser.new_context()
    with closing(context):
        context.set_default_timeout(TIMEOUT)
        context.add_init_script(VISIBILITY)
        first, other = context.new_page(), context.new_page()
        first.goto(f"{product.base}/product/a")
        wait_for_ping(product, first, A, 0)
        first.evaluate("show(false)")
        other.goto(f"{product.base}/product/b")
        wait_for_ping(product, other, B, 0)
        # Leaves the page, which reports the time on it.
        other.goto(f"{product.base}/product/c")
        wait_for_ping(product, other, C, 0)
        with other.expect_event("crash"), suppress(PlaywrightError):
            other.goto("chrome://crash")
        count = len(told(product))
        # The other tab notices, although it is hidden.
        wait_for_ping(product, first, None, count)
        first.evaluate("show(true)")
        wait_for_ping(product, first, A, count)
    paths = [each for each in told(product) if each]
    # One tab pings, and never the hidden one.
    assert [path for path, _ in groupby(paths)] == [A, B, C, A]
    assert {status for *_, status in product.asked} == {200}
    found = credited(clients)
    assert set(found) == {A, B, C}
    assert sum(found.values()) <= time.time() - began + 1
    assert len(clients.admin.ok("GET", "/api/v2/sessions")) == 1
