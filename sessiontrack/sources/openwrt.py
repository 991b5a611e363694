"""What OpenWrt's hostapd answers to `ubus call hostapd.<interface> get_clients` -> observations.

A station that is associated is there: the best evidence of Wi-Fi there is. Several answers, one of each
interface, may follow each other. Without addresses: those are the DHCP server's to say.
"""

from typing import Any

from sessiontrack.exceptions import UnreadableObservations
from sessiontrack.sources.gathering import Gathering, read_mac
from sessiontrack.sources.json_text import read_values
from sessiontrack.values.observations import Observations

NAME = "openwrt"


def parse_clients(text: str) -> Observations:
    """Read the answers; one without any client is a look at which nobody was there.

    Raises:
        UnreadableObservations: it is not what get_clients answers, or no client can be read.
    """
    try:
        answers, is_whole = read_values(text)
    except ValueError as error:
        raise UnreadableObservations(
            "This is not the JSON of `ubus call hostapd.wlan0 get_clients`."
        ) from error
    gathering = Gathering()
    for answer in answers:
        clients = answer.get("clients") if isinstance(answer, dict) else None
        if not isinstance(clients, dict):
            raise UnreadableObservations("This is not the JSON of `ubus call hostapd.wlan0 get_clients`.")
        for address, client in clients.items():
            _take(gathering, address, client)
    if not is_whole:
        gathering.fault("The end", "it is cut off, or not JSON.")
    return gathering.observations("list of clients", is_whole=is_whole)


def _take(gathering: Gathering, address: str, client: Any) -> None:
    mac = None
    try:
        mac = read_mac(address)
        if not isinstance(client, dict):
            raise ValueError("it is not an object.")
    except ValueError as error:
        gathering.fault(f"Client {address[:40]!a}", str(error), mac)
        return
    if mac is None or client.get("assoc") is False:
        gathering.leave_out()
    else:
        gathering.see(mac)
