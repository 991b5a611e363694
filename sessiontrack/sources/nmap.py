"""The XML that `nmap -sn -oX -` prints -> observations.

A host that is up answered while nmap ran. nmap knows the MAC address of hosts in the same segment only, and
there only as root; a host without one (also the one that nmap runs on) is left out.

Read as a stream: what came before a fault is kept, nothing nested or large is built, and a document that
declares entities (which nmap never does) is read no further. A report without nmap's closing words was cut
off, or nmap failed: it tells nothing of those it lacks.
"""

from dataclasses import dataclass
from xml.parsers import expat

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, read_ip, read_mac
from sessiontrack.values.observations import Observations
from sessiontrack.values.timestamps import LATEST

NAME = "nmap"


@dataclass
class _Host:
    line: int
    state: str = ""
    mac: str = ""
    vendor: str = ""
    ip: str = ""
    name: str = ""


class _Stop(Exception):
    """The document is read no further; the text says why."""


class _Report:
    """Takes in the elements of one report."""

    def __init__(self) -> None:
        self.gathering = Gathering()
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._entity
        self.is_nmap = False
        self.is_finished = False
        self.at: int | None = None
        self._host: _Host | None = None

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
            self.gathering.fault(f"Line {host.line}", str(error), mac)
            return
        if mac is None:
            self.gathering.leave_out()
        else:
            self.gathering.see(mac, ip, host.name, host.vendor)

    def _finished(self, attributes: dict[str, str]) -> None:
        if attributes.get("exit", "success") == "success":
            self.is_finished = True
        time = attributes.get("time", "")
        if time.isascii() and time.isdigit() and len(time) <= 12 and int(time) <= LATEST:
            self.at = int(time)


def parse_report(text: str) -> Observations:
    """Read a report; it speaks of the instant at which nmap says that it finished.

    Raises:
        UnreadableObservations: it is empty, or not nmap's XML.
    """
    report = _Report()
    problem = ""
    try:
        report.parser.Parse(text, True)
    except expat.ExpatError as error:
        problem = f"{expat.ErrorString(error.code)}."
    except _Stop as stop:
        problem = str(stop)
    except ValueError:  # what UTF-8 cannot hold
        problem = "it is not text."
    place = f"Line {report.parser.CurrentLineNumber}"
    if not report.is_nmap:
        raise UnreadableObservations(f"This is not nmap's XML (nmap -oX -). {place}: {problem}")
    if not report.is_finished:
        problem = problem or "nmap did not finish."
    if problem:
        report.gathering.fault(place, f"{problem} The rest was not read, or is not there.")
    is_whole = report.is_finished and not problem
    return report.gathering.observations("report of nmap", is_whole=is_whole, at=report.at)
