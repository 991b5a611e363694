"""URL rules that are cheap to make."""

from collections.abc import Callable

from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class UrlRule(Rule):
    """A rule that compiles the function that builds its URLs when a URL is first built.

    Werkzeug compiles two for each rule, which is most of the time that it takes to make the application; the
    URLs of API calls are never built.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compiled: Builder | None = None

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = Rule._compile_builder(self, append_unknown)
            return compiled(rule, **values)

        return build
