"""The routes of an application: the calls of the API, and the pages of the web UI."""

from flask import Flask
from werkzeug.routing import Rule


def api_rules(app: Flask) -> list[Rule]:
    """What the contract speaks of."""
    return [rule for rule in app.url_map.iter_rules() if not _is_page(rule)]


def page_rules(app: Flask) -> list[Rule]:
    """What a browser shows."""
    return [rule for rule in app.url_map.iter_rules() if _is_page(rule)]


def _is_page(rule: Rule) -> bool:
    return rule.endpoint.startswith("web.")
