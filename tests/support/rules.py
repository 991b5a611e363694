"""The routes of an application: the API's calls, and the pages of the web UI."""

from flask import Flask
from werkzeug.routing import Rule


def api_rules(app: Flask) -> list[Rule]:
    """The calls of the contract."""
    return [rule for rule in app.url_map.iter_rules() if not _is_page(rule)]


def page_rules(app: Flask) -> list[Rule]:
    """The pages for browsers."""
    return [rule for rule in app.url_map.iter_rules() if _is_page(rule)]


def _is_page(rule: Rule) -> bool:
    return rule.endpoint.startswith("web.")
