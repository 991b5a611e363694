"""The rules of presence by themselves, without a database, beside the slow reference."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessiontrack.presence.rules import (
    ANY,
    CONNECTED,
    KINDS,
    LEFT,
    OWN,
    REMEMBERED,
    SEEN,
    Interval,
    Run,
    Said,
    SourceEvidence,
    Stay,
    are_trusted,
    connected_intervals,
    held_addresses,
    rank_of,
    united_runs,
    weight,
)
from tests.support.presence_reference import GRACE, Observation, held, truth

MAC, OTHER, FURTHER = "AA", "BB", "CC"
DAY = 86_400


def scan(at: int, seen: bool, remembered: bool, source: str) -> Observation:
    # Somebody else is always seen, so every scan is evidence of absence.
    devices = ((OTHER, ""), (MAC, "")) if seen else ((OTHER, ""),)
    return Observation(source, at, "complete", devices, (MAC,) if remembered and not seen else ())


def word(at: int, kind: str, arrival: int, source: str, address: str) -> Observation:
    return Observation(source, at, kind, ((MAC, ""),), arrival=arrival, told_of=((MAC, address, ""),))


at_some = st.integers(0, 60)
sources = st.sampled_from(["a", "b"])
addresses = st.sampled_from([MAC, FURTHER])
kinds = st.sampled_from(["connected", "disconnected", "seen"])
observations = st.lists(
    st.builds(scan, at_some, st.booleans(), st.booleans(), sources)
    | st.builds(word, at_some, kinds, st.just(0), sources, addresses),
    max_size=14,
    unique_by=lambda each: (each.source, each.at),
)


def evidence_of(seen: list[Observation], source: str) -> SourceEvidence:
    own = sorted((each for each in seen if each.source == source), key=lambda each: each.at)
    scans = [each.at for each in own if each.kind == "complete"]
    by_scan = [each for each in own if each.kind == "complete"]
    evidence = SourceEvidence(scans=scans, trusted=scans)
    for place, each in enumerate(by_scan):
        if (MAC, "") in each.devices:
            goes_on = place and (MAC, "") in by_scan[place - 1].devices
            first = evidence.blocks.pop()[0] if goes_on else each.at
            evidence.blocks.append((first, each.at))
        elif MAC in each.remembered:
            evidence.excused.append((each.at, each.at))
    for each in own:
        (mac,) = each.addresses(MAC) or {OWN: ""}
        if each.kind == "seen":
            evidence.stays.append(Stay(each.at, each.at, mac))
        elif each.kind != "complete":
            evidence.said.append(Said(each.at, KINDS[each.kind], KINDS[each.kind], mac))
    return evidence


@settings(max_examples=200)
@given(observations)
def test_contract_6_connected_is_what_the_reference_says(seen: list[Observation]) -> None:
    both = [evidence_of(seen, source) for source in ("a", "b")]
    expected = truth(seen, MAC).sessions
    found = [(each.start, each.end) for each in connected_intervals(both, GRACE)]
    assert found == sorted(expected, key=lambda each: (each[1] if each[0] is None else each[0], each[1] or 0))
    for source, evidence in zip(("a", "b"), both, strict=True):
        there = {address or MAC for address in held_addresses(evidence, GRACE)}
        assert {MAC if address == ANY else address for address in there} == held(
            seen, source, MAC, grace=GRACE
        )[1]


def by_scans(*seen: int, until: int) -> list[Interval]:
    scans = list(range(0, until + 1, 5))
    evidence = SourceEvidence(blocks=[(at, at) for at in seen], scans=scans, trusted=scans)
    return connected_intervals([evidence], GRACE)


def test_it_has_left_once_it_is_missed_for_more_than_the_grace_time() -> None:
    assert by_scans(0, 5, until=15) == [Interval(0, None)]
    assert by_scans(0, 5, until=20) == [Interval(0, 5)]


def test_after_a_silence_it_must_be_missed_for_one_more_grace_time() -> None:
    scans = [0, 20, 29]
    silent = SourceEvidence(blocks=[(0, 0)], scans=scans, trusted=scans)
    assert connected_intervals([silent], GRACE) == [Interval(0, None)]
    scans.append(30)
    assert connected_intervals([silent], GRACE) == [Interval(0, 0)]


def test_a_silence_of_just_the_grace_time_is_none() -> None:
    scans = [0, 10, 11]
    assert connected_intervals([SourceEvidence(blocks=[(0, 0)], scans=scans, trusted=scans)], GRACE) == [
        Interval(0, 0)
    ]


def test_what_one_instant_brings_has_an_order() -> None:
    assert [rank_of(SEEN, None), rank_of(LEFT, None), rank_of(CONNECTED, None)] == [0, 1, 2]
    assert [rank_of(kind, arrival) for kind in (SEEN, LEFT) for arrival in (1, 2)] == [3, 4, 3, 4]
    left_last = SourceEvidence(
        said=[Said(5, rank_of(CONNECTED, 1), CONNECTED), Said(5, rank_of(LEFT, 2), LEFT)]
    )
    assert connected_intervals([left_last], GRACE) == [Interval(5, 5)]
    come_last = SourceEvidence(
        said=[Said(5, rank_of(LEFT, 1), LEFT), Said(5, rank_of(CONNECTED, 2), CONNECTED)]
    )
    assert connected_intervals([come_last], GRACE) == [Interval(5, None)]


def test_a_departure_of_one_that_was_known_before_is_no_session() -> None:
    left = [Said(5, LEFT, LEFT)]
    assert connected_intervals([SourceEvidence(said=left)], GRACE) == [Interval(None, 5)]
    assert connected_intervals([SourceEvidence(said=left, known_before=True)], GRACE) == []


def test_a_departure_without_a_start_within_anothers_session_is_none() -> None:
    seen = SourceEvidence(said=[Said(3, CONNECTED, CONNECTED), Said(8, LEFT, LEFT)])
    for at, expected in ((2, True), (3, False), (5, False), (8, False), (9, True)):
        left = SourceEvidence(said=[Said(at, LEFT, LEFT)])
        found = connected_intervals([seen, left], GRACE)
        assert (Interval(None, at) in found) == expected
        assert Interval(3, 8) in found
        assert found == sorted(found, key=lambda each: each.end if each.start is None else each.start)


def test_a_departure_within_a_block_divides_it_at_the_scans_beside() -> None:
    scans = [0, 10, 20, 30]
    blocks = [(0, 30)]
    for at, expected in (
        (15, [Interval(0, 15), Interval(20, None)]),
        (10, [Interval(0, 10), Interval(20, None)]),
        (30, [Interval(0, 30)]),
    ):
        evidence = SourceEvidence(blocks, [Said(at, LEFT, LEFT)], scans=scans, trusted=scans)
        assert connected_intervals([evidence], 1000) == expected
    # Of the scans within it none is known any more.
    forgotten = SourceEvidence(blocks, [Said(15, LEFT, LEFT)])
    assert connected_intervals([forgotten], 1000) == [Interval(0, 15), Interval(30, None)]


def test_sightings_near_an_instant_and_the_last_one() -> None:
    evidence = SourceEvidence(
        [(0, 40)], [Said(50, CONNECTED, CONNECTED), Said(60, LEFT, LEFT)], scans=[0, 10, 20, 30, 40, 55]
    )
    assert set(evidence.sightings_beside(20)) == {0, 10, 20, 30, 40, 50}
    assert set(evidence.sightings_beside(25)) == {0, 20, 30, 40, 50}
    assert set(evidence.sightings_beside(45)) == {0, 40, 50}
    assert evidence.last_sighting() == 50
    assert SourceEvidence(said=[Said(60, LEFT, LEFT)]).last_sighting() is None


def test_the_first_miss_is_of_a_trusted_scan_that_does_not_remember_it() -> None:
    evidence = SourceEvidence([(0, 0)], excused=[(5, 10)], scans=[0, 5, 10, 12], trusted=[0, 5, 10, 12])
    assert evidence.first_miss(0) == 12
    assert evidence.first_miss(12) is None


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([(0, 0), (1, 1)], [False, True]),
        # A fifth of ten is two.
        ([(0, 10), (1, 2), (2, 1)], [True, True, True]),
        ([(0, 10), (1, 1), (2, 2)], [True, False, True]),
        ([(0, 5), (1, 0), (2, 1)], [True, False, True]),
        ([(0, 6), (1, 1)], [True, False]),
        ([(0, 4), (1, 0)], [True, False]),
        # A day after the last one that was believed.
        ([(0, 10), (DAY, 1)], [True, False]),
        ([(0, 10), (DAY + 1, 1)], [True, True]),
        ([(0, 10), (DAY, 10), (DAY + 1, 1)], [True, True, False]),
    ],
)
def test_which_scans_are_trusted(counts: list[tuple[int, int]], expected: list[bool]) -> None:
    assert are_trusted(counts, 0.2) == expected


def test_few_devices_are_never_too_few() -> None:
    assert are_trusted([(0, 4), (1, 1)], 0.9) == [True, True]
    assert are_trusted([(0, 5), (1, 1)], 0.9) == [True, False]


runs = st.lists(
    st.builds(
        lambda first, last, ip: Run(first, None if last is None else max(first, last), ip),
        st.integers(0, 9),
        st.none() | st.integers(0, 9),
        st.sampled_from(["1", "2", REMEMBERED]),
    ),
    max_size=5,
)


@settings(max_examples=150)
@given(runs)
def test_united_runs_are_what_each_scan_saw(of_both: list[Run]) -> None:
    scans = list(range(10))

    def seen_by(found: list[Run]) -> list[str | None]:
        here = [
            [run.ip for run in found if run.first <= at and (run.last is None or at <= run.last)]
            for at in scans
        ]
        return [max(ips, key=weight, default=None) for ips in here]

    united = united_runs(of_both, scans)
    assert seen_by(united) == seen_by(of_both)
    assert any(run.last is None for run in united) == any(run.last is None for run in of_both)
    for before, after in pairwise(united):
        assert before.last is not None
        assert before.last < after.first
        assert before.ip != after.ip or before.last + 1 < after.first


def test_a_sighting_weighs_more_than_a_memory_and_that_more_than_nothing() -> None:
    assert sorted([REMEMBERED, "9", None, "", "10"], key=weight) == [None, REMEMBERED, "", "10", "9"]
