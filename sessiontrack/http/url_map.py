"""URL rules that cost little until the first request: most commands make the application, and answer none."""

from collections.abc import Callable
from threading import Lock

from werkzeug.routing import Map, Rule, RuleFactory

Builder = Callable[..., tuple[str, str]]


class UrlMap(Map):
    """A map that compiles its rules when the first URL is matched or built, or `update()` is called."""

    def __init__(self, **options: object) -> None:
        self._waiting: list[RuleFactory] = []
        self._compiling = Lock()
        super().__init__(**options)  # type: ignore[arg-type]

    def add(self, rulefactory: RuleFactory) -> None:
        """Add the rules when they are needed."""
        self._waiting.append(rulefactory)

    def update(self) -> None:
        """Compile what has been added. Werkzeug calls this before it uses a rule."""
        if self._waiting:
            with self._compiling:
                self._compile(self._waiting)
                # Not before: another thread that finds none waiting uses the map at once.
                self._waiting = []
        super().update()

    def _compile(self, rules: list[RuleFactory]) -> None:
        for rule in rules:
            super().add(rule)


class UrlRule(Rule):
    """A rule that compiles the function that builds its URLs when a URL is first built.

    Werkzeug compiles two for each rule, which takes longer than all else with it; the URLs of API calls are
    never built.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compiled: Builder | None = None

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = Rule._compile_builder(self, append_unknown)
            return compiled(rule, **values)

        return build
