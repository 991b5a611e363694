"""The URL map of the tests' applications: a process makes thousands, with always the same rules."""

from typing import ClassVar

from werkzeug.routing import Rule, RuleFactory

from sessiontrack.http.url_map import UrlMap

Key = tuple[tuple[str, ...], ...]


class SharedUrlMap(UrlMap):
    """A map that compiles the same rules once a process."""

    _compiled: ClassVar[dict[Key, UrlMap]] = {}

    def _compile(self, rules: list[RuleFactory]) -> None:
        assert not self._rules_by_endpoint, (
            "Rules that are added later would be in the maps of all applications."
        )
        key = tuple(
            (rule.rule, rule.endpoint, *sorted(rule.methods or ()))
            for rule in rules
            if isinstance(rule, Rule)
        )
        if (known := self._compiled.get(key)) is None:
            super()._compile(rules)
            self._compiled[key] = self
        else:
            self._matcher, self._rules_by_endpoint = known._matcher, known._rules_by_endpoint
