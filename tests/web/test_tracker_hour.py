"""An hour with the tracker: the credited time, compared with the visible time."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser

from tests.support.application import NOW, Clients
from tests.support.tracked import Person, Product, credited, served

HOUR = 3600
# The longest delay of a message, and the shortest interval of a hidden tab's timers.
BROWSERS = ({"latency": 0}, {"latency": 20, "throttle": 60_000}, {"latency": 150, "throttle": 1000})


@pytest.fixture
def product(
    clients: Clients, template: tuple[object, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Product]:
    with served(clients.app, monkeypatch, token=template[1]["viewer"]) as running:
        yield running


def something(person: Person, chance: random.Random) -> None:
    """One action of a user in a browser."""
    tab = person.watched or chance.choice(person.tabs)
    name = chance.choice("abcd")
    pushed = f"history.pushState(null, '', '/product/{name}')"
    replaced = f"history.replaceState(null, '', '/product/{name}')"
    page = person.paths[tab][0]
    todo: list[Callable[[], object]] = [
        lambda: person.hide(),
        lambda: person.show(tab, shown_first=chance.random() < 0.5),
        lambda: person.show(chance.choice(person.tabs), shown_first=chance.random() < 0.5),
        lambda: person.run(tab, pushed, (f"/product/{name}",)),
        lambda: person.run(tab, replaced, (f"/product/{name}",)),
        lambda: person.run(tab, f"void (location.hash = '{name}')", (page, name)),
        lambda: person.go(tab, name),
        lambda: person.sleep(chance.choice((10, 45, 200, 400))),
        lambda: person.open(name) if len(person.tabs) < 3 else person.close(tab),
    ]
    if person.watched is None and chance.random() < 0.6:
        person.show(tab)
    else:
        chance.choice(todo)()
    if not person.tabs:
        person.open(name)


@pytest.mark.parametrize("seed", range(3))
def test_an_hour_is_credited_as_it_was_to_a_second_a_switch(
    clients: Clients, browser: Browser, product: Product, seed: int
) -> None:
    chance = random.Random(seed)
    person = Person(browser, product, seed=seed, **BROWSERS[seed % len(BROWSERS)])
    with closing(person.context):
        person.open("a")
        while person.now < NOW + HOUR:
            person.wait(chance.choice((0.7, 3.3, 17.1, 40.9, 70.3)))
            something(person, chance)
        person.hide()
        # Messages under way arrive.
        person.wait(2)
    found = credited(clients)
    assert person.thrown == []
    assert sum(person.switches.values()) > 60
    for path in {*found, *person.truth}:
        expected = (person.truth[path] - person.forfeited[path]) / 1000
        assert abs(found[path] - expected) <= person.switches[path], path
    assert {status for *_, status in product.asked} == {200}
