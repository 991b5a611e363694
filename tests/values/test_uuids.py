"""Ids that begin with an instant."""

from uuid import RFC_4122, UUID

import pytest

from sessiontrack.values.uuids import time_ordered_uuid

NOW = 1_790_000_000


def test_it_is_a_uuid_of_version_7_that_begins_with_the_instant() -> None:
    made = UUID(time_ordered_uuid(NOW))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == NOW * 1000


def test_ids_are_in_the_order_of_their_instants_and_never_the_same() -> None:
    made = [time_ordered_uuid(NOW + second) for second in (-1, 0, 1)]
    assert made == sorted(made)
    assert len({time_ordered_uuid(NOW) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("bit", "wanted"),
    [(0, "00000000-0000-7000-8000-000000000000"), (1, "00000000-0000-7fff-bfff-ffffffffffff")],
)
def test_version_and_variant_take_the_place_of_chance(
    monkeypatch: pytest.MonkeyPatch, bit: int, wanted: str
) -> None:
    monkeypatch.setattr("secrets.randbits", lambda bits: (2**bits - 1) * bit)
    assert time_ordered_uuid(0) == wanted
