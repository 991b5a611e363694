"""The XML that `nmap -sn -oX -` prints -> observations.

A host that is up answered while nmap ran. nmap knows the MAC address of hosts in the same segment only, and
there only as root; a host without one (also the one that nmap runs on) is left out.

Read as a stream: what came before a fault is kept, nothing nested or large is built, and a document that
declares entities (which nmap never does) is read no further. A report without nmap's closing words was cut
off, or nmap failed: it tells nothing of those it lacks.
"""

import re
from dataclasses import dataclass, replace
from xml.parsers import expat

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import EARLIEST, Gathering, read_ip, read_mac
from sessiontrack.values.observations import Observations
from sessiontrack.values.timestamps import LATEST

NAME = "nmap"
# Where one report ends and another begins.
_NEXT_REPORT = re.compile(r"(?<=</nmaprun>)(?=\s*<)|(?=<\?xml\s)")


@dataclass
class _Host:
    line: int
    state: str = ""
    is_own: bool = False
    mac: str = ""
    vendor: str = ""
    ip: str = ""
    name: str = ""


class _Stop(Exception):
    """The document is read no further; the text says why."""


class _Report:
    """Takes in the elements of one report."""

    def __init__(self, gathering: Gathering, first_line: int) -> None:
        self.gathering = gathering
        self._before = first_line - 1
        self.nameless = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity
        self.is_nmap = False
        self.is_finished = False
        self.at: int | None = None
        self._host: _Host | None = None

    def read(self, text: str) -> bool:
        """Take it in, and tell whether it was whole.

        Raises:
            UnreadableObservations: it is not nmap's XML.
        """
        problem = ""
        try:
            self.parser.Parse(text, True)
        except expat.ExpatError as error:
            problem = f"{expat.ErrorString(error.code)}."
        except _Stop as stop:
            problem = str(stop)
        except ValueError:  # what UTF-8 cannot hold
            problem = "it is not text."
        if not self.is_nmap:
            raise UnreadableObservations(f"This is not nmap's XML (nmap -oX -). {self._place()}: {problem}")
        if not self.is_finished:
            problem = problem or "nmap did not finish."
        if problem:
            self.gathering.fault(self._place(), f"{problem} The rest was not read, or is not there.")
        return self.is_finished and not problem

    def _place(self, line: int | None = None) -> str:
        return f"Line {self._before + (self.parser.CurrentLineNumber if line is None else line)}"

    def _entity(self, *_: object) -> None:
        raise _Stop("it declares an entity, which nmap never does.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.is_nmap:
            if name != "nmaprun":
                raise _Stop("it is XML, but no report of nmap.")
            self.is_nmap = True
        elif name == "host":
            self._host = _Host(self.parser.CurrentLineNumber)
        elif name == "finished":
            self._finished(attributes)
        elif self._host is not None:
            self._of_host(self._host, name, attributes)

    def _of_host(self, host: _Host, name: str, attributes: dict[str, str]) -> None:
        if name == "status":
            host.state = attributes.get("state", "")
            host.is_own = attributes.get("reason") == "localhost-response"
        elif name == "hostname":
            host.name = host.name or attributes.get("name", "")
        elif name == "address":
            address = attributes.get("addr", "")
            if attributes.get("addrtype") == "mac":
                host.mac, host.vendor = address, attributes.get("vendor", "")
            else:
                host.ip = host.ip or address

    def _end(self, name: str) -> None:
        host = self._host
        if name != "host" or host is None:
            return
        self._host = None
        mac: str | None = None
        try:
            mac = read_mac(host.mac) if host.mac and host.state == "up" else None
            ip = read_ip(host.ip) if mac is not None else ""
        except ValueError as error:
            self.gathering.fault(self._place(host.line), str(error), mac)
            return
        if mac is None:
            self.gathering.leave_out()
            # masscan says nothing of a state.
            self.nameless += not host.mac and not host.is_own and host.state in ("up", "")
        else:
            self.gathering.see(mac, ip, host.name, host.vendor)

    def _finished(self, attributes: dict[str, str]) -> None:
        if attributes.get("exit", "success") == "success":
            self.is_finished = True
        time = attributes.get("time", "")
        if time.isascii() and time.isdigit() and len(time) <= 12 and EARLIEST <= int(time) <= LATEST:
            self.at = int(time)


def parse_report(text: str) -> Observations:
    """Read a report, or several one after the other; it speaks of the instant at which the last finished.

    Raises:
        UnreadableObservations: it is empty, or not nmap's XML.
    """
    gathering = Gathering()
    is_whole = True
    at: int | None = None
    nameless = 0
    line = 1
    for part in _NEXT_REPORT.split(text):
        if part.strip() or part == text:
            report = _Report(gathering, line)
            is_whole = report.read(part) and is_whole
            at = report.at if report.at is not None else at
            nameless += report.nameless
        line += part.count("\n")
    found = gathering.observations("report of nmap", is_whole=is_whole, at=at)
    if nameless and not found.devices:
        hosts = "1 host" if nameless == 1 else f"{nameless} hosts"
        useless = f"{hosts} without a MAC address; run nmap as root, in the segment."
        return replace(found, useless=useless)
    return found
