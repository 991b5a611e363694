"""When devices are used: each habit gives periods of presence in local time."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

Stretch = tuple[datetime, datetime]
Days = list[datetime]
SATURDAY = 5


def always(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """On for days or weeks, with restarts in between."""
    return _long_stretches(days, rng, 3 * 24, 16 * 24)


def flaky(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """Always on, but at the edge of radio reach."""
    return _long_stretches(days, rng, 8, 3 * 24)


def phone(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """At home unless its owner is out: at work in the morning, for some hours at the weekend."""
    here_since = days[0] + _minutes(rng, 0, 30)
    for day in days:
        for left, back in _outings(day, rng):
            if left > here_since:
                yield here_since, left
            here_since = max(here_since, back)
    yield here_since, days[-1] + timedelta(days=1)


def office(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """Office hours, often with a lunch break; seldom a while at the weekend."""
    for day in days:
        if day.weekday() >= SATURDAY:
            if rng.random() < 0.2:
                yield _from_to(day, rng, 10, 17, 0.5, 2)
            continue
        if rng.random() < 0.08:
            continue
        start, end = day + _minutes(rng, 8 * 60, 570), day + _minutes(rng, 990, 1110)
        if rng.random() < 0.6:
            lunch = day + _minutes(rng, 12 * 60, 780)
            yield start, lunch
            start = lunch + _minutes(rng, 25, 60)
        yield start, end


def evening(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """Most evenings, and weekend afternoons."""
    for day in days:
        if day.weekday() >= SATURDAY and rng.random() < 0.5:
            yield _from_to(day, rng, 13, 16, 1, 2.5)
        if rng.random() < 0.85:
            yield _from_to(day, rng, 19, 20.5, 1.5, 3.2)


def late_evening(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """Every other evening, sometimes past midnight."""
    for day in days:
        if rng.random() < 0.5:
            yield _from_to(day, rng, 21.5, 22.5, 0.7, 2.2)


def now_and_then(days: Days, rng: random.Random) -> Iterator[Stretch]:
    """Up to three short uses a day, more at the weekend."""
    for day in days:
        likely = 0.7 if day.weekday() >= SATURDAY else 0.4
        for hour in (8, 14, 18):
            if rng.random() < likely:
                yield _from_to(day, rng, hour, hour + 2, 0.2, 2)


HABITS: dict[str, Callable[[Days, random.Random], Iterator[Stretch]]] = {
    each.__name__: each for each in (always, flaky, phone, office, evening, late_evening, now_and_then)
}


def _long_stretches(days: Days, rng: random.Random, least: int, most: int) -> Iterator[Stretch]:
    start = days[0] + _minutes(rng, 0, 90)
    end_of_all = days[-1] + timedelta(days=1)
    while start < end_of_all:
        end = start + _minutes(rng, least * 60, most * 60)
        yield start, end
        start = end + _minutes(rng, 2, 25)


def _outings(day: datetime, rng: random.Random) -> Iterator[Stretch]:
    if day.weekday() < SATURDAY:
        if rng.random() < 0.88:
            yield day + _minutes(rng, 415, 520), day + _minutes(rng, 990, 1130)
        if rng.random() < 0.25:
            yield day + _minutes(rng, 1170, 1200), day + _minutes(rng, 1270, 1400)
    elif rng.random() < 0.75:
        left = day + _minutes(rng, 600, 840)
        yield left, left + _minutes(rng, 60, 300)


def _from_to(
    day: datetime, rng: random.Random, earliest: float, latest: float, shortest: float, longest: float
) -> Stretch:
    """A period with a random start and length, both within ranges of hours."""
    start = day + _minutes(rng, int(earliest * 60), int(latest * 60))
    return start, start + _minutes(rng, int(shortest * 60), int(longest * 60))


def _minutes(rng: random.Random, least: int, most: int) -> timedelta:
    """That many minutes, to the second."""
    return timedelta(seconds=rng.randint(least * 60, most * 60))
