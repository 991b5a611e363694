"""Whether all names, times and labels of a page can be read, at any width of the window."""

from collections import defaultdict
from pathlib import Path

from playwright.sync_api import Page

WIDTHS = (360, 390, 600, 768, 1024, 1280, 1440, 1920)
ILLEGIBLE = Path(__file__).with_name("legible.js").read_text("utf-8")
# Whatever fonts this machine has: the widest of the usual ones, which comes with Debian's fontconfig.
WIDE_FONT = """document.addEventListener("DOMContentLoaded", () =>
  document.documentElement.style.setProperty("--st-font", "'DejaVu Sans', Verdana, sans-serif"))"""
# Layout, observers of sizes, and what they change.
DRAWN = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
)


def illegible(page: Page) -> dict[str, list[int]]:
    """What cannot be read of the page that is open, with the widths at which it cannot."""
    found: dict[str, list[int]] = defaultdict(list)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(DRAWN)
        for fault in page.evaluate(ILLEGIBLE):
            found[fault].append(width)
    return dict(found)
