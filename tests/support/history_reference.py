"""The history of a device by the words of contract 3 and 6, slowly: reported, and evidence beside it."""

from dataclasses import dataclass, field

from tests.support.presence_reference import NEVER, Observation, truth


@dataclass(frozen=True)
class Report:
    """A reported session; no end: still connected. Types and address as they were reported."""

    start: int
    end: int | None
    ip: str = "10.0.0.9"
    conn_type: str = "Connected"
    disc_type: str = "Disconnected"
    # An import makes no events.
    has_events: bool = True


@dataclass
class Told:
    """(start, end, is open) of each session, and (instant, type) of each event but `New Device`."""

    sessions: list[tuple[int | None, int | None, bool]] = field(default_factory=list)
    events: set[tuple[int, str]] = field(default_factory=set)


def history(
    observations: list[Observation], reports: list[Report], mac: str, grace: int, *, alert_down: bool = False
) -> Told:
    """What must be recorded of a device."""
    evidence = truth(observations, mac, least_share=0.0, grace=grace)
    told = Told(events={event for event in evidence.events if event[1] == "IP Changed"})
    taken = []
    for report in sorted(reports, key=lambda each: each.start):
        later = any(each.start > report.start for each in reports)
        is_open = report.end is None and not later
        told.sessions.append((report.start, report.end, is_open))
        taken.append((report.start, NEVER if is_open else report.end or report.start, report))
        if report.has_events:
            told.events.add((report.start, report.conn_type))
            if report.end is not None:
                told.events.add((report.end, report.disc_type))
    ends = [
        (end, report.end is not None and (alert_down or report.disc_type == "Device Down"))
        for _, end, report in taken
    ]
    for start, end in evidence.sessions:
        for piece in _pieces(start, NEVER if end is None else end, taken):
            first, last, seam_before, seam_after = piece
            told.sessions.append((first, None if last == NEVER else last, last == NEVER))
            begin = last if first is None else first
            was_down = max([each for each in ends if each[0] <= begin], default=(0, False))[1]
            if first is not None and not seam_before:
                told.events.add((first, "Down Reconnected" if was_down else "Connected"))
            if last != NEVER and not seam_after:
                told.events.add((last, "Device Down" if alert_down else "Disconnected"))
            ends.append((last, alert_down and last != NEVER))
    told.sessions.sort(key=_place)
    return told


def _place(session: tuple[int | None, int | None, bool]) -> tuple[int, int]:
    start, end, is_open = session
    begin = start if start is not None else end or 0
    return begin, NEVER if is_open else begin if end is None else end


def _pieces(
    start: int | None, end: int, taken: list[tuple[int, int, Report]]
) -> list[tuple[int | None, int, bool, bool]]:
    """What reported sessions leave of connected time, and whether it begins or ends where one lies."""
    if start is None:
        return [] if any(first <= end <= last for first, last, _ in taken) else [(None, end, False, False)]
    pieces = [(start, end, False, False)]
    for first, last, _ in taken:
        rest = []
        for begin, until, seam_before, seam_after in pieces:
            if until < first or begin > last:
                rest.append((begin, until, seam_before, seam_after))
                continue
            if begin < first:
                rest.append((begin, first, seam_before, True))
            # An instant takes its second.
            after = max(begin, last + 1 if first == last else last)
            if until > last and after <= until:
                rest.append((after, until, True, seam_after))
        pieces = rest
    return [(begin, until, before, after) for begin, until, before, after in pieces]
